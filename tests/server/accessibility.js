// What is wrong with a page for those who cannot see it, or not well: one line each.
() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const name = (e) => `${e.localName}${e.id ? "#" + e.id : ""} ${(e.textContent || "").trim().slice(0, 40)}`;
  const isShown = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest("[aria-hidden=true]");
  const fault = (what, e) => faults.push(`${what}: ${name(e)}`);

  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title.trim()) faults.push("no title");
  for (const place of ["header", "main", "footer", "nav"])
    if (!document.querySelector(place)) faults.push(`no ${place}`);
  for (const nav of all("nav")) if (!nav.ariaLabel) fault("nav without name", nav);

  const ids = all("[id]").map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`id twice: ${id}`);
  for (const key of ["aria-labelledby", "aria-describedby", "for"])
    for (const e of all(`[${key}]`))
      for (const id of e.getAttribute(key).split(/\s+/))
        if (!document.getElementById(id)) fault(`${key} leads nowhere`, e);

  for (const e of all("input, select, textarea")) {
    if (e.type === "hidden" || e.closest("[aria-hidden=true]")) continue;
    if (!e.labels.length && !e.ariaLabel) fault("field without label", e);
    if (!e.name) fault("field without name", e);
  }
  for (const e of all("a[href], button, summary"))
    if (!(e.textContent.trim() || e.ariaLabel)) fault("nothing to read", e);
  for (const e of all("img")) if (!e.hasAttribute("alt")) fault("no alt", e);
  for (const e of all("svg"))
    if (e.getAttribute("aria-hidden") !== "true" && !(e.getAttribute("role") === "img" && e.querySelector("title")))
      fault("drawing without title", e);

  const levels = all("h1, h2, h3, h4, h5, h6").filter(isShown);
  if (levels.filter((e) => e.localName === "h1").length !== 1) faults.push("not one h1");
  levels.reduce((last, e) => {
    const level = Number(e.localName[1]);
    if (level > last + 1) fault(`h${level} after h${last}`, e);
    return level;
  }, 0);
  for (const e of all("th")) if (!e.scope) fault("th without scope", e);
  for (const e of all("table")) if (!e.caption && !e.closest("[aria-label]")) fault("table without caption", e);
  for (const e of all("button, .tags a, input:not([type=hidden])"))
    if (isShown(e) && !e.closest(".hidden") && !e.matches("[type=radio], .hidden") && e.getBoundingClientRect().height < 24)
      fault("too small to hit", e);
  for (const e of all("[tabindex]")) if (e.tabIndex > 0) fault("order of its own", e);

  // Contrast of every text with what is behind it.
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = color;
    paint.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = paint.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((k) => top[k] * top[3] + under[k] * (1 - top[3])).concat(1);
  const behind = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const light = (color) => {
    const [r, g, b] = color.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const e = text.parentElement;
    if (!text.data.trim() || seen.has(e) || !isShown(e) || e.closest(".hidden, :disabled, script, title, desc")) continue;
    seen.add(e);
    const style = getComputedStyle(e), under = behind(e);
    const ink = over(rgba(e.closest("svg") ? style.fill : style.color), under);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (ratio(ink, under) < needed) fault(`contrast ${ratio(ink, under).toFixed(2)}`, e);
  }
  for (const e of all("input:not([type=hidden]), textarea, select, .button")) {
    if (!isShown(e) || e.closest(".hidden")) continue;
    const style = getComputedStyle(e);
    if (ratio(over(rgba(style.borderTopColor), behind(e.parentElement)), behind(e.parentElement)) < 3)
      fault("edge hardly seen", e);
  }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth)
    faults.push(`moves sideways: ${document.documentElement.scrollWidth} of ${document.documentElement.clientWidth}`);
  return faults;
}
