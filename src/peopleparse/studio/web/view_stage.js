/** One picture on the screen: photo and labels below, what is pointed at above. */

import { make } from "./api.js";
import { mix, paint, personColor } from "./draw.js";

const DARK = "#111", LIGHT = "#fff", DIM = "rgb(0 0 0 / 55%)";
const TAG = { high: 19, font: "600 12px system-ui, sans-serif" };

const makeCanvas = (width, height) => Object.assign(document.createElement("canvas"), { width, height });

/** Remember what something was made from; return whether it was the same before. */
function keep(one, name, values) {
  const isSame = one[name]?.every((value, n) => value === values[n]) ?? false;
  one[name] = values;
  return isSame;
}

/** Where the photo lies on the screen, in device pixels; panes side by side share one. */
export class Camera {
  scale = 1;
  fitted = true;
  #x = 0;
  #y = 0;

  /** Whole device pixels, so that photo pixels at one to one stay what they are. */
  get x() {
    return Math.round(this.#x);
  }

  get y() {
    return Math.round(this.#y);
  }

  /** Show all of an image of `width` x `height` on a canvas of `wide` x `high`. */
  fit(width, height, wide, high) {
    const ratio = window.devicePixelRatio || 1;
    this.scale = Math.min(wide / width, high / height, 8 * ratio);
    this.#x = (wide - width * this.scale) / 2;
    this.#y = (high - height * this.scale) / 2;
    this.fitted = true;
  }

  /** Zoom by a factor; the image pixel at (px, py) of the canvas stays where it is. */
  zoom(factor, px, py) {
    const scale = Math.max(0.01, Math.min(64, this.scale * factor)), change = scale / this.scale;
    this.move((px - this.#x) * (1 - change), (py - this.#y) * (1 - change));
    this.scale = scale;
  }

  move(dx, dy) {
    this.#x += dx;
    this.#y += dy;
    this.fitted = false;
  }

  /** Keep at least a corner of the image in sight. */
  clamp(width, height, wide, high) {
    const margin = 48;
    this.#x = Math.max(margin - width * this.scale, Math.min(wide - margin, this.#x));
    this.#y = Math.max(margin - height * this.scale, Math.min(high - margin, this.#y));
  }
}

/** A pane with two canvases. `hub` is told of pointers: pointAt, pin, moved; and asked for `camera`. */
export class Stage {
  constructor(hub, name) {
    this.hub = hub;
    this.shown = []; // {map, table, opacity, from, to}: results, each on a stretch of the width
    this.photo = null;
    this.base = make("canvas", { "aria-hidden": "true" });
    this.over = make("canvas", { class: "over", "aria-hidden": "true" });
    this.node = make("div", {
      class: "pane", tabindex: "0", role: "group", "aria-roledescription": "photo", "aria-label": name,
    }, this.base, this.over);
    this.pointers = new Map();
    this.listen();
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.node);
  }

  close() {
    this.sizes.disconnect();
    this.node.remove();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1, { clientWidth, clientHeight } = this.node;
    const wide = Math.max(1, Math.round(clientWidth * ratio)), high = Math.max(1, Math.round(clientHeight * ratio));
    if (wide === this.base.width && high === this.base.height) return;
    for (const canvas of [this.base, this.over]) Object.assign(canvas, { width: wide, height: high });
    this.hub.resized(this);
  }

  get ratio() {
    return this.base.width / Math.max(1, this.node.clientWidth);
  }

  /** Image pixel under a point of the window. */
  pixelAt(event) {
    const box = this.node.getBoundingClientRect(), { camera } = this.hub;
    return [
      Math.floor(((event.clientX - box.left) * this.ratio - camera.x) / camera.scale),
      Math.floor(((event.clientY - box.top) * this.ratio - camera.y) / camera.scale),
    ];
  }

  canvasPoint({ clientX, clientY }) {
    const box = this.node.getBoundingClientRect();
    return [(clientX - box.left) * this.ratio, (clientY - box.top) * this.ratio];
  }

  /** What is at an image pixel: the result that is shown there is asked. */
  hit(x, y) {
    const column = (x + 0.5) * this.hub.camera.scale + this.hub.camera.x;
    const shown = this.shown.find(({ from, to }) => column >= from * this.base.width && column < to * this.base.width);
    const found = shown?.map.at(x, y, shown.table);
    return found ? { ...found, map: shown.map } : null;
  }

  /** Photo, colours, outlines and numbers. */
  drawBase({ bare, outlines, faded }) {
    const { camera } = this.hub, { width: wide, height: high } = this.base;
    const context = this.base.getContext("2d", { willReadFrequently: true });
    context.setTransform(1, 0, 0, 1, 0, 0);
    this.drawUnder(context, faded && !bare);
    this.node.dataset.scale = (camera.scale / this.ratio).toFixed(4);
    if (bare || !this.under.pixels) return;
    for (const one of this.shown) {
      context.save();
      context.beginPath();
      context.rect(one.from * wide, 0, (one.to - one.from) * wide, high);
      context.clip();
      this.drawColors(context, one);
      if (outlines && one.persons) this.drawOutlines(context, one);
      context.restore();
    }
  }

  /** The photo, and its pixels on the screen for colours to be mixed with; kept while it lies still. */
  drawUnder(context, faded) {
    const { camera } = this.hub, { width: wide, height: high } = this.base, { map } = this.shown[0];
    const key = [camera.x, camera.y, camera.scale, wide, high, faded].join();
    context.clearRect(0, 0, wide, high);
    if (this.under?.key === key && this.under.photo === this.photo) {
      if (this.under.pixels) context.putImageData(this.under.pixels, this.under.left, this.under.top);
      return;
    }
    const left = Math.max(0, camera.x), top = Math.max(0, camera.y);
    const width = Math.min(wide, Math.round(camera.x + map.width * camera.scale)) - left;
    const height = Math.min(high, Math.round(camera.y + map.height * camera.scale)) - top;
    this.under = { key, photo: this.photo, left, top, pixels: null };
    if (width <= 0 || height <= 0) return;
    context.fillStyle = faded ? "#fff" : "#808080"; // below what has no photo
    context.fillRect(left, top, width, height);
    context.filter = faded ? "grayscale(1) opacity(0.35)" : "none";
    if (this.photo) this.drawPhoto(context);
    context.filter = "none";
    this.under.pixels = context.getImageData(left, top, width, height);
  }

  drawPhoto(context) {
    const { camera } = this.hub, { bitmap, small, width, height } = this.photo;
    const source = small && camera.scale * width <= small.width * 1.01 ? small : bitmap;
    const times = source.width / width; // source pixels a photo pixel
    const x1 = Math.max(0, Math.floor(-camera.x / camera.scale)), y1 = Math.max(0, Math.floor(-camera.y / camera.scale));
    const x2 = Math.min(width, Math.ceil((this.base.width - camera.x) / camera.scale));
    const y2 = Math.min(height, Math.ceil((this.base.height - camera.y) / camera.scale));
    if (x2 <= x1 || y2 <= y1) return;
    context.imageSmoothingEnabled = camera.scale < 3;
    context.imageSmoothingQuality = "medium";
    context.drawImage(
      source, x1 * times, y1 * times, (x2 - x1) * times, (y2 - y1) * times, camera.x + x1 * camera.scale,
      camera.y + y1 * camera.scale, (x2 - x1) * camera.scale, (y2 - y1) * camera.scale,
    );
  }

  /** Labels at screen size, mixed with the photo; each step is kept until what it needs changes. */
  drawColors(context, one) {
    const { camera } = this.hub, { left, top, pixels: under } = this.under, { width, height } = under;
    const { table, byConfidence, opacity } = one;
    if (!opacity) return;
    if (one.canvas?.width !== width || one.canvas.height !== height) {
      one.canvas = makeCanvas(width, height);
      [one.colors, one.mixed] = [new ImageData(width, height), new ImageData(width, height)];
    }
    const isSame = keep(one, "painted", [under, table, byConfidence]);
    if (!isSame) paint(one.colors, { ...one, scale: camera.scale, left: camera.x - left, top: camera.y - top });
    if (!keep(one, "blended", [under, table, byConfidence, opacity])) {
      mix(one.mixed, one.colors, under, opacity);
      one.canvas.getContext("2d", { willReadFrequently: true }).putImageData(one.mixed, 0, 0);
    }
    context.drawImage(one.canvas, left, top);
  }

  /** Coarser outlines where several image pixels fall on one of the screen. */
  get step() {
    return 2 ** Math.max(0, Math.floor(Math.log2(1 / this.hub.camera.scale)));
  }

  /** A light line inside a dark one can be seen on every photo, and without colour vision. */
  stroke(context, path, width) {
    const { camera } = this.hub;
    context.save();
    context.setTransform(camera.scale, 0, 0, camera.scale, camera.x, camera.y);
    context.lineJoin = "round";
    for (const [color, wide] of [[DARK, width + 2], [LIGHT, width]]) {
      context.strokeStyle = color;
      context.lineWidth = (wide * this.ratio) / camera.scale;
      context.stroke(path);
    }
    context.restore();
  }

  /** Make outlines of parts while there is time; return whether all are there. */
  warm(left) {
    return this.shown.every(({ of, map }) => (of ? map.pairs : []).every((key) => {
      if (left() < 4) return false;
      map.outline(key >> 8, key & 255, this.step);
      return true;
    }));
  }

  /** Outlines and numbers at rest, on a canvas of their own that is kept while the photo lies still. */
  drawOutlines(base, one) {
    const { map, persons, heads } = one, { width, height } = this.base;
    if (one.lines?.width !== width || one.lines.height !== height) [one.lines, one.lined] = [makeCanvas(width, height), null];
    if (!keep(one, "lined", [this.under.pixels, persons.join()])) {
      const context = one.lines.getContext("2d");
      context.clearRect(0, 0, width, height);
      for (const person of persons) this.stroke(context, map.outline(person, 0, this.step), 1.2);
      context.font = TAG.font.replace("12px", `${12 * this.ratio}px`);
      context.textAlign = "center";
      context.textBaseline = "middle";
      for (const person of persons) this.drawTag(context, person, heads.get(person));
    }
    base.drawImage(one.lines, 0, 0);
  }

  drawTag(context, person, [x, y]) {
    const { camera } = this.hub, high = TAG.high * this.ratio, text = String(person);
    const wide = Math.max(high, context.measureText(text).width + 10 * this.ratio);
    const middle = x * camera.scale + camera.x, top = Math.max(2, y * camera.scale + camera.y - high - 2 * this.ratio);
    context.beginPath();
    context.roundRect(middle - wide / 2, top, wide, high, high / 2);
    context.fillStyle = DARK;
    context.fill();
    context.lineWidth = 2 * this.ratio;
    context.strokeStyle = personColor(person);
    context.stroke();
    context.fillStyle = LIGHT;
    context.fillText(text, middle, top + high / 2 + this.ratio / 2);
  }

  /** Dim all but the focus, outline it; `cursor` is the pixel pointed at in another pane. */
  drawOver({ person = 0, label = 0, map = null } = {}, cursor = null) {
    const context = this.over.getContext("2d"), { camera } = this.hub;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.over.width, this.over.height);
    for (const one of this.shown) {
      if ((!person && !label) || (map && map !== one.map)) continue;
      const owners = person ? [person] : one.persons ?? [];
      const whole = owners.map((owner) => one.map.outline(owner, person ? 0 : label, this.step));
      const part = person && label ? one.map.outline(person, label, this.step) : null;
      context.save();
      context.beginPath();
      context.rect(one.from * this.over.width, 0, (one.to - one.from) * this.over.width, this.over.height);
      context.clip();
      this.dim(context, whole, one.map);
      for (const path of whole) this.stroke(context, path, part ? 1.2 : 2.2);
      if (part) this.stroke(context, part, 2.6);
      context.restore();
    }
    if (cursor) this.drawCursor(context, (cursor[0] + 0.5) * camera.scale + camera.x, (cursor[1] + 0.5) * camera.scale + camera.y);
  }

  dim(context, paths, { width, height }) {
    const { camera } = this.hub, outside = new Path2D();
    outside.rect(0, 0, width, height);
    if (paths.length === 1) outside.addPath(paths[0]);
    context.save();
    context.setTransform(camera.scale, 0, 0, camera.scale, camera.x, camera.y);
    context.fillStyle = DIM;
    context.fill(outside, "evenodd");
    if (paths.length > 1) {
      context.globalCompositeOperation = "destination-out";
      context.fillStyle = DARK;
      for (const path of paths) context.fill(path, "evenodd");
    }
    context.restore();
  }

  drawCursor(context, x, y) {
    const size = 11 * this.ratio;
    for (const [color, wide] of [[DARK, 4], [LIGHT, 1.8]]) {
      context.strokeStyle = color;
      context.lineWidth = wide * this.ratio;
      context.beginPath();
      context.moveTo(x - size, y);
      context.lineTo(x + size, y);
      context.moveTo(x, y - size);
      context.lineTo(x, y + size);
      context.stroke();
    }
  }

  listen() {
    const { node } = this;
    node.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode ? 16 : 1;
      this.hub.moved((camera) => camera.zoom(Math.exp(-event.deltaY * lines * 0.002), ...this.canvasPoint(event)));
    }, { passive: false });
    node.addEventListener("pointerdown", (event) => this.down(event));
    node.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel"]) node.addEventListener(kind, (event) => this.up(event));
    node.addEventListener("pointerleave", () => this.hub.pointAt(this, null));
    node.addEventListener("dblclick", () => this.hub.fit());
  }

  down(event) {
    if (event.button) return;
    this.node.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size === 1) [this.start, this.dragged] = [event, false];
  }

  /** One pointer that is down drags, two pinch, none points. */
  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.hub.pointAt(this, event);
      return;
    }
    const far = Math.hypot(event.clientX - this.start.clientX, event.clientY - this.start.clientY);
    if (far > (event.pointerType === "mouse" ? 3 : 8)) this.dragged = true;
    const others = [...this.pointers.values()].filter((one) => one.pointerId !== event.pointerId);
    this.pointers.set(event.pointerId, event);
    if (others.length) this.pinch(before, event, others[0]);
    else if (this.dragged) {
      this.node.classList.add("moving");
      const dx = (event.clientX - before.clientX) * this.ratio, dy = (event.clientY - before.clientY) * this.ratio;
      this.hub.moved((camera) => camera.move(dx, dy));
    }
  }

  pinch(before, now, other) {
    this.dragged = true;
    const span = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY) || 1;
    const [x, y] = this.canvasPoint({
      clientX: (now.clientX + other.clientX) / 2, clientY: (now.clientY + other.clientY) / 2,
    });
    const dx = ((now.clientX - before.clientX) / 2) * this.ratio, dy = ((now.clientY - before.clientY) / 2) * this.ratio;
    this.hub.moved((camera) => {
      camera.move(dx, dy);
      camera.zoom(span(now) / span(before), x, y);
    });
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId) || this.pointers.size) return;
    this.node.classList.remove("moving");
    if (event.type === "pointerup" && !this.dragged) this.hub.pin(this, event);
  }
}
