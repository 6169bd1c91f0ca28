"""A studio on loopback with drawn people and no network, for tests of its page and its answers.

    with serving(make_studio(results=[draw_people(3)])) as place:
        page.goto(place.address)

A photo that is sent is "parsed" by `drawn_parser`: people drawn by number and seed, at its size.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from peopleparse.data.image_labels import ImageLabels
from peopleparse.labels import get_scheme
from peopleparse.structures import ParsedPeople
from peopleparse.studio.app import make_app
from peopleparse.studio.items import Items
from peopleparse.studio.photo_bytes import encode_photo
from peopleparse.studio.session import MAX_BYTES, Parse, Studio, photo_key
from peopleparse.studio.shown import show_labels, show_result
from peopleparse.viz import draw_scene

_MOST = 10  # persons of one drawn scene
_DRAWN = 240  # rows: larger pictures are enlarged drawings


@dataclass(frozen=True)
class Place:
    """A studio that is served.

    Attributes:
        address: http://127.0.0.1:PORT, without a slash at the end.
        studio: what is served; tests may look into it.
    """

    address: str
    studio: Studio


def draw_people(count: int = 3, size: tuple[int, int] = (240, 320), seed: int = 0) -> ParsedPeople:
    """Return drawn people of any number and size with their picture and a confidence map.

    More than ten are drawn in scenes side by side; a large picture is a small one enlarged, so
    that 24 megapixels take a second.
    """
    groups = [min(_MOST, count - at) for at in range(0, count, _MOST)] or [0]
    wide = max(8, round(_DRAWN * size[1] / size[0] / len(groups)))
    scenes = [draw_scene(n, (_DRAWN, wide), seed + k) for k, n in enumerate(groups)]
    parsing = np.concatenate([scene.parsing for scene in scenes], axis=1)
    instances = np.concatenate(
        [
            np.where(scene.instances > 0, scene.instances + k * _MOST, 0)
            for k, scene in enumerate(scenes)
        ],
        axis=1,
    ).astype(np.uint16)
    image = np.concatenate([scene.image for scene in scenes], axis=1)
    parsing, instances, image = (_enlarge(part, size) for part in (parsing, instances, image))
    most = int(instances.max(initial=0))
    faces = [_box(parsing, instances, number) for number in range(1, most + 1)]
    return ParsedPeople.from_maps(
        parsing, instances, [0.95 - 0.01 * n for n in range(most)], faces, image=image,
        source="drawn.png", confidence=_confidence(instances),
    )  # fmt: skip


def _enlarge(part: Any, size: tuple[int, int]) -> Any:
    return cv2.resize(part, size[::-1], interpolation=cv2.INTER_NEAREST)


def _box(
    parsing: NDArray[np.uint8], instances: NDArray[np.uint16], number: int
) -> NDArray[np.float32] | None:
    ys, xs = np.nonzero((instances == number) & (parsing == get_scheme("gps").id_of("face")))
    if len(ys) == 0:
        return None
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)


def _confidence(instances: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Return 120 at the top to 255 at the bottom where somebody is, 0 elsewhere."""
    rows = np.linspace(120, 255, len(instances)).astype(np.uint8)[:, None]
    return np.where(instances > 0, rows, 0).astype(np.uint8)


def draw_overlapping(
    count: int = 3, size: tuple[int, int] = (60, 80), seed: int = 0
) -> NDArray[np.uint8]:
    """Return maps of persons who share pixels, (N, H, W) uint8 of scheme gps, left to right."""
    rng = np.random.default_rng(seed)
    persons = np.zeros((count, *size), np.uint8)
    lefts = np.sort(rng.integers(0, size[1] // 2, count))
    for labels, x in zip(persons, lefts, strict=True):
        y = rng.integers(0, size[0] // 2)
        part = rng.integers(1, 20, (size[0] // 2, size[1] // 2))
        labels[y : y + size[0] // 2, x : x + size[1] // 2] = part
    return persons


def drawn_parser(count: int = 3, seed: int = 0, seconds: float = 0.0) -> Callable[[], Parse]:
    """Return a `make_parser` whose parser draws people at the size of the photo."""

    def parse(image: NDArray[np.uint8]) -> ParsedPeople:
        time.sleep(seconds)
        found = draw_people(count, image.shape[:2], seed)
        found.image = image
        return found

    return lambda: parse


_DRAWN_PARSER = drawn_parser()


def make_studio(
    results: Sequence[ParsedPeople] = (),
    names: Sequence[str] | None = None,
    truth: NDArray[np.uint8] | None = None,
    project: Path | None = None,
    max_bytes: int = MAX_BYTES,
    make_parser: Callable[[], Parse] | None = _DRAWN_PARSER,
    **options: Any,
) -> Studio:
    """Return a studio; all results and the truth are of one photo where their sizes are equal.

    Args:
        results: items of kind result, with their photo.
        names: one a result; "system 1" and so on where not given.
        truth: (N, H, W) label maps of scheme gps, an item of kind truth.
        project: folder of a project to open.
        max_bytes: of a file that is sent.
        make_parser: None for a studio without a model.
        options: more fields of `Studio`.
    """
    items = options.pop("items", Items())
    for number, result in enumerate(results, 1):
        name = names[number - 1] if names else f"system {number}"
        assert result.image is not None
        shown = show_result(result, encode_photo(result.image))
        items.add(name, "result", photo_key("drawn"), system=name, shown=shown)
    if truth is not None:
        shown = show_labels(ImageLabels(truth), get_scheme("gps"), "drawn")
        items.add("truth", "truth", photo_key("drawn"), shown=shown)
    opened = None
    if project is not None:
        from peopleparse.studio.project import open_project

        opened = open_project(project)
    return Studio(items, opened, make_parser, max_bytes=max_bytes, **options)


def encode_image(image: NDArray[np.uint8], kind: str = "PNG", **options: Any) -> bytes:
    """Return a picture as a file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def client(studio: Studio, **options: Any) -> TestClient:
    """Return a client without a socket; it asks by the name that the studio knows."""
    options.setdefault("base_url", "http://127.0.0.1")
    return TestClient(make_app(studio), raise_server_exceptions=False, **options)


@contextmanager
def serving(studio: Studio | None = None) -> Iterator[Place]:
    """Serve a studio on a free port of loopback until the block ends."""
    studio = make_studio() if studio is None else studio
    with serving_app(make_app(studio)) as address:
        yield Place(address, studio)


@contextmanager
def serving_app(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port of loopback; give its address."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="error", lifespan="off",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
