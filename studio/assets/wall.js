// The camera wall: one canvas a camera, its newest picture, the paths over it, and its age.

import { drawPaths } from "./paths.js";

const STALE_SECS = 1.5;
const KEPT_SAMPLES = 6000;

// For measurements: [camera index, milliseconds from capture to canvas], the newest last.
window.vlaLatency = [];

export function mountWall(element, live) {
  const wall = element.querySelector(".wall");
  let tiles = [];

  live.on("hello", ({ cameras }) => {
    wall.replaceChildren();
    tiles = cameras.map((camera) => new Tile(wall, camera, live));
    tiles.forEach((tile) => tile.root.addEventListener("click", () => enlarge(wall, tiles, tile)));
    wall.dataset.cameras = cameras.length;
  });
  live.on("picture", (picture) => tiles[picture.camera]?.show(picture));
  live.on("state", ({ paths }) => tiles.forEach((tile) => drawPaths(tile.overlay, paths[tile.name])));
  live.on("link", ({ open }) => wall.classList.toggle("cut", !open));
  setInterval(() => tiles.forEach((tile) => tile.measure()), 1000);
}

function enlarge(wall, tiles, tile) {
  const large = !tile.root.classList.contains("large");
  tiles.forEach((other) => other.root.classList.toggle("large", large && other === tile));
  wall.classList.toggle("focused", large);
}

class Tile {
  constructor(wall, { name, height, width }, live) {
    this.name = name;
    this.live = live;
    this.drawn = -1;
    this.times = [];
    this.ages = [];
    this.shownAt = performance.now();
    this.root = document.createElement("figure");
    this.root.className = "tile waiting";
    this.root.dataset.camera = name;
    this.root.innerHTML =
      `<canvas class="picture" width="${width}" height="${height}"></canvas><canvas class="overlay"></canvas>` +
      `<figcaption><b></b><span class="figures"></span></figcaption><p class="silent"></p>`;
    this.root.style.aspectRatio = `${width} / ${height}`;
    this.root.querySelector("b").textContent = name.replace(/^cam_/, "").replaceAll("_", " ");
    this.picture = this.root.querySelector(".picture");
    this.overlay = this.root.querySelector(".overlay");
    this.context = this.picture.getContext("2d", { alpha: false });
    wall.append(this.root);
  }

  async show({ camera, number, capturedAt, jpeg }) {
    try {
      const bitmap = await createImageBitmap(jpeg);
      if (number > this.drawn) {
        this.drawn = number;
        this.context.drawImage(bitmap, 0, 0, this.picture.width, this.picture.height);
        this.note(camera, capturedAt);
      }
      bitmap.close();
    } finally {
      this.live.send({ type: "drawn", camera });
    }
  }

  note(camera, capturedAt) {
    const now = performance.now();
    this.shownAt = now;
    this.root.classList.remove("waiting");
    this.times.push(now);
    const age = this.live.ageOf(capturedAt);
    if (age === null) return;
    this.ages.push(age * 1000);
    window.vlaLatency.push([camera, age * 1000]);
    if (window.vlaLatency.length > KEPT_SAMPLES) window.vlaLatency.splice(0, KEPT_SAMPLES / 2);
  }

  measure() {
    const now = performance.now();
    this.times = this.times.filter((time) => now - time < 2000);
    const silent = (now - this.shownAt) / 1000;
    this.root.classList.toggle("waiting", silent > STALE_SECS);
    this.root.querySelector(".silent").textContent =
      silent > STALE_SECS ? `no picture for ${silent.toFixed(0)} s` : "";
    const ages = this.ages.splice(0).sort((a, b) => a - b);
    if (!ages.length) return;
    const fps = this.times.length / 2;
    this.root.querySelector(".figures").textContent =
      `${fps.toFixed(0)} fps · ${ages[Math.floor(ages.length / 2)].toFixed(0)} ms`;
  }
}
