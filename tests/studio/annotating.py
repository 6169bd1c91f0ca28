"""A small project of drawn groups, served, and hands that annotate it in a browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from numpy.typing import NDArray
from PIL import Image

from peopleparse.structures import ParsedPeople
from peopleparse.studio.app import make_app
from peopleparse.studio.project import Project, create_project, open_project
from tests.studio.site import draw_people, make_studio

SIZE = (120, 160)
FINISHED = ".strip button[aria-current][data-status=done]"


@dataclass
class Site:
    """A project that is served on a port of its own, and can be killed and started again."""

    folder: Path
    scenes: dict[str, ParsedPeople]
    port: int = 0
    server: uvicorn.Server | None = None
    thread: threading.Thread | None = None
    photos: Iterator[str] = field(default_factory=lambda: iter(()))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def project(self) -> Project:
        return open_project(self.folder)

    def start(self) -> None:
        studio = make_studio(project=self.folder, make_parser=lambda: self.parse)
        config = uvicorn.Config(
            make_app(studio), host="127.0.0.1", port=self.port, log_level="error", lifespan="off",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive()
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        assert self.server is not None and self.thread is not None
        self.server.should_exit = self.server.force_exit = True
        self.thread.join()

    def parse(self, image: NDArray[np.uint8]) -> ParsedPeople:
        found = (scene for scene in self.scenes.values() if np.array_equal(scene.image, image))
        return next(found)

    def photo(self, name: str) -> dict[str, Any]:
        return self.project.store.photo(name)

    def labels(self, name: str, number: int = 1) -> NDArray[np.uint8]:
        store = self.project.store
        uid = store.photo(name)["persons"][number - 1]["uid"]
        return store.read_labels(name, uid)[0]

    def next_photo(self, persons: int = 0, done: int = 0) -> str:
        """Return a photo that nobody touched, with persons counted and some of them painted."""
        name = next(self.photos)
        if persons:
            count_persons(self.project, name, self.scenes[name], persons, done)
        return name


def count_persons(project: Project, name: str, scene: ParsedPeople, count: int, done: int) -> None:
    """Count the first persons from the left as the drawing has them; paint some exactly."""
    from peopleparse.studio.person_list import put_persons

    order = left_to_right(scene)[:count]
    persons = [{"uid": None, "click": middle_of(scene, number)} for number in order]
    put_persons(project.store, name, 0, persons, annotator="Ann")
    for person, number in list(zip(project.store.photo(name)["persons"], order, strict=True))[
        :done
    ]:
        project.store.save_labels(name, person["uid"], labels_of(scene, number), 0, "Ann")
        project.store.set_status(name, person["uid"], "done", "Ann", 60)


def labels_of(scene: ParsedPeople, number: int) -> NDArray[np.uint8]:
    return np.where(scene.instances == number, scene.parsing, 0).astype(np.uint8)


def middle_of(scene: ParsedPeople, number: int) -> list[float]:
    ys, xs = np.nonzero(scene.instances == number)
    at = np.argmin((xs - np.median(xs)) ** 2 + (ys - np.median(ys)) ** 2)
    return [float(xs[at]) + 0.5, float(ys[at]) + 0.5]


def left_to_right(scene: ParsedPeople) -> list[int]:
    return sorted(range(1, len(scene) + 1), key=lambda number: middle_of(scene, number)[0])


@contextmanager
def make_site(
    folder: Path, photos: int, size: tuple[int, int] = SIZE, persons: int = 3
) -> Iterator[Site]:
    """Serve a project of drawn groups."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    names = [f"group{n:02d}" for n in range(photos)]
    scenes = {name: draw_people(persons, size, n) for n, name in enumerate(names)}
    for name, scene in scenes.items():
        assert scene.image is not None
        Image.fromarray(scene.image).save(pictures / f"{name}.png")
    create_project(folder / "project", pictures, name="Groups")
    site = Site(folder / "project", scenes, photos=iter(names))
    site.start()
    try:
        yield site
    finally:
        site.stop()


_TWO_FRAMES = (
    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
)


class Hands:
    """What an annotator does on a page; points are in pixels of the photo."""

    def __init__(self, page: Any, size: tuple[int, int] = SIZE) -> None:
        self.page, self.size = page, size

    def open(self, site: Site, photo: str, step: str = "paint", name: str = "Ann") -> Hands:
        self.page.goto(f"{site.address}/#annotate")
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_label("Your name").blur()
        self.page.goto(f"{site.address}/#annotate/photo/{photo}/{step}")
        return self.wait()

    def wait(self) -> Hands:
        self.page.locator(".saving[data-state=saved]").wait_for()
        # A line above the photo that came or went moves the photo in the frame after.
        self.page.evaluate(_TWO_FRAMES)
        return self

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a pixel is on the screen."""
        box = self.page.locator(".photo").bounding_box()
        return box["x"] + x * box["width"] / self.size[1], box["y"] + y * box["height"] / self.size[
            0
        ]

    def click(self, x: float, y: float, **options: Any) -> None:
        self.page.mouse.click(*self.at(x, y), **options)

    def drag(self, *points: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*self.at(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.at(*point))
        mouse.up()

    def keys(self, *keys: str) -> None:
        self.page.locator(".stage").focus()
        for key in keys:
            self.page.keyboard.press(key)

    def take(self, label: int) -> None:
        self.page.locator(f".parts [data-label='{label}']").click()

    def set_size(self, size: int) -> None:
        out = self.page.locator(".kit output").first
        step = "[" if int(out.inner_text().split()[0]) > size else "]"
        for _ in range(30):
            if out.inner_text() == f"{size} px":
                return
            self.keys(step)
        raise AssertionError(f"no brush of {size} px")

    def saved(self) -> Hands:
        """Wait until nothing is left to save."""
        self.page.locator(".saving[data-state=waiting], .saving[data-state=saving]").wait_for(
            state="hidden"
        )
        return self.wait()


def disc(
    size: int, *points: tuple[float, float], shape: tuple[int, int] = SIZE
) -> NDArray[np.bool_]:
    """Return the pixels whose centres are at most size / 2 from a line, by the definition."""
    ys, xs = np.mgrid[: shape[0], : shape[1]] + 0.5
    inside = np.zeros(shape, bool)
    snapped = [snap(point, size) for point in points]
    for (ax, ay), (bx, by) in zip(snapped, snapped[1:] or snapped, strict=False):
        length = (bx - ax) ** 2 + (by - ay) ** 2
        share = ((xs - ax) * (bx - ax) + (ys - ay) * (by - ay)) / length if length else 0 * xs
        share = np.clip(share, 0, 1)
        far = (xs - ax - share * (bx - ax)) ** 2 + (ys - ay - share * (by - ay)) ** 2
        inside |= far <= (size / 2) ** 2 + 1e-9
    return inside


def snap(point: tuple[float, float], size: int) -> tuple[float, float]:
    """Return the centre of a brush of whole pixels."""
    if size % 2:
        return float(np.floor(point[0]) + 0.5), float(np.floor(point[1]) + 0.5)
    return float(np.floor(point[0] + 0.5)), float(np.floor(point[1] + 0.5))


def until(check: Callable[[], bool], seconds: float = 20) -> float:
    """Wait for something outside the page; return how long it took."""
    start = time.monotonic()
    while not check():
        assert time.monotonic() - start < seconds, "waited too long"
        time.sleep(0.02)
    return time.monotonic() - start
