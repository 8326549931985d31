// Driving by hand: keys and press-and-hold pads become velocities that expire when let go.

const SEND_MS = 50;
const SPEED = 0.12; // metres a second
const TURN = 0.8; // radians a second
const GRIP = 1.6; // openings a second

// What a pad or key asks for: [kind, axis, sign]. Axes: x right, y away, z up, as the front camera sees.
const ASKS = {
  left: ["velocity", 0, -1],
  right: ["velocity", 0, 1],
  away: ["velocity", 1, 1],
  near: ["velocity", 1, -1],
  up: ["velocity", 2, 1],
  down: ["velocity", 2, -1],
  turnLeft: ["turn", 0, 1],
  turnRight: ["turn", 0, -1],
  rollLeft: ["turn", 2, -1],
  rollRight: ["turn", 2, 1],
  pitchUp: ["turn", 1, -1],
  pitchDown: ["turn", 1, 1],
  open: ["gripper", 0, 1],
  close: ["gripper", 0, -1],
};

const KEYS = {
  KeyA: "left", KeyD: "right", KeyW: "away", KeyS: "near", KeyE: "up", KeyQ: "down",
  ArrowLeft: "turnLeft", ArrowRight: "turnRight", ArrowUp: "pitchUp", ArrowDown: "pitchDown",
  KeyZ: "rollLeft", KeyC: "rollRight",
};

export function mountHand(element, live) {
  const held = new Set();
  let arm = "left";
  let closing = true;
  let moving = false;
  let openings = {}; // the wanted opening of each arm's gripper, from when it was first moved

  const choose = (name) => {
    arm = name;
    element.querySelectorAll("[data-arm]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.arm === name));
    });
  };
  const driving = () => {
    const { driver, seat, hand } = document.body.dataset;
    return hand === "page" && driver === "person" && seat === "mine";
  };

  element.querySelectorAll("[data-arm]").forEach((button) =>
    button.addEventListener("click", () => choose(button.dataset.arm)),
  );
  element.querySelectorAll("[data-ask]").forEach((pad) => holdable(pad, held));
  choose(arm);

  window.addEventListener("keydown", (event) => {
    if (!driving() || elsewhere(event)) return;
    if (event.code === "Digit1") choose("left");
    else if (event.code === "Digit2") choose("right");
    else if (event.code === "Tab") choose(arm === "left" ? "right" : "left");
    else if (event.code === "KeyG") held.add(closing ? "close" : "open");
    else if (KEYS[event.code]) held.add(KEYS[event.code]);
    else return;
    event.preventDefault();
  });
  window.addEventListener("keyup", (event) => {
    if (event.code === "KeyG") {
      held.delete("close");
      held.delete("open");
      closing = !closing;
    } else held.delete(KEYS[event.code]);
  });
  const letGo = () => held.clear();
  window.addEventListener("blur", letGo);
  document.addEventListener("visibilitychange", letGo);

  live.on("state", ({ joints }) => {
    if (!driving()) openings = { left: joints[joints.length / 2 - 1], right: joints[joints.length - 1] };
  });
  setInterval(() => {
    if (!driving()) held.clear();
    if (!held.size && !moving) return;
    live.send(asked(arm, held, openings));
    moving = held.size > 0;
  }, SEND_MS);
}

function asked(arm, held, openings) {
  const order = { type: "jog", arm, velocity: [0, 0, 0], turn: [0, 0, 0], gripper: null };
  for (const name of held) {
    const [kind, axis, sign] = ASKS[name];
    if (kind === "velocity") order.velocity[axis] += sign * SPEED;
    else if (kind === "turn") order.turn[axis] += sign * TURN;
    else {
      const opening = openings[arm] + (sign * GRIP * SEND_MS) / 1000;
      order.gripper = openings[arm] = Math.min(Math.max(opening, 0), 1);
    }
  }
  return order;
}

function elsewhere(event) {
  return event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select");
}

function holdable(pad, held) {
  const name = pad.dataset.ask;
  const release = () => {
    held.delete(name);
    pad.classList.remove("held");
  };
  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    held.add(name);
    pad.classList.add("held");
    event.preventDefault();
  });
  pad.addEventListener("pointerup", release);
  pad.addEventListener("pointercancel", release);
  pad.addEventListener("lostpointercapture", release);
  pad.addEventListener("contextmenu", (event) => event.preventDefault());
}
