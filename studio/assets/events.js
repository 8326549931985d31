// What the safety kernel did: when, why, and what became of it; the newest first.

const ORDINARY = {
  ready: "Reset. Nobody drives yet.",
  ramping: "Somebody drives.",
  disarmed: "The arms are closed.",
};
const DRIVEN = ["ramping", "active"];

// Beside Stop there is room for what a person must know alone: `causedOnly`.
export function mountEvents(element, live, most, causedOnly) {
  const list = element.querySelector(".events");
  let shown = null;
  let asking = false;
  live.on("link", () => { shown = null; }); // another studio may answer, counting from one again
  live.on("state", ({ safety_event: newest }) => {
    if (newest === shown || asking) return;
    asking = true;
    refresh(list, most, causedOnly).then(() => { shown = newest; }, () => {}).finally(() => { asking = false; });
  });
}

async function refresh(list, most, causedOnly) {
  const { events } = await (await fetch("/safety")).json();
  const told = causedOnly ? events.filter(({ cause }) => cause) : events;
  const newest = told.slice(-most).reverse();
  list.classList.toggle("empty", newest.length === 0);
  list.replaceChildren(...newest.map(row));
}

function row({ at, before, after, cause, reason }) {
  const item = document.createElement("li");
  const why = cause ? `${cause.replaceAll("_", " ")}: ${reason}` : reason || ordinary(before, after);
  item.title = `${at} ${before} → ${after}\n${why}`;
  for (const [name, words] of [["at", at.slice(11, 19)], ["text", why], ["outcome", after]]) {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = words;
    part.dataset.outcome = after;
    item.append(part);
  }
  return item;
}

function ordinary(before, after) {
  return after === "ready" && DRIVEN.includes(before) ? "Nobody drives." : ORDINARY[after] || "";
}
