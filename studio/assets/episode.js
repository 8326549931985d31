// One episode: its films in step, who drove, how well it was recorded, joints and plans below.

import { curves } from "./curves.js";
import { driveBand } from "./drive_band.js";
import { part } from "./part.js";

const DRIFT_SECS = 0.08; // films further apart than this are put back in step

export function mountEpisode(element, _live, value, watch) {
  const root = element.querySelector(".episode");
  const nothing = [...root.children];
  let shown = "";
  const show = () => {
    const at = Number(root.querySelector(".playbar input")?.value ?? 0);
    const before = shown;
    shown = "";
    root.replaceChildren(); // first: what cannot be shown leaves no other episode in sight
    const episode = value() ? JSON.parse(value()) : null;
    shown = episode?.title ?? "";
    root.append(...(episode ? player(episode, shown === before ? Math.min(at, episode.secs) : 0) : nothing));
  };
  const chosen = () => {
    document.body.dataset.episode = value() ? "chosen" : "none";
    show();
  };
  watch("value", chosen);
  chosen();
}

function player(episode, at) {
  const wall = part("div", "films");
  const films = episode.films.filter(({ url }) => url); // what is missing is told of in the card
  const videos = films.map((film) => video(wall, film, at));
  wall.dataset.films = videos.length;
  const bar = part("div", "playbar");
  bar.innerHTML = `<button type="button">Play</button><input type="range" aria-label="Moment" min="0" max="${episode.secs}" step="0.01" value="0"><output></output>`;
  const band = driveBand(episode);
  const plots = curves(episode);
  keepInStep({ videos, films, bar, marks: [plots, band], secs: episode.secs, start: at });
  return [head(episode), card(episode), wall, bar, band, plots].filter(Boolean);
}

function head({ title, task, secs, success, tags, operator, rrd }) {
  const header = part("header");
  header.append(part("b", "", title), part("span", "", `${task} · ${secs.toFixed(1)} s`));
  if (success !== null) header.append(part("span", success ? "said yes" : "said no", success ? "succeeded" : "failed"));
  if (operator) header.append(part("span", "said", `by ${operator}`));
  for (const tag of tags) header.append(part("span", "said", `#${tag}`));
  const link = part("a", "download", ".rrd");
  Object.assign(link, { href: rrd, download: "", title: "The episode as a file for the Rerun viewer" });
  header.append(link);
  return header;
}

// The quality card: a verdict, why, the figures, and what might be mended.
function card({ card, trouble }) {
  const root = part("section", "quality-card");
  root.dataset.verdict = card.verdict;
  const words = { good: "recorded well", poor: "recorded poorly: left out of training" }[card.verdict];
  root.append(part("strong", "", words || "recorded by another tool: not judged"));
  const figures = part("dl");
  for (const { name, value } of card.figures) {
    const each = part("div");
    each.append(part("dt", "", name), part("dd", "", value));
    figures.append(each);
  }
  root.append(figures);
  for (const hint of [card.reason, ...card.hints, trouble].filter(Boolean)) root.append(part("p", hint === card.reason ? "reason" : "hint", hint));
  return root;
}

function video(wall, { camera, url, from }, at) {
  const figure = part("figure");
  const film = document.createElement("video");
  Object.assign(film, { src: url, muted: true, playsInline: true, preload: "auto", currentTime: from + at });
  film.addEventListener("loadedmetadata", () => (film.currentTime = from + at), { once: true });
  const unseen = part("p", "unseen", "");
  film.addEventListener("error", () => (unseen.textContent = "This browser cannot show this film."));
  figure.append(film, unseen, part("figcaption", "", camera.replace(/^cam_/, "").replaceAll("_", " ")));
  wall.append(figure);
  return film;
}

function keepInStep({ videos, films, bar, marks, secs, start }) {
  const [button, slider, output] = bar.children;
  const seek = (at) => {
    videos.forEach((film, i) => (film.currentTime = films[i].from + at));
    draw(at);
  };
  const draw = (at) => {
    slider.value = at;
    output.textContent = `${at.toFixed(1)} s`;
    for (const root of marks) root?.style.setProperty("--at", secs ? at / secs : 0);
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
    videos.slice(1).forEach((film, i) => {
      const due = films[i + 1].from + at;
      if (Math.abs(film.currentTime - due) > DRIFT_SECS && !film.seeking) film.currentTime = due;
    });
    draw(at);
    requestAnimationFrame(follow);
  };
  button.disabled = videos.length === 0;
  button.addEventListener("click", () => {
    if (button.textContent === "Pause") return pause();
    button.textContent = "Pause";
    Promise.all(videos.map((film) => film.play())).then(follow, pause);
  });
  slider.addEventListener("input", () => {
    pause();
    seek(Number(slider.value));
  });
  draw(start);
}
