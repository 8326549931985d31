// The list of episodes, and one of them: its films in step, with the joints below them.

const WIDTH = 640;
const HEIGHT = 120;

export function mountEpisode(element, _live, value, watch) {
  const root = element.querySelector(".episode");
  const nothing = [...root.children];
  const show = () => root.replaceChildren(...(value() ? player(JSON.parse(value())) : nothing));
  watch("value", show);
  show();
}

export function mountEpisodes(element, _live, value, watch, choose) {
  const show = () => {
    const list = element.querySelector(".episodes");
    const episodes = value() ? JSON.parse(value()) : [];
    list.replaceChildren(...episodes.map((episode) => line(list, episode, choose)));
    list.classList.toggle("empty", episodes.length === 0);
  };
  watch("value", show);
  show();
}

function line(list, { episode, task, secs, verdict, reason, success, tags }, choose) {
  const said = [{ yes: "\u2713", no: "\u2717" }[success], ...tags.map((tag) => `#${tag}`)].filter(Boolean);
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.title = reason;
  for (const [name, words] of [["number", episode], ["task", [task, ...said].join(" ")], ["secs", `${secs.toFixed(1)} s`], ["verdict", verdict]]) {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = words;
    part.dataset.verdict = verdict;
    button.append(part);
  }
  button.addEventListener("click", () => {
    list.querySelectorAll("[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
    button.setAttribute("aria-current", "true");
    choose({ episode });
  });
  item.append(button);
  return item;
}

function player({ title, task, secs, films, channels, state, action }) {
  const head = document.createElement("header");
  head.innerHTML = "<b></b><span></span>";
  head.querySelector("b").textContent = title;
  head.querySelector("span").textContent = `${task} · ${secs.toFixed(1)} s`;
  const wall = document.createElement("div");
  wall.className = "films";
  const videos = films.map((film) => video(wall, film));
  const bar = document.createElement("div");
  bar.className = "playbar";
  bar.innerHTML = `<button type="button">Play</button><input type="range" min="0" max="${secs}" step="0.01" value="0"><output></output>`;
  const plots = document.createElement("div");
  plots.className = "plots";
  const half = channels.length / 2;
  for (const start of [0, half]) {
    if (start < channels.length) plots.append(plot(channels.slice(start, start + half), rows(state, start, half), rows(action, start, half)));
  }
  keepInStep({ videos, films, bar, plots, secs });
  return [head, wall, bar, plots];
}

function rows(values, start, count) {
  return values.map((row) => row.slice(start, start + count));
}

function video(wall, { camera, url, from }) {
  const figure = document.createElement("figure");
  const film = document.createElement("video");
  Object.assign(film, { src: url, muted: true, playsInline: true, preload: "auto", currentTime: from });
  film.addEventListener("loadedmetadata", () => (film.currentTime = from), { once: true });
  const name = document.createElement("figcaption");
  name.textContent = camera.replace(/^cam_/, "").replaceAll("_", " ");
  figure.append(film, name);
  wall.append(figure);
  return film;
}

function keepInStep({ videos, films, bar, plots, secs }) {
  const [button, slider, output] = bar.children;
  const seek = (at) => {
    videos.forEach((film, i) => (film.currentTime = films[i].from + at));
    draw(at);
  };
  const draw = (at) => {
    slider.value = at;
    output.textContent = `${at.toFixed(1)} s`;
    plots.querySelectorAll(".cursor").forEach((line) => {
      const x = secs ? (at / secs) * WIDTH : 0;
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    });
  };
  const pause = () => {
    videos.forEach((film) => film.pause());
    button.textContent = "Play";
  };
  const follow = () => {
    if (!videos[0]?.isConnected || videos[0].paused) return;
    const at = videos[0].currentTime - films[0].from;
    if (at >= secs) {
      pause();
      seek(0);
      return;
    }
    draw(at);
    requestAnimationFrame(follow);
  };
  button.addEventListener("click", () => {
    if (button.textContent === "Pause") return pause();
    button.textContent = "Pause";
    Promise.all(videos.map((film) => film.play())).then(follow, pause);
  });
  slider.addEventListener("input", () => {
    pause();
    seek(Number(slider.value));
  });
  draw(0);
}

function plot(names, state, action) {
  const figure = document.createElement("figure");
  const all = [...state, ...action].flat();
  const low = Math.min(...all);
  const high = Math.max(...all, low + 1e-6);
  const line = (values, column, kind) => {
    const points = values.map((row, i) => {
      const x = values.length > 1 ? (i / (values.length - 1)) * WIDTH : 0;
      return `${x.toFixed(1)},${(HEIGHT - ((row[column] - low) / (high - low)) * HEIGHT).toFixed(1)}`;
    });
    return `<polyline class="${kind}" style="--hue:${(column * 360) / names.length}" points="${points.join(" ")}"/>`;
  };
  const lines = names.map((_, column) => line(action, column, "action") + line(state, column, "measured")).join("");
  figure.innerHTML =
    `<svg viewBox="0 -4 ${WIDTH} ${HEIGHT + 8}" preserveAspectRatio="none">${lines}<line class="cursor" y1="-4" y2="${HEIGHT + 4}"/></svg>` +
    `<figcaption></figcaption>`;
  const caption = figure.querySelector("figcaption");
  names.forEach((name, column) => {
    const entry = document.createElement("span");
    entry.style.setProperty("--hue", (column * 360) / names.length);
    entry.textContent = name.replaceAll("_", " ");
    caption.append(entry);
  });
  return figure;
}
