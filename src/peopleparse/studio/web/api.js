/** Requests to the studio's own server; whatever goes wrong becomes one readable sentence. */

const GONE = "The studio does not answer. Start it again with `peopleparse studio`, then repeat what you did; "
  + "what is on this page stays.";
const CUT = "The studio broke off while it received the file. The file may be larger than it takes: "
  + "make the photo smaller.";

/** A request that did not work: the message is a sentence to show. */
export class ApiError extends Error {
  constructor(detail, status = 0, body = {}) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.body = body;
  }
}

/** Show a sentence to the person: `kind` is "error" or "note". */
export function tell(sentence, kind = "error") {
  window.dispatchEvent(new CustomEvent("tell", { detail: { sentence: String(sentence), kind } }));
}

/** Return the sentence of anything thrown. */
export const sentenceOf = (fault) => (fault instanceof ApiError ? fault.message
  : `Something on this page went wrong: ${fault?.message ?? fault}. Reload the page.`);

async function refusal(answer) {
  const text = await answer.text().catch(() => "");
  try {
    const body = JSON.parse(text);
    if (typeof body.detail === "string") return new ApiError(body.detail, answer.status, body);
  } catch { /* not ours: say the status below */ }
  return new ApiError(`The studio answered ${answer.status} ${answer.statusText}. Try again.`, answer.status);
}

/** Ask the server; throw ApiError for a refusal, or where it does not answer. */
export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    const alive = options.body && await fetch("/api/items").then(() => true, () => false);
    throw new ApiError(alive ? CUT : GONE, 0);
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

/** GET a JSON value. */
export const getJson = async (path) => (await ask(path)).json();

/** GET bytes as Uint8Array. */
export const getBytes = async (path) => new Uint8Array(await (await ask(path)).arrayBuffer());

/** GET a Blob, such as a photo. */
export const getBlob = async (path) => (await ask(path)).blob();

/** Send a JSON value; return the JSON answer, or null where there is none. */
export async function sendJson(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  return valueOf(await ask(path, { method, headers, body: JSON.stringify(body) }));
}

/** Send bytes (Uint8Array or Blob); return the JSON answer, or null. */
export async function sendBytes(method, path, bytes, headers = {}) {
  const all = { "Content-Type": "application/octet-stream", ...headers };
  return valueOf(await ask(path, { method, headers: all, body: bytes }));
}

async function valueOf(answer) {
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

/** Make an element: make("button", {type: "button", class: "x", onclick}, "text", child). */
export function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && typeof value !== "string") node[key] = value;
    else if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
