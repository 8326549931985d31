// Draws where the grippers were and are about to be, as vectors over one camera picture.

const HIDDEN = -9999;
const SCALE = 1000;
const NEAR = [255, 209, 64];
const FAR = [240, 60, 140];

export function drawPaths(canvas, paths) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  if (!paths) return;
  const pen = { context, width, height, ratio };
  for (const line of paths.ghost) stroke(pen, points(pen, line), "rgba(255,255,255,.38)", 1.5, [5, 5]);
  for (const line of paths.done) stroke(pen, points(pen, line), "rgba(255,255,255,.95)", 2, []);
  for (const line of paths.plan) drawPlan(pen, points(pen, line));
}

function points({ width, height }, line) {
  const found = [];
  for (let i = 0; i < line.length; i += 2) {
    const hidden = line[i] === HIDDEN || line[i + 1] === HIDDEN;
    found.push(hidden ? null : [(line[i] / SCALE) * width, (line[i + 1] / SCALE) * height]);
  }
  return found;
}

function stroke({ context, ratio }, path, colour, thickness, dash) {
  context.setLineDash(dash.map((length) => length * ratio));
  context.lineCap = context.lineJoin = "round";
  for (const [ink, extra] of [["rgba(0,0,0,.35)", 2], [colour, 0]]) {
    context.strokeStyle = ink;
    context.lineWidth = (thickness + extra) * ratio;
    context.beginPath();
    let down = false;
    for (const point of path) {
      if (point) down ? context.lineTo(...point) : context.moveTo(...point);
      down = point !== null;
    }
    context.stroke();
  }
  context.setLineDash([]);
}

function drawPlan(pen, path) {
  const { context, ratio } = pen;
  const last = path.length - 1;
  if (rests(path, 6 * ratio)) return;
  for (let i = 0; i < last; i++) {
    if (path[i] && path[i + 1]) stroke(pen, [path[i], path[i + 1]], mix(i / last), 4 - (1.5 * i) / last, []);
  }
  if (!path[last]) return;
  context.fillStyle = mix(1);
  context.strokeStyle = "rgba(255,255,255,.9)";
  context.lineWidth = 1.5 * ratio;
  context.beginPath();
  context.arc(...path[last], 4 * ratio, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
}

// Whether a plan leaves the gripper where it is, within `reach` pixels.
function rests(path, reach) {
  const seen = path.filter((point) => point);
  return seen.every(([x, y]) => Math.hypot(x - seen[0][0], y - seen[0][1]) < reach);
}

function mix(share) {
  const [r, g, b] = NEAR.map((near, i) => Math.round(near + (FAR[i] - near) * share));
  return `rgb(${r},${g},${b})`;
}
