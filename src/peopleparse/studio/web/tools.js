/** Pixels of one person: exact shapes, runs and history. Nothing here knows of the page. */

const NOTHING = [Infinity, Infinity, -Infinity, -Infinity];

/** The label array of one person, with what others hold, and every change as runs. */
export class Pixels {
  constructor(width, height, labels) {
    Object.assign(this, { width, height, labels, allowOverlap: false });
    this.blocked = new Uint8Array(width * height);
    this.areas = new Uint32Array(256);
    for (const label of labels) this.areas[label]++;
    this.past = [];
    this.future = [];
    this.open = [];
    this.dirty = NOTHING;
  }

  /** Give pixels x1 <= x < x2 of row y a label, or the labels of `source` there. */
  span(y, x1, x2, label, source = null) {
    const row = y * this.width;
    this.set(row + Math.max(0, x1), row + Math.min(this.width, x2), label, source);
  }

  /** Change a stretch of the array; what others hold takes no label unless overlap is allowed. */
  set(from, to, label, source = null) {
    const { labels, blocked, allowOverlap } = this;
    let start = -1, before = 0, after = 0;
    for (let i = from; i < to; i++) {
      const old = labels[i], now = source ? source[i] : label;
      const changes = old !== now && (now === 0 || allowOverlap || blocked[i] === 0);
      if (changes) labels[i] = now;
      if (start >= 0 && (!changes || old !== before || now !== after)) {
        this.note(start, i - start, before, after);
        start = -1;
      }
      if (changes && start < 0) [start, before, after] = [i, old, now];
    }
    if (start >= 0) this.note(start, to - start, before, after);
  }

  note(start, length, before, after) {
    this.open.push(start, length, before * 256 + after);
    this.areas[before] -= length;
    this.areas[after] += length;
    this.touch(start, length);
  }

  touch(start, length) {
    const { width, dirty } = this, last = start + length - 1;
    const y1 = Math.floor(start / width), y2 = Math.floor(last / width);
    const [x1, x2] = y1 === y2 ? [start - y1 * width, last - y1 * width] : [0, width - 1];
    this.dirty = [
      Math.min(dirty[0], x1), Math.min(dirty[1], y1),
      Math.max(dirty[2], x2 + 1), Math.max(dirty[3], y2 + 1),
    ];
  }

  /** Return the rectangle changed since the last call, or null. */
  takeDirty() {
    const { dirty } = this;
    this.dirty = NOTHING;
    return dirty[0] < dirty[2] ? dirty : null;
  }

  /** Close one operation, which undo takes back as a whole; false where nothing changed. */
  commit() {
    if (!this.open.length) return false;
    this.past.push(Uint32Array.from(this.open));
    this.open = [];
    this.future = [];
    return true;
  }

  /** Take back the operation that is not closed yet. */
  cancel() {
    this.replay(this.open, true);
    this.open = [];
  }

  undo() {
    return this.step(this.past, this.future, true);
  }

  redo() {
    return this.step(this.future, this.past, false);
  }

  step(from, to, isBack) {
    const runs = from.pop();
    if (!runs) return false;
    this.replay(runs, isBack);
    to.push(runs);
    return true;
  }

  replay(runs, isBack) {
    for (let k = 0; k < runs.length; k += 3) {
      const at = isBack ? runs.length - 3 - k : k;
      const [start, length, labels] = [runs[at], runs[at + 1], runs[at + 2]];
      const [before, after] = [labels >> 8, labels & 255];
      this.labels.fill(isBack ? before : after, start, start + length);
      this.areas[before] += isBack ? length : -length;
      this.areas[after] += isBack ? -length : length;
      this.touch(start, length);
    }
  }
}

/** Move a point to where a round brush of whole pixels has its centre. */
export const snap = ([x, y], size) =>
  size % 2 ? [Math.floor(x) + 0.5, Math.floor(y) + 0.5] : [Math.round(x), Math.round(y)];

/**
 * Call `each(y, x1, x2)` for every row of a round brush moved straight from a to b.
 * A pixel belongs to it if its centre is at most size / 2 from the line: whole numbers decide.
 */
export function sweep(a, b, size, width, height, each) {
  const [ax, ay, bx, by] = [2 * a[0], 2 * a[1], 2 * b[0], 2 * b[1]];
  const shape = { ax, ay, bx, by, dx: bx - ax, dy: by - ay, size };
  shape.length2 = shape.dx ** 2 + shape.dy ** 2;
  const first = Math.max(0, Math.floor((Math.min(ay, by) - size) / 2) - 1);
  const last = Math.min(height - 1, Math.ceil((Math.max(ay, by) + size) / 2) + 1);
  for (let y = first; y <= last; y++) {
    const about = rowOf(shape, 2 * y + 1);
    if (!about) continue;
    let x1 = Math.ceil((about[0] - 1) / 2), x2 = Math.floor((about[1] - 1) / 2);
    while (isInside(shape, 2 * x1 - 1, 2 * y + 1)) x1--;
    while (x1 <= x2 && !isInside(shape, 2 * x1 + 1, 2 * y + 1)) x1++;
    while (isInside(shape, 2 * x2 + 3, 2 * y + 1)) x2++;
    while (x2 >= x1 && !isInside(shape, 2 * x2 + 1, 2 * y + 1)) x2--;
    if (x2 >= x1 && x2 >= 0 && x1 < width) each(y, Math.max(0, x1), Math.min(width, x2 + 1));
  }
}

function isInside({ ax, ay, bx, by, dx, dy, length2, size }, x, y) {
  const along = (x - ax) * dx + (y - ay) * dy;
  if (along <= 0) return (x - ax) ** 2 + (y - ay) ** 2 <= size ** 2;
  if (along >= length2) return (x - bx) ** 2 + (y - by) ** 2 <= size ** 2;
  return ((x - ax) * dy - (y - ay) * dx) ** 2 <= size ** 2 * length2;
}

/** About where a row of the shape begins and ends: two discs and the strip between them. */
function rowOf({ ax, ay, bx, by, dx, dy, length2, size }, y) {
  let [low, high] = [Infinity, -Infinity];
  const add = (from, to) => {
    if (from <= to) [low, high] = [Math.min(low, from), Math.max(high, to)];
  };
  for (const [cx, cy] of [[ax, ay], [bx, by]]) {
    const half = Math.sqrt(size ** 2 - (y - cy) ** 2);
    add(cx - half, cx + half);
  }
  if (length2) {
    const reach = size * Math.sqrt(length2), h = y - ay;
    const across = between(dy, -h * dx, -reach, reach), along = between(dx, h * dy, 0, length2);
    add(ax + Math.max(across[0], along[0]), ax + Math.min(across[1], along[1]));
  }
  return low <= high ? [low, high] : null;
}

/** The x for which low <= slope * x + offset <= high. */
function between(slope, offset, low, high) {
  if (slope === 0) return offset >= low && offset <= high ? [-1e9, 1e9] : [1, -1];
  const ends = [(low - offset) / slope, (high - offset) / slope];
  return slope > 0 ? ends : ends.reverse();
}

/** Call `each(y, x1, x2)` for the pixels whose centres are inside a polygon (even-odd). */
export function fillPolygon(points, width, height, each) {
  const ys = points.map((point) => point[1]);
  const last = Math.min(height - 1, Math.ceil(Math.max(...ys)));
  for (let y = Math.max(0, Math.floor(Math.min(...ys))); y <= last; y++) {
    const cuts = [];
    points.forEach(([x1, y1], k) => {
      const [x2, y2] = points[(k + 1) % points.length];
      if (y1 <= y + 0.5 !== y2 <= y + 0.5) cuts.push(x1 + ((y + 0.5 - y1) * (x2 - x1)) / (y2 - y1));
    });
    cuts.sort((p, q) => p - q);
    for (let k = 0; k + 1 < cuts.length; k += 2) {
      const from = Math.max(0, Math.ceil(cuts[k] - 0.5)), to = Math.min(width, Math.ceil(cuts[k + 1] - 0.5));
      if (from < to) each(y, from, to);
    }
  }
}

/** Superpixels of a photo: which one a pixel is in, and the rows of each. */
export class Regions {
  constructor(ids, width, height) {
    Object.assign(this, { ids, width, height });
    this.boxes = new Map();
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const box = this.boxes.get(ids[i]);
        if (!box) this.boxes.set(ids[i], [x, y, x + 1, y + 1]);
        else [box[0], box[2], box[3]] = [Math.min(box[0], x), Math.max(box[2], x + 1), y + 1];
      }
    }
  }

  at([x, y]) {
    const isIn = x >= 0 && y >= 0 && x < this.width && y < this.height;
    return isIn ? this.ids[Math.floor(y) * this.width + Math.floor(x)] : null;
  }

  rows(region, each) {
    const [x1, y1, x2, y2] = this.boxes.get(region);
    for (let y = y1; y < y2; y++) {
      for (let x = x1, from = -1; x <= x2; x++) {
        const isIn = x < x2 && this.ids[y * this.width + x] === region;
        if (isIn && from < 0) from = x;
        if (!isIn && from >= 0) {
          each(y, from, x);
          from = -1;
        }
      }
    }
  }
}

/** Return start, length, label of every stretch in which labels differ from `base` (or from 0). */
export function findRuns(labels, base = null) {
  const runs = [];
  for (let i = 0, start = -1; i <= labels.length; i++) {
    const differs = i < labels.length && labels[i] !== (base ? base[i] : 0);
    if (start >= 0 && (!differs || labels[i] !== labels[start])) {
      runs.push(start, i - start, labels[start]);
      start = -1;
    }
    if (differs && start < 0) start = i;
  }
  return runs;
}

export function applyRuns(labels, runs) {
  for (let k = 0; k < runs.length; k += 3) labels.fill(runs[k + 2], runs[k], runs[k] + runs[k + 1]);
}
