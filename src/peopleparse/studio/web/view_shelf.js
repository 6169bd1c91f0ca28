/** The list of photos and results with their little pictures, and what is being parsed. */

import { getJson, make, sentenceOf, tell } from "./api.js";
import { drawFile, drawThumb } from "./view_items.js";
import { ACCEPTED, filesOf, parseFile, photosAmong } from "./view_files.js";

const KINDS = { result: "result", truth: "truth", photo: "photo, not parsed yet" };

/** What tells an item apart from another of the same photo. */
export function titleOf({ name, system, kind }) {
  return [...new Set([name, system || (kind === "truth" ? "truth" : name)])].join(" \u00b7 ");
}

function factsOf(item) {
  if (item.fault) return item.fault;
  if (item.file) return item.parsing ? "finding people" : "waiting";
  const size = item.width ? `${item.width}\u00a0\u00d7\u00a0${item.height}` : null;
  const people = item.persons === null || item.persons === undefined ? null : `${item.persons} ${item.persons === 1 ? "person" : "people"}`;
  const kind = item.kind === "result" ? item.system : item.system || KINDS[item.kind];
  return [kind === item.name ? null : kind, people, size].filter(Boolean).join(" \u00b7 ");
}

/** Ask for files; calls `add` with them. */
export function filePicker(add) {
  const input = make("input", { type: "file", name: "photos", accept: ACCEPTED, multiple: true, hidden: true, "aria-label": "Photos" });
  const folder = make("input", { type: "file", name: "folder", hidden: true, "aria-label": "Folder" });
  folder.webkitdirectory = true;
  input.addEventListener("change", () => {
    add([...input.files]);
    input.value = "";
  });
  folder.addEventListener("change", () => {
    const { files, left } = photosAmong([...folder.files]);
    add(files, left);
    folder.value = "";
  });
  return { input, folder };
}

/** The list; `hub.open(id)` shows an item, `hub.changed()` hears that there are more or fewer. */
export class ShelfList {
  constructor(hub, shelf) {
    this.hub = hub;
    this.shelf = shelf;
    this.items = [];
    this.rows = new Map(); // item -> {li, canvas, facts}
    this.queue = Promise.resolve();
    this.thumbs = Promise.resolve();
    this.list = make("ul", { "aria-label": "Photos" });
    this.seen = new IntersectionObserver((entries) => entries.forEach((entry) => entry.isIntersecting && this.wantThumb(entry.target)));
    this.list.addEventListener("keydown", (event) => this.keys(event));
  }

  async start() {
    for (const item of await getJson("/api/items")) this.add(item);
  }

  add(item) {
    const canvas = make("canvas", { class: "thumb", width: 288, height: 216, "aria-hidden": "true" });
    const facts = make("small", {}, factsOf(item));
    const button = make("button", { type: "button", class: "item", title: item.name, onclick: () => item.id && this.hub.open(item.id) },
      canvas, make("b", { dir: "auto" }, item.name), facts);
    const li = make("li", {}, button);
    this.items.push(item);
    this.rows.set(item, { li, canvas, facts, button });
    this.list.append(li);
    li.item = item;
    this.update(item);
    this.seen.observe(li);
    this.hub.changed();
    return item;
  }

  update(item) {
    const { facts, button, li } = this.rows.get(item);
    facts.textContent = factsOf(item);
    facts.className = item.fault ? "bad" : item.file && item.parsing ? "busy" : "";
    button.disabled = !item.id && !item.fault;
    if (item.fault && !li.querySelector(".link")) {
      li.append(make("button", { type: "button", class: "link", "aria-label": `Remove ${item.name}`, onclick: () => this.remove(item) }, "Remove"));
    }
  }

  remove(item) {
    this.rows.get(item).li.remove();
    this.rows.delete(item);
    this.items = this.items.filter((other) => other !== item);
    this.hub.changed();
  }

  /** Mark the item that is open. */
  mark(id) {
    for (const [item, { button }] of this.rows) {
      if (item.id === id) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      if (item.id === id) button.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  /** What a result turned out to be: its size, persons and little picture. */
  loaded(loaded) {
    const item = this.items.find(({ id }) => id === loaded.item.id);
    if (!item) return;
    const { kind, width, height } = loaded.item;
    Object.assign(item, { kind, width, height, persons: loaded.persons.length });
    const { canvas } = this.rows.get(item);
    this.update(item);
    if (canvas.dataset.drawn === "all") return;
    canvas.dataset.drawn = "all";
    drawThumb(canvas, loaded);
  }

  /** One after another, so that the open photo comes first; a photo waits until it is opened. */
  wantThumb(li) {
    this.seen.unobserve(li);
    const { item } = li;
    if (!item.id || item.kind === "photo") return;
    this.thumbs = this.thumbs.then(async () => {
      if (this.rows.get(item)?.canvas.dataset.drawn) return;
      this.loaded(await this.shelf.get(item.id));
    }).catch(() => { /* opening it says what is wrong */ });
  }

  keys(event) {
    const buttons = [...this.list.querySelectorAll("button.item")], at = buttons.indexOf(event.target);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    buttons[Math.max(0, Math.min(buttons.length - 1, to))].focus();
  }

  /** Parse files one after another; each has a row from the start, and the first opens. */
  parse(files, left = 0) {
    if (left) tell(`${left} ${left === 1 ? "file is" : "files are"} no photo by name and stayed out.`, "note");
    if (!files.length && !left) tell("There was no photo in that. Drop, paste or choose a JPEG, PNG, WebP, BMP or TIFF file.");
    const added = files.map((file) => this.add({ file, name: file.name || "pasted photo.png", kind: "photo" }));
    let opened = false;
    for (const item of added) {
      this.queue = this.queue.then(() => this.parseOne(item)).then((isGood) => {
        if (isGood && !opened) this.hub.open(item.id);
        opened ||= isGood;
      });
    }
    return this.queue;
  }

  async parseOne(item) {
    const { file } = item;
    item.parsing = true;
    this.update(item);
    drawFile(this.rows.get(item).canvas, file);
    try {
      const found = await parseFile(file, item.name);
      Object.assign(item, { ...found, persons: found.persons.length, file: null });
      for (const name of found.dropped ?? []) tell(`The result of ${name} made room for newer ones: open that photo again to see it.`, "note");
    } catch (fault) {
      item.fault = sentenceOf(fault);
      tell(item.fault);
    }
    item.parsing = false;
    item.file = null;
    this.update(item);
    return !item.fault;
  }
}

/** Drop anywhere on the page, and paste. */
export function listenForFiles(root, add) {
  const isFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dropping", depth > 0);
  };
  const on = (kind, handle) => window.addEventListener(kind, (event) => {
    if (root.hidden || !isFiles(event)) return;
    event.preventDefault();
    handle(event);
  });
  on("dragenter", () => mark(1));
  on("dragleave", () => mark(-1));
  on("dragover", () => {});
  on("drop", async (event) => {
    mark(-depth);
    const { files, left } = await filesOf(event.dataTransfer);
    add(files, left);
  });
  window.addEventListener("paste", async (event) => {
    if (root.hidden || !event.clipboardData?.files.length) return;
    event.preventDefault();
    add((await filesOf(event.clipboardData)).files);
  });
}
