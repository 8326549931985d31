// The list of episodes: what each shows, how it was recorded, what was said of it.

import { part } from "./part.js";

const REFRESH_MS = 700; // several things told at once are one reason to look again

export function mountEpisodes(element, live, value, watch, choose, tellStale) {
  const show = () => {
    const list = element.querySelector(".episodes");
    const episodes = value() ? JSON.parse(value()) : [];
    const watched = document.body.dataset.episode === "chosen"; // not another dataset's
    const current = watched && list.querySelector("[aria-current]")?.dataset.episode;
    list.replaceChildren(...episodes.map((episode) => line(list, episode, choose)));
    list.querySelector(`[data-episode="${current}"]`)?.setAttribute("aria-current", "true");
    list.classList.toggle("empty", episodes.length === 0);
    element.querySelector(".trains").textContent = trains(episodes);
  };
  watch("value", show);
  show();
  // Whatever is told, such as that an episode is saved by now, may have changed the list.
  let told = 0;
  let newest = 0; // number of what was told of last
  live.on("hello", ({ notices }) => (newest = notices.at(-1)?.number ?? 0));
  live.on("notices", ({ notices }) => {
    const fresh = notices.filter(({ number }) => number > newest);
    newest = notices.at(-1)?.number ?? newest;
    if (!fresh.some(({ level }) => level === "info")) return; // a failure changed nothing
    clearTimeout(told);
    told = setTimeout(() => element.offsetParent && tellStale(), REFRESH_MS);
  });
}

function trains(episodes) {
  const out = episodes.filter(({ left_out }) => left_out).length;
  if (!out) return "";
  return `Training leaves ${out} of these ${episodes.length} out; the reason stands below each.`;
}

function line(list, { episode, task, secs, verdict, reason, success, tags, left_out }, choose) {
  const item = part("li");
  const button = part("button");
  button.type = "button";
  button.title = reason;
  button.dataset.episode = episode;
  const said = [{ yes: "\u2713", no: "\u2717" }[success], ...tags.map((tag) => `#${tag}`)].filter(Boolean);
  const words = part("span", "task", [task, ...said].join(" "));
  if (left_out) words.append(part("small", "left-out", left_out));
  const judged = part("span", "verdict", { unknown: "–" }[verdict] || verdict);
  judged.dataset.verdict = verdict;
  button.append(part("span", "number", episode), words, part("span", "secs", `${secs.toFixed(1)} s`), judged);
  button.addEventListener("click", () => {
    list.querySelectorAll("[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
    button.setAttribute("aria-current", "true");
    choose({ episode });
  });
  item.append(button);
  return item;
}
