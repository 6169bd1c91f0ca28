/** Tools on the pixels of one person, and what they look like on the stage. */

import { make } from "./api.js";
import { Stage, svg } from "./stage.js";
import { fillPolygon, snap, sweep } from "./tools.js";

const SNAP = 9; // screen pixels from its first point in which a polygon closes
const STRIPE = 0xc0ffffff, GROUND = 0xa0201c18, HOT = 0x90ffffff;

/** A colour for each label with an opacity, as the canvas holds it. */
export function tableOf(labels, alpha) {
  const table = new Uint32Array(256);
  for (const { id, color } of labels) {
    const rgb = parseInt(color.slice(1), 16);
    const [r, g, b] = [rgb >> 16, (rgb >> 8) & 255, rgb & 255];
    if (id) table[id] = ((Math.round(255 * alpha) << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  return table;
}

/** Brush, eraser, polygon, superpixels and repair; those who inherit say when and what changed. */
export class Painter {
  constructor(photo, labels) {
    Object.assign(this, {
      labels: labels.filter((label) => label.id), tool: "brush", size: 20, pixels: null,
      source: null, isPreview: false, isBare: false, isDown: false, last: null, points: [], hot: null,
      regions: null, table: new Uint32Array(256),
    });
    this.label = this.labels[0].id;
    const hint = "Photo to paint. Arrows move the cursor, Space lowers and lifts the brush.";
    this.stage = new Stage(hint, photo, {
      down: (at, event) => this.down(at, event), move: (points) => this.move(points),
      up: () => this.up(), cancel: () => this.cancel(), space: (at) => this.space(at),
      hover: (at) => this.hover(at), view: () => this.view(), paint: (...where) => this.paint(...where),
    });
    this.ring = make("div", { class: "ring", hidden: true });
    this.stage.node.append(this.ring);
  }

  down(at, event) {
    if (event?.altKey) return this.pick(at);
    if (this.isClosed()) return;
    if (this.tool === "polygon") return this.addPoint(at);
    this.isDown = true;
    this.last = snap(at, this.size);
    this.move([at]);
  }

  move(points) {
    if (!this.isDown) return;
    for (const at of points) {
      if (this.tool === "fill") this.fillAt(at);
      else this.stroke(snap(at, this.size));
    }
    this.changed();
  }

  stroke(to) {
    const { pixels, size, last } = this, { width, height } = pixels;
    const label = this.tool === "eraser" ? 0 : this.label;
    const source = this.tool === "repair" ? this.source : null;
    this.last = to;
    if (this.tool === "repair" && !source) return;
    sweep(last, to, size, width, height, (y, x1, x2) => pixels.span(y, x1, x2, label, source));
  }

  fillAt(at) {
    const region = this.regions?.at(at) ?? null;
    if (region === null) return;
    this.regions.rows(region, (y, x1, x2) => this.pixels.span(y, x1, x2, this.label));
  }

  up() {
    if (!this.isDown) return;
    this.isDown = false;
    this.finishStroke();
  }

  /** A second finger came down: the stroke never was. */
  cancel() {
    if (!this.isDown) return;
    this.isDown = false;
    this.pixels.cancel();
    this.show();
  }

  /** The keyboard's pen is down until Space is pressed again; other tools act at once. */
  space(at) {
    if (this.isDown) return this.up();
    this.down(at);
    if (this.tool === "fill") this.up();
  }

  /** Show what changed on the stage. */
  show() {
    const box = this.pixels.takeDirty();
    if (box) this.stage.draw(box);
  }

  // ---- polygon ----------------------------------------------------------------------------

  addPoint(at) {
    const point = at.map(Math.round), { points, stage } = this;
    const [x, y] = points.length > 2 ? stage.toScreen(points[0]) : [NaN, NaN];
    const [px, py] = stage.toScreen(at);
    if (Math.hypot(px - x, py - y) < SNAP) return this.closePolygon();
    points.push(point);
    this.drawLines();
  }

  closePolygon() {
    const { points, pixels } = this;
    this.dropPolygon();
    if (points.length < 3) return;
    const each = (y, x1, x2) => pixels.span(y, x1, x2, this.label);
    fillPolygon(points, pixels.width, pixels.height, each);
    this.finishStroke();
  }

  dropPolygon() {
    this.points = [];
    this.drawLines();
  }

  drawLines(end = null) {
    const { points, stage } = this, all = end ? [...points, end] : points;
    if (!points.length) return stage.lines.replaceChildren();
    const text = all.map((point) => stage.toScreen(point).join(",")).join(" ");
    stage.lines.replaceChildren(
      svg("polyline", { points: text, class: "rim" }), svg("polyline", { points: text, class: "core" }),
      ...points.map((point) => {
        const [cx, cy] = stage.toScreen(point);
        return svg("circle", { cx, cy, r: 4 });
      }),
    );
  }

  // ---- what is seen -----------------------------------------------------------------------

  view() {
    this.drawLines();
    this.placeRing();
  }

  hover(at) {
    this.at = at && this.stage.isIn(at) ? at : null;
    this.placeRing();
    if (this.points.length && at) this.drawLines(at);
    const hot = this.tool === "fill" && this.at ? (this.regions?.at(this.at) ?? null) : null;
    if (hot === this.hot) return;
    const old = this.hot;
    this.hot = hot;
    for (const region of [old, hot]) if (region !== null) this.stage.draw(this.regions.boxes.get(region));
  }

  placeRing() {
    const isRound = ["brush", "eraser", "repair"].includes(this.tool) && !this.stage.hand;
    this.ring.hidden = !isRound || !this.at;
    if (this.ring.hidden) return;
    const { size, stage } = this, wide = Math.max(2, size * stage.scale);
    const [x, y] = stage.toScreen(snap(this.at, size));
    this.ring.style.width = this.ring.style.height = `${wide}px`;
    this.ring.style.transform = `translate(${x - wide / 2}px, ${y - wide / 2}px)`;
  }

  /** Fill a rectangle of the screen: own labels, or hatching where others are. */
  paint(target, columns, rows, left, top) {
    if (!this.pixels || this.isBare) return;
    const { pixels, table, stage, regions, hot } = this, { width, blocked } = pixels;
    const labels = this.isPreview && this.source ? this.source : pixels.labels;
    const ids = hot === null ? null : regions.ids, wide = columns.length;
    const [shiftX, shiftY] = [left - Math.round(stage.x * stage.ratio), top - Math.round(stage.y * stage.ratio)];
    for (let r = 0, k = 0; r < rows.length; r++) {
      if (rows[r] < 0) k += wide;
      else for (let c = 0; c < wide; c++, k++) {
        if (columns[c] < 0) continue;
        const i = rows[r] * width + columns[c];
        if (ids && ids[i] === hot) target[k] = labels[i] ? (table[labels[i]] | 0xff000000) >>> 0 : HOT;
        else if (labels[i]) target[k] = table[labels[i]];
        else if (blocked[i]) target[k] = (c + r + shiftX + shiftY) & 6 ? GROUND : STRIPE;
      }
    }
  }
}
