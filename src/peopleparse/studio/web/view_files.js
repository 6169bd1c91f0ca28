/** Photos in: dropped, pasted, chosen; what cannot be one is refused before it is sent. */

import { ApiError, sendBytes } from "./api.js";

export const ACCEPTED = "image/jpeg,image/png,image/webp,image/bmp,image/tiff";
const PHOTO = /\.(jpe?g|png|webp|bmp|tiff?)$/i;
const MAX_FILES = 500;

async function isHeic(file) {
  if (/\.(heic|heif)$/i.test(file.name) || /hei[cf]/i.test(file.type)) return true;
  const head = new TextDecoder("latin1").decode(await file.slice(4, 12).arrayBuffer());
  return /^ftyp(heic|heix|hevc|heim|heis|mif1|msf1)/.test(head);
}

/** Throw ApiError with a sentence for a file that cannot be a photo. */
export async function checkFile(file) {
  if (!file.size) throw new ApiError(`${file.name} must be a photo, got a file of 0 bytes. Save or copy it again.`);
  if (await isHeic(file)) {
    throw new ApiError(`${file.name} must be a JPEG, PNG, WebP, BMP or TIFF photo, got HEIC. `
      + "Export it as JPEG, or set the phone's camera to the most compatible format.");
  }
}

/** Send a photo; return what was found in it. */
export async function parseFile(file, name = file.name) {
  await checkFile(file);
  const headers = { "Content-Type": file.type || "application/octet-stream" };
  return sendBytes("POST", `/api/parse?name=${encodeURIComponent(name)}`, file, headers);
}

const readEntries = (reader) => new Promise((done, fail) => { reader.readEntries(done, fail); });
const fileOf = (entry) => new Promise((done, fail) => { entry.file(done, fail); });

async function walk(entry, found) {
  if (found.length >= MAX_FILES) return;
  if (entry.isFile) {
    found.push(await fileOf(entry));
    return;
  }
  const reader = entry.createReader();
  for (let some = await readEntries(reader); some.length; some = await readEntries(reader)) {
    for (const child of some.sort((a, b) => a.name.localeCompare(b.name))) await walk(child, found);
  }
}

/** Files of a drop or a paste; a folder gives the photos in it. Returns {files, left}. */
export async function filesOf(transfer) {
  const entries = [...(transfer.items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return { files: [...transfer.files], left: 0 };
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return photosAmong(found);
}

/** Of the files of a folder, those which are photos by their names. */
export function photosAmong(all) {
  const files = all.filter((file) => PHOTO.test(file.name));
  return { files, left: all.length - files.length };
}
