/** Smaller pieces of View: first screen, menus, zoom buttons, note at the pointer, shortcuts. */

import { make } from "./api.js";
import { titleOf } from "./view_shelf.js";

const DOWNLOADS = [
  ["indexed.png", "Indexed PNG", "one label id a pixel, exact"],
  ["colored.png", "Coloured PNG", "parts in their colours"],
  ["overlay.png", "Overlay PNG", "colours over the photo"],
  ["persons.zip", "Masks of each person", "a zip with one indexed PNG a person"],
  ["coco.json", "COCO JSON", "one RLE annotation a part"],
  ["people.json", "People JSON", "persons, parts, boxes, areas"],
];
const MODES = { side: "Side by side", swipe: "Swipe", difference: "Difference" };
const ICONS = {
  drop: "M12 3v11m0 0 4-4m-4 4-4-4M4 16v4h16v-4",
  paste: "M9 4h6v3H9zM9 5H6v15h12V5h-3M9 12h6M9 16h4",
  choose: "M4 19V5h6l2 3h8v11zM4 11h16",
};

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg"), path = document.createElementNS(space, "path");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true", fill: "none", stroke: "currentColor", "stroke-width": "1.6" })) {
    svg.setAttribute(key, value);
  }
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** The first screen: what this is, and three ways to bring a photo. */
export function welcome(hub) {
  const way = (name, title, text) => make("li", {}, icon(name), make("b", {}, title), text);
  return make("div", { class: "welcome" },
    make("h2", {}, "See the people in a photo, part by part"),
    make("p", {}, "Each person is outlined, each part named: hair, face, clothes, arms, shoes. Nothing leaves this computer."),
    make("div", { class: "zone" },
      make("ol", {}, way("drop", "Drop", "a photo or a folder anywhere here"), way("paste", "Paste", "a picture with Ctrl+V"),
        way("choose", "Choose", "one or several files")),
      make("button", { type: "button", class: "primary", onclick: hub.choose }, "Choose photos"),
      make("button", { type: "button", class: "link", onclick: hub.chooseFolder }, "or a whole folder")),
    make("p", { class: "faint" }, "JPEG, PNG, WebP, BMP or TIFF. Press ? for shortcuts."));
}

/** Zoom buttons, and one to hold for the bare photo, for fingers and mice. */
export function zoomBar(hub) {
  const button = (text, name, act) => make("button", { type: "button", class: "quiet", "aria-label": name, title: name, onclick: act }, text);
  const hold = make("button", { type: "button", title: "Hold for the bare photo (Space)" }, "Photo only");
  const bare = (on) => () => {
    hold.setAttribute("aria-pressed", String(on));
    hub.set({ bare: on });
  };
  hold.addEventListener("pointerdown", bare(true));
  for (const kind of ["pointerup", "pointerleave", "pointercancel", "blur"]) hold.addEventListener(kind, bare(false));
  hold.addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && !event.repeat && bare(true)());
  hold.addEventListener("keyup", bare(false));
  return make("div", { class: "zoom" }, button("\u2212", "Zoom out", () => hub.zoomBy(1 / 1.25)), hub.zoomText,
    button("+", "Zoom in", () => hub.zoomBy(1.25)), button("Fit", "Fit the photo", () => hub.fit()),
    button("1:1", "One to one", () => hub.zoomTo(1)), hold);
}

/** A menu that closes with Escape, and when the person goes elsewhere. */
function menu(name, ...content) {
  const node = make("details", { class: "menu" }, make("summary", {}, name), make("div", {}, ...content));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !node.open) return;
    event.stopPropagation();
    node.open = false;
    node.firstChild.focus();
  });
  node.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !node.contains(event.relatedTarget)) node.open = false;
  });
  document.addEventListener("pointerdown", (event) => {
    if (node.isConnected && !node.contains(event.target)) node.open = false;
  });
  return node;
}

/** Files to take away. */
export function downloadMenu(hub) {
  const { id } = hub.loaded.item;
  return menu("Download", ...DOWNLOADS.map(([kind, name, text]) => make(
    "a", { href: `/api/items/${encodeURIComponent(id)}/download/${kind}`, download: "" }, name, make("small", {}, text),
  )));
}

/** Which results to compare with, and how. */
export function compareMenu(hub) {
  const { state, candidates } = hub;
  if (!candidates.length) {
    return menu("Compare", make("p", { class: "faint hint" }, "Open another result, or the truth, of this photo: it must have the same file name and size."));
  }
  const chosen = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const mode = () => modes.find((one) => one.checked)?.value ?? "side";
  const apply = () => hub.compare(mode(), chosen());
  const field = (type, name, value, text, checked) => make("label", {}, make("input", { type, name, value, checked, onchange: apply }), make("span", { dir: "auto" }, text));
  const rows = candidates.map((item) => field("checkbox", "other", item.id, titleOf(item), state.others.includes(item.id)));
  const kinds = Object.entries(MODES).map(([value, text]) => field("radio", "compare", value, text, (state.mode === "one" ? "side" : state.mode) === value));
  const boxes = rows.map((row) => row.firstChild), modes = kinds.map((row) => row.firstChild);
  const list = make("div", { class: "tall" }, make("h3", {}, "Compare with"), ...rows);
  return menu("Compare", list, make("fieldset", { class: "choice" }, make("legend", {}, "How"), ...kinds));
}

/** The line between two results of one photo, for pointers and arrow keys. */
export function addDivider(hub, pane, first, second) {
  const place = (split) => {
    hub.state.split = Math.max(0, Math.min(1, split));
    divider.style.left = `${100 * hub.state.split}%`;
    divider.setAttribute("aria-valuenow", String(Math.round(100 * hub.state.split)));
    [pane.shown[0].to, pane.shown[1].from] = [hub.state.split, hub.state.split];
    hub.draw("base", "over");
  };
  const divider = make("div", {
    class: "divider", role: "slider", tabindex: "0", "aria-label": "Divider between two results", "aria-valuemin": "0", "aria-valuemax": "100",
    onpointerdown: (event) => {
      event.stopPropagation();
      divider.setPointerCapture(event.pointerId);
    },
    onpointermove: (event) => {
      event.stopPropagation();
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = pane.node.getBoundingClientRect();
      place((event.clientX - box.left) / box.width);
    },
    onkeydown: (event) => {
      const to = { ArrowLeft: hub.state.split - 0.02, ArrowRight: hub.state.split + 0.02, Home: 0, End: 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      place(to);
    },
  });
  pane.node.append(make("span", { class: "name", dir: "auto" }, first),
    make("span", { class: "name right", dir: "auto" }, second), divider);
  place(hub.state.split);
}

/** The note at the pointer: first word strong, the rest below. */
export function drawTip(tip, pointer, words) {
  tip.hidden = !words.length || !pointer;
  if (tip.hidden) return;
  const text = words.slice(1).join(", ");
  if (tip.firstChild?.textContent !== words[0] || tip.lastChild.textContent !== text) {
    tip.replaceChildren(make("b", { dir: "auto" }, words[0]), make("span", {}, text));
  }
  const { clientX, clientY } = pointer, isLow = clientY + 110 > window.innerHeight;
  const left = clientX + 300 > window.innerWidth ? `calc(${clientX}px - 100% - 14px)` : `${clientX + 16}px`;
  tip.style.transform = `translate(max(4px, ${left}), ${isLow ? `calc(${clientY}px - 100% - 14px)` : `${clientY + 18}px`})`;
}

const PAN = 60;
const ARROWS = { ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN], ArrowDown: [0, -PAN] };

/** A field or button has its own use for keys. */
const isField = (target) => target.matches?.("input, button, select, textarea, summary, a");

const actionsOf = (hub) => ({
  Escape: () => hub.setPinned(null), n: () => hub.step(1), b: () => hub.step(-1), j: () => hub.stepItem(1), k: () => hub.stepItem(-1),
  "+": () => hub.zoomBy(1.25), "=": () => hub.zoomBy(1.25), "-": () => hub.zoomBy(1 / 1.25), 0: () => hub.fit(), 1: () => hub.zoomTo(1),
  p: () => hub.setColorBy("part"), i: () => hub.setColorBy("person"), c: () => hub.setColorBy("confidence"),
  "[": () => fade(hub, -0.1), "]": () => fade(hub, 0.1),
  o: () => {
    hub.set({ outlines: !hub.state.outlines });
    hub.redrawSide();
  },
});

function fade(hub, by) {
  hub.set({ opacity: Math.max(0, Math.min(1, Math.round(100 * (hub.state.opacity + by)) / 100)) });
  hub.redrawSide();
}

/** Listen on the whole page while View is open. */
export function listenToKeys(hub) {
  const actions = actionsOf(hub);
  const isOurs = (event) => !hub.root.hidden && hub.loaded && !document.querySelector("dialog[open]")
    && !event.ctrlKey && !event.metaKey && !event.altKey;
  window.addEventListener("keydown", (event) => {
    if (!isOurs(event) || event.target.matches?.("textarea, select, input[type=text]")) return;
    if (event.key === " " && !isField(event.target)) {
      event.preventDefault();
      if (!hub.state.bare) hub.set({ bare: true });
    } else if (event.key in ARROWS && !isField(event.target)) {
      event.preventDefault();
      hub.moved((camera) => camera.move(...ARROWS[event.key].map((step) => step * hub.panes[0].ratio)));
    } else {
      const act = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!act) return;
      event.preventDefault();
      act();
    }
  });
  window.addEventListener("keyup", (event) => {
    if (event.key === " " && hub.state.bare) hub.set({ bare: false });
  });
  window.addEventListener("blur", () => hub.state.bare && hub.set({ bare: false }));
}
