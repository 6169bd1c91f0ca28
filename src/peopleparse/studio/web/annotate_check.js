/** Step 3: what is likely wrong, and the eyes of a second person. */

import { getJson, make, sendJson, tell } from "./api.js";
import { tableOf } from "./painter.js";
import { Stage, svg } from "./stage.js";
import { Strip } from "./strip.js";

const WORDS = { todo: "not painted", doing: "in work", done: "done", checked: "checked" };
const percent = (value) => (value === null || value === undefined ? "\u2013" : `${(100 * value).toFixed(1)} %`);

/** The finished photo. `desk` is the screen of the photo. */
export class CheckStep {
  constructor(desk) {
    this.desk = desk;
    this.strip = new Strip(desk, (uid) => this.choose(uid));
    this.stage = new Stage("Photo to look at", desk.photo, {
      down() {}, move() {}, up() {}, cancel() {}, space() {}, hover() {},
      view: () => this.drawBox(), paint: (...where) => this.paint(...where),
    });
    this.stage.hand = true;
    this.remarks = make("ul", { class: "remarks" });
    this.count = make("h3", { "aria-live": "polite" }, "Looking for faults");
    this.people = make("ol", { class: "reviews" });
    this.node = make("div", { class: "check-step" }, this.strip.node, make("div", { class: "canvas" }, this.stage.node),
      make("aside", { "aria-label": "Check" }, make("section", {}, this.count, this.remarks),
        make("section", {}, make("h3", {}, "Review"), this.people)));
  }

  async start(uid) {
    this.uid = uid ?? null;
    await this.stage.open();
    this.strip.start(this.stage.image);
    this.strip.mark(this.uid);
    this.desk.status("saved", null, this.desk.photo.revision);
    this.showPeople();
    await this.strip.load(null);
    this.merge();
    await this.findFaults();
  }

  close() {
    this.stop();
    return Promise.resolve(true);
  }

  stop() {
    this.stage.close();
  }

  key(event) {
    const acts = { "+": () => this.stage.zoom(1.25), "-": () => this.stage.zoom(0.8), "=": () => this.stage.fit() };
    acts[event.key]?.();
    return Boolean(acts[event.key]);
  }

  choose(uid) {
    this.uid = this.uid === uid ? null : uid;
    this.box = null;
    this.strip.mark(this.uid);
    this.merge();
    this.drawBox();
  }

  /** One label and one person a pixel: the left one where two overlap. */
  merge() {
    const { width, height, persons } = this.desk.photo;
    this.labels = new Uint8Array(width * height);
    this.dim = new Uint8Array(width * height);
    for (const { uid } of [...persons].reverse()) {
      const runs = this.strip.runs.get(uid) ?? [], isDim = this.uid !== null && uid !== this.uid;
      for (let k = 0; k < runs.length; k += 3) {
        this.labels.fill(runs[k + 2], runs[k], runs[k] + runs[k + 1]);
        this.dim.fill(isDim ? 1 : 0, runs[k], runs[k] + runs[k + 1]);
      }
    }
    const { labels } = this.desk.project;
    this.tables = [tableOf(labels, 0.6), tableOf(labels, 0.15)];
    this.stage.draw();
  }

  paint(target, columns, rows) {
    if (!this.labels) return;
    const { labels, dim, tables } = this, { width } = this.desk.photo;
    for (let r = 0, k = 0; r < rows.length; r++) {
      for (let c = 0; c < columns.length; c++, k++) {
        const i = rows[r] * width + columns[c];
        if (rows[r] >= 0 && columns[c] >= 0 && labels[i]) target[k] = tables[dim[i]][labels[i]];
      }
    }
  }

  drawBox() {
    if (!this.box) return this.stage.lines.replaceChildren();
    const [x, y] = this.stage.toScreen(this.box), [right, bottom] = this.stage.toScreen(this.box.slice(2));
    const size = { x: x - 4, y: y - 4, width: right - x + 8, height: bottom - y + 8, rx: 4 };
    this.stage.lines.replaceChildren(svg("rect", { ...size, class: "rim" }), svg("rect", { ...size, class: "core" }));
  }

  // ---- faults -----------------------------------------------------------------------------

  async findFaults() {
    const found = await getJson(`${this.desk.base}/lint`);
    const errors = found.filter((one) => one.severity === "error").length;
    this.count.textContent = found.length ? `${found.length} to look at${errors ? `, ${errors} of them to correct` : ""}` : "Nothing found that is likely wrong";
    this.remarks.replaceChildren(...found.map((remark) => this.makeRemark(remark)));
  }

  makeRemark(remark) {
    const { uid, severity, sentence, box } = remark;
    const who = this.desk.photo.persons.find((person) => person.uid === uid);
    const repair = uid ? make("button", { type: "button", class: "link", onclick: () => this.repair(remark) }, "Repair") : null;
    return make("li", { class: severity }, make("button", { type: "button", class: "row", disabled: !box && !uid,
      onclick: () => this.look(remark) }, make("b", {}, who ? String(who.index) : "!"), make("span", {}, sentence)), repair);
  }

  /** Bring the place of a fault to the middle. */
  look({ uid, box }) {
    this.uid = uid;
    this.box = box;
    this.strip.mark(uid);
    this.merge();
    if (box) this.stage.showBox(box);
    this.drawBox();
  }

  repair({ uid, box }) {
    this.desk.place = box;
    this.desk.go("paint", uid);
  }

  // ---- review -----------------------------------------------------------------------------

  showPeople() {
    this.people.replaceChildren(...this.desk.photo.persons.map((person) => this.makePerson(person)));
  }

  makePerson(person) {
    const { uid, index, status, annotator, area } = person, review = this.desk.reviews.get(uid);
    const act = (text, onclick) => make("button", { type: "button", onclick, disabled: this.desk.isReadOnly }, text);
    const facts = [annotator && `by ${annotator}`, area && `${area.toLocaleString()} px`, WORDS[status]].filter(Boolean);
    const isFinished = status === "done" || status === "checked";
    return make("li", { "data-uid": uid }, make("p", {}, make("b", {}, String(index)), ` ${facts.join(" \u00b7 ")}`),
      isFinished ? make("div", { class: "group" },
        status === "done" ? act("Mark checked", () => this.setStatus(person, "checked")) : null,
        act("Send back", () => this.setStatus(person, "doing")),
        act("Paint it again, blind", () => this.paintAgain(uid))) : null,
      review ? this.makeFigures(review) : null);
  }

  async setStatus(person, status) {
    const path = `${this.desk.base}/persons/${encodeURIComponent(person.uid)}/status`;
    Object.assign(person, await sendJson("POST", path, { status, annotator: this.desk.me, seconds: person.seconds }), { status });
    this.strip.mark(this.uid);
    this.showPeople();
    this.desk.progress();
    if (this.desk.photo.persons.every((one) => one.status === "checked")) tell("The whole photo is checked.", "note");
  }

  /** A second person paints without seeing the first one's labels; then both are compared. */
  paintAgain(uid) {
    this.desk.isBlind = true;
    this.desk.go("paint", uid);
  }

  makeFigures({ annotator, agreement }) {
    const rows = Object.entries(agreement.parts).sort(([, a], [, b]) => a - b).map(([name, iou]) => make("tr", {},
      make("th", { scope: "row" }, name), make("td", {}, make("meter", { value: iou, max: 1, "aria-label": name })),
      make("td", {}, percent(iou))));
    return make("table", { class: "figures" }, make("caption", {},
      `Agreement with ${annotator ?? "the second person"}: mean IoU ${percent(agreement.mean_iou)}`), make("tbody", {}, ...rows));
  }
}
