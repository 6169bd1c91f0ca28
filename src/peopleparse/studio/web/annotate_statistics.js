/** What the project holds, as small drawings with the same numbers in words. */

import { make } from "./api.js";
import { svg } from "./stage.js";

const [WIDE, HIGH, LOW] = [420, 150, 22];
const STATES = { todo: "to count", counted: "counted", painting: "in work", painted: "painted", checked: "checked" };
const percent = (value) => `${(100 * value).toFixed(1)} %`;
const hours = (seconds) => (seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`);

/** Return the statistics screen of what the server measured. */
export function makeStatistics(found) {
  const { data } = found, mean = (name) => data.spreads?.[name]?.mean;
  const said = (value, text) => (value === undefined || value === null ? "" : text(value));
  return make("div", { class: "charts" },
    chart("Photos", found.states, `${found.photos} photos`, { names: STATES }),
    chart("Persons a photo", fill(data.persons_per_image), said(data.mean_persons, (value) => `mean ${value.toFixed(2)}, ${data.persons} persons`)),
    bars("Parts", data.part_persons, data.persons, "share of persons who show the part"),
    chart("Parts a person", fill(data.parts_per_holder), said(mean("parts_per_holder"), (value) => `mean ${value.toFixed(1)}`)),
    chart("Height of persons", group(data.person_heights), said(mean("person_heights"), (value) => `mean ${Math.round(value)} pixels`), { unit: "px" }),
    chart("Share of the photo", group(data.person_shares, 10), said(mean("person_shares"), (value) => `mean ${percent(value / 1000)}`), { unit: "\u2030" }),
    chart("Overlap with a neighbour", fill(data.person_overlaps), `IoU of boxes; ${data.overlap_pixels.toLocaleString()} pixels belong to two persons`,
      { names: Object.fromEntries(Array.from({ length: 21 }, (_, k) => [k, k ? `${5 * k} %` : "none"])) }),
    bars("Agreement", found.agreement.parts, 1, found.agreement.reviews
      ? `${found.agreement.reviews} reviews, mean IoU ${percent(found.agreement.mean_iou ?? 0)}` : "nobody has reviewed yet"),
    people(found), ...(found.faults ?? []).map((fault) => make("p", { class: "note" }, fault)),
    make("p", { class: "faint" }, "The full page: ", make("code", {}, found.command ?? "")));
}

/** Whole numbers from the least to the greatest, with those that do not occur. */
function fill(counts) {
  const keys = Object.keys(counts ?? {}).map(Number), out = {};
  for (let k = Math.min(0, ...keys); k <= Math.max(...keys, -1); k++) out[k] = counts[k] ?? 0;
  return out;
}

/** At most a dozen bars of equal width. */
function group(counts, least = 1) {
  const keys = Object.keys(counts ?? {}).map(Number), most = Math.max(...keys, 0), out = {};
  const step = Math.max(least, Math.ceil((most + 1) / 12));
  for (let k = 0; k <= most && keys.length; k += step) out[k] = 0;
  for (const key of keys) out[Math.floor(key / step) * step] += counts[key];
  return out;
}

const card = (title, note, ...nodes) => make("section", { class: "chart" }, make("h3", {}, title),
  note ? make("p", { class: "faint" }, note) : null, ...nodes);

/** Standing bars. */
function chart(title, counts, note, { names = {}, unit = "" } = {}) {
  const all = Object.entries(counts ?? {}), most = Math.max(1, ...all.map(([, value]) => value));
  if (!all.length) return card(title, "nothing yet");
  const step = WIDE / all.length, every = Math.ceil(all.length / 12);
  const nodes = all.flatMap(([key, value], k) => {
    const high = (value / most) * (HIGH - LOW - 16), x = k * step + step * 0.12, y = HIGH - LOW - high;
    const label = names[key] ?? key, middle = k * step + step / 2;
    return [
      svg("rect", { x, y, width: step * 0.76, height: high, rx: 2 }),
      value && all.length <= 16 ? svg("text", { x: middle, y: y - 4 }, value.toLocaleString()) : "",
      k % every ? "" : svg("text", { x: middle, y: HIGH - 6, class: "axis" }, `${label}${k || !unit ? "" : ` ${unit}`}`),
    ].filter(Boolean);
  });
  const told = all.map(([key, value]) => `${names[key] ?? key}${unit}: ${value}`).join(", ");
  return card(title, note, svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" }, svg("title", {}, `${title}. ${told}`), ...nodes));
}

/** Lying bars with names. */
function bars(title, counts, whole, note) {
  const all = Object.entries(counts ?? {}).filter(([, value]) => value), row = 19;
  if (!all.length) return card(title, note);
  const nodes = all.sort(([, a], [, b]) => b - a).flatMap(([name, value], k) => [
    svg("text", { x: 118, y: k * row + 14, class: "name" }, name),
    svg("rect", { x: 126, y: k * row + 3, width: Math.max(1, (230 * value) / (whole || 1)), height: row - 6, rx: 2 }),
    svg("text", { x: WIDE - 2, y: k * row + 14, class: "name" }, percent(value / (whole || 1))),
  ]);
  const told = all.map(([name, value]) => `${name}: ${percent(value / (whole || 1))}`).join(", ");
  return card(title, note, svg("svg", { viewBox: `0 0 ${WIDE} ${all.length * row}`, role: "img" }, svg("title", {}, `${title}. ${told}`), ...nodes));
}

function people({ annotators, seconds }) {
  const rows = Object.entries(annotators ?? {}).map(([name, one]) => make("tr", {}, make("th", { scope: "row" }, name === "-" ? "nobody yet" : name),
    make("td", {}, String(one.persons)), make("td", {}, hours(one.seconds))));
  return card("Annotators", seconds ? `median ${hours(seconds.median)} a person` : "", make("table", {},
    make("caption", { class: "hidden" }, "Annotators"),
    make("thead", {}, make("tr", {}, ...["Name", "Persons", "Time"].map((text) => make("th", { scope: "col" }, text)))), make("tbody", {}, ...rows)));
}
