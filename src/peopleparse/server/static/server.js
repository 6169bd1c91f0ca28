// Two comforts; every page does without. A submission's state is looked at again in place, and an
// upload shows how far it is.
"use strict";

function show(page) {
  const main = page.querySelector("main");
  if (!main) return;
  document.querySelector("main").replaceWith(main);
  document.title = page.title;
  main.focus();
  start();
}

function watch(box) {
  setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.querySelector("#live");
      if (!answer.ok || !next) throw new Error(answer.status);
      const state = page.querySelector("[role=status]").textContent;
      if (!next.dataset.live) show(page);
      else if (state !== box.querySelector("[role=status]").textContent || !box.contains(document.activeElement)) {
        box.replaceWith(next);
        document.title = page.title;
        watch(next);
      } else watch(box);
    } catch { watch(box); }
  }, Number(box.dataset.live) * 1000);
}

function guide(form) {
  const bar = form.querySelector("progress"), box = form.querySelector("[data-progress]");
  const words = form.querySelector("[data-words]"), button = form.querySelector("button");
  const stop = (text) => { words.textContent = text; button.disabled = false; };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.responseType = "document";
    request.upload.onprogress = (sent) => {
      const share = sent.lengthComputable ? Math.floor(100 * sent.loaded / sent.total) : 0;
      bar.value = share;
      words.textContent = share < 100 ? `Uploading: ${share} %` : "Sent; the server keeps it";
    };
    request.onerror = () => stop("The connection broke off. Nothing is counted; try again.");
    request.onload = () => {
      if (request.status < 400) location.assign(request.responseURL);
      else if (request.response) { show(request.response); }
      else stop(`The server answered ${request.status}. Try again.`);
    };
    box.hidden = false;
    button.disabled = true;
    request.send(new FormData(form));
  });
}

function start() {
  const box = document.querySelector("[data-live]"), form = document.querySelector("[data-upload]");
  if (box) watch(box);
  if (form) guide(form);
}

start();
