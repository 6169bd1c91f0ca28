"use strict";
{
  const tip = document.getElementById("tip");

  function valueOf(row, column) {
    const cell = row.cells[column];
    const given = cell.dataset.value ?? cell.textContent.replace(/[,\u2013]/g, "");
    const number = given.trim() === "" ? NaN : Number(given);
    return { number, text: cell.textContent, empty: cell.textContent.trim() === "\u2013" };
  }

  // Cells without a value stay last in both directions.
  function compare(a, b, sign) {
    if (a.empty || b.empty) return Number(a.empty) - Number(b.empty);
    if (!Number.isNaN(a.number) && !Number.isNaN(b.number)) return sign * (a.number - b.number);
    return sign * a.text.localeCompare(b.text, "en", { numeric: true });
  }

  function sortBy(table, column) {
    const heads = [...table.tHead.rows[0].cells], head = heads[column], body = table.tBodies[0];
    const before = head.getAttribute("aria-sort");
    const numbers = [...body.rows].some((row) => !Number.isNaN(valueOf(row, column).number));
    const first = numbers ? "descending" : "ascending", other = numbers ? "ascending" : "descending";
    const wanted = before === first ? other : first;
    for (const one of heads) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", wanted);
    const keyed = [...body.rows].map((row) => [valueOf(row, column), row]);
    keyed.sort(([a], [b]) => compare(a, b, wanted === "ascending" ? 1 : -1));
    body.append(...keyed.map(([, row]) => row));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    if (table.tBodies[0].rows.length < 3) continue;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sortBy(table, column));
      head.append(button);
    });
  }

  function show(event, words) {
    tip.hidden = !words;
    if (!words) return;
    tip.textContent = words;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 18 + tip.offsetHeight < innerHeight;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${below ? event.clientY + 18 : event.clientY - tip.offsetHeight - 12}px`;
  }

  for (const matrix of document.querySelectorAll(".matrix")) {
    matrix.addEventListener("pointermove", (event) => show(event, event.target.dataset.tip));
    matrix.addEventListener("pointerleave", () => { tip.hidden = true; });
  }

  // Precision of each system at the recall under the pointer: the highest at or beyond it.
  for (const plot of document.querySelectorAll(".curve")) {
    const [left, top, side] = plot.dataset.plot.split(" ").map(Number);
    const lines = [...plot.querySelectorAll("polyline")].map((line) => ({
      name: line.dataset.name, points: [...line.points].map((p) => [(p.x - left) / side, 1 - (p.y - top) / side]),
    }));
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect(), width = plot.viewBox.baseVal.width;
      const recall = ((event.clientX - box.left) / box.width * width - left) / side;
      if (recall < 0 || recall > 1) return show(event, "");
      const told = lines.map(({ name, points }) => {
        const beyond = points.filter(([r]) => r >= recall).map(([, p]) => p);
        return `${name}: ${beyond.length ? (100 * Math.max(...beyond)).toFixed(1) : "not reached"}`;
      });
      show(event, [`recall ${(100 * recall).toFixed(0)}`, ...told].join("\n"));
    });
    plot.addEventListener("pointerleave", () => { tip.hidden = true; });
  }

  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
  });
}
