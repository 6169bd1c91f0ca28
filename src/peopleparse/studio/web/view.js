/** View: photos and results, what is shown of them, and how they compare. */

import { make, sentenceOf, tell } from "./api.js";
import { DIFFERENCE, channels, colorTable, compareMaps, pack } from "./draw.js";
import { Shelf, matchLabels } from "./view_items.js";
import { ShelfList, filePicker, listenForFiles, titleOf } from "./view_shelf.js";
import { Camera, Stage } from "./view_stage.js";
import { drawSide, labelName, percent, wordsFor } from "./view_side.js";
import { addDivider, compareMenu, downloadMenu, drawTip, listenToKeys, welcome, zoomBar } from "./view_parts.js";

const START = { opacity: 0.6, colorBy: "part", outlines: true, bare: false, mode: "one", split: 0.5 };

const whenIdle = (work) => (window.requestIdleCallback
  ? requestIdleCallback((idle) => work(() => idle.timeRemaining())) : setTimeout(() => work(() => 1000), 200));

/** Start View in its section; the object stays on the section for tests and curious people. */
export async function start(root) {
  root.view = new View(root);
  await root.view.begin();
}

class View {
  constructor(root) {
    this.root = root;
    this.state = { ...START, hiddenPersons: new Set(), hiddenLabels: new Set(), pinned: null, others: [] };
    this.camera = new Camera();
    this.shelf = new Shelf();
    this.list = new ShelfList(this, this.shelf);
    this.panes = [];
    this.loaded = null;
    this.others = [];
    this.comparison = null;
    this.pointer = null;
    this.focus = null;
    this.frame = 0;
    this.stale = { base: false, over: false };
    this.build();
  }

  build() {
    const { input, folder } = filePicker((files, left) => this.list.parse(files, left));
    this.choose = () => input.click();
    this.chooseFolder = () => folder.click();
    this.title = make("h2", { dir: "auto" });
    this.menus = make("div", { class: "zoom" });
    this.zoomText = make("span", { class: "scale-text" });
    this.stages = make("div", { class: "panes" });
    this.status = make("div", { class: "status", role: "status", "aria-live": "polite" });
    this.side = make("aside", { class: "side", "aria-label": "Persons and parts" });
    this.tip = make("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    const add = make("button", { type: "button", class: "primary", onclick: this.choose }, "Add photos");
    this.frameNode = make("div", { class: "view" },
      make("div", { class: "shelf" }, add, this.list.list),
      make("div", { class: "middle" }, make("div", { class: "bar" }, this.title, this.menus, zoomBar(this)), this.stages, this.status),
      this.side);
    this.welcome = welcome(this);
    this.root.append(input, folder, this.welcome, this.frameNode, this.tip);
    listenForFiles(this.root, (files, left) => this.list.parse(files, left));
    listenToKeys(this);
    this.changed();
  }

  async begin() {
    await this.list.start();
    const first = this.list.items.find(({ id }) => id);
    if (first && !this.loaded) await this.open(first.id);
  }

  /** The shelf has more or fewer rows: show the first screen only while it is empty. */
  changed() {
    const isEmpty = !this.list.items.length;
    this.welcome.hidden = !isEmpty;
    this.frameNode.hidden = isEmpty;
  }

  /** Show an item; what was compared before is let go. */
  async open(id) {
    this.opening = id;
    this.list.mark(id);
    this.title.classList.add("busy");
    try {
      const loaded = await this.shelf.get(id);
      if (this.opening !== id) return;
      const isSameSize = this.loaded?.map.width === loaded.map.width && this.loaded?.map.height === loaded.map.height;
      this.loaded = loaded;
      Object.assign(this.state, { pinned: null, mode: "one", others: [] });
      this.state.hiddenPersons.clear();
      this.list.loaded(loaded);
      this.others = [];
      this.layout();
      if (!isSameSize) this.fit();
    } catch (fault) {
      if (this.opening === id) tell(sentenceOf(fault));
    } finally {
      if (this.opening === id) this.title.classList.remove("busy");
    }
  }

  /** Ids of items that can be compared with the open one. */
  get candidates() {
    const { item } = this.loaded, same = new Set(item.same_photo);
    return this.list.items.filter(({ id }) => id && id !== item.id && same.has(id));
  }

  /** Compare with other results: "side", "swipe", "difference"; "one" ends it. */
  async compare(mode, ids) {
    const { loaded } = this;
    try {
      const others = await Promise.all((mode === "one" ? [] : ids).map((id) => this.shelf.get(id)));
      if (loaded !== this.loaded) return;
      for (const other of others) this.list.loaded(other);
      this.others = others;
      Object.assign(this.state, { mode: others.length ? mode : "one", others: others.map(({ item }) => item.id), pinned: null });
      this.layout();
    } catch (fault) {
      tell(sentenceOf(fault));
    }
  }

  /** Make the panes for the mode, and everything around them. */
  layout() {
    const { mode } = this.state, { loaded, others } = this;
    const wanted = mode === "side" ? 1 + others.length : 1;
    while (this.panes.length > wanted) this.panes.pop().close();
    while (this.panes.length < wanted) {
      this.panes.push(new Stage(this, "Photo"));
      this.stages.append(this.panes.at(-1).node);
    }
    this.stages.classList.toggle("many", wanted > 3);
    this.comparison = null;
    if (others.length) {
      const toFirst = matchLabels(loaded, others[0]);
      this.comparison = { ...compareMaps(loaded.map, others[0].map, toFirst), other: others[0], toFirst };
    }
    this.focus = this.pointer = this.pixel = this.hit = null;
    this.tip.hidden = true;
    this.panes.forEach((pane, n) => this.fill(pane, mode === "side" ? [loaded, ...others][n] : loaded));
    this.title.textContent = loaded.item.name;
    this.makeMenus();
    this.recolor();
    this.panes.forEach((pane) => pane.resize());
    drawSide(this.side, this);
    this.say();
  }

  /** Menus stay, and the keyboard in them, while what they offer is the same. */
  makeMenus() {
    const offered = [this.loaded.item.id, ...this.candidates.map(({ id }) => id)].join();
    if (offered === this.offered && this.state.mode !== "one") return;
    this.offered = offered;
    const isOpen = Boolean(this.menus.querySelector("details:first-child[open]:focus-within"));
    this.menus.replaceChildren(compareMenu(this), downloadMenu(this));
    if (!isOpen) return;
    this.menus.firstChild.open = true;
    this.menus.firstChild.firstChild.focus();
  }

  fill(pane, result) {
    const { mode, split } = this.state, other = this.others[0];
    const whole = (one, from, to) => ({ of: one, map: one.map, heads: one.heads, from, to });
    pane.photo = result.photo ?? this.loaded.photo;
    pane.shown = mode === "swipe" ? [whole(result, 0, split), whole(other, split, 1)]
      : mode === "difference" ? [{ of: null, map: this.comparison.map, from: 0, to: 1 }] : [whole(result, 0, 1)];
    pane.node.setAttribute("aria-label", `Photo ${titleOf(result.item)}. Arrow keys move it, plus and minus zoom.`);
    pane.node.querySelectorAll(".name, .divider").forEach((node) => node.remove());
    if (mode === "side") pane.node.append(make("span", { class: "name", dir: "auto" }, titleOf(result.item)));
    if (mode === "swipe") addDivider(this, pane, titleOf(result.item), titleOf(other.item));
  }

  /** Colours of every result anew, after anything is shown or hidden. */
  recolor() {
    const { colorBy, hiddenPersons, hiddenLabels } = this.state;
    for (const pane of this.panes) {
      for (const one of pane.shown) {
        if (one.of) {
          one.table = colorTable(one.map, { byPerson: colorBy === "person", colors: one.of.colors, hiddenPersons, hiddenLabels });
          one.persons = one.of.persons.filter((person) => one.heads.has(person) && !hiddenPersons.has(person));
        } else {
          one.table = new Uint32Array(65536);
          for (const [code, color] of Object.entries(DIFFERENCE)) one.table[256 + Number(code)] = pack(channels(color));
        }
        one.byConfidence = colorBy === "confidence" && Boolean(one.of);
      }
    }
    this.draw("base", "over");
  }

  set(change) {
    Object.assign(this.state, change);
    this.draw("base");
  }

  setColorBy(colorBy) {
    this.state.colorBy = colorBy;
    this.recolor();
    this.redrawSide();
  }

  /** Show or hide persons or parts: `which` is "hiddenPersons" or "hiddenLabels". */
  show(which, ids, on) {
    for (const id of ids) this.state[which][on ? "delete" : "add"](id);
    this.recolor();
    const name = which === "hiddenPersons" ? "person" : "label";
    for (const box of this.side.querySelectorAll(`.${which === "hiddenPersons" ? "people" : "parts"} input`)) {
      box.checked = !this.state[which].has(Number(box.closest("li").dataset[name]));
    }
  }

  /** Build the side anew and keep the keyboard where it was. */
  redrawSide() {
    const at = [...this.side.querySelectorAll("input, button")].indexOf(document.activeElement);
    drawSide(this.side, this);
    if (at >= 0) this.side.querySelectorAll("input, button")[at]?.focus();
  }

  fit() {
    const { width, height } = this.loaded.map, { base } = this.panes[0];
    this.camera.fit(width, height, base.width, base.height);
    this.draw("base", "over");
  }

  resized(pane) {
    if (pane === this.panes[0] && this.camera.fitted && this.loaded) this.fit();
    else this.draw("base", "over");
  }

  /** Move or zoom the photo. */
  moved(change) {
    if (!this.loaded) return;
    const { width, height } = this.loaded.map, { base } = this.panes[0];
    change(this.camera);
    this.camera.clamp(width, height, base.width, base.height);
    this.draw("base", "over");
  }

  zoomBy(factor) {
    const { base } = this.panes[0];
    this.moved((camera) => camera.zoom(factor, base.width / 2, base.height / 2));
  }

  zoomTo(scale) {
    this.zoomBy((scale * this.panes[0].ratio) / this.camera.scale);
  }

  /** Remember where the pointer is; the next frame says what is there. */
  pointAt(pane, event) {
    this.pointer = event ? { pane, clientX: event.clientX, clientY: event.clientY } : null;
    this.draw("point");
  }

  pin(pane, event) {
    const found = pane.hit(...pane.pixelAt(event));
    const { pinned } = this.state;
    const same = pinned && found && pinned.person === found.person && pinned.label === found.label && pinned.map === found.map;
    this.setPinned(this.state.mode === "difference" || same ? null : found);
  }

  /** Keep the focus on a part or person until Escape. */
  setPinned(pinned) {
    const before = this.state.pinned?.person;
    this.state.pinned = pinned;
    if (before !== pinned?.person) this.redrawSide();
    this.draw("over");
    this.say();
  }

  pinFocus({ person, label }) {
    this.setPinned({ person, label, map: this.loaded.map });
  }

  /** Pin the next person in the list, or the one before. */
  step(by) {
    const { persons, map } = this.loaded, here = persons.filter((person) => this.loaded.heads.has(person));
    if (!here.length) return;
    const at = here.indexOf(this.state.pinned?.person ?? -1);
    const next = at < 0 ? (by > 0 ? 0 : here.length - 1) : (at + by + here.length) % here.length;
    this.setPinned({ person: here[next], label: 0, map });
  }

  /** Open the next photo of the shelf, or the one before. */
  stepItem(by) {
    const items = this.list.items.filter(({ id }) => id), at = items.findIndex(({ id }) => id === this.loaded?.item.id);
    if (items.length > 1) this.open(items[(at + by + items.length) % items.length].id);
  }

  /** A row of the side points at a person or part. */
  focusRow(focus) {
    this.focus = focus ? { ...focus, map: this.state.mode === "side" ? null : this.loaded.map } : null;
    this.pointer = null;
    this.draw("over");
    this.say();
  }

  /** Everything that happens between two frames is drawn once. */
  draw(...what) {
    for (const one of what) this.stale[one] = true;
    this.frame ||= requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    this.frame = 0;
    const { stale } = this;
    this.stale = {};
    if (!this.loaded) return;
    if (stale.point) stale.over = this.point() || stale.over;
    const { bare, outlines, opacity, mode } = this.state;
    if (stale.base) {
      for (const pane of this.panes) {
        for (const one of pane.shown) one.opacity = one.of ? opacity : Math.max(opacity, 0.3);
        pane.drawBase({ bare, outlines: outlines && mode !== "difference", faded: mode === "difference" });
      }
      this.zoomText.textContent = `${Math.round((100 * this.camera.scale) / this.panes[0].ratio)} %`;
    }
    if (stale.over || stale.base) this.drawOver();
    if (stale.base && !this.warming) this.warming = whenIdle((left) => this.warm(left));
  }

  /** Make outlines that will be wanted, while nothing else is to do. */
  warm(left) {
    const isDone = this.panes.every((pane) => pane.warm(left));
    this.warming = isDone ? null : whenIdle((more) => this.warm(more));
  }

  drawOver() {
    for (const pane of this.panes) {
      const focus = this.focusOf(pane), isOther = this.pointer && this.pointer.pane !== pane;
      if (this.state.bare) pane.drawOver();
      else pane.drawOver(focus ?? {}, isOther && this.pixel ? this.pixel : null);
    }
  }

  /** What a pane brings out: what is pinned, pointed at here or in the linked pane, or in a list. */
  focusOf(pane) {
    if (this.state.mode === "difference") return null;
    if (this.state.pinned) return this.state.pinned;
    if (this.pointer && this.pixel) return pane === this.pointer.pane ? this.hit : pane.hit(...this.pixel);
    return this.focus;
  }

  /** Look at the pixel under the pointer; return whether what is there changed. */
  point() {
    const before = this.hit, had = this.pixel;
    this.pixel = this.pointer ? this.pointer.pane.pixelAt(this.pointer) : null;
    this.hit = this.pixel ? this.pointer.pane.hit(...this.pixel) : null;
    const same = before?.person === this.hit?.person && before?.label === this.hit?.label && before?.map === this.hit?.map;
    const moved = this.panes.length > 1 && String(had) !== String(this.pixel);
    drawTip(this.tip, this.pointer, this.wordsAt());
    if (!same || this.state.mode === "difference") this.say();
    if (!same) this.markRows(this.hit);
    return !same || moved;
  }

  markRows(hit) {
    for (const li of this.side.querySelectorAll("li[data-label]")) {
      const { person, label } = li.dataset;
      li.classList.toggle("on", Boolean(hit) && (label === "0" ? Number(person) === hit.person : Number(label) === hit.label));
    }
  }

  wordsAt() {
    if (this.state.mode === "difference") return this.wordsOfDifference();
    if (!this.hit) return [];
    const loaded = [this.loaded, ...this.others].find(({ map }) => map === this.hit.map);
    return wordsFor(loaded, this.hit);
  }

  wordsOfDifference() {
    const { pixel } = this, { width, height } = this.loaded.map;
    if (!pixel || Math.min(...pixel) < 0 || pixel[0] >= width || pixel[1] >= height) return [];
    return [this.loaded, this.others[0]].map((one) => `${titleOf(one.item)}: ${labelName(one, one.map.at(...pixel)?.label ?? 0)}`);
  }

  /** Say what is under the pointer, or pinned, for eyes and screen readers. */
  say() {
    const { pinned } = this.state;
    const told = pinned ?? this.focus ?? null;
    const loaded = told && ([this.loaded, ...this.others].find(({ map }) => map === told.map) ?? this.loaded);
    const words = pinned || (told && !this.pointer) ? wordsFor(loaded, told) : this.wordsAt();
    const text = words.length ? words.join(", ") + (pinned ? " (pinned, Escape lets go)" : "") : this.rest();
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  rest() {
    const { item, persons, map } = this.loaded;
    if (this.comparison) return `${percent(this.comparison.differing / (map.width * map.height))} of the pixels differ. Point at the photo to see where.`;
    return `${persons.length} ${persons.length === 1 ? "person" : "people"} in ${item.name}. Point at someone; press ? for shortcuts.`;
  }
}
