"""Words for tests of the View page: wait, point, click on pixels of the photo, read its canvas."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.structures import ParsedPeople
from tests.studio import site

VIEW = "document.getElementById('view').view"
WAIT_MS = 60_000


def until(page: Any, condition: str) -> None:
    """Wait until a JavaScript expression holds; the page's policy forbids Playwright's own way."""
    page.evaluate(
        """([text, ms]) => new Promise((done, fail) => {
        const end = Date.now() + ms;
        const look = () => { if (eval(text)) done(); else if (Date.now() > end) fail(text);
            else setTimeout(look, 15); };
        look(); })""".replace("eval(text)", f"({condition})"),
        [condition, WAIT_MS],
    )


def settle(page: Any) -> None:
    """Wait until an item is open and everything asked for is drawn."""
    until(page, f"{VIEW}?.loaded && !{VIEW}.frame && !{VIEW}.title.classList.contains('busy')")


def ask(page: Any, expression: str) -> Any:
    """Return an expression of the view, such as `state.opacity`."""
    return page.evaluate(f"() => {VIEW}.{expression}")


def place_of(page: Any, x: float, y: float, pane: int = 0) -> tuple[float, float]:
    """Return where in the window the middle of an image pixel is."""
    return tuple(
        page.evaluate(
            f"""([x, y, n]) => {{ const v = {VIEW}, p = v.panes[n], c = v.camera;
            const box = p.node.getBoundingClientRect();
            return [box.left + ((x + .5) * c.scale + c.x) / p.ratio,
            box.top + ((y + .5) * c.scale + c.y) / p.ratio]; }}""",
            [x, y, pane],
        )
    )


def point(page: Any, x: float, y: float, pane: int = 0) -> None:
    """Move the mouse to an image pixel."""
    page.mouse.move(*place_of(page, x, y, pane))
    settle(page)


def click(page: Any, x: float, y: float, pane: int = 0) -> None:
    """Click on an image pixel."""
    page.mouse.click(*place_of(page, x, y, pane))
    settle(page)


def colors_at(
    page: Any, points: Iterable[tuple[int, int]], canvas: str = "base", pane: int = 0
) -> NDArray[np.int64]:
    """Return what the canvas shows at image pixels, (N, 4)."""
    found = page.evaluate(
        f"""([points, name, n]) => {{ const v = {VIEW}, c = v.camera;
        const context = v.panes[n][name].getContext('2d');
        return points.map(([x, y]) => [...context.getImageData(
        Math.floor((x + .5) * c.scale + c.x), Math.floor((y + .5) * c.scale + c.y), 1, 1).data]);
        }}""",
        [[list(p) for p in points], canvas, pane],
    )
    return np.array(found)


def read_layers(page: Any, item: str) -> tuple[list[dict[str, Any]], NDArray[np.uint8]]:
    """Return an item's persons and the arrays that the page decodes, (layers, 3, H, W)."""
    found = page.evaluate(
        """async (id) => {
        const { readLayers } = await import('/draw.js');
        const item = await (await fetch(`/api/items/${id}`)).json();
        const { width, height, label, person, confidence } = await readLayers(item.layers);
        const text = (a) => { let s = ''; for (let i = 0; i < a.length; i += 8192)
            s += String.fromCharCode(...a.subarray(i, i + 8192)); return btoa(s); };
        return { width, height, persons: item.persons,
            layers: label.map((_, n) => [label[n], person[n], confidence[n]].map(text)) }; }""",
        item,
    )
    shape = (found["height"], found["width"])
    layers = [
        [np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape) for text in layer]
        for layer in found["layers"]
    ]
    return found["persons"], np.array(layers)


def some_pixels(people: ParsedPeople, count: int, seed: int = 0) -> list[tuple[int, int]]:
    """Return pixels (x, y) inside parts, away from their borders and from the numbers."""
    parsing = people.parsing
    same = np.zeros(parsing.shape, bool)
    same[4:-4, 4:-4] = parsing[4:-4, 4:-4] > 0
    for dy in (-4, 0, 4):
        for dx in (-4, 0, 4):
            same &= np.roll(parsing, (dy, dx), (0, 1)) == parsing
            same &= np.roll(people.instances, (dy, dx), (0, 1)) == people.instances
    ys, xs = np.nonzero(same)
    take = np.random.default_rng(seed).choice(len(xs), count, replace=False)
    return [(int(xs[n]), int(ys[n])) for n in take]


def color_of(people: ParsedPeople, x: int, y: int) -> tuple[int, ...]:
    """Return the colour of the part at a pixel."""
    label = int(people.parsing[y, x])
    return next(tuple(one.color) for one in people.scheme.labels if one.id == label)


def name_of(people: ParsedPeople, x: int, y: int) -> str:
    """Return the name of the part at a pixel."""
    label = int(people.parsing[y, x])
    return next(one.name for one in people.scheme.labels if one.id == label)


def photo_bytes(seed: int = 0, size: tuple[int, int] = (120, 160)) -> bytes:
    """Return a PNG photo."""
    image = site.draw_people(2, size, seed).image
    assert image is not None
    return site.encode_image(image)


def choose(page: Any, *files: tuple[str, bytes], kind: str = "image/png") -> None:
    """Choose files in the page."""
    page.get_by_label("Photos", exact=True).first.set_input_files(
        [{"name": name, "mimeType": kind, "buffer": data} for name, data in files]
    )
