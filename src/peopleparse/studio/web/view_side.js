/** The side of View: how to show, persons, parts, comparison; and words for what is pointed at. */

import { make } from "./api.js";
import { DIFFERENCE, IGNORED, personColor, rampColor } from "./draw.js";

const CODES = { 1: "part in the first only", 2: "part in the second only", 3: "another part", 4: "ignored in the truth" };
const COLOR_BY = { part: "Part", person: "Person", confidence: "Confidence" };

/** 1234 -> "1,234". */
export const count = (value) => value.toLocaleString("en");
/** 0.0512 -> "5.1 %". */
export const percent = (share) => `${share >= 0.0995 ? (100 * share).toFixed(0) : (100 * share).toFixed(1)} %`;

/** Name of a label of a result. */
export function labelName(loaded, id) {
  return loaded.names.get(id) ?? (id === IGNORED ? "ignored" : id ? `label ${id}` : "background");
}

/** Sentence parts for a person, a part, or a part of a person. */
export function wordsFor(loaded, { person = 0, label = 0, confidence = 255 }) {
  const { map } = loaded, all = map.width * map.height;
  if (!person && !label) return [];
  const area = map.area(person, label);
  const name = [person ? `Person ${person}` : null, label ? labelName(loaded, label) : null].filter(Boolean);
  const words = [name.join(" \u00b7 "), `${count(area)} ${area === 1 ? "pixel" : "pixels"}`, `${percent(area / all)} of the photo`];
  if (person && label) words.push(`${percent(area / map.area(person))} of the person`);
  if (person && label && map.hasConfidence) words.push(`confidence ${percent(confidence / 255)}`);
  return words;
}

function swatch(color) {
  const node = make("span", { class: "swatch", "aria-hidden": "true" });
  node.style.background = color;
  return node;
}

/** Up and down move through the rows of a list; Enter pins. */
function listKeys(list) {
  list.addEventListener("keydown", (event) => {
    const boxes = [...list.querySelectorAll("input")], at = boxes.indexOf(event.target);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: boxes.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    boxes[Math.max(0, Math.min(boxes.length - 1, to))].focus();
  });
}

function row(hub, { name, color, checked, what, num, focus, toggle }) {
  const box = make("input", { type: "checkbox", name, checked, onchange: () => toggle(box.checked) });
  const node = make("li", {}, make("label", {}, box, swatch(color), make("span", { class: "what", dir: "auto" }, what),
    make("span", { class: "num" }, num)));
  Object.assign(node.dataset, { person: focus.person, label: focus.label });
  const enter = () => hub.focusRow(focus), leave = () => hub.focusRow(null);
  node.addEventListener("pointerenter", enter);
  node.addEventListener("pointerleave", leave);
  box.addEventListener("focus", () => box.matches(":focus-visible") && enter());
  box.addEventListener("blur", leave);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") hub.pinFocus(focus);
  });
  return node;
}

function section(title, id, rows, all) {
  const list = make("ul", { class: "rows", "aria-labelledby": id }, ...rows);
  listKeys(list);
  const buttons = rows.length < 2 ? [] : [["All", true], ["None", false]].map(([text, wanted]) => make("button", {
    type: "button", class: "link", "aria-label": `${text} ${id}`, onclick: () => all(wanted),
  }, text));
  return make("section", { class: id }, make("div", { class: "head" }, make("h3", { id }, title), ...buttons), list);
}

function peopleSection(hub) {
  const { loaded, state } = hub, { map } = loaded, all = map.width * map.height;
  const rows = loaded.persons.map((person) => {
    const score = loaded.scores.get(person);
    const facts = [score === null || score === undefined ? null : `score ${score.toFixed(2)}`, percent(map.area(person) / all)];
    return row(hub, {
      name: "person", color: personColor(person), checked: !state.hiddenPersons.has(person),
      what: `Person ${person}`, num: facts.filter(Boolean).join(" \u00b7 "), focus: { person, label: 0 },
      toggle: (on) => hub.show("hiddenPersons", [person], on),
    });
  });
  const title = rows.length ? `People (${rows.length})` : "People";
  const made = section(title, "people", rows, (on) => hub.show("hiddenPersons", loaded.persons, on));
  if (!rows.length) made.append(make("p", { class: "faint" }, nobody(loaded)));
  return made;
}

const nobody = ({ item }) => (item.kind === "photo" ? "This photo was not parsed yet."
  : "Nobody was found in this photo. People should be at least about 50 pixels tall.");

/** Only parts that are there; of one person while a person is pinned. */
function partsSection(hub) {
  const { loaded, state } = hub, { map } = loaded, person = state.pinned?.person ?? 0;
  const whole = person ? map.area(person) : map.width * map.height;
  const present = loaded.labels.filter((id) => map.area(person, id));
  present.sort((a, b) => map.area(person, b) - map.area(person, a));
  const rows = present.map((label) => row(hub, {
    name: "part", color: loaded.colors.get(label) ?? "#808080", checked: !state.hiddenLabels.has(label),
    what: labelName(loaded, label), num: percent(map.area(person, label) / whole), focus: { person, label },
    toggle: (on) => hub.show("hiddenLabels", [label], on),
  }));
  const title = person ? `Parts of person ${person}, share of the person` : "Parts, share of the photo";
  return section(title, "parts", rows, (on) => hub.show("hiddenLabels", present, on));
}

function confidenceScale(loaded) {
  if (!loaded.map.hasConfidence) return make("p", { class: "faint" }, "This result says nothing about confidence: all counts as certain.");
  const canvas = make("canvas", { width: 256, height: 1, "aria-hidden": "true" }), context = canvas.getContext("2d");
  for (let value = 0; value < 256; value++) {
    context.fillStyle = `rgb(${rampColor(value).join(" ")})`;
    context.fillRect(value, 0, 1, 1);
  }
  return make("div", { class: "scale" }, canvas, make("div", {}, make("span", {}, "0 % unsure"), make("span", {}, "50 %"), make("span", {}, "100 % certain")));
}

function showSection(hub) {
  const { state } = hub;
  const value = make("span", { class: "value" }, `${Math.round(100 * state.opacity)} %`);
  const slider = make("input", {
    type: "range", id: "opacity", name: "opacity", min: "0", max: "100", step: "1", value: String(Math.round(100 * state.opacity)),
    oninput: () => {
      value.textContent = `${slider.value} %`;
      hub.set({ opacity: Number(slider.value) / 100 });
    },
  });
  const choice = make("fieldset", { class: "choice" }, make("legend", {}, "Colour by"), ...Object.entries(COLOR_BY).map(([key, text]) => make(
    "label", {}, make("input", { type: "radio", name: "color", value: key, checked: state.colorBy === key, onchange: () => hub.setColorBy(key) }),
    make("span", {}, text),
  )));
  const lines = make("input", {
    type: "checkbox", id: "outlines", name: "outlines", checked: state.outlines,
    onchange: () => hub.set({ outlines: lines.checked }),
  });
  const made = make("section", { "aria-label": "How to show" }, choice,
    make("div", { class: "line" }, make("label", { for: "opacity" }, "Opacity"), slider, value),
    make("div", { class: "line" }, lines, make("label", { for: "outlines" }, "Outlines and numbers")));
  if (state.colorBy === "confidence") made.append(make("div", { class: "line" }), confidenceScale(hub.loaded));
  return made;
}

function differenceKey(map) {
  const present = Object.entries(CODES).filter(([code]) => map.area(1, Number(code)));
  return make("ul", { class: "key" }, ...present.map(([code, text]) => make("li", { class: "faint" }, swatch(DIFFERENCE[code]), text)));
}

/** Count of pixels that differ, and the IoU of each part, from the exact arrays. */
function compareSection(hub) {
  const { loaded, comparison, state } = hub, { other, differing, parts } = comparison;
  const all = loaded.map.width * loaded.map.height;
  const isTruth = [loaded, other].some((one) => one.item.kind === "truth");
  const ids = [...parts.keys()].filter((id) => id && id !== IGNORED).sort((a, b) => parts.get(b).first + parts.get(b).second - parts.get(a).first - parts.get(a).second);
  const mean = ids.length ? ids.reduce((sum, id) => sum + parts.get(id).iou, 0) / ids.length : null;
  const table = make("table", {}, make("caption", {}, isTruth ? "Each part against the truth" : "Each part"),
    make("thead", {}, make("tr", {}, ...["Part", "differ", "IoU"].map((text, n) => make("th", { scope: "col", class: n ? "n" : "" }, text)))),
    make("tbody", {}, ...ids.map((id) => {
      const { first, second, both, iou } = parts.get(id);
      const line = make("tr", {}, make("th", { scope: "row", dir: "auto" }, swatch(loaded.colors.get(id) ?? "#808080"), labelName(loaded, id)),
        make("td", {}, count(first + second - 2 * both)), make("td", {}, (100 * iou).toFixed(1)));
      Object.assign(line.dataset, { label: id, iou, differ: first + second - 2 * both });
      return line;
    })));
  const made = make("section", { class: "compared", "aria-label": "Comparison" },
    make("div", { class: "head" }, make("h3", {}, `${loaded.item.name} and ${other.item.name}`)),
    make("p", { class: "big" }, count(differing)), make("p", { class: "faint" }, `pixels differ, ${percent(differing / all)} of the photo`),
    ...(mean === null ? [] : [make("p", { class: "line" }, `Mean IoU of ${ids.length} parts: ${(100 * mean).toFixed(1)}`)]));
  Object.assign(made.dataset, { differing, mean: mean ?? "" });
  if (state.mode === "difference") made.append(differenceKey(comparison.map));
  made.append(table);
  return made;
}

/** Build the side anew. */
export function drawSide(side, hub) {
  const parts = [showSection(hub)];
  if (hub.comparison) parts.push(compareSection(hub));
  parts.push(peopleSection(hub), partsSection(hub));
  side.replaceChildren(...parts);
}
