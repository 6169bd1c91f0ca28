"""The studio's page in a real browser: weight, time to interactive, hover, opacity, brush.

Every figure is of real events of a headless Chromium: from the event's own time stamp to the end
of the animation frame in which its effect was drawn. `work` is the part of that in which the page
itself computed; the rest is waiting for the frame.

    python benchmarks/studio_page.py
    python benchmarks/studio_page.py --quick
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "src")]

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from benchmarks.harness import RESULTS, BenchmarkError, describe_machine  # noqa: E402
from peopleparse.structures import ParsedPeople  # noqa: E402
from peopleparse.studio.project import create_project  # noqa: E402
from peopleparse.studio.static_files import TYPES, WEB  # noqa: E402
from tests.studio.site import draw_people, make_studio, serving  # noqa: E402

SIZE, PERSONS = (1080, 1920), 10
WINDOW = {"width": 1920, "height": 1080}
TARGETS = {
    "bytes": 100_000, "files": 12, "interactive_ms": 300, "hover_ms": 16, "opacity_ms": 16,
    "brush_ms": 16,
}  # fmt: skip

# Runs before any module: notes when the first screen, and then a result, can be used.
_WATCH = """
window.seen = {};
const look = () => {
  const view = document.querySelector('#view')?.view;
  const button = document.querySelector('#view button');
  if (!seen.interactive && button?.checkVisibility()) seen.interactive = performance.now();
  if (!seen.shown && view?.loaded && !view.frame) seen.shown = performance.now();
  if (!seen.shown) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
# The frame is asked for twice: before the page's own handlers run and after.
_PROBE = """(kind) => {
  window.times = [];
  let entered, opened;
  addEventListener(kind, () => {
    entered = performance.now();
    requestAnimationFrame(() => { opened = performance.now(); });
  }, { capture: true });
  addEventListener(kind, (event) => {
    const left = performance.now(), began = entered;
    requestAnimationFrame(() => {
      const end = performance.now();
      times.push([end - event.timeStamp, left - began + end - opened]);
    });
  });
}"""


def weigh() -> dict[str, Any]:
    """Return the files of the page and their bytes."""
    files = [path for path in WEB.iterdir() if path.suffix in TYPES]
    sizes = {path.name: len(path.read_bytes()) for path in sorted(files)}
    packed = sum(len(gzip.compress(path.read_bytes(), 6, mtime=0)) for path in files)
    return {
        "files": len(sizes), "bytes": sum(sizes.values()), "bytes_gzip": packed, "sizes": sizes
    }  # fmt: skip


def _open(browser: Any) -> Any:
    # Playwright waits by eval, which the page's policy forbids.
    return browser.new_context(viewport=WINDOW, bypass_csp=True).new_page()


def measure_start(browser: Any, address: str, turns: int, what: str) -> dict[str, Any]:
    """Return milliseconds from the start of navigation, in a new context each time."""
    found, loaded = [], set[tuple[str, int]]()
    for _ in range(turns + 1):
        page = _open(browser)
        page.add_init_script(_WATCH)
        page.on("response", lambda answer: loaded.add((answer.url, _length(answer))))
        page.goto(address)
        page.wait_for_function(f"seen.{what}")
        found.append(page.evaluate(f"seen.{what}"))
        page.wait_for_load_state("networkidle")
        page.context.close()
    files = [(url, size) for url, size in loaded if Path(url).suffix in {"", *TYPES}]
    page_files = [size for url, size in files if "/api/" not in url]
    return {
        **_summary(found[1:]), "files": len(page_files), "bytes": sum(page_files)
    }  # fmt: skip


def _length(answer: Any) -> int:
    return int(answer.headers.get("content-length", 0))


def measure_hover(page: Any, people: ParsedPeople, turns: int) -> dict[str, Any]:
    """Return times from a pointer on another person to the outline of that person."""
    places = [_inner_pixel(people, person.index) for person in people.people]
    points = [
        page.evaluate(
            """([x, y]) => { const { camera, panes: [pane] } = document.querySelector('#view').view;
            const box = pane.base.getBoundingClientRect(), ratio = devicePixelRatio;
            return [box.left + (camera.x + (x + 0.5) * camera.scale) / ratio,
                    box.top + (camera.y + (y + 0.5) * camera.scale) / ratio]; }""",
            place,
        )
        for place in places
    ]
    order = [(7 * n) % len(points) for n in range(turns)]  # never to a neighbour
    acts = [partial(page.mouse.move, *points[n]) for n in order]
    return _measure(page, "pointermove", acts, partial(_check_hit, page, people, order[-1]))


def _check_hit(page: Any, people: ParsedPeople, last: int) -> None:
    hit = page.evaluate("document.querySelector('#view').view.hit?.person")
    if hit != people.people[last].index:
        raise BenchmarkError(f"hover must find person {people.people[last].index}, got {hit}.")


def measure_opacity(page: Any, turns: int) -> dict[str, Any]:
    """Return times from a step of the slider to the redrawn photo."""
    page.locator("#opacity").focus()
    keys = ["ArrowLeft" if n % 20 < 10 else "ArrowRight" for n in range(turns)]
    return _measure(page, "input", [partial(page.keyboard.press, key) for key in keys])


def measure_brush(page: Any, turns: int) -> dict[str, Any]:
    """Return times from a move of the pressed pointer to its pixels."""
    box = page.locator(".annotate .stage").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    radius = box["height"] / 4
    angles = np.linspace(0, 12 * np.pi, turns)
    points = [
        (middle[0] + radius * float(np.cos(a)), middle[1] + radius * float(np.sin(a)))
        for a in angles
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    found = _measure(page, "pointermove", [partial(page.mouse.move, *p) for p in points])
    with page.expect_response(lambda one: one.request.method == "PUT" and one.ok) as saved:
        page.mouse.up()
    found["painted_pixels"] = saved.value.json()["area"]  # the strokes were real
    if not found["painted_pixels"]:
        raise BenchmarkError("brush must paint pixels, got none saved.")
    return found


def _measure(
    page: Any,
    kind: str,
    acts: Sequence[Callable[[], None]],
    check: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Do things one after another, each after the frame of the one before."""
    page.evaluate(_PROBE, kind)
    for number, act in enumerate(acts, 1):
        act()
        page.wait_for_function("(count) => times.length >= count", arg=number)
    check()
    times = page.evaluate("times")[len(acts) // 10 :]  # the first ones warm up
    return {
        **_summary([whole for whole, _ in times]), "work": _summary([work for _, work in times])
    }  # fmt: skip


def _summary(values: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(values)
    return {
        "count": len(ordered), "median_ms": statistics.median(ordered),
        "p95_ms": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], "high_ms": ordered[-1],
    }  # fmt: skip


def _inner_pixel(people: ParsedPeople, index: int) -> list[int]:
    ys, xs = np.nonzero(people.instances == index)
    middle = np.argsort((xs - np.median(xs)) ** 2 + (ys - np.median(ys)) ** 2)[0]
    return [int(xs[middle]), int(ys[middle])]


def run(browser: Any, folder: Path, quick: bool) -> dict[str, Any]:
    """Return all figures."""
    turns, starts = (20, 2) if quick else (200, 15)
    people = draw_people(PERSONS, SIZE)
    found: dict[str, Any] = {"page": weigh()}
    with serving(make_studio()) as empty:
        found["interactive"] = measure_start(browser, empty.address, starts, "interactive")
    with serving(make_studio([people], ["group"])) as place:
        found["result_shown"] = measure_start(browser, place.address, starts, "shown")
        page = _open(browser)
        page.goto(place.address)
        page.wait_for_function("document.querySelector('#view')?.view?.loaded")
        found["hover"] = measure_hover(page, people, turns)
        page.mouse.move(0, 0)
        found["opacity"] = measure_opacity(page, turns)
        page.context.close()
    found["brush"] = _paint(browser, folder, people, turns)
    return found


def _paint(browser: Any, folder: Path, people: ParsedPeople, turns: int) -> dict[str, Any]:
    assert people.image is not None
    (folder / "photos").mkdir()
    Image.fromarray(people.image).save(folder / "photos" / "group.png")
    create_project(folder / "project", folder / "photos")
    with serving(make_studio(project=folder / "project")) as place:
        page = _open(browser)
        clicks = [_inner_pixel(people, person.index) for person in people.people]
        persons = [
            {"uid": None, "click": click, "occluded": False, "truncated": False} for click in clicks
        ]
        path = f"{place.address}/api/project/photos/group"
        revision = page.request.get(path).json()["revision"]
        body = {"revision": revision, "persons": persons, "allow_overlap": True}
        answer = page.request.put(f"{path}/persons", data=body)
        if not answer.ok:
            raise BenchmarkError(f"persons must be counted, got {answer.text()}")
        page.goto(f"{place.address}/#annotate/photo/group/paint")
        page.locator(".annotate .paint .stage").wait_for()
        page.wait_for_load_state("networkidle")
        found = measure_brush(page, turns)
        page.context.close()
    return found


def judge(found: dict[str, Any]) -> dict[str, bool]:
    """Return which targets were reached."""
    reached = {
        "bytes": found["page"]["bytes_gzip"], "files": found["page"]["files"],
        "interactive_ms": found["interactive"]["median_ms"], "hover_ms": found["hover"]["p95_ms"],
        "opacity_ms": found["opacity"]["p95_ms"], "brush_ms": found["brush"]["p95_ms"],
    }  # fmt: skip
    return {name: value <= TARGETS[name] for name, value in reached.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few turns, nothing written")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    program = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None
    )
    if program is None:
        raise BenchmarkError("Chromium must be installed, got none. apt-get install chromium")
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        found = run(browser, Path(folder), options.quick)
        version = browser.version
        browser.close()
    result = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine,
        "browser": version, "photo": [*SIZE], "persons": PERSONS, "targets": TARGETS,
        "reached": judge(found), **found,
    }  # fmt: skip
    text = json.dumps(result, indent=1)
    print(text)
    if not options.quick:
        (RESULTS / "studio_page.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
