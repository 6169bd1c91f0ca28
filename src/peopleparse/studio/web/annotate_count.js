/** Step 1: click each person in the foreground; the numbers follow from left to right. */

import { make, sendJson, tell } from "./api.js";
import { Autosave, copies } from "./autosave.js";
import { Stage, clamp } from "./stage.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FLAGS = ["occluded", "truncated"];
const byPlace = (a, b) => a.click[0] - b.click[0] || a.click[1] - b.click[1];
const round = (value) => Math.round(value * 2) / 2;
const toSend = ({ uid, click, occluded, truncated }) => ({
  uid: uid ?? null, click, occluded: occluded ?? null, truncated: truncated ?? null,
});

/** The persons of one photo as markers. `desk` is the screen of the photo. */
export class CountStep {
  constructor(desk) {
    Object.assign(this, { desk, chosen: null, past: [], future: [], ghosts: [], isLocked: false });
    this.stage = new Stage("Photo to count on. Arrows move the cursor, Space places a person.", desk.photo, {
      down: (at) => this.add(at), space: (at) => this.add(at), view: () => this.place(),
      move() {}, up() {}, cancel: () => this.cancel(), hover() {},
    });
    this.list = make("ol", { class: "people" });
    this.total = make("h3", { "aria-live": "polite" });
    this.next = make("button", { type: "button", class: "primary", onclick: () => desk.go("paint") }, "Paint them");
    this.node = make("div", { class: "count" }, make("div", { class: "canvas" }, this.stage.node),
      make("aside", { "aria-label": "Persons" }, this.total,
        make("p", { class: "faint" }, "Click each person in the foreground. Drag a number to correct it."),
        this.list, make("div", { class: "group" },
          this.button("Undo", "Ctrl Z", () => this.step(this.past, this.future)),
          this.button("Redo", "Ctrl Y", () => this.step(this.future, this.past))), this.next));
  }

  button(title, key, onclick) {
    return make("button", { type: "button", onclick }, title, make("kbd", { "aria-hidden": "true" }, key));
  }

  get copyKey() {
    return `${this.desk.key}count`;
  }

  async start() {
    this.read(this.desk.photo);
    this.saver = new Autosave({
      send: () => this.send(), keep: () => this.keep(), say: (state, error) => this.say(state, error),
    });
    await this.stage.open();
    this.desk.status("saved", null, this.revision);
    this.readMine();
    this.offer();
  }

  async close() {
    if (!(await this.saver.flush()) && this.saver.state === "conflict") return false;
    this.stop();
    return true;
  }

  stop() {
    this.saver.stop();
    this.stage.close();
  }

  /** Take the persons that the server has. */
  read(photo) {
    this.revision = photo.revision;
    this.persons = photo.persons.map((person) => ({ ...person })).sort(byPlace);
    this.stored = JSON.stringify(this.persons.map(toSend));
    this.show();
  }

  // ---- changes ----------------------------------------------------------------------------

  isClosed() {
    const isClosed = this.isLocked || this.desk.isReadOnly;
    if (isClosed) tell("Nothing can be counted now: see the line above the photo.", "note");
    return isClosed;
  }

  /** What undo needs: who was there, where, with which flags. */
  snapshot() {
    return this.persons.map((person) => [person, { ...toSend(person), uid: person.uid }]);
  }

  change(edit) {
    if (this.isClosed()) return;
    const before = this.snapshot();
    edit();
    this.past.push(before);
    this.future = [];
    this.changed();
  }

  changed() {
    this.persons.sort(byPlace);
    this.show();
    this.saver.touch();
    this.keep();
  }

  step(from, to) {
    if (this.isClosed() || !from.length) return;
    to.push(this.snapshot());
    this.persons = from.pop().map(([person, then]) => {
      const { uid } = person;
      return Object.assign(person, then, { uid: uid ?? then.uid });
    });
    this.changed();
  }

  add(at) {
    if (!this.stage.isIn(at)) return;
    const click = at.map(round);
    if (this.persons.some((person) => person.click[0] === click[0] && person.click[1] === click[1])) return;
    const person = { uid: null, click, occluded: false, truncated: false, status: "todo", area: 0 };
    this.change(() => {
      this.persons.push(person);
      this.chosen = person;
    });
    this.fresh = person;
  }

  /** A second finger came down: the first one placed nobody. */
  cancel() {
    if (this.fresh && this.persons.includes(this.fresh)) this.step(this.past, this.future);
  }

  remove(person) {
    const painted = person.area ? " What was painted on it comes back with Undo." : "";
    this.change(() => {
      this.persons = this.persons.filter((one) => one !== person);
      this.chosen = null;
    });
    if (painted && !this.isLocked) tell(`The person was taken out.${painted}`, "note");
    this.stage.node.focus({ preventScroll: true });
  }

  moveTo(person, [x, y]) {
    const { width, height } = this.desk.photo;
    person.click = [clamp(round(x), 0, width), clamp(round(y), 0, height)];
  }

  // ---- saving -----------------------------------------------------------------------------

  async send() {
    const sent = [...this.persons], body = {
      revision: this.revision, persons: sent.map(toSend), allow_overlap: Boolean(this.desk.photo.allow_overlap),
      annotator: this.desk.me,
    };
    const photo = await sendJson("PUT", `${this.desk.base}/persons`, body);
    this.revision = photo.revision;
    this.stored = JSON.stringify(photo.persons.map(toSend));
    const known = new Set(sent.map((person) => person.uid));
    for (const person of photo.persons) {
      const same = ({ uid, click }) => (known.has(person.uid) ? uid === person.uid
        : !uid && click[0] === person.click[0] && click[1] === person.click[1]);
      const mine = sent.find(same) ?? sent.find(({ uid }) => !uid);
      if (mine) Object.assign(mine, { uid: person.uid, area: person.area, status: person.status });
    }
    this.desk.take(photo);
  }

  keep() {
    const now = JSON.stringify(this.persons.map(toSend));
    if (now === this.stored) return copies.drop(this.copyKey);
    copies.put(this.copyKey, { revision: this.revision, persons: this.persons, time: new Date().toISOString() });
  }

  say(state, error) {
    this.desk.status(state, error, this.revision);
    if (state !== "conflict") return;
    this.isLocked = true;
    this.desk.bar(error.message, [
      ["Load theirs", () => this.takeTheirs(false)], ["Keep mine as a copy", () => this.takeTheirs(true)],
    ]);
  }

  async takeTheirs(isKept) {
    if (isKept) copies.put(`${this.copyKey}:mine`, this.persons.map(({ click }) => click));
    await this.desk.refresh();
    this.past = [];
    this.future = [];
    this.isLocked = false;
    copies.drop(this.copyKey);
    this.saver.reset();
    this.desk.bar(null);
    this.read(this.desk.photo);
    this.readMine();
  }

  /** Markers of mine that theirs lacks stay as hollow ones; a click adds one. */
  readMine() {
    const mine = copies.get(`${this.copyKey}:mine`) ?? [];
    this.ghosts = mine.filter(([x, y]) => !this.persons.some(({ click }) => click[0] === x && click[1] === y));
    if (!this.ghosts.length) copies.drop(`${this.copyKey}:mine`);
    this.show();
  }

  offer() {
    const copy = copies.get(this.copyKey);
    if (!copy) return;
    this.isLocked = true;
    this.desk.bar(`This browser keeps a count of ${copy.persons.length} persons that was not saved.`, [
      ["Put it back", () => this.putBack(copy)], ["Forget it", () => this.putBack(null)],
    ]);
  }

  putBack(copy) {
    this.isLocked = false;
    this.desk.bar(null);
    copies.drop(this.copyKey);
    if (!copy) return;
    const known = new Map(this.persons.map((person) => [person.uid, person]));
    this.change(() => {
      this.persons = copy.persons.map((person) => Object.assign(known.get(person.uid) ?? {}, person));
    });
  }

  // ---- what is seen -----------------------------------------------------------------------

  show() {
    const { persons } = this, n = persons.length;
    this.total.textContent = n === 1 ? "1 person" : `${n} persons`;
    this.next.disabled = !n;
    this.markers = persons.map((person, k) => this.makeMarker(person, k + 1));
    const ghosts = this.ghosts.map((click) => this.makeGhost(click));
    this.stage.layer.replaceChildren(...this.markers, ...ghosts);
    const { name } = document.activeElement ?? {};
    this.list.replaceChildren(...persons.map((person, k) => this.makeRow(person, k + 1)));
    if (name) this.list.querySelector(`[name="${CSS.escape(name)}"]`)?.focus();
    this.place();
    if (this.isMoving) this.markers[persons.indexOf(this.chosen)]?.focus({ preventScroll: true });
  }

  place() {
    for (const node of this.stage.layer.children) {
      const [x, y] = this.stage.toScreen(node.spot ?? node.person.click);
      node.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
    }
  }

  makeMarker(person, number) {
    const flags = FLAGS.filter((name) => person[name]).join(", ");
    const node = make("button", {
      type: "button", class: "marker", "aria-label": `Person ${number}${flags && `, ${flags}`}`,
      "aria-pressed": String(person === this.chosen),
      onpointerdown: (event) => this.grab(event, person), onfocus: () => this.choose(person),
      onkeydown: (event) => this.markerKey(event, person),
    }, String(number));
    node.person = person;
    return node;
  }

  makeGhost(click) {
    const node = make("button", { type: "button", class: "marker ghost", "aria-label": "Add the person of my copy",
      onclick: () => {
        this.add(click);
        this.readMine();
      } }, "+");
    node.spot = click;
    return node;
  }

  makeRow(person, number) {
    const flags = FLAGS.map((name) => make("label", { class: "check" },
      make("input", { type: "checkbox", name: `${name}-${number}`, checked: Boolean(person[name]),
        onchange: (event) => this.change(() => (person[name] = event.target.checked)) }), name));
    return make("li", {}, make("b", {}, String(number)), ...flags, make("button", {
      type: "button", class: "quiet", "aria-label": `Take out person ${number}`, onclick: () => this.remove(person),
    }, "\u00d7"));
  }

  choose(person) {
    this.chosen = person;
    for (const node of this.markers) node.setAttribute("aria-pressed", String(node.person === person));
  }

  /** Drag a marker; the numbers follow when it is let go. */
  grab(event, person) {
    if (event.button || this.isLocked || this.desk.isReadOnly) return;
    const node = event.currentTarget, before = this.snapshot();
    let hasMoved = false;
    node.setPointerCapture(event.pointerId);
    node.onpointermove = (moved) => {
      hasMoved ||= Math.hypot(moved.clientX - event.clientX, moved.clientY - event.clientY) > 2;
      if (!hasMoved) return;
      this.moveTo(person, this.stage.toImage(moved));
      this.place();
    };
    node.onpointerup = node.onpointercancel = () => {
      node.onpointermove = node.onpointerup = node.onpointercancel = null;
      this.choose(person);
      if (!hasMoved) return;
      this.past.push(before);
      this.future = [];
      this.changed();
    };
  }

  markerKey(event, person) {
    const by = ARROWS[event.key], step = event.shiftKey ? 10 : 1;
    if (by) {
      const [x, y] = person.click;
      this.isMoving = true;
      this.change(() => this.moveTo(person, [x + by[0] * step, y + by[1] * step]));
      this.isMoving = false;
    } else if (event.key === "Delete" || event.key === "Backspace") this.remove(person);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  key(event) {
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key === "enter" && this.persons.length) this.desk.go("paint");
      else if (key === "y" || (key === "z" && event.shiftKey)) this.step(this.future, this.past);
      else if (key === "z") this.step(this.past, this.future);
      else return false;
      return true;
    }
    const flag = { o: "occluded", t: "truncated" }[key], { chosen } = this;
    if (flag && chosen) this.change(() => (chosen[flag] = !chosen[flag]));
    else if (key === "delete" && chosen) this.remove(chosen);
    else if (key === "+") this.stage.zoom(1.25);
    else if (key === "-") this.stage.zoom(0.8);
    else if (key === "=") this.stage.fit();
    else return false;
    return true;
  }
}
