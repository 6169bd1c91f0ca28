"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");
  const opacity = document.getElementById("opacity");
  const lines = document.getElementById("lines");
  const little = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
  const NOTHING = { person: 0, label: 0 };
  const DIM = 150; // how dark, of 255, everything but the person pointed at becomes

  const percent = (share) => (share >= 0.1 ? (100 * share).toFixed(0) : (100 * share).toFixed(1)) + " %";
  const rgb = (color) => `rgb(${color.join(",")})`;
  const pack = (color, alpha) => {
    const [r, g, b] = color;
    return (little ? (alpha << 24) | (b << 16) | (g << 8) | r : (r << 24) | (g << 16) | (b << 8) | alpha) >>> 0;
  };
  const make = (name, text, className) => {
    const node = document.createElement(name);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  };

  // The PNG's bytes are label and person numbers: no colour correction may touch them.
  async function decode(uri) {
    const bytes = Uint8Array.from(atob(uri.slice(uri.indexOf(",") + 1)), (c) => c.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }), {
      colorSpaceConversion: "none", premultiplyAlpha: "none",
    });
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [picture.width, picture.height];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  }

  class View {
    constructor(section, told) {
      this.section = section;
      this.told = told;
      this.people = new Map(told.people.map((person) => [person.index, person]));
      this.labels = new Map(told.labels.map((label) => [label.id, label]));
      this.hidden = new Set();
      this.kept = null;
      this.now = NOTHING;
      this.canvas = section.querySelector("canvas");
      this.status = section.querySelector(".status");
      this.addLists();
      this.ready = null;
    }

    // Photos far down the page are decoded when they come near.
    start() {
      this.ready ??= decode(this.told.map).then((picture) => this.load(picture));
      return this.ready;
    }

    load(picture) {
      const { width, height, data: bytes } = picture;
      [this.canvas.width, this.canvas.height] = [width, height];
      this.pairs = [NOTHING];
      this.pairAt = new Uint32Array(width * height);
      const known = new Map([[0, 0]]);
      for (let i = 0; i < this.pairAt.length; i++) {
        const label = bytes[4 * i], person = bytes[4 * i + 1] | (bytes[4 * i + 2] << 8);
        const key = person * 256 + label;
        if (!known.has(key)) known.set(key, this.pairs.push({ person, label }) - 1);
        this.pairAt[i] = known.get(key);
      }
      this.context = this.canvas.getContext("2d");
      this.pixels = this.context.createImageData(width, height);
      this.listen();
      this.draw();
    }

    draw() {
      if (!this.context) return;
      const focus = this.kept || this.now;
      const table = Uint32Array.from(this.pairs, (pair) => this.colorOf(pair, focus));
      const target = new Uint32Array(this.pixels.data.buffer);
      for (let i = 0; i < target.length; i++) target[i] = table[this.pairAt[i]];
      this.context.putImageData(this.pixels, 0, 0);
      this.section.classList.toggle("bare", !lines.checked);
    }

    colorOf({ person, label }, focus) {
      const some = focus.person || focus.label;
      const inside = (!focus.person || focus.person === person) && (person || !some)
        && (focus.person || !focus.label || focus.label === label);
      if (some && !inside) return pack([0, 0, 0], DIM);
      if (!this.labels.has(label) || this.hidden.has(label)) return 0;
      const byPerson = document.querySelector("input[name=mode]:checked").value === "person";
      const known = byPerson ? this.people.get(person) : this.labels.get(label);
      if (!known) return 0;
      const strength = Number(opacity.value) / 100;
      const share = !focus.person || !focus.label ? 1 : focus.label === label ? 1.35 : 0.7;
      return pack(known.color, Math.round(255 * Math.min(1, strength * share)));
    }

    at(event) {
      const box = this.canvas.getBoundingClientRect();
      const x = Math.floor(((event.clientX - box.left) / box.width) * this.canvas.width);
      const y = Math.floor(((event.clientY - box.top) / box.height) * this.canvas.height);
      if (x < 0 || y < 0 || x >= this.canvas.width || y >= this.canvas.height) return NOTHING;
      const pair = this.pairs[this.pairAt[y * this.canvas.width + x]];
      return pair.person && this.people.has(pair.person) ? pair : NOTHING;
    }

    focus(wanted) {
      if (wanted.person === this.now.person && wanted.label === this.now.label) return;
      this.now = wanted;
      this.show();
    }

    keep(wanted) {
      const same = this.kept && wanted.person === this.kept.person && wanted.label === this.kept.label;
      this.kept = same || wanted === NOTHING ? null : wanted;
      this.show();
    }

    show() {
      const words = this.wordsFor(this.kept || this.now);
      this.status.textContent = words.join(", ") + (this.kept ? " (kept)" : "");
      for (const row of this.section.querySelectorAll(".people button")) {
        row.classList.toggle("kept", Boolean(this.kept) && row.person === this.kept.person);
      }
      const { person } = this.kept || this.now;
      for (const mark of this.section.querySelectorAll("path, .tags .tag")) {
        mark.classList.toggle("faded", person > 0 && Number(mark.dataset.person) !== person);
      }
      this.draw();
    }

    wordsFor({ person, label }) {
      const who = this.people.get(person), what = this.labels.get(label);
      if (who && what) return [`Person ${person} \u00b7 ${what.name}`, `${percent(who.parts[label] || 0)} of the person`];
      if (who) return [`Person ${person}`, `${percent(who.share)} of the photo`];
      if (what) return [what.name, `${percent(what.share)} of the photo`];
      return [];
    }

    listen() {
      this.canvas.addEventListener("pointermove", (event) => {
        const pair = this.at(event);
        this.focus(pair);
        const [name, share] = this.wordsFor(pair);
        tip.hidden = !name;
        if (!name) return;
        tip.replaceChildren(make("b", name), share);
        const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
        const below = event.clientY + 18 + tip.offsetHeight < innerHeight;
        tip.style.left = `${Math.max(8, left)}px`;
        tip.style.top = `${below ? event.clientY + 18 : event.clientY - tip.offsetHeight - 12}px`;
      });
      this.canvas.addEventListener("pointerleave", () => { tip.hidden = true; this.focus(NOTHING); });
      this.canvas.addEventListener("click", (event) => this.keep(this.at(event)));
    }

    addLists() {
      const list = this.section.querySelector(".people"), tags = this.section.querySelector(".tags");
      for (const person of this.told.people) {
        const tag = make("span", person.index, "tag");
        tag.style.background = rgb(person.color);
        tag.style.color = rgb(person.ink);
        const row = make("button");
        row.type = "button";
        row.person = person.index;
        const parts = Object.keys(person.parts).length;
        row.append(tag, make("span", `score ${person.score.toFixed(2)}`),
          make("span", `${parts} ${parts === 1 ? "part" : "parts"}, ${percent(person.share)}`));
        this.follow(row, { person: person.index, label: 0 });
        row.addEventListener("click", () => this.keep({ person: person.index, label: 0 }));
        const item = make("li");
        item.append(row);
        list.append(item);
        const mark = tag.cloneNode(true);
        mark.dataset.person = person.index;
        mark.style.left = `clamp(14px, ${100 * person.head[0]}%, 100% - 14px)`;
        mark.style.top = `max(${100 * person.head[1]}%, 20px)`;
        tags.append(mark);
      }
      if (!this.told.people.length) list.append(make("li", "Nobody was found."));
      this.section.querySelector(".parts").hidden = !this.told.labels.length;
      this.addLegend();
    }

    addLegend() {
      const legend = this.section.querySelector(".legend");
      for (const label of this.told.labels) {
        const chip = make("button"), dot = make("i");
        chip.type = "button";
        chip.setAttribute("aria-pressed", "true");
        dot.style.background = rgb(label.color);
        chip.append(dot, make("span", label.name), make("small", percent(label.share)));
        this.follow(chip, { person: 0, label: label.id });
        chip.addEventListener("click", () => {
          const off = !this.hidden.delete(label.id);
          if (off) this.hidden.add(label.id);
          chip.setAttribute("aria-pressed", String(!off));
          this.draw();
        });
        legend.append(chip);
      }
    }

    follow(node, wanted) {
      for (const kind of ["pointerenter", "focus"]) node.addEventListener(kind, () => this.focus(wanted));
      for (const kind of ["pointerleave", "blur"]) node.addEventListener(kind, () => this.focus(NOTHING));
    }
  }

  const views = [...document.querySelectorAll(".view")].map((section, n) => new View(section, data[n]));
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) views.find((view) => view.section === entry.target).start();
    }
  }, { rootMargin: "600px" });
  for (const view of views) near.observe(view.section);
  const redraw = () => views.forEach((view) => view.draw());
  opacity.addEventListener("input", () => {
    document.getElementById("opacity-value").textContent = `${opacity.value} %`;
    redraw();
  });
  lines.addEventListener("change", redraw);
  for (const choice of document.querySelectorAll("input[name=mode]")) choice.addEventListener("change", redraw);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") views.forEach((view) => view.kept && view.keep(view.kept));
  });
  window.peopleparse = views;
})();
