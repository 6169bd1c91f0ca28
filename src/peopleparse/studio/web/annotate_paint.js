/** Step 2: a copy of the photo for each person; everyone else is background there. */

import { ask, make, sendBytes, sendJson, tell } from "./api.js";
import { Autosave, copies } from "./autosave.js";
import { Panel } from "./paint_panel.js";
import { Strip } from "./strip.js";
import { Pixels, Regions, applyRuns, findRuns } from "./tools.js";

const KEEPALIVE = 60_000; // bytes that a browser sends after the page has gone
const IDLE = 30_000; // ms without a hand on mouse or key that are no work
const clock = (time) => new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

async function deflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The bench of one person. `desk` is the screen of the photo. */
export class PaintStep extends Panel {
  constructor(desk) {
    super(desk.photo, desk.project.labels);
    Object.assign(this, { desk, isLocked: true, seconds: 0, active: 0 });
    this.strip = new Strip(desk, (uid) => this.choose(uid));
    this.live = make("p", { class: "where", "aria-live": "polite" });
    this.node = make("div", { class: "paint" }, this.strip.node, this.makeBar(),
      make("div", { class: "canvas" }, this.stage.node, this.live),
      make("aside", { "aria-label": "Parts" }, this.list));
  }

  // ---- one person -------------------------------------------------------------------------

  async start(uid) {
    this.resize(this.size);
    this.fade(this.opacity);
    this.use("brush");
    this.overlap.checked = Boolean(this.desk.photo.allow_overlap);
    if (this.desk.isBlind) {
      this.done.firstChild.data = "Compare";
      this.strip.node.hidden = true;
    }
    await this.stage.open();
    this.strip.start(this.stage.image);
    await this.open(uid ?? this.desk.photo.persons.find((p) => p.status === "todo" || p.status === "doing")?.uid
      ?? this.desk.photo.persons[0].uid);
    if (this.desk.place) this.stage.showBox(this.desk.place);
    this.desk.place = null;
  }

  get path() {
    return `${this.desk.base}/persons/${encodeURIComponent(this.uid)}`;
  }

  get copyKey() {
    return `${this.desk.key}${this.uid}${this.desk.isBlind ? ":review" : ""}`;
  }

  get person() {
    return this.desk.photo.persons.find((person) => person.uid === this.uid);
  }

  async choose(uid) {
    if (uid !== this.uid && (await this.leave())) await this.open(uid);
  }

  go(by) {
    const { persons } = this.desk.photo, next = persons[persons.indexOf(this.person) + by];
    if (next) this.choose(next.uid);
  }

  /** Save and put the person away; false where somebody has to decide something first. */
  async leave() {
    if (!this.saver) return true;
    this.up();
    if (!(await this.saver.flush()) && this.saver.state === "conflict") return false;
    this.saver.stop();
    if (!this.desk.isBlind) this.strip.remember(this.uid, this.pixels.labels);
    return true;
  }

  async close() {
    const isDone = await this.leave();
    if (isDone) this.stage.close();
    return isDone;
  }

  stop() {
    this.saver?.stop();
    this.stage.close();
  }

  async open(uid) {
    Object.assign(this, { uid, isLocked: true, source: null, isPreview: false, points: [], seconds: 0 });
    Object.assign(this, { pixels: null, saver: null, active: 0 });
    this.desk.bar(null);
    this.desk.status("opening");
    this.strip.mark(uid);
    await this.strip.load(uid);
    await this.load();
    if (uid !== this.uid) return;
    this.saver = new Autosave({
      send: () => this.send(), keep: () => this.keep(), say: (state, error) => this.say(state, error),
      last: () => this.sendLast(),
    });
    this.desk.status("saved", null, this.revision);
    this.isLocked = false;
    this.drawList();
    this.readMine();
    this.offer();
    if (this.tool === "repair") this.needSource();
  }

  /** Take the person's labels from the server; blank where a second person paints blindly. */
  async load() {
    const { width, height } = this.desk.photo, answer = await ask(`${this.path}/labels`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (bytes.length !== width * height) {
      throw new Error(`labels must be ${width * height} bytes for this photo, got ${bytes.length}`);
    }
    if (this.desk.isBlind) bytes.fill(0);
    const pixels = new Pixels(width, height, bytes);
    pixels.allowOverlap = this.overlap.checked || this.desk.isBlind;
    pixels.blocked = this.strip.blocked(this.uid);
    const revision = Number(/\d+/.exec(answer.headers.get("ETag") ?? "")?.[0] ?? this.person.revision);
    Object.assign(this, { pixels, revision, stored: bytes.slice() });
    this.stage.draw();
  }

  async send() {
    const { pixels, person } = this, labels = pixels.labels.slice();
    if (this.desk.isBlind) return;
    const query = `annotator=${encodeURIComponent(this.desk.me)}`;
    const headers = { "Content-Encoding": "deflate", "If-Match": `"${this.revision}"` };
    const answer = await sendBytes("PUT", `${this.path}/labels?${query}`, await deflate(labels), headers);
    Object.assign(this, { revision: answer.revision, stored: labels });
    Object.assign(person, { revision: answer.revision, area: answer.area, annotator: this.desk.me });
    person.status = answer.status ?? (person.status === "todo" ? "doing" : person.status);
    this.strip.remember(person.uid, labels);
    this.strip.mark(this.uid);
  }

  /** The page goes: small photos are sent as they are, there is no time to pack anything. */
  sendLast() {
    const { labels } = this.pixels;
    if (labels.length > KEEPALIVE || this.desk.isBlind || this.desk.isReadOnly) return;
    const headers = { "Content-Type": "application/octet-stream", "If-Match": `"${this.revision}"` };
    const path = `${this.path}/labels?annotator=${encodeURIComponent(this.desk.me)}`;
    fetch(path, { method: "PUT", body: labels, headers, keepalive: true }).catch(() => {});
  }

  /** Keep in this browser what the server does not have yet. */
  keep() {
    if (!this.pixels) return;
    const runs = findRuns(this.pixels.labels, this.stored);
    if (!runs.length) return copies.drop(this.copyKey);
    const copy = { revision: this.revision, runs, time: new Date().toISOString(), person: this.person?.index };
    if (!copies.put(this.copyKey, copy)) tell("This browser has no room left for a copy of your work. Make the server answer again before you go on.");
  }

  say(state, error) {
    this.desk.status(state, error, this.revision);
    if (state !== "conflict") return;
    this.isLocked = true;
    this.desk.bar(error.message, [
      ["Load theirs", () => this.takeTheirs(false)], ["Keep mine as a copy", () => this.takeTheirs(true)],
    ]);
  }

  /** Another person saved first: theirs is shown, mine is at most a copy to repair from. */
  async takeTheirs(isKept) {
    if (isKept && !copies.put(`${this.copyKey}:mine`, findRuns(this.pixels.labels))) {
      return tell("This browser has no room left for a copy of your work. Nothing was changed.");
    }
    await this.load();
    copies.drop(this.copyKey);
    this.saver.reset();
    this.isLocked = false;
    this.desk.bar(null);
    this.readMine();
    this.drawList();
  }

  /** Offer what a closed tab, or a server that was gone, left in this browser. */
  offer() {
    const copy = copies.get(this.copyKey), labels = this.pixels.labels.slice();
    if (!copy?.runs) return;
    applyRuns(labels, copy.runs);
    if (!labels.some((label, i) => label !== this.pixels.labels[i])) return copies.drop(this.copyKey);
    this.isLocked = true;
    const pixels = copy.runs.reduce((sum, value, k) => sum + (k % 3 === 1 ? value : 0), 0);
    const since = copy.revision === this.revision ? "" : " Somebody saved this person since.";
    this.desk.bar(`This browser keeps ${pixels.toLocaleString()} pixels of ${clock(copy.time)} that were not saved.${since}`, [
      ["Put them back", () => this.putBack(copy.runs)], ["Forget them", () => this.putBack([])],
    ]);
  }

  putBack(runs) {
    this.isLocked = false;
    this.desk.bar(null);
    copies.drop(this.copyKey);
    const labels = this.pixels.labels.slice();
    applyRuns(labels, runs);
    this.takeAll(labels);
  }

  takeAll(labels) {
    this.pixels.set(0, labels.length, 0, labels);
    this.finishStroke();
  }

  // ---- changes ----------------------------------------------------------------------------

  /** Whether nothing may be painted now. */
  isClosed() {
    const isClosed = this.isLocked || !this.pixels || this.desk.isReadOnly;
    if (isClosed) tell(this.desk.isReadOnly ? "This photo is open for reading only: see the line above it."
      : this.saver ? "Decide first what the line above the photo asks."
        : "This person is still being opened.", "note");
    return isClosed;
  }

  changed() {
    this.show();
    if (this.pixels.open.length) this.saver.touch();
  }

  finishStroke() {
    const hasChanged = this.pixels.commit();
    this.show();
    if (!hasChanged) return;
    this.saver.touch();
    this.keep();
    this.drawList();
  }

  step(way) {
    this.up();
    if (this.isClosed() || !this.pixels[way]()) return;
    this.show();
    this.saver.touch();
    this.keep();
    this.drawList();
  }

  hover(at) {
    super.hover(at);
    this.work();
    const { pixels } = this;
    if (!this.at || !pixels) return;
    const [x, y] = this.at.map(Math.floor), label = pixels.labels[y * pixels.width + x];
    const name = this.labels.find(({ id }) => id === label)?.name ?? "background";
    const taken = !label && pixels.blocked[y * pixels.width + x] ? "another person" : name;
    this.live.textContent = `x ${x}, y ${y}: ${taken}`;
  }

  /** Count the time in which somebody works. */
  work() {
    const now = performance.now();
    if (this.active && now - this.active < IDLE) this.seconds += (now - this.active) / 1000;
    this.active = now;
  }

  // ---- what the model says ----------------------------------------------------------------

  async needRegions() {
    if (this.regions) return;
    const { width, height } = this.desk.photo;
    const bytes = await (await ask(`${this.desk.base}/superpixels`)).arrayBuffer();
    this.regions = new Regions(new Uint32Array(bytes), width, height);
  }

  /** Fetch the model's prediction for this person once; my own copy goes before it. */
  async needSource() {
    if (this.source) return true;
    const { uid } = this;
    const answer = await ask(`${this.path}/prefill`, { method: "POST" });
    const labels = new Uint8Array(await answer.arrayBuffer());
    if (uid === this.uid) this.source = labels;
    return uid === this.uid;
  }

  async togglePreview() {
    if (!(await this.needSource())) return;
    this.isPreview = !this.isPreview;
    this.showSource();
  }

  showSource() {
    this.preview.setAttribute("aria-pressed", String(this.isPreview));
    this.stage.draw();
  }

  async acceptAll() {
    if (this.isClosed() || !(await this.needSource())) return;
    this.isPreview = false;
    this.showSource();
    this.takeAll(this.source);
  }

  /** A copy of mine that somebody else's save put aside takes the place of the prediction. */
  readMine() {
    const runs = copies.get(`${this.copyKey}:mine`);
    this.forget.hidden = !runs;
    this.preview.firstChild.data = runs ? "My copy" : "Prediction";
    this.source = null;
    this.isPreview = false;
    if (runs) {
      this.source = new Uint8Array(this.pixels.labels.length);
      applyRuns(this.source, runs);
    }
    this.showSource();
  }

  forgetMine() {
    copies.drop(`${this.copyKey}:mine`);
    this.readMine();
  }

  // ---- status -----------------------------------------------------------------------------

  /** This person is done: save it and take the next. */
  async finish() {
    if (this.isClosed()) return;
    this.up();
    if (this.desk.isBlind) return this.compare();
    if (!(await this.saver.flush())) return tell("The person is not saved yet, so it cannot be done. It stays open here.");
    const { person } = this, seconds = Math.round((person.seconds ?? 0) + this.seconds);
    const body = { status: "done", annotator: this.desk.me, seconds };
    Object.assign(person, await sendJson("POST", `${this.path}/status`, body), { status: "done", seconds });
    this.seconds = 0;
    this.strip.mark(this.uid);
    this.desk.progress();
    const { persons } = this.desk.photo, at = persons.indexOf(person);
    const next = [...persons.slice(at + 1), ...persons.slice(0, at)].find((p) => p.status === "todo" || p.status === "doing");
    if (next) await this.choose(next.uid);
    else tell("Everybody on this photo is done. Check it now.", "note");
  }

  /** Send what a second person painted blindly; the figures are shown where it is checked. */
  async compare() {
    const { uid } = this, query = `annotator=${encodeURIComponent(this.desk.me)}`;
    const path = `${this.desk.base}/review/${encodeURIComponent(uid)}?${query}`;
    const headers = { "Content-Encoding": "deflate" };
    this.desk.reviews.set(uid, await sendBytes("POST", path, await deflate(this.pixels.labels), headers));
    copies.drop(this.copyKey);
    this.stored = this.pixels.labels.slice();
    this.desk.go("check", uid);
    return null;
  }
}
