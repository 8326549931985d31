// The one websocket of this browser: messages in by kind, orders out, and the robot's clock.

const HEADER_BYTES = 20;
const PING_SECS = 1.0;

export class Connection {
  constructor() {
    this.listeners = new Map();
    this.clockOffset = null; // robot clock minus this browser's, in seconds
    this.roundTrip = Infinity;
    this.retrySecs = 0.5;
    this.dial();
    setInterval(() => this.ping(), PING_SECS * 1000);
  }

  on(kind, listener) {
    if (!this.listeners.has(kind)) this.listeners.set(kind, []);
    this.listeners.get(kind).push(listener);
    const last = this.last?.[kind];
    if (last) listener(last);
  }

  tell(kind, message) {
    (this.last ||= {})[kind] = kind === "picture" ? null : message;
    for (const listener of this.listeners.get(kind) || []) listener(message);
  }

  get open() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  send(message) {
    if (!this.open) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  dial() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/live`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      this.retrySecs = 0.5;
      this.roundTrip = Infinity;
      this.ping();
      this.tell("link", { open: true });
    };
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = () => {
      this.tell("link", { open: false });
      setTimeout(() => this.dial(), this.retrySecs * 1000);
      this.retrySecs = Math.min(this.retrySecs * 1.6, 4);
    };
  }

  receive(data) {
    if (typeof data === "string") {
      const message = JSON.parse(data);
      if (message.type === "pong") this.setClock(message);
      else this.tell(message.type, message);
      return;
    }
    const view = new DataView(data);
    this.tell("picture", {
      camera: view.getUint8(0),
      number: view.getUint32(4, true),
      tick: view.getUint32(8, true),
      capturedAt: view.getFloat64(12, true),
      jpeg: new Blob([new Uint8Array(data, HEADER_BYTES)], { type: "image/jpeg" }),
    });
  }

  ping() {
    this.send({ type: "ping", at: performance.now() / 1000 });
  }

  setClock({ at, now }) {
    const heard = performance.now() / 1000;
    const roundTrip = heard - at;
    // A quick answer tells the offset best; an old best one is slowly forgotten.
    this.roundTrip *= 1.02;
    if (roundTrip > this.roundTrip) return;
    this.roundTrip = roundTrip;
    this.clockOffset = now - (at + heard) / 2;
  }

  // Seconds since `robotTime` on the robot's clock, or null before the clocks were compared.
  ageOf(robotTime) {
    if (this.clockOffset === null) return null;
    return performance.now() / 1000 + this.clockOffset - robotTime;
  }
}
