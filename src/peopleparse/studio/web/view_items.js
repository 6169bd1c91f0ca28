/** Results that are open: their arrays, photo and names; and the little pictures of the shelf. */

import { ApiError, getBlob, getJson } from "./api.js";
import { LabelMap, colorTable, paint, readLayers } from "./draw.js";

const SMALL = 2048; // longest side of the copy of a large photo that is drawn when zoomed out
const KEPT_PIXELS = 80e6; // of all results kept in memory
const THUMB = { width: 288, height: 216 };

async function readPhoto(url, item) {
  if (!url) return null;
  let bitmap;
  try {
    bitmap = await createImageBitmap(await getBlob(url));
  } catch (fault) {
    if (fault instanceof ApiError) throw fault;
    throw new ApiError(`The browser could not read the photo of ${item.name}. Save it as JPEG or PNG and open it again.`);
  }
  const { width, height } = bitmap, times = SMALL / Math.max(width, height);
  const size = { resizeWidth: Math.round(width * times), resizeHeight: Math.round(height * times), resizeQuality: "medium" };
  const small = times < 0.8 ? await createImageBitmap(bitmap, size) : null;
  return { bitmap, small, width, height };
}

function checkFit(item, map, photo) {
  const known = { width: item.width, height: item.height };
  for (const [what, size] of [["The masks", map], ["The photo", photo]]) {
    if (!size || (size.width === known.width && size.height === known.height)) continue;
    throw new ApiError(`${what} of ${item.name} must be ${known.width} x ${known.height} pixels, got `
      + `${size.width} x ${size.height}. Masks and photo must belong together: open those that do.`);
  }
}

/** Where the number of each person stands: above the top pixel of the face, or of the person. */
function findHeads(map, persons) {
  const heads = new Map();
  for (const { index, face_box: face } of persons) {
    const box = face ?? map.boxes.get(index);
    if (box && map.boxes.has(index)) heads.set(index, [(box[0] + box[2]) / 2, Math.min(box[1], map.boxes.get(index)[1])]);
  }
  return heads;
}

/** Turn the server's description of an item into all that View needs of it. */
async function load(item) {
  const [arrays, photo] = await Promise.all([readLayers(item.layers), readPhoto(item.photo, item)]);
  if (!item.layers.length) Object.assign(arrays, { width: item.width, height: item.height });
  checkFit(item, arrays, photo);
  const map = new LabelMap(arrays);
  const persons = item.persons.map(({ index }) => index);
  return {
    item, map, photo, persons,
    scores: new Map(item.persons.map(({ index, score }) => [index, score])),
    names: new Map(item.labels.map(({ id, name }) => [id, name])),
    colors: new Map(item.labels.map(({ id, color }) => [id, color])),
    labels: [...new Set(map.pairs.map((key) => key & 255))].sort((a, b) => a - b),
    heads: findHeads(map, item.persons),
  };
}

/** Results by id; those seen longest ago are let go when there are too many pixels. */
export class Shelf {
  #loaded = new Map();

  /** Read a result, or give the one that is there. */
  async get(id) {
    const found = this.#loaded.get(id) ?? getJson(`/api/items/${encodeURIComponent(id)}`).then(load);
    this.#loaded.delete(id);
    this.#loaded.set(id, found);
    try {
      const loaded = await found;
      await this.#letGo(id);
      return loaded;
    } catch (fault) {
      this.#loaded.delete(id);
      throw fault;
    }
  }

  async #letGo(kept) {
    let pixels = 0;
    for (const [id, promise] of [...this.#loaded].reverse()) {
      const loaded = await promise.catch(() => null);
      pixels += loaded ? loaded.map.width * loaded.map.height * Math.max(1, loaded.map.label.length) : 0;
      if (pixels > KEPT_PIXELS && id !== kept) this.#loaded.delete(id);
    }
  }
}

/** Draw a result small into the canvas of its row. */
export function drawThumb(canvas, { map, photo, colors, item }) {
  const { width, height } = Object.assign(canvas, THUMB), context = canvas.getContext("2d");
  const scale = Math.min(width / item.width, height / item.height);
  const wide = Math.max(1, Math.round(item.width * scale)), high = Math.max(1, Math.round(item.height * scale));
  const left = Math.round((width - wide) / 2), top = Math.round((height - high) / 2);
  if (photo) context.drawImage(photo.small ?? photo.bitmap, left, top, wide, high);
  const table = colorTable(map, { byPerson: false, colors, hiddenPersons: new Set(), hiddenLabels: new Set() });
  const small = document.createElement("canvas"), pixels = new ImageData(wide, high);
  Object.assign(small, { width: wide, height: high });
  paint(pixels, { map, table, scale, left: 0, top: 0 });
  small.getContext("2d").putImageData(pixels, 0, 0);
  context.globalAlpha = photo ? 0.6 : 1;
  context.drawImage(small, left, top);
}

/** Draw a photo that was chosen but not parsed yet; nothing where it is none. */
export async function drawFile(canvas, file) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap || canvas.dataset.drawn) return;
  const { width, height } = Object.assign(canvas, THUMB), scale = Math.min(width / bitmap.width, height / bitmap.height);
  const wide = bitmap.width * scale, high = bitmap.height * scale;
  canvas.getContext("2d").drawImage(bitmap, (width - wide) / 2, (height - high) / 2, wide, high);
  bitmap.close();
}

/** Ids of labels of `second` as ids of `first`, by name; what the first does not know stays apart. */
export function matchLabels(first, second) {
  const table = Uint8Array.from({ length: 256 }, (_, id) => id);
  if (first.item.scheme === second.item.scheme) return table;
  const known = new Map([...first.names].map(([id, name]) => [name, id]));
  const free = [...table].reverse().filter((id) => id < 255 && !first.names.has(id));
  for (const [id, name] of second.names) table[id] = known.get(name) ?? free.shift() ?? 254;
  return table;
}
