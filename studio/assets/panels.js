// The quiet readouts: what runs, what the policy knows, the recording, the cell.

export function mountNow(element, live) {
  const now = element.querySelector(".now");
  live.on("state", ({ instruction, driver, paused, num_chunks }) => {
    const running = driver === "policy" || driver === "replay" || paused;
    now.querySelector("b").textContent = instruction || "nothing yet";
    now.querySelector("span").textContent = running
      ? `${paused ? "waits" : "now"}${num_chunks ? ` · chunk ${num_chunks}` : ""}`
      : instruction ? "last told" : "";
    now.classList.toggle("running", running && !paused);
  });
}

export function mountSuggestions(element, live) {
  const list = element.querySelector(".suggestions");
  let shown = "";
  live.on("slow", ({ policy, suggestions }) => {
    const key = JSON.stringify([policy.state, policy.name, policy.message, suggestions]);
    if (key === shown) return;
    shown = key;
    const name = element.querySelector(".policy-name");
    name.textContent = policy.state === "ready" ? policy.name : policy.message;
    name.dataset.state = policy.state;
    list.replaceChildren(...suggestions.map(chip));
  });
}

function chip(task) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = task;
  button.addEventListener("click", () => {
    const box = document.querySelector("#instruction textarea, #instruction input");
    box.value = task;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
  });
  return button;
}

export function mountRecording(element, live) {
  const find = (name) => element.querySelector(`[data-part=${name}]`);
  live.on("state", ({ recording }) => {
    const { recording: open, episode, secs, dataset, task, dropped, error, quality } = recording;
    find("where").textContent = dataset ? `${dataset} · episode ${episode}` : "not recording yet";
    find("clock").textContent = open ? clock(secs) : "";
    find("task").textContent = open ? task : "";
    find("quality").textContent = error || (dropped ? `${dropped} pictures dropped` : open ? "" : verdict(quality));
    find("quality").classList.toggle("bad", Boolean(error || dropped || (quality && quality.verdict !== "good")));
  });
  live.on("slow", ({ disk }) => {
    const { mb_per_min, minutes_left } = disk.room;
    find("room").textContent = `about ${mb_per_min} MB a minute, room for ${span(minutes_left)}`;
    find("room").classList.toggle("bad", minutes_left < 10);
  });
}

function span(minutes) {
  if (minutes < 120) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 60 / 24)} days`;
}

export function mountUnsaved(element, live) {
  const words = element.querySelector(".unsaved");
  live.on("slow", ({ disk }) => {
    words.textContent = disk.unsaved;
    document.body.dataset.unsaved = Boolean(disk.unsaved);
  });
}

function clock(secs) {
  const whole = Math.floor(secs);
  return `${String(Math.floor(whole / 60)).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
}

function verdict(quality) {
  if (!quality) return "";
  return `last saved: ${quality.verdict}${quality.reason ? `, ${quality.reason}` : ""}`;
}

export function mountCell(element, live) {
  const body = element.querySelector("tbody");
  live.on("slow", ({ cell }) => {
    const rows = [
      ["control loop turns", cell.turns],
      ["ticks missed", cell.missed],
      ["lateness p50 / p99 / max", `${cell.late_p50_ms} / ${cell.late_p99_ms} / ${cell.late_max_ms} ms`],
      ["studio process", `${cell.cpu_percent} % of a core · ${cell.memory_mb} MB`],
      ...Object.entries(cell.cameras).map(([name, age]) => [`${name}: age when read`, `${age} ms`]),
    ];
    body.replaceChildren(...rows.map(([name, value]) => cellRow(name, value)));
  });
}

function cellRow(name, value) {
  const tr = document.createElement("tr");
  for (const [tag, words] of [["th", name], ["td", String(value)]]) {
    const part = document.createElement(tag);
    part.textContent = words;
    tr.append(part);
  }
  return tr;
}
