// The bar at the top: the robot's state readable from across a room, and Stop always in reach.

const SAYS = {
  ready: "READY",
  ramping: "MOVING IN",
  active: "ACTIVE",
  hold: "HOLD",
  stopped: "STOPPED",
  lowering: "LOWERING",
  disarmed: "DISARMED",
};

const DRIVES = { nobody: "nobody drives", policy: "the policy drives", person: "driven by hand", replay: "replaying" };

export function mountHeader(element, live) {
  const find = (name) => element.querySelector(`[data-part=${name}]`);
  const text = (name, value) => {
    const part = find(name);
    if (part.textContent !== value) part.textContent = value;
  };
  let browser = 0;
  let stopShown = null; // number of the stop that this page shows

  live.on("hello", (hello) => {
    browser = hello.browser;
    text("body", hello.name.endsWith("_sim") ? `${hello.body} (simulated)` : hello.body);
    document.body.dataset.rearrange = hello.can_rearrange;
    document.body.dataset.hand = hello.hand;
  });
  live.on("state", (state) => {
    Object.assign(document.body.dataset, {
      gate: state.running ? state.gate : "stopped",
      driver: state.driver,
      paused: state.paused,
      recording: state.recording.recording,
      holding: state.recording.held_secs !== null,
      seat: state.seat === null ? "free" : state.seat === browser ? "mine" : "theirs",
    });
    text("state", state.running ? (state.paused && state.driver === "nobody" ? "PAUSED" : SAYS[state.gate]) : "LOOP DOWN");
    stopShown = state.stop_number;
    text("hz", state.hz.toFixed(1));
    text("plan", state.plan_secs === null ? "–" : (state.plan_secs * 1000).toFixed(0));
    text("driver", DRIVES[state.driver]);
    text("seat", seatWords(state.seat, browser));
    const again = state.gate === "stopped" ? " Stop again lowers the arms." : "";
    text("reason", state.reason + again);
  });
  live.on("link", ({ open }) => {
    document.body.dataset.link = open ? "open" : "cut";
    if (!open) {
      stopShown = null;
      text("state", "NO LINK");
    }
  });

  const stop = () => stopRobot(live, stopShown);
  find("stop").addEventListener("pointerdown", stop);
  find("stop").addEventListener("click", (event) => event.detail === 0 && stop());
  find("reset").addEventListener("click", () => live.send({ type: "reset" }));
  find("take-seat").addEventListener("click", () => live.send({ type: "take_seat" }));
  stopByKey(stop);
}

function seatWords(seat, browser) {
  if (seat === null) return "the seat is free";
  return seat === browser ? "you have the seat" : `browser ${seat} has the seat`;
}

// A press has a number of its own, by which what arrives twice or late is known again; and it says
// which stop was shown, since only who saw the arms stopped can mean that they shall be lowered.
function stopRobot(live, follows) {
  const press = crypto.getRandomValues(new Uint32Array(3)).join("-");
  live.send({ type: "stop", press, follows });
  // A second way, should the socket be down or full.
  const query = new URLSearchParams({ press, ...(follows !== null && { follows }) });
  fetch(`/stop?${query}`, { method: "POST", keepalive: true }).catch(() => {});
}

function stopByKey(stop) {
  const typing = (target) => target.closest?.("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
  const isStop = (event) => (event.code === "Space" && !typing(event.target)) || event.code === "Escape";
  window.addEventListener(
    "keydown",
    (event) => {
      if (!isStop(event)) return;
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) stop();
    },
    true,
  );
  // A focused button would be pressed by the space bar going up.
  window.addEventListener("keyup", (event) => isStop(event) && event.preventDefault(), true);
}
