/** Tabs, theme, notices and the list of shortcuts: what View and Annotate share. */

import { make, sentenceOf, tell } from "./api.js";
import * as view from "./view.js";

const byId = (id) => document.getElementById(id);
const TABS = ["view", "annotate"];
const started = new Set();
const starters = {
  view: async (root) => view.start(root),
  annotate: async (root) => (await import("./annotate.js")).start(root),
};

function openTab() {
  const wanted = location.hash.slice(1).split("/")[0];
  const now = TABS.includes(wanted) ? wanted : "view";
  for (const name of TABS) {
    byId(name).hidden = name !== now;
    const tab = document.querySelector(`nav a[href="#${name}"]`);
    if (name === now) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  document.body.dataset.tab = now;
  if (started.has(now)) return;
  started.add(now);
  starters[now](byId(now)).catch((fault) => tell(sentenceOf(fault)));
}

function showNotice({ detail: { sentence, kind } }) {
  const place = byId("notices");
  for (const old of place.children) if (old.firstChild.textContent === sentence) old.remove();
  const close = make("button", { type: "button", "aria-label": "Close", class: "quiet" }, "\u00d7");
  const notice = make("div", { class: `notice ${kind}` }, make("p", {}, sentence), close);
  close.addEventListener("click", () => notice.remove());
  place.append(notice);
  if (kind === "note") setTimeout(() => notice.remove(), 6000);
  while (place.children.length > 4) place.firstChild.remove();
}

function startTheme() {
  const button = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const apply = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-pressed", String(isDark()));
    window.dispatchEvent(new Event("theme"));
  };
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    localStorage.setItem("theme", theme);
    apply(theme);
  });
  system.addEventListener("change", () => apply());
  apply(localStorage.getItem("theme"));
}

/** A key typed into a field is not a shortcut. */
const isTyping = (target) => target.matches?.("input:not([type=checkbox],[type=radio],[type=range]), textarea, select");

function startHelp() {
  const help = byId("help");
  byId("help-open").addEventListener("click", () => help.showModal());
  byId("help-close").addEventListener("click", () => help.close());
  help.addEventListener("click", (event) => {
    if (event.target === help) help.close();
  });
  window.addEventListener("keydown", (event) => {
    if (event.key === "?" && !isTyping(event.target) && !help.open) {
      event.preventDefault();
      help.showModal();
    }
  });
}

window.addEventListener("tell", showNotice);
window.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  tell(sentenceOf(event.reason));
});
window.addEventListener("hashchange", openTab);
startTheme();
startHelp();
openTab();
