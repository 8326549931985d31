// The joints of an episode: measured, commanded, and as a policy planned them. One can be singled out.

import { part } from "./part.js";

const WIDTH = 640;
const HEIGHT = 120;

export function curves({ channels, times, state, action, plans, secs }) {
  const root = part("div", "plots");
  const half = Math.ceil(channels.length / 2);
  for (const start of channels.length ? [0, half] : []) {
    const names = channels.slice(start, start + half);
    if (!names.length) continue;
    const own = (rows) => (rows[0]?.length ? rows.map((row) => row.slice(start, start + half)) : []);
    const planned = plans.map(({ at, rows }) => ({ at, rows: own(rows) }));
    root.append(plot({ names, times, state: own(state), action: own(action), plans: planned, secs }));
  }
  root.append(key(plans.length > 0));
  return root;
}

function key(planned) {
  const root = part("p", "key");
  for (const kind of ["measured", "action", ...(planned ? ["plan"] : [])]) {
    const words = { measured: "measured", action: "commanded", plan: "planned by the policy" }[kind];
    root.append(part("span", kind, words));
  }
  root.append(part("span", "advice", "Choose a joint to see it alone."));
  return root;
}

function plot({ names, times, state, action, plans, secs }) {
  const figure = part("figure");
  const picture = part("div", "picture");
  const caption = part("figcaption");
  let alone = null;
  const show = () => {
    const shown = alone === null ? names.map((_, column) => column) : [alone];
    picture.innerHTML = drawn({ shown, of: names.length, times, state, action, plans, secs });
    [...caption.children].forEach((entry, column) => {
      entry.setAttribute("aria-pressed", column === alone);
      entry.classList.toggle("faded", alone !== null && column !== alone);
    });
  };
  names.forEach((name, column) => {
    const entry = part("button", "", name.replaceAll("_", " "));
    entry.type = "button";
    entry.style.setProperty("--hue", hue(column, names.length));
    entry.addEventListener("click", () => {
      alone = alone === column ? null : column;
      show();
    });
    caption.append(entry);
  });
  show();
  figure.append(picture, caption);
  return figure;
}

function drawn({ shown, of, times, state, action, plans, secs }) {
  const lines = [];
  const placed = (rows, at) => rows.map((row, i) => [secs ? at[i] / secs : 0, row]);
  const measured = placed(state, times);
  const commanded = placed(action, times);
  const planned = plans.map(({ at, rows }) => placed(rows, at));
  const seen = [measured, commanded, ...planned].flat().filter(([x]) => x >= 0 && x <= 1);
  const values = seen.flatMap(([, row]) => shown.map((column) => row[column])).filter((value) => value !== null);
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = Math.max(values.reduce((a, b) => Math.max(a, b), -Infinity), low + 1e-6);
  const path = (points, column) => {
    let drawing = false; // what is no number leaves a gap
    const step = ([x, row]) => {
      const begins = !drawing;
      drawing = row[column] !== null;
      if (!drawing) return "";
      return `${begins ? "M" : "L"}${(x * WIDTH).toFixed(1)},${(HEIGHT - ((row[column] - low) / (high - low)) * HEIGHT).toFixed(1)}`;
    };
    return points.map(step).join("");
  };
  for (const column of shown) {
    const line = (kind, d) => d && lines.push(`<path class="${kind}" style="--hue:${hue(column, of)}" d="${d}"/>`);
    line("plan", planned.map((points) => path(points, column)).join(""));
    line("action", path(commanded, column));
    line("measured", path(measured, column));
  }
  const scale = shown.length === 1 ? `<span class="high">${high.toFixed(2)}</span><span class="low">${low.toFixed(2)}</span>` : "";
  return `<svg viewBox="0 -4 ${WIDTH} ${HEIGHT + 8}" preserveAspectRatio="none">${lines.join("")}</svg>${scale}<i class="cursor"></i>`;
}

function hue(column, of) {
  return (column * 360) / of;
}
