// The workcell as it is now: arms, cameras, what is wrong, and how far a calibration is.

const POLL_MS = 500;

export function mountWorkcell(element) {
  const root = element.querySelector(".workcell");
  let asking = false;
  const refresh = async () => {
    if (!root.offsetParent || asking) return; // another tab is open, or the last answer is on its way
    asking = true;
    try {
      show(root, await (await fetch("/workcell")).json());
    } finally {
      asking = false;
    }
  };
  setInterval(() => refresh().catch(() => {}), POLL_MS);
}

function show(root, cell) {
  const part = (name) => root.querySelector(`.${name}`);
  const problems = cell.running ? cell.problems : cell.search.problems;
  part("problems").hidden = problems.length === 0;
  part("problems").querySelector("ol").replaceChildren(...problems.map((words) => make("li", words)));
  part("pending").hidden = !cell.pending;
  part("pending").querySelector("p").textContent = cell.pending;
  const asked = document.querySelector("#agreeing p"); // the same words beside the buttons, wherever the page is scrolled to
  if (asked && cell.pending) asked.textContent = cell.pending;
  document.body.dataset.pending = Boolean(cell.pending);
  part("search").hidden = cell.running;
  for (const name of ["arms-live", "cameras-live"]) part(name).hidden = !cell.running;
  part("calibrating").hidden = !cell.calibrating;
  part("range-live").hidden = !cell.range || Object.keys(cell.range).length === 0;
  if (!cell.running) return showSearch(part("search"), cell.search);
  fill(part("arms-live"), cell.arms.map(armRow));
  fill(part("cameras-live"), cell.cameras.map(cameraRow));
  fill(part("range-live"), Object.entries(cell.range).map(([name, [low, high]]) => [name, `${degrees(low)} to ${degrees(high)}`]));
  if (cell.calibrating) showCalibration(part("calibrating"), cell.calibrating);
}

function showSearch(section, { searching, done, found }) {
  const words = section.querySelector("p");
  words.hidden = found.length > 0 && !searching;
  words.textContent = searching ? "Searching, a second a port …" : done ? "Nothing is plugged in." : "Nothing was searched for yet.";
  section.querySelector("ul").replaceChildren(...found.map((line) => make("li", line)));
}

function armRow({ name, fault, degrees, gripper, celsius, amperes }) {
  if (!degrees.length) return [name, fault || "not read yet"];
  const parts = [`${degrees.map((value) => value.toFixed(0)).join(" ")}°`, `gripper ${(100 * gripper).toFixed(0)} %`];
  if (celsius !== null) parts.push(`${celsius.toFixed(0)} °C`);
  if (amperes !== null) parts.push(`${amperes.toFixed(1)} A`);
  return [name, fault ? `FAULT · ${parts[0]}` : parts.join(" · ")];
}

function cameraRow({ name, state, fps, age_ms, size, bound_to, lens, place, recoveries }) {
  const parts = [state, `${fps} per second`, `${age_ms ?? "–"} ms old`, size, bound_to];
  parts.push(lens ? "lens known" : "lens unknown", place ? `placed in ${place}` : "place unknown");
  if (recoveries) parts.push(`lost and back ${recoveries} times`);
  return [name, parts.join(" · ")];
}

function showCalibration(section, { camera, what, taken, covered, advice }) {
  section.querySelector("p").textContent =
    `${camera}, ${what}: ${taken} pictures, ${(100 * covered).toFixed(0)} % of the picture covered. ${advice}`;
  section.querySelector("img").src = `/workcell/picture?${Date.now()}`;
}

function degrees(radians) {
  return `${((radians * 180) / Math.PI).toFixed(0)}°`;
}

function fill(section, rows) {
  section.querySelector("tbody").replaceChildren(...rows.map(([name, value]) => {
    const tr = document.createElement("tr");
    tr.append(make("th", name), make("td", value));
    return tr;
  }));
}

function make(tag, words) {
  const part = document.createElement(tag);
  part.textContent = words;
  return part;
}
