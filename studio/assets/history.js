// What the robot was told: how it ended, as a person judges it, and the clip that shows it.

import { part } from "./part.js";

const SAYS = { done: "worked", failed: "failed", stopped: "stopped", replaced: "replaced", running: "running" };

export function mountHistory(element, live, choose) {
  const list = element.querySelector(".history");
  let shown = "";
  live.on("slow", ({ history }) => {
    const key = JSON.stringify(history);
    if (key === shown) return;
    shown = key;
    list.replaceChildren(...history.map((told) => row(told, choose)));
    list.classList.toggle("empty", history.length === 0);
  });
}

function row({ number, at, text, outcome, policy, clip }, choose) {
  const item = part("li");
  item.title = policy;
  const ended = part("span", "outcome", SAYS[outcome]);
  ended.dataset.outcome = outcome;
  const acts = part("span", "acts");
  if (clip) acts.append(act("▶", "clip", `Watch ${clip[0]}, episode ${clip[1]}`, () => choose({ what: "clip", number })));
  acts.append(
    act("✓", "worked", "It worked", () => choose({ what: "worked", number }), outcome === "done"),
    act("✗", "failed", "It failed", () => choose({ what: "failed", number }), outcome === "failed"),
  );
  item.append(part("span", "at", at), part("span", "text", text), ended, acts);
  return item;
}

function act(sign, kind, words, run, pressed = false) {
  const button = part("button", kind, sign);
  Object.assign(button, { type: "button", title: words, ariaLabel: words, ariaPressed: String(pressed) });
  button.addEventListener("click", run);
  return button;
}
