/** Annotate: the list of photos, and the screen of one photo with its three steps. */

import { makeMenu, makeReport } from "./annotate_exchange.js";
import { ask, getJson, make, sendJson, sentenceOf, tell } from "./api.js";
import { copies } from "./autosave.js";

const ROOT = "/api/project";
const SHOWN = 100; // rows of the list at first, and more at a time
const CALL = 10_000; // ms between calls that say a photo is open
const STEPS = { count: ["1", "Count"], paint: ["2", "Paint"], check: ["3", "Check"] };
const STATES = { todo: "to count", counted: "counted", painting: "in work", painted: "painted", checked: "checked" };
const SAVING = { opening: "Opening", saved: "Saved", waiting: "Not saved yet", saving: "Saving", conflict: "Not saved: another version", gone: "Not saved, kept in this browser" };
const KEYS = [
  ["Space", "place a person, lower and lift the brush"], ["1\u20139 A\u2013K", "choose the part"],
  ["Q W T S R", "brush, eraser, polygon, superpixels, repair"], ["[ ]", "smaller, larger brush"],
  ["Alt Click", "take the part under the pointer"], ["Enter Esc", "close the polygon, drop it"],
  ["V", "hold for the bare photo"], [", .", "less colour, more colour"], ["P", "show the prediction"],
  ["Ctrl Z Ctrl Y", "undo, redo"], ["Page \u2191 Page \u2193", "person before, next person"],
  ["Ctrl \u21b5", "done, take the next"], ["M + \u2212 =", "move the photo, zoom in, out, fit"],
  ["O T", "counting: occluded, truncated"],
];
const client = Math.random().toString(36).slice(2);
const address = (...parts) => `#annotate${parts.map((part) => `/${encodeURIComponent(part)}`).join("")}`;

/** Start the page's Annotate part in its section. */
export async function start(root) {
  await new Annotate(root).start();
}

class Annotate {
  constructor(root) {
    Object.assign(this, { root, shown: SHOWN, filter: "", screen: null });
    this.me = copies.get("annotator") ?? "";
    root.classList.add("annotate");
    addEventListener("hashchange", () => this.route());
    addEventListener("keydown", (event) => this.key(event));
    addEventListener("keyup", (event) => this.screen?.step?.keyUp?.(event));
  }

  async start() {
    const keys = document.querySelector("[data-keys=annotate]");
    keys?.append(make("dl", {}, ...KEYS.flatMap(([key, text]) => [
      make("dt", {}, ...key.split(" ").map((one) => make("kbd", {}, one))), make("dd", {}, text),
    ])));
    if (keys) keys.hidden = false;
    const look = make("link", { rel: "stylesheet", href: "annotate.css" });
    await new Promise((done) => {
      look.onload = look.onerror = done;
      document.head.append(look);
    });
    await this.route();
  }

  /** Show what the address says; a screen that still has to decide something stays. */
  async route() {
    const [tab, kind, id, step, uid] = location.hash.slice(1).split("/").map(decodeURIComponent);
    this.isAgain = this.isBusy;
    if (tab !== "annotate" || this.isBusy) return;
    this.isBusy = true;
    try {
      if (this.screen?.id === id && kind === "photo") await this.screen.open(step, uid);
      else if (this.screen && !(await this.screen.close())) history.replaceState(null, "", this.screen.address);
      else await this.show(kind, id, step, uid);
    } catch (fault) {
      tell(sentenceOf(fault));
      if (!this.screen) this.showFault(fault);
    } finally {
      this.isBusy = false;
    }
    if (this.isAgain) await this.route();
  }

  async show(kind, id, step, uid) {
    this.screen = null;
    if (kind === "photo") {
      this.project ??= await getJson(ROOT);
      if (!this.me) this.setName(`Annotator ${client.slice(0, 3)}`);
      this.screen = new PhotoScreen(this, id);
      this.root.replaceChildren(this.screen.node);
      await this.screen.start(step, uid);
    } else if (kind === "statistics") {
      const { makeStatistics } = await import("./annotate_statistics.js");
      const found = await getJson(`${ROOT}/statistics`);
      this.root.replaceChildren(make("div", { class: "home" }, this.makeHead("Statistics", address(), "All photos"),
        makeStatistics(found)));
    } else await this.showHome();
  }

  showFault(fault) {
    this.root.replaceChildren(make("div", { class: "home" }, make("h2", {}, "No project"),
      make("p", {}, sentenceOf(fault)), make("p", { class: "faint" }, "Open a folder of photos to annotate: ",
        make("code", {}, "peopleparse studio FOLDER"))));
  }

  setName(name) {
    this.me = name.trim();
    copies.put("annotator", this.me);
  }

  key(event) {
    const { target } = event, isField = target.matches?.("input:not([type=checkbox], [type=range]), select, textarea");
    const presses = target.matches?.("button, a, summary, input") && [" ", "Enter"].includes(event.key) && !event.ctrlKey;
    const slides = target.matches?.("input[type=range]") && /^(Arrow|Page|Home|End)/.test(event.key);
    if (!this.root.checkVisibility() || isField || presses || slides || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    if (this.screen?.step?.key(event)) event.preventDefault();
  }

  // ---- the list of photos -----------------------------------------------------------------

  makeHead(title, href, text) {
    return make("header", { class: "headline" }, href ? make("a", { class: "button", href }, `\u2190 ${text}`) : null, make("h2", {}, title));
  }

  async showHome() {
    this.project = await getJson(ROOT);
    const { project } = this, persons = project.photos.reduce((sum, photo) => sum + photo.persons, 0);
    const done = project.photos.reduce((sum, photo) => sum + photo.done, 0);
    const name = make("input", { type: "text", name: "annotator", autocomplete: "off", maxlength: "60", value: this.me,
      onchange: (event) => this.setName(event.target.value) });
    const filter = make("select", { name: "state", onchange: () => this.fill(filter.value) },
      make("option", { value: "" }, "all photos"),
      ...Object.entries(STATES).map(([value, text]) => make("option", { value }, text)));
    this.rows = make("tbody", {});
    this.more = make("button", { type: "button", onclick: () => this.fill(this.filter, this.shown + SHOWN) }, "Show more");
    this.report = make("div", { "aria-live": "polite" });
    const head = this.makeHead(project.name);
    head.append(make("label", { class: "line" }, "Your name", name), make("a", { class: "button", href: address("statistics") }, "Statistics"),
      makeMenu(ROOT, project.name, (title, report) => this.showReport(title, report)));
    this.root.replaceChildren(make("div", { class: "home" }, head,
      ...(project.notes ?? []).map((note) => make("p", { class: "note" }, note)),
      make("p", { class: "faint" }, `${project.photos.length} photos, ${done} of ${persons} persons painted. Labels: ${project.labels.length - 1} parts of ${project.scheme}.`),
      meter(done, persons, "Persons painted"), this.report, make("label", { class: "line" }, "Show", filter),
      make("table", { class: "photos" }, make("caption", { class: "hidden" }, "Photos of the project"),
        make("thead", {}, make("tr", {}, ...["Photo", "State", "Persons", "Size", "Open at"].map((text) => make("th", { scope: "col" }, text)))), this.rows),
      this.more));
    this.fill("", SHOWN);
  }

  /** Say what an export or import did; the list may have changed. */
  async showReport(title, report) {
    await this.showHome();
    this.report.replaceChildren(makeReport(title, report));
  }

  fill(filter, shown = SHOWN) {
    Object.assign(this, { filter, shown });
    const photos = this.project.photos.filter((photo) => !filter || photo.state === filter);
    this.rows.replaceChildren(...photos.slice(0, shown).map((photo) => this.makeRow(photo)));
    if (!photos.length) this.rows.append(make("tr", {}, make("td", { colSpan: 5 }, "No photo is in this state.")));
    this.more.hidden = photos.length <= shown;
  }

  makeRow({ id, name, state, persons, done, width, height, holder, fault }) {
    const step = state === "todo" ? "count" : state === "painted" || state === "checked" ? "check" : "paint";
    const kept = copies.keys(keyOf(this.project, id)).length;
    return make("tr", {}, make("td", {}, make("a", { href: address("photo", id, step) }, name),
      kept ? make("small", { class: "bad" }, "unsaved work in this browser") : null, fault ? make("small", { class: "bad" }, fault) : null),
    make("td", {}, make("span", { class: `state ${state}` }, STATES[state])),
    make("td", {}, persons ? meter(done, persons, `Persons painted of ${name}`) : null, persons ? ` ${done} of ${persons}` : "\u2013"),
    make("td", {}, `${width} \u00d7 ${height}`), make("td", {}, holder?.annotator ?? ""));
  }
}

const keyOf = (project, id) => `annotate:${project.name}:${id}:`;

function meter(value, max, label) {
  return make("meter", { value, max: max || 1, "aria-label": label });
}

/** One photo with its steps; what they need of each other and of the server. */
class PhotoScreen {
  constructor(app, id) {
    Object.assign(this, { app, id, project: app.project, step: null, isReadOnly: false, isBlind: false,
      reviews: new Map(), place: null });
    this.base = `${ROOT}/photos/${encodeURIComponent(id)}`;
    this.key = keyOf(app.project, id);
    this.saving = make("span", { class: "saving", role: "status" });
    this.line = make("div", { class: "ask", role: "alert", hidden: true });
    this.holderLine = make("div", { class: "ask", role: "alert", hidden: true });
    this.tabs = make("nav", { "aria-label": "Steps" });
    this.body = make("div", { class: "body" });
    this.title = make("h2", {}, id);
    this.node = make("div", { class: "screen" }, make("header", { class: "headline" },
      make("a", { class: "button", href: address() }, "\u2190 Photos"), this.title, this.tabs, this.saving),
    this.holderLine, this.line, this.body);
    this.leaving = () => this.call({ leave: true }, true);
  }

  get me() {
    return this.app.me;
  }

  get address() {
    return address("photo", this.id, this.now, ...(this.step?.uid ? [this.step.uid] : []));
  }

  async start(step, uid) {
    await this.refresh();
    this.title.textContent = this.photo.name;
    if (this.photo.read_only) this.setReader("This project is open for reading only. Copy it to a folder of your own to annotate it.");
    else await this.call({});
    this.timer = setInterval(() => this.call({}).catch(() => {}), CALL);
    addEventListener("pagehide", this.leaving);
    await this.open(step, uid);
  }

  async refresh() {
    this.photo = await getJson(this.base);
    for (const fault of this.photo.faults ?? []) tell(fault);
  }

  /** Take what the server answered as the photo of now. */
  take(photo) {
    this.photo = { ...this.photo, ...photo };
    this.progress();
  }

  /** Open one of the steps, at a person where one is named. */
  async open(wanted, uid) {
    const step = STEPS[wanted] && (wanted === "count" || this.photo.persons.length) ? wanted : "count";
    if (step === this.now && this.step) return uid && this.step.choose?.(uid);
    if (this.step && !(await this.step.close())) return history.replaceState(null, "", this.address);
    if (this.step) await this.refresh();
    if (step !== "paint") this.isBlind = false;
    this.now = step;
    this.bar(null);
    const names = { count: "CountStep", paint: "PaintStep", check: "CheckStep" };
    const module = await import(`./annotate_${step}.js`);
    this.step = new module[names[step]](this);
    this.status("opening");
    this.body.replaceChildren(this.step.node);
    this.progress();
    await this.step.start(uid);
    return null;
  }

  async close() {
    if (this.step && !(await this.step.close())) return false;
    clearInterval(this.timer);
    removeEventListener("pagehide", this.leaving);
    this.call({ leave: true }).catch(() => {});
    return true;
  }

  go(...where) {
    location.hash = address("photo", this.id, ...where);
  }

  /** Tabs with how far each step is. */
  progress() {
    const { persons } = this.photo, count = (...of) => persons.filter((one) => of.includes(one.status)).length;
    const told = { count: persons.length || "", paint: persons.length ? `${count("done", "checked")}/${persons.length}` : "", check: persons.length ? `${count("checked")}/${persons.length}` : "" };
    this.tabs.replaceChildren(...Object.entries(STEPS).map(([name, [number, title]]) => {
      const link = make("a", { href: address("photo", this.id, name) }, make("b", {}, number), title, make("small", {}, String(told[name])));
      if (name === this.now) link.setAttribute("aria-current", "step");
      return link;
    }));
  }

  /** Say how saving stands. */
  status(state, error, revision) {
    const goneFor = state === "gone" && error?.status ? `: ${error.message}` : state === "gone" ? ": the studio does not answer. It is sent as soon as it does." : "";
    this.saving.dataset.state = state;
    this.saving.textContent = `${SAVING[state] ?? ""}${goneFor}${state === "saved" ? ` \u00b7 revision ${revision}` : ""}`;
  }

  /** Ask something in the line above the photo; null takes it away. */
  bar(sentence, answers = []) {
    this.line.hidden = !sentence;
    this.line.replaceChildren(sentence ?? "", ...answers.map(([text, onclick]) => make("button", { type: "button", onclick }, text)));
  }

  async setOverlap(isAllowed) {
    if (Boolean(this.photo.allow_overlap) === isAllowed || this.isReadOnly) return;
    const persons = this.photo.persons.map(({ uid, click, occluded, truncated }) => ({ uid, click, occluded, truncated }));
    const body = { revision: this.photo.revision, persons, allow_overlap: isAllowed, annotator: this.me };
    const { revision, allow_overlap } = await sendJson("PUT", `${this.base}/persons`, body);
    Object.assign(this.photo, { revision, allow_overlap });
  }

  // ---- who else is here -------------------------------------------------------------------

  /** Say that this photo is open here; learn who has it. */
  async call(more, keepalive = false) {
    const body = JSON.stringify({ annotator: this.me, client, ...more });
    const headers = { "Content-Type": "application/json" };
    const options = { method: "POST", body, headers, keepalive };
    if (keepalive) return void fetch(`${this.base}/presence`, options).catch(() => {});
    const { holder } = await (await ask(`${this.base}/presence`, options)).json();
    const isOther = holder && holder.client !== client && !more.leave;
    if (isOther) this.setReader(`${holder.annotator} has this photo open. You can look; two people painting would get in each other's way.`, true);
    else if (!this.photo.read_only) this.setReader(null);
    return null;
  }

  setReader(sentence, canTake = false) {
    this.isReadOnly = Boolean(sentence);
    this.holderLine.hidden = !sentence;
    this.node.classList.toggle("reading", this.isReadOnly);
    if (this.holderLine.firstChild?.textContent === sentence) return;
    this.holderLine.replaceChildren(sentence ?? "", ...(canTake ? [make("button", { type: "button", onclick: () => this.takeOver() }, "Take over")] : []));
  }

  async takeOver() {
    await this.call({ take: true });
    const { now } = this, uid = this.step?.uid;
    await this.refresh();
    this.step?.stop?.();
    this.step = null;
    await this.open(now, uid);
  }
}
