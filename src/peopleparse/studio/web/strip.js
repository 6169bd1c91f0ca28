/** The strip of copies: one small picture a person, with how far it is. */

import { ask, make } from "./api.js";
import { applyRuns, findRuns } from "./tools.js";

const HEIGHT = 58; // pixels of a small picture
const DIM = 0.32; // how bright everybody else is
const MARKS = { todo: "", doing: "\u25d0", done: "\u2713", checked: "\u2713\u2713" };
const isFinished = (person) => person.status === "done" || person.status === "checked";

/** Small copies of the photo; keeps the labels of every person as runs. */
export class Strip {
  constructor(desk, choose) {
    Object.assign(this, { desk, choose, runs: new Map(), buttons: new Map(), now: null });
    this.node = make("ol", { class: "strip", "aria-label": "Persons, left to right" });
  }

  /** Draw the photo small once; every copy starts from it. */
  start(image) {
    const { width, height } = this.desk.photo;
    this.wide = Math.min(140, Math.max(30, Math.round((HEIGHT * width) / height)));
    const canvas = new OffscreenCanvas(this.wide, HEIGHT);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, this.wide, HEIGHT);
    this.base = context.getImageData(0, 0, this.wide, HEIGHT);
    this.update();
  }

  /** Show the persons of the photo as they are now. */
  update() {
    if (!this.base) return;
    this.buttons.clear();
    this.node.replaceChildren(...this.desk.photo.persons.map((person) => {
      const canvas = make("canvas", { width: this.wide, height: HEIGHT });
      const button = make("button", { type: "button", "data-uid": person.uid, onclick: () => this.choose(person.uid) },
        canvas, make("b", {}, String(person.index)), make("span", {}));
      this.buttons.set(person.uid, button);
      return make("li", {}, button);
    }));
    for (const { uid } of this.desk.photo.persons) this.draw(uid);
    this.mark(this.now);
  }

  /** Say which person is on the desk, and how far each is. */
  mark(uid) {
    this.now = uid;
    for (const person of this.desk.photo.persons) {
      const button = this.buttons.get(person.uid);
      if (!button) continue;
      const isNow = person.uid === uid;
      if (isNow) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      button.dataset.status = person.status;
      button.lastChild.textContent = MARKS[person.status];
      button.setAttribute("aria-label", `Person ${person.index}, ${person.status}`);
      if (isNow) button.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  /** Fetch what others hold, so that nobody paints over it. */
  async load(uid) {
    const missing = this.desk.photo.persons.filter((p) => p.uid !== uid && p.area && !this.runs.has(p.uid));
    await Promise.all(missing.map(async (person) => {
      const answer = await ask(`${this.desk.base}/persons/${encodeURIComponent(person.uid)}/labels`);
      this.remember(person.uid, new Uint8Array(await answer.arrayBuffer()));
    }));
  }

  remember(uid, labels) {
    this.runs.set(uid, findRuns(labels));
    this.draw(uid);
  }

  /** Where finished persons other than this one are. */
  blocked(uid) {
    const { width, height, persons } = this.desk.photo, found = new Uint8Array(width * height);
    for (const person of persons) {
      if (person.uid !== uid && isFinished(person)) applyRuns(found, this.runs.get(person.uid) ?? []);
    }
    return found;
  }

  /** Draw a copy: this person bright, or a spot of light where it was clicked. */
  draw(uid) {
    const canvas = this.buttons.get(uid)?.firstChild;
    if (!canvas) return;
    const { width, height, persons } = this.desk.photo, { wide, base } = this;
    const person = persons.find((one) => one.uid === uid), runs = this.runs.get(uid) ?? [];
    const lit = new Uint8Array(wide * HEIGHT);
    for (let k = 0; k < runs.length; k += 3) {
      const y = Math.floor(((runs[k] / width) * HEIGHT) / height), x = runs[k] % width;
      const last = Math.floor(((x + runs[k + 1] - 1) * wide) / width);
      for (let at = Math.floor((x * wide) / width); at <= last; at++) lit[y * wide + at] = 1;
    }
    const [cx, cy] = [(person.click[0] * wide) / width, (person.click[1] * HEIGHT) / height];
    const data = new ImageData(new Uint8ClampedArray(base.data), wide, HEIGHT);
    for (let i = 0; i < lit.length; i++) {
      const far = Math.hypot((i % wide) - cx, Math.floor(i / wide) - cy);
      const light = lit[i] || (!runs.length && far < 9) ? 1 : DIM;
      for (let c = 0; c < 3; c++) data.data[4 * i + c] *= light;
    }
    canvas.getContext("2d").putImageData(data, 0, 0);
  }
}
