"""docs/annotate.md, replayed: each of its headings is a step here, each of its pictures is drawn.

    PEOPLEPARSE_DRAW=1 pytest tests/studio/test_annotate_browser_walkthrough.py

writes the pictures anew.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from peopleparse.studio.project import create_project
from peopleparse.viz import draw_scene
from tests.studio.annotating import Hands, Site, labels_of, left_to_right, middle_of, until

DOCS = Path(__file__).parents[2] / "docs"
SIZE = (480, 640)
VIEW = {"width": 1280, "height": 760}


@contextmanager
def drawn_site(folder: Path) -> Iterator[Site]:
    """Serve a project of one drawn photo."""
    scene = draw_scene(4, SIZE, 0)
    (folder / "photos").mkdir()
    Image.fromarray(scene.image).save(folder / "photos" / "market.png")
    create_project(folder / "groups", folder / "photos", name="Groups in the park")
    site = Site(folder / "groups", {"market": scene})
    site.start()
    try:
        yield site
    finally:
        site.stop()


class Walk:
    """The steps of the page, in its order; `take` is called with each picture."""

    def __init__(self, page: Any, site: Site, take: Callable[[str], None]) -> None:
        self.page, self.site, self.take = page, site, take
        self.look, self.scene = Hands(page, SIZE), site.scenes["market"]
        self.order = left_to_right(self.scene)

    def open_the_project(self) -> None:
        self.page.goto(f"{self.site.address}/#annotate")
        self.page.get_by_label("Your name").fill("Ann")
        self.page.get_by_label("Your name").blur()
        self.page.get_by_role("link", name="market").click()
        self.page.locator(".count").wait_for()
        self.look.wait()

    def count_the_persons(self) -> None:
        for number in reversed(self.order):
            self.look.click(*middle_of(self.scene, number))
        self.page.locator("[name=truncated-4]").check()
        self.look.saved()
        self.take("count")
        assert len(self.site.photo("market")["persons"]) == 4

    def start_from_the_prediction(self) -> None:
        self.page.get_by_role("button", name="Paint them").click()
        self.page.locator(".kit").wait_for()
        self.look.wait()
        self._accept()
        self.look.keys("Control+Enter")
        self._wait_for(2)

    def _accept(self) -> None:
        with self.page.expect_response("**/prefill"):
            self.page.get_by_role("button", name="Accept all").click()
        self.page.locator(".parts small", has_text="%").first.wait_for()
        self.look.saved()

    def _wait_for(self, number: int) -> None:
        self.page.locator(f".strip li:nth-child({number}) [aria-current]").wait_for()
        self.look.wait()

    def paint_with_brush_superpixels_and_polygon(self) -> None:
        look, (x, y) = self.look, middle_of(self.scene, self.order[1])
        look.keys("4", "q")
        look.set_size(40)
        look.drag((x - 30, y - 65), (x + 30, y - 65), (x + 28, y - 30), (x - 28, y - 30))
        look.keys("5", "t")
        for dx, dy in ((-35, 0), (35, 0), (58, 80), (-58, 80)):
            look.click(x + dx, y + dy)
        look.keys("Enter", "1")
        with self.page.expect_response("**/superpixels"):
            look.keys("s")
        ys, xs = np.nonzero(labels_of(self.scene, self.order[1]) == 1)
        look.drag(*((float(np.median(xs)) + dx, float(np.median(ys))) for dx in (-20, 0, 20)))
        look.keys("q", "b")
        self.page.mouse.move(*look.at(x + 5, y - 105))
        look.saved()
        self.take("paint")
        found = set(np.unique(self.site.labels("market", 2))) - {0}
        assert found == {1, 4, 5}

    def finish_each_person(self) -> None:
        for number in (2, 3, 4):
            self._accept()
            self.page.get_by_role("button", name="Done", exact=True).click()
            if number < 4:
                self._wait_for(number + 1)
        self.page.get_by_text("Everybody on this photo is done").wait_for()
        for n, number in enumerate(self.order, 1):
            wanted = labels_of(self.scene, number)
            assert np.array_equal(self.site.labels("market", n), wanted)

    def look_at_what_is_likely_wrong(self) -> None:
        self.page.get_by_role("link", name="Check").click()
        self.page.locator(".remarks .row").first.wait_for()
        self.page.locator(".remarks .row:enabled").first.click()
        self.page.locator(".lines .core").wait_for()
        self.page.get_by_role("button", name="Close").click()
        self.take("check")

    def let_a_second_person_review(self) -> None:
        page = self.page
        page.get_by_role("link", name="Photos").click()
        page.get_by_label("Your name").fill("Bob")
        page.get_by_label("Your name").blur()
        page.get_by_role("link", name="market").click()
        page.get_by_role("button", name="Paint it again, blind").first.click()
        page.locator(".kit").wait_for()
        self.look.wait()
        self._accept()
        page.get_by_role("button", name="Compare").click()
        page.get_by_text("mean IoU 100.0 %").wait_for()
        for number in (1, 2, 3, 4):
            page.get_by_role("button", name="Mark checked").first.click()
            page.locator(f".strip li:nth-child({number}) [data-status=checked]").wait_for()
        until(lambda: self.site.photo("market")["state"] == "checked")

    def see_the_numbers_and_export(self) -> None:
        page = self.page
        page.get_by_role("link", name="Photos").click()
        page.get_by_role("link", name="Statistics").click()
        page.locator(".charts").wait_for()
        self.take("statistics")
        page.get_by_role("link", name="All photos").click()
        page.get_by_text("Export and import").click()
        page.get_by_label("Format").select_option("gps")
        with page.expect_download() as told:
            page.get_by_role("button", name="Export", exact=True).click()
        with zipfile.ZipFile(told.value.path()) as archive:
            names = [Path(name).name for name in archive.namelist()]
        assert {f"market_04_{k:02d}.png" for k in (1, 2, 3, 4)} <= set(names)


def test_the_walkthrough_is_what_the_page_does(
    open_window: Callable[..., Any], tmp_path: Path
) -> None:
    text = (DOCS / "annotate.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## \d+\. (.+)$", text, re.M)
    steps = [re.sub(r"\W+", "_", title.lower()) for title in titles]
    assert steps == [name for name in vars(Walk) if name[0] != "_" and name != "take"]
    taken: list[str] = []
    with drawn_site(tmp_path) as site:
        options: Any = {"viewport": VIEW, "color_scheme": "light"}
        with open_window(site.address, "/#annotate", **options) as page:

            def take(name: str) -> None:
                taken.append(f"images/annotate-{name}.png")
                picture = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
                if os.environ.get("PEOPLEPARSE_DRAW"):
                    small = picture.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE)
                    small.save(DOCS / taken[-1], optimize=True)
                assert Image.open(DOCS / taken[-1]).size == picture.size

            walk = Walk(page, site, take)
            for step in steps:
                getattr(walk, step)()
    assert taken == re.findall(r"\((images/annotate-\S+)\)", text)


def test_the_words_of_the_walkthrough_are_on_the_page() -> None:
    web = Path(__file__).parents[2] / "src" / "peopleparse" / "studio" / "web"
    page = "\n".join(path.read_text(encoding="utf-8") for path in sorted(web.glob("*.js")))
    text = (DOCS / "annotate.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\*\*(.+?)\*\*", text))
    assert len(words) >= 14
    assert [word for word in words if f'"{word}"' not in page] == []
