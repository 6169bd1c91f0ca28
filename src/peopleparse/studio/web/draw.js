/** Label arrays to pixels. The arrays stay exact; canvases only show them. */

import { ApiError, getBlob } from "./api.js";

export const IGNORED = 255;
/** Colours of persons: they stay apart for red-blind and green-blind eyes too. */
export const PERSON_COLORS = ["#0072b2", "#e69f00", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442", "#009e73"];
/** Difference view: code of a pixel to its colour; 0 is agreement. */
export const DIFFERENCE = { 1: "#0072b2", 2: "#e69f00", 3: "#cc3fa0", 4: "#808080" };
const RAMP = [[0, 34, 78], [60, 77, 110], [124, 123, 120], [188, 175, 111], [254, 232, 56]];
const STRIP = 1 << 21; // pixels decoded between two breaths of the page
const LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Return the colour "#rrggbb" of person 1 to 255; the colours repeat. */
export const personColor = (index) => PERSON_COLORS[(index - 1) % PERSON_COLORS.length];

/** Return [r, g, b] of "#rrggbb". */
export const channels = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

/** Return a colour as one opaque pixel of a Uint32Array over image data. */
export function pack([r, g, b]) {
  return (LITTLE ? (255 << 24) | (b << 16) | (g << 8) | r : (r << 24) | (g << 16) | (b << 8) | 255) >>> 0;
}

/** Return the colour [r, g, b] of a confidence 0 to 255, dark blue to yellow. */
export function rampColor(value) {
  const at = (value / 255) * (RAMP.length - 1), low = Math.min(Math.floor(at), RAMP.length - 2);
  return RAMP[low].map((from, c) => Math.round(from + (RAMP[low + 1][c] - from) * (at - low)));
}

/** Decode a picture without any correction of colour or alpha: its bytes may be numbers. */
export async function decode(blob, what = "picture") {
  try {
    return await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new ApiError(`The browser could not read the ${what}. The file may be cut short: open it again.`);
  }
}

const breath = () => new Promise((done) => { setTimeout(done); });

async function readLayer(url) {
  const bitmap = await decode(await getBlob(url), "label layer");
  const { width, height } = bitmap;
  const rows = Math.max(1, Math.min(height, Math.floor(STRIP / width)));
  const canvas = Object.assign(document.createElement("canvas"), { width, height: rows });
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  context.globalCompositeOperation = "copy";
  const layer = [0, 1, 2].map(() => new Uint8Array(width * height));
  const [label, person, confidence] = layer;
  for (let top = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top) * width;
    context.drawImage(bitmap, 0, -top);
    const { data } = context.getImageData(0, 0, width, count / width);
    for (let i = 0, from = 0, to = top * width; i < count; i++, from += 4, to++) {
      label[to] = data[from];
      person[to] = data[from + 1];
      confidence[to] = data[from + 2];
    }
    if (top + rows < height) await breath();
  }
  bitmap.close();
  return { width, height, layer };
}

/** Read layer PNGs (red label, green person, blue confidence) into exact arrays, one a layer. */
export async function readLayers(urls) {
  const read = await Promise.all(urls.map(readLayer));
  const { width, height } = read[0] ?? { width: 0, height: 0 };
  if (read.some((one) => one.width !== width || one.height !== height)) {
    throw new ApiError("The layers of a result must have one size, got several. Make the result again.");
  }
  const [label, person, confidence] = [0, 1, 2].map((n) => read.map((one) => one.layer[n]));
  return { width, height, label, person, confidence };
}

/** The exact labels of a result, what is counted from them once, and outlines made when wanted. */
export class LabelMap {
  constructor({ width, height, label, person, confidence }) {
    Object.assign(this, { width, height, label, person, confidence });
    this.areas = new Uint32Array(65536); // by person << 8 | label
    this.boxes = new Map(); // person -> [x1, y1, x2, y2]
    this.layerOf = new Map();
    this.paths = new Map();
    this.hasConfidence = false;
    label.forEach((_, layer) => this.count(layer));
    this.pairs = [...this.areas.keys()].filter((key) => key > 255 && this.areas[key]);
  }

  count(layer) {
    const label = this.label[layer], person = this.person[layer], { width, height, areas } = this;
    const confidence = this.confidence[layer];
    let least = 255;
    for (let y = 0, i = 0; y < height; y++) {
      let last = 0;
      for (let x = 0; x < width; x++, i++) {
        const p = person[i];
        areas[(p << 8) | label[i]]++;
        if (p && confidence[i] < least) least = confidence[i];
        if (p === last) continue;
        if (last) this.grow(last, x - 1, y, layer);
        if (p) this.grow(p, x, y, layer);
        last = p;
      }
      if (last) this.grow(last, width - 1, y, layer);
    }
    this.hasConfidence ||= least < 255;
  }

  grow(person, x, y, layer) {
    const box = this.boxes.get(person);
    this.layerOf.set(person, layer);
    if (!box) {
      this.boxes.set(person, [x, y, x + 1, y + 1]);
      return;
    }
    if (x < box[0]) box[0] = x;
    if (x >= box[2]) box[2] = x + 1;
    if (y >= box[3]) box[3] = y + 1;
  }

  /** Pixels of a person, of a label, or of a label of a person; 0 means any. */
  area(person, label = 0) {
    if (person && label) return this.areas[(person << 8) | label];
    let sum = 0;
    for (const key of this.pairs) {
      if ((!person || key >> 8 === person) && (!label || (key & 255) === label)) sum += this.areas[key];
    }
    return sum;
  }

  /** What is at a pixel, in the first layer where `table` shows something: or null. */
  at(x, y, table = null) {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return null;
    const i = y * this.width + x;
    for (let n = 0; n < this.label.length; n++) {
      const person = this.person[n][i], label = this.label[n][i];
      if (person && (!table || table[(person << 8) | label])) {
        return { person, label, confidence: this.confidence[n][i] };
      }
    }
    return null;
  }

  /** Outline of a person, or of one label of a person, in image pixels; coarser with larger step. */
  outline(person, label = 0, step = 1) {
    const key = `${person}/${label}/${step}`;
    if (!this.paths.has(key)) this.paths.set(key, this.trace(person, label, step));
    return this.paths.get(key);
  }

  trace(person, label, step) {
    const path = new Path2D(), box = this.boxes.get(person);
    if (!box || (label && !this.area(person, label))) return path;
    const left = Math.floor(box[0] / step), top = Math.floor(box[1] / step);
    const wide = Math.ceil(box[2] / step) - left + 2, high = Math.ceil(box[3] / step) - top + 2;
    const inside = new Uint8Array(wide * high), n = this.layerOf.get(person), half = step >> 1;
    const owners = this.person[n], labels = this.label[n];
    for (let y = 1; y < high - 1; y++) {
      const row = Math.min(this.height - 1, (top + y - 1) * step + half) * this.width;
      for (let x = 1; x < wide - 1; x++) {
        const i = row + Math.min(this.width - 1, (left + x - 1) * step + half);
        if (owners[i] === person && (!label || labels[i] === label)) inside[y * wide + x] = 1;
      }
    }
    walk(path, inside, wide, high, left - 1, top - 1, step);
    return path;
  }

  /** One label a pixel: the person of the lowest layer wins; ignored where nobody is. */
  flat() {
    if (this.label.length < 2) return this.label[0] ?? new Uint8Array(this.width * this.height);
    const flat = this.label[0].slice();
    for (let n = 1; n < this.label.length; n++) {
      const label = this.label[n], person = this.person[n], below = this.person[0];
      for (let i = 0; i < flat.length; i++) {
        if (person[i] && !below[i] && (flat[i] === 0 || flat[i] === IGNORED)) flat[i] = label[i];
      }
    }
    return flat;
  }
}

/** Follow each border between inside and outside once, inside on the right hand. */
function walk(path, inside, wide, high, left, top, step) {
  const seen = new Uint8Array(inside.length), ahead = [1, wide, -1, -wide];
  const rightOf = [0, -1, -1 - wide, -wide], leftOf = [-wide, 0, -1, -1 - wide]; // of a corner
  for (let first = wide; first < wide * high; first++) {
    if (!inside[first] || inside[first - wide] || seen[first]) continue;
    let at = first, heading = 0;
    path.moveTo((left + (at % wide)) * step, (top + Math.floor(at / wide)) * step);
    do {
      if (heading === 0) seen[at] = 1;
      at += ahead[heading];
      const turn = !inside[at + rightOf[heading]] ? 1 : inside[at + leftOf[heading]] ? 3 : 0;
      if (turn) path.lineTo((left + (at % wide)) * step, (top + Math.floor(at / wide)) * step);
      heading = (heading + turn) & 3;
    } while (at !== first || heading !== 0);
    path.closePath();
  }
}

/** Return colours by person << 8 | label: 0 where nothing is shown. */
export function colorTable(map, { byPerson, colors, hiddenPersons, hiddenLabels }) {
  const table = new Uint32Array(65536);
  for (const key of map.pairs) {
    const person = key >> 8, label = key & 255;
    if (hiddenPersons.has(person) || hiddenLabels.has(label)) continue;
    table[key] = pack(channels(byPerson ? personColor(person) : colors.get(label) ?? "#808080"));
  }
  return table;
}

let ramp = null;
const rampTable = () => (ramp ??= Uint32Array.from({ length: 256 }, (_, v) => pack(rampColor(v))));

/** Paint labels into image data: `left`, `top` and `scale` say where image pixels lie in it. */
export function paint(imageData, { map, table, byConfidence, scale, left, top }) {
  const { width: wide, height: high } = imageData, out = new Uint32Array(imageData.data.buffer);
  const last = map.width - 1, columns = new Int32Array(wide), colors = rampTable();
  for (let x = 0; x < wide; x++) {
    columns[x] = Math.max(0, Math.min(last, Math.floor((x + 0.5 - left) / scale)));
  }
  if (!map.label.length) return void out.fill(0);
  for (let y = 0, to = 0; y < high; y++) {
    const line = Math.max(0, Math.min(map.height - 1, Math.floor((y + 0.5 - top) / scale)));
    const row = line * map.width;
    for (let x = 0; x < wide; x++, to++) {
      const i = row + columns[x];
      let n = 0, color = table[(map.person[0][i] << 8) | map.label[0][i]];
      while (!color && ++n < map.label.length) color = table[(map.person[n][i] << 8) | map.label[n][i]];
      out[to] = color && byConfidence ? colors[map.confidence[n][i]] : color;
    }
  }
}

/** Lay colours over what is below: below * (1 - opacity) + colour * opacity, in one rounding. */
export function mix(imageData, colors, below, opacity) {
  const out = new Uint32Array(imageData.data.buffer), above = new Uint32Array(colors.data.buffer);
  const under = new Uint32Array(below.data.buffer);
  const over = Math.round(256 * opacity), rest = 256 - over;
  const even = 0x00ff00ff; // two bytes of a pixel at a time
  for (let i = 0; i < out.length; i++) {
    const color = above[i], photo = under[i];
    if (!color) {
      out[i] = photo;
      continue;
    }
    const low = ((color & even) * over + (photo & even) * rest + 0x00800080) / 256;
    const high = ((color >>> 8) & even) * over + ((photo >>> 8) & even) * rest + 0x00800080;
    out[i] = ((low & even) | (high & 0xff00ff00)) >>> 0;
  }
}

/** Compare two results pixel by pixel; `toFirst` turns labels of the second into those of the first. */
export function compareMaps(first, second, toFirst) {
  const a = first.flat(), b = second.flat();
  const code = new Uint8Array(a.length), counts = new Uint32Array(65536);
  for (let i = 0; i < a.length; i++) {
    const one = a[i], two = toFirst[b[i]];
    counts[(one << 8) | two]++;
    if (one === IGNORED || two === IGNORED) code[i] = 4;
    else if (one !== two) code[i] = !two ? 1 : !one ? 2 : 3;
  }
  const parts = new Map(), of = (id) => parts.get(id) ?? parts.set(id, { first: 0, second: 0, both: 0 }).get(id);
  let differing = 0;
  for (let key = 0; key < 65536; key++) {
    const one = key >> 8, two = key & 255, count = counts[key];
    if (!count || one === IGNORED || two === IGNORED) continue;
    of(one).first += count;
    of(two).second += count;
    if (one === two) of(one).both += count;
    else differing += count;
  }
  for (const part of parts.values()) part.iou = part.both / (part.first + part.second - part.both);
  const person = code.map((value) => Number(value > 0)), { width, height } = first;
  const map = new LabelMap({ width, height, label: [code], person: [person], confidence: [code] });
  return { map, differing, parts };
}
