/** Export to other tools' formats and back, with what was lost on the way. */

import { ask, make, sendBytes, sentenceOf, tell } from "./api.js";

const FORMATS = {
  gps: "GPS folder", coco: "COCO instances", cvat: "CVAT for images", label_studio: "Label Studio",
  labelme: "LabelMe", datumaro: "Datumaro",
};
const REPORT = "exchange-report.json";

/** Return the menu; `done(title, report)` is told what happened. */
export function makeMenu(root, name, done) {
  const format = make("select", { name: "format", "aria-label": "Format" },
    ...Object.entries(FORMATS).map(([value, text]) => make("option", { value }, text)));
  const file = make("input", { type: "file", name: "import", accept: ".zip", hidden: true, "aria-label": "Zip to import" });
  const buttons = [
    make("button", { type: "button", onclick: () => run(() => exportAs(root, name, format.value, done)) }, "Export"),
    make("button", { type: "button", onclick: () => file.click() }, "Import a zip"),
  ];
  const run = async (work) => {
    buttons.forEach((button) => (button.disabled = true));
    await work().catch((fault) => tell(sentenceOf(fault)));
    buttons.forEach((button) => (button.disabled = false));
  };
  file.addEventListener("change", () => {
    const [chosen] = file.files;
    if (chosen) run(() => importFrom(root, format.value, chosen, done));
    file.value = "";
  });
  return make("details", { class: "menu" }, make("summary", {}, "Export and import"),
    make("div", { class: "exchange" }, format, ...buttons, file));
}

async function exportAs(root, name, format, done) {
  const zip = await (await ask(`${root}/export/${format}`)).blob();
  const url = URL.createObjectURL(zip);
  make("a", { href: url, download: `${name}-${format}.zip` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  const report = await readEntry(zip, REPORT);
  done(`Exported as ${FORMATS[format]}`, report ? JSON.parse(report) : {});
}

async function importFrom(root, format, file, done) {
  const report = await sendBytes("POST", `${root}/import/${format}`, file, { "Content-Type": "application/zip" });
  await done(`Imported ${file.name}`, report ?? {});
}

/** Return the text of a small file in a zip, or null where the zip has none of that name. */
export async function readEntry(zip, wanted) {
  const view = new DataView(await zip.arrayBuffer()), bytes = new Uint8Array(view.buffer);
  let end = view.byteLength - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) return null;
  for (let at = view.getUint32(end + 16, true); view.getUint32(at, true) === 0x02014b50;) {
    const [name, extra, note] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const path = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + name));
    if (path.split("/").at(-1) === wanted) {
      const local = view.getUint32(at + 42, true);
      const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
      const data = new Blob([bytes.subarray(from, from + view.getUint32(at + 20, true))]);
      const isPacked = view.getUint16(at + 10, true) === 8;
      return new Response(isPacked ? data.stream().pipeThrough(new DecompressionStream("deflate-raw")) : data).text();
    }
    at += 46 + name + extra + note;
  }
  return null;
}

const plain = (value) => {
  if (value === null || typeof value !== "object") return String(value);
  const all = Array.isArray(value) ? value.map(plain) : Object.entries(value).map(([key, one]) => `${key}: ${plain(one)}`);
  return all.join("; ") || "none";
};

const WORDS = {
  photos: "photos", persons: "persons", layout: "layout", different: "pixels different when read again",
  losses: "lost", notes: "worth knowing", unknown: "passed over, no photo of this project",
};

/** Return a report as a list of what it says. */
export const makeReport = (title, report) => make("section", { class: "report" }, make("h3", {}, title),
  make("dl", {}, ...Object.entries(WORDS).map(([key, word]) => [word, plain(report[key] ?? null)])
    .filter(([word, value]) => value !== "null" && (value !== "none" || word === "lost"))
    .flatMap(([word, value]) => [make("dt", {}, word), make("dd", {}, value)])));
