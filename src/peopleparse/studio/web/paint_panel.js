/** The controls around the stage: tools, sliders, the list of parts, keys. */

import { make } from "./api.js";
import { Painter, tableOf } from "./painter.js";

export const LABEL_KEYS = "123456789abcdefghijk";
const TOOLS = {
  brush: ["q", "Brush"], eraser: ["w", "Eraser"], polygon: ["t", "Polygon"],
  fill: ["s", "Superpixels"], repair: ["r", "Repair"],
};
const SIZES = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160, 200, 300];

/** A painter with its controls; those who inherit act on what they say. */
export class Panel extends Painter {
  constructor(photo, labels) {
    super(photo, labels);
    this.opacity = 60;
    this.list = make("ul", { class: "parts" });
  }

  makeBar() {
    this.buttons = {};
    for (const [name, [key, title]] of Object.entries(TOOLS)) {
      this.buttons[name] = this.button(title, key, () => this.use(name));
    }
    this.hand = this.button("Move", "m", () => this.setHand(!this.stage.hand));
    this.sizes = this.range("Size", "[ ]", SIZES.length - 1, (value) => this.resize(SIZES[value]));
    this.fades = this.range("Opacity", ", .", 100, (value) => this.fade(value));
    this.overlap = make("input", { type: "checkbox", name: "overlap", onchange: () => this.setOverlap() });
    this.preview = this.button("Prediction", "p", () => this.togglePreview());
    this.accept = make("button", { type: "button", onclick: () => this.acceptAll() }, "Accept all");
    this.buttons.repair.title = "Paint the prediction's own labels";
    this.forget = make("button", { type: "button", hidden: true, onclick: () => this.forgetMine() }, "Forget my copy");
    this.done = this.button("Done", "Ctrl \u21b5", () => this.finish());
    this.done.classList.add("primary");
    const group = (...nodes) => make("div", { class: "group" }, ...nodes);
    return make("div", { class: "kit", role: "toolbar", "aria-label": "Tools" },
      group(...Object.values(this.buttons), this.hand), this.sizes.node, this.fades.node,
      group(this.button("Undo", "Ctrl Z", () => this.step("undo")), this.button("Redo", "Ctrl Y", () => this.step("redo"))),
      group(this.preview, this.accept, this.forget),
      make("label", { class: "check" }, this.overlap, "Allow overlap"), this.done);
  }

  button(title, key, onclick) {
    return make("button", { type: "button", onclick }, title, make("kbd", { "aria-hidden": "true" }, key));
  }

  range(title, key, max, act) {
    const input = make("input", { type: "range", name: title.toLowerCase(), min: 0, max });
    const out = make("output", {});
    input.addEventListener("input", () => act(Number(input.value)));
    return { input, out, node: make("label", { class: "line" }, title, input, out, make("kbd", { "aria-hidden": "true" }, key)) };
  }

  use(tool) {
    this.up();
    if (this.points.length) this.dropPolygon();
    this.tool = tool;
    this.setHand(false);
    for (const [name, button] of Object.entries(this.buttons)) button.setAttribute("aria-pressed", String(name === tool));
    if (tool === "fill") this.needRegions();
    if (tool === "repair") this.needSource();
    this.hover(this.at);
  }

  setHand(isOn) {
    this.stage.hand = isOn;
    this.hand.setAttribute("aria-pressed", String(isOn));
    this.stage.node.classList.toggle("hand", isOn);
    this.placeRing();
  }

  resize(size) {
    this.size = size;
    this.sizes.input.value = SIZES.indexOf(size);
    this.sizes.out.textContent = `${size} px`;
    this.placeRing();
  }

  fade(percent) {
    this.opacity = percent;
    this.table = tableOf(this.labels, percent / 100);
    this.fades.input.value = percent;
    this.fades.out.textContent = `${percent} %`;
    this.stage.draw();
  }

  setOverlap() {
    if (this.pixels) this.pixels.allowOverlap = this.overlap.checked;
    this.desk.setOverlap(this.overlap.checked);
  }

  take(label) {
    this.label = label;
    if (["eraser", "repair"].includes(this.tool)) this.use("brush");
    this.drawList();
  }

  /** The list of labels with their keys and what share of the person each has. */
  drawList() {
    const areas = this.pixels?.areas ?? [], all = this.labels.reduce((sum, { id }) => sum + (areas[id] ?? 0), 0);
    if (!this.list.children.length) this.list.append(...this.labels.map((label, k) => this.makeRow(label, k)));
    this.labels.forEach(({ id }, k) => {
      const button = this.list.children[k].firstChild, share = all ? (100 * areas[id]) / all : 0;
      button.setAttribute("aria-pressed", String(id === this.label));
      button.lastChild.textContent = areas[id] ? `${share < 10 ? share.toFixed(1) : Math.round(share)} %` : "";
    });
  }

  makeRow({ id, name, color }, k) {
    const swatch = make("i", {});
    swatch.style.background = color;
    return make("li", {}, make("button", { type: "button", "data-label": String(id), onclick: () => this.take(id) },
      make("kbd", { "aria-hidden": "true" }, LABEL_KEYS[k] ?? "\u00b7"), swatch, make("span", {}, name), make("small", {})));
  }

  /** A key of this screen; true if it was one. */
  key(event) {
    const { key } = event;
    this.work();
    if (event.ctrlKey || event.metaKey) return this.command(key.toLowerCase(), event.shiftKey);
    if (event.altKey) return key === "Alt";
    const at = LABEL_KEYS.indexOf(key), tool = Object.keys(TOOLS).find((name) => TOOLS[name][0] === key);
    const acts = {
      "[": () => this.nextSize(-1), "]": () => this.nextSize(1),
      ",": () => this.fade(Math.max(0, this.opacity - 10)), ".": () => this.fade(Math.min(100, this.opacity + 10)),
      "+": () => this.stage.zoom(1.25), "-": () => this.stage.zoom(0.8), "=": () => this.stage.fit(),
      m: () => this.setHand(!this.stage.hand), p: () => this.togglePreview(), v: () => this.showBare(true),
      0: () => this.use("eraser"), PageDown: () => this.go(1), PageUp: () => this.go(-1),
      Enter: () => this.closePolygon(), Escape: () => this.dropPolygon(), Backspace: () => this.dropPoint(),
    };
    const isPolygonKey = ["Enter", "Escape", "Backspace"].includes(key);
    if (isPolygonKey && !this.points.length) return false;
    if (at >= 0 && key && this.labels[at]) this.take(this.labels[at].id);
    else if (tool) this.use(tool);
    else if (acts[key]) acts[key]();
    else return false;
    return true;
  }

  command(key, hasShift) {
    if (key === "z") this.step(hasShift ? "redo" : "undo");
    else if (key === "y") this.step("redo");
    else if (key === "enter") this.finish();
    else return false;
    return true;
  }

  keyUp(event) {
    if (event.key === "v") this.showBare(false);
  }

  showBare(isBare) {
    if (this.isBare === isBare) return;
    this.isBare = isBare;
    this.stage.draw();
  }

  nextSize(by) {
    const at = SIZES.indexOf(this.size) + by;
    if (SIZES[at]) this.resize(SIZES[at]);
  }

  dropPoint() {
    this.points.pop();
    this.drawLines();
  }

  pick(at) {
    const { pixels, stage } = this, [x, y] = at.map(Math.floor);
    const i = y * pixels.width + x, source = this.isPreview && this.source ? this.source : pixels.labels;
    if (stage.isIn(at) && source[i]) this.take(source[i]);
  }
}
