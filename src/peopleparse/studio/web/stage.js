/** The photo on screen: zoom, pan, pointers of all kinds and a cursor for the keyboard. */

import { make } from "./api.js";

/** Make an element of a drawing. */
export const svg = (name, attributes = {}, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * A photo with a layer of pixels over it. `hands` has down, move, up, cancel, hover (image points),
 * space (the keyboard's pen), view (after zoom and pan), paint (target, columns, rows, left, top).
 */
export class Stage {
  constructor(label, photo, hands) {
    Object.assign(this, { photo, hands, scale: 1, x: 0, y: 0, point: null, hand: false });
    this.touches = new Map();
    this.pressed = null;
    this.image = make("img", { class: "photo", alt: "", draggable: false });
    this.canvas = make("canvas", {});
    this.lines = svg("svg", { class: "lines", "aria-hidden": "true" });
    this.layer = make("div", { class: "layer" });
    this.cross = make("div", { class: "cross", hidden: true });
    this.node = make("div", {
      class: "stage", tabIndex: 0, role: "application", "aria-label": label,
      onpointerdown: (event) => this.down(event), onpointermove: (event) => this.move(event),
      onpointerup: (event) => this.up(event), onpointercancel: (event) => this.drop(event),
      onpointerleave: () => this.hands.hover(null), onkeydown: (event) => this.key(event),
      oncontextmenu: (event) => event.preventDefault(), onblur: () => (this.cross.hidden = true),
    }, this.image, this.canvas, this.lines, this.layer, this.cross);
    this.node.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.watch = new ResizeObserver(() => this.resize());
  }

  /** Show the photo; rejects where it cannot be shown. */
  async open() {
    this.watch.observe(this.node);
    this.image.src = this.photo.photo;
    [this.image.width, this.image.height] = [this.photo.width, this.photo.height];
    this.resize();
    this.fit();
    await this.image.decode();
  }

  close() {
    this.watch.disconnect();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.node;
    const ratio = Math.min(2, devicePixelRatio || 1);
    if (!width || (width === this.width && height === this.height && ratio === this.ratio)) return;
    const isFirst = !this.width;
    Object.assign(this, { width, height, ratio });
    [this.canvas.width, this.canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (isFirst || this.isFit) this.fit();
    else this.show();
  }

  fit() {
    const { width, height } = this.photo, room = 12;
    if (!this.width) return;
    this.scale = Math.min((this.width - room) / width, (this.height - room) / height);
    this.center([width / 2, height / 2]);
    this.isFit = true;
  }

  center([x, y]) {
    this.x = Math.round(this.width / 2 - x * this.scale);
    this.y = Math.round(this.height / 2 - y * this.scale);
    this.show();
  }

  /** Bring a box of the photo to the middle, large. */
  showBox([x1, y1, x2, y2]) {
    const room = 4, least = Math.min(this.width / this.photo.width, this.height / this.photo.height);
    const scale = Math.min(this.width / (x2 - x1 || 1), this.height / (y2 - y1 || 1)) / room;
    this.scale = clamp(scale, least, Math.max(6, least));
    this.isFit = false;
    this.center([(x1 + x2) / 2, (y1 + y2) / 2]);
  }

  zoom(factor, at = [this.width / 2, this.height / 2]) {
    const scale = clamp(this.scale * factor, 0.02, 64);
    this.x = at[0] - ((at[0] - this.x) * scale) / this.scale;
    this.y = at[1] - ((at[1] - this.y) * scale) / this.scale;
    this.scale = scale;
    this.isFit = false;
    this.show();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.isFit = false;
    this.show();
  }

  show() {
    const { image, scale, x, y } = this;
    image.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    image.classList.toggle("blocky", scale > 3);
    this.placeCross();
    this.draw();
    this.hands.view();
  }

  /** Draw a rectangle of the photo anew, or everything. */
  draw(box = null) {
    const { canvas, ratio, scale, x, y, hands } = this;
    if (!hands.paint || !ratio || !canvas.width) return;
    const left = box ? clamp(Math.floor((x + box[0] * scale) * ratio) - 1, 0, canvas.width) : 0;
    const top = box ? clamp(Math.floor((y + box[1] * scale) * ratio) - 1, 0, canvas.height) : 0;
    const right = box ? clamp(Math.ceil((x + box[2] * scale) * ratio) + 1, 0, canvas.width) : canvas.width;
    const bottom = box ? clamp(Math.ceil((y + box[3] * scale) * ratio) + 1, 0, canvas.height) : canvas.height;
    if (right <= left || bottom <= top) return;
    const columns = this.indices(left, right, x, this.photo.width);
    const rows = this.indices(top, bottom, y, this.photo.height);
    const data = this.context.createImageData(right - left, bottom - top);
    hands.paint(new Uint32Array(data.data.buffer), columns, rows, left, top);
    this.context.putImageData(data, left, top);
  }

  /** For screen pixels from `first` to `last`: the column or row of the photo, or -1. */
  indices(first, last, offset, size) {
    const { ratio, scale } = this, out = new Int32Array(last - first);
    for (let k = 0; k < out.length; k++) {
      const at = Math.floor(((first + k + 0.5) / ratio - offset) / scale);
      out[k] = at >= 0 && at < size ? at : -1;
    }
    return out;
  }

  toImage(event) {
    const box = this.node.getBoundingClientRect(), edge = this.node.clientLeft;
    return [
      (event.clientX - box.left - edge - this.x) / this.scale,
      (event.clientY - box.top - edge - this.y) / this.scale,
    ];
  }

  toScreen = ([x, y]) => [this.x + x * this.scale, this.y + y * this.scale];

  isIn = ([x, y]) => x >= 0 && y >= 0 && x < this.photo.width && y < this.photo.height;

  down(event) {
    if (event.target.closest(".layer > *")) return;
    this.node.focus({ preventScroll: true });
    this.cross.hidden = true;
    this.penSeen ||= event.pointerType === "pen";
    this.node.setPointerCapture(event.pointerId);
    if (event.pointerType === "touch") this.touches.set(event.pointerId, event);
    if (this.touches.size > 1) return this.pinch();
    const isPalm = this.penSeen && event.pointerType === "touch";
    if (event.button > 0 || this.hand) this.pressed = { id: event.pointerId, from: event };
    else if (!isPalm) {
      this.pressed = { id: event.pointerId };
      this.hands.down(this.toImage(event), event);
    }
  }

  /** A second finger: what the first one began was no stroke. */
  pinch() {
    if (this.pressed && !this.pressed.from) this.hands.cancel();
    this.pressed = null;
  }

  move(event) {
    const { pressed } = this;
    if (this.touches.has(event.pointerId)) {
      if (this.touches.size > 1) return this.spread(event);
      this.touches.set(event.pointerId, event);
    }
    if (!pressed) return this.hands.hover(this.toImage(event), event);
    if (pressed.id !== event.pointerId) return;
    if (pressed.from) {
      this.pan(event.clientX - pressed.from.clientX, event.clientY - pressed.from.clientY);
      pressed.from = event;
    } else this.drag(event);
  }

  drag(event) {
    const all = event.getCoalescedEvents?.() ?? [];
    const points = (all.length ? all : [event]).map((one) => this.toImage(one));
    this.hands.move(points, event);
    this.hands.hover(points.at(-1), event);
  }

  spread(event) {
    const others = [...this.touches].filter(([id]) => id !== event.pointerId);
    const [still, old] = [others[0][1], this.touches.get(event.pointerId)];
    const far = (one) => Math.hypot(one.clientX - still.clientX, one.clientY - still.clientY) || 1;
    const box = this.node.getBoundingClientRect();
    this.pan((event.clientX - old.clientX) / 2, (event.clientY - old.clientY) / 2);
    this.zoom(far(event) / far(old), [
      (event.clientX + still.clientX) / 2 - box.left, (event.clientY + still.clientY) / 2 - box.top,
    ]);
    this.touches.set(event.pointerId, event);
  }

  up(event) {
    this.touches.delete(event.pointerId);
    if (this.pressed?.id !== event.pointerId) return;
    if (!this.pressed.from) this.hands.up(this.toImage(event), event);
    this.pressed = null;
  }

  drop(event) {
    this.touches.delete(event.pointerId);
    if (this.pressed?.id === event.pointerId) this.pinch();
  }

  wheel(event) {
    event.preventDefault();
    const box = this.node.getBoundingClientRect();
    if (event.shiftKey) return this.pan(-(event.deltaX || event.deltaY), 0);
    const turns = clamp(event.deltaY * (event.deltaMode ? 20 : 1), -240, 240);
    this.zoom(Math.exp(-turns / 400), [event.clientX - box.left, event.clientY - box.top]);
  }

  /** Arrows move a cursor (Shift: far, Control: one pixel), Space is the pen. */
  key(event) {
    if (event.target !== this.node || event.altKey) return;
    if (event.key === " " && !this.cross.hidden) this.hands.space(this.point);
    else if (ARROWS[event.key]) this.arrow(event);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  arrow(event) {
    const step = event.ctrlKey ? 1 : Math.max(1, Math.round(4 / this.scale)) * (event.shiftKey ? 10 : 1);
    const { width, height } = this.photo, [dx, dy] = ARROWS[event.key];
    const [x, y] = this.point ?? [Math.floor(width / 2), Math.floor(height / 2)];
    const isNew = !this.point || this.cross.hidden;
    this.point = isNew ? [Math.floor(x) + 0.5, Math.floor(y) + 0.5]
      : [clamp(x + dx * step, 0.5, width - 0.5), clamp(y + dy * step, 0.5, height - 0.5)];
    this.cross.hidden = false;
    const [sx, sy] = this.toScreen(this.point);
    if (sx < 0 || sy < 0 || sx > this.width || sy > this.height) this.center(this.point);
    this.placeCross();
    this.hands.move([this.point], event);
    this.hands.hover(this.point, event);
  }

  placeCross() {
    if (!this.point) return;
    const [x, y] = this.toScreen(this.point);
    this.cross.style.transform = `translate(${x}px, ${y}px)`;
  }
}
