"""View in a real browser: comparing results, the truth, downloads and speed."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.studio import site
from tests.studio.view_browser import (
    ask,
    click,
    colors_at,
    place_of,
    point,
    settle,
    some_pixels,
    until,
)

Window = Callable[..., AbstractContextManager[Any]]
SIZE = (360, 540)
FIRST, SECOND = site.draw_people(3, SIZE, 1), site.draw_people(3, SIZE, 2)
HOVER_MS = 16


def _truth() -> np.ndarray:
    """Return label maps of the first result with faults, and a stripe that is ignored."""
    truth = FIRST.person_parsings().copy()
    truth[0][truth[0] == 4] = 7
    truth[1, :, :270] = 0
    # Ignored pixels belong to nobody; a copy of its own holds them here.
    truth[2, 100:110, 5:15] = 255
    return truth


TRUTH = _truth()


def _flat(persons: np.ndarray) -> np.ndarray:
    flat = np.zeros(persons.shape[1:], np.uint8)
    for labels in persons[::-1]:
        flat = np.where(labels > 0, labels, flat)
    return flat


@pytest.fixture(scope="module")
def place() -> Iterator[site.Place]:
    names = ["first", "second"]
    with site.serving(site.make_studio([FIRST, SECOND], names, TRUTH)) as served:
        yield served


@pytest.fixture
def page(open_window: Window, place: site.Place) -> Iterator[Any]:
    with open_window(place.address, viewport={"width": 1280, "height": 800}) as window:
        settle(window)
        yield window


def _compare(page: Any, other: str, how: str) -> None:
    page.get_by_text("Compare", exact=True).click()
    page.locator(".menu label", has_text=other).locator("input").check()
    until(page, "document.querySelector('.compared')")
    page.get_by_role("radio", name=how).check()
    mode = {"Side by side": "side", "Swipe": "swipe", "Difference": "difference"}[how]
    until(page, f"document.getElementById('view').view.state.mode === '{mode}'")
    settle(page)
    page.keyboard.press("Escape")


def test_side_by_side_has_a_pane_each(page: Any) -> None:
    _compare(page, "second", "Side by side")
    assert [n.inner_text() for n in page.locator(".pane .name").all()] == ["first", "second"]
    page.get_by_text("Compare", exact=True).click()
    page.locator(".menu label", has_text="truth").locator("input").check()
    until(page, "document.querySelectorAll('.pane').length === 3")
    page.get_by_role("radio", name="Swipe").check()
    until(page, "document.querySelectorAll('.pane').length === 1")


def test_the_cursor_is_linked(page: Any) -> None:
    _compare(page, "second", "Side by side")
    x, y = some_pixels(FIRST, 1)[0]
    assert not colors_at(page, [(x, y)], "over", 1).any()
    point(page, x, y, 0)
    shown = ask(page, "panes.map((p) => [p.pixelAt({clientX: 0, clientY: 0})[0]]).length")
    assert shown == 2
    near = [(x + d, y) for d in range(-6, 7)]
    marks = colors_at(page, near, "over", 1)
    assert (marks[:, :3].min(1) > 220).any(), "a light cross in the other pane"
    page.mouse.move(2, 2)
    settle(page)
    assert not colors_at(page, near, "over", 1).any()


def test_the_zoom_is_linked(page: Any) -> None:
    _compare(page, "second", "Side by side")
    before = ask(page, "camera.scale")
    page.get_by_role("button", name="Zoom in").click()
    settle(page)
    scales = [pane.get_attribute("data-scale") for pane in page.locator(".pane").all()]
    assert len(set(scales)) == 1 and float(scales[0]) == pytest.approx(1.25 * before, abs=1e-3)
    x, y = SIZE[1] // 2, SIZE[0] // 2
    left, right = place_of(page, x, y, 0), place_of(page, x, y, 1)
    wide = page.locator(".pane").first.bounding_box()["width"]
    assert right[0] - left[0] == pytest.approx(wide + 2, abs=1.5) and right[1] == left[1]


def test_swipe_shows_one_result_on_each_hand(page: Any) -> None:
    page.get_by_label("Outlines and numbers").uncheck()
    page.get_by_label("Opacity").fill("100")
    _compare(page, "second", "Swipe")
    page.locator(".divider").focus()
    colors = {label.id: label.color for label in FIRST.scheme.labels}
    for key, people in (("End", FIRST), ("Home", SECOND)):
        page.keyboard.press(key)
        settle(page)
        pixels = some_pixels(people, 80)
        wanted = [colors[int(people.parsing[y, x])] for x, y in pixels]
        assert np.abs(colors_at(page, pixels)[:, :3] - np.array(wanted)).max() <= 1


def test_the_divider_follows_mouse_and_keys(page: Any) -> None:
    _compare(page, "second", "Swipe")
    divider = page.get_by_role("slider", name="Divider between two results")
    box, pane = divider.bounding_box(), page.locator(".pane").bounding_box()
    page.mouse.move(box["x"] + 16, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(pane["x"] + pane["width"] / 4, box["y"] + 40, steps=3)
    page.mouse.up()
    assert divider.get_attribute("aria-valuenow") == "25"
    divider.focus()
    page.keyboard.press("ArrowRight")
    assert divider.get_attribute("aria-valuenow") == "27"


def test_the_difference_counts_pixels_of_each_part(page: Any) -> None:
    _compare(page, "second", "Difference")
    one, two = FIRST.parsing, SECOND.parsing
    made = page.locator(".compared")
    differing = int((one != two).sum())
    assert made.get_attribute("data-differing") == str(differing)
    assert made.locator(".big").inner_text() == f"{differing:,}"
    for row in page.locator(".compared tbody tr").all():
        label = int(row.get_attribute("data-label"))
        assert int(row.get_attribute("data-differ")) == ((one == label) != (two == label)).sum()
    present = set(np.unique([one, two]).tolist()) - {0}
    assert page.locator(".compared tbody tr").count() == len(present)


def test_the_difference_is_drawn_where_labels_differ(page: Any) -> None:
    page.get_by_label("Opacity").fill("100")
    _compare(page, "second", "Difference")
    one, two = FIRST.parsing, SECOND.parsing
    codes = np.where(one == two, 0, np.where(two == 0, 1, np.where(one == 0, 2, 3)))
    found = page.evaluate("() => [...document.getElementById('view').view.comparison.map.label[0]]")
    assert (np.array(found).reshape(SIZE) == codes).all()
    colors = {1: (0, 114, 178), 2: (230, 159, 0), 3: (204, 63, 160)}
    ys, xs = np.nonzero(codes)
    inner = [
        (int(x), int(y))
        for y, x in zip(ys[::499], xs[::499], strict=True)
        if len(np.unique(codes[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3])) == 1
    ]
    shown = colors_at(page, inner)[:, :3]
    assert len(inner) > 10
    assert np.abs(shown - np.array([colors[codes[y, x]] for x, y in inner])).max() <= 1
    point(page, *inner[0])
    assert page.locator(".tip").inner_text().startswith("first: ")


def test_the_iou_against_the_truth_is_that_of_the_arrays(page: Any) -> None:
    _compare(page, "truth", "Side by side")
    one, two = FIRST.parsing, _flat(TRUTH)
    counted = two != 255
    wanted = {}
    for label in set(np.unique(np.stack([one, two])[:, counted]).tolist()) - {0}:
        a, b = (one == label) & counted, (two == label) & counted
        wanted[label] = (a & b).sum() / (a | b).sum()
    rows = page.locator(".compared tbody tr").all()
    found = {int(r.get_attribute("data-label")): float(r.get_attribute("data-iou")) for r in rows}
    assert found == pytest.approx(wanted, abs=1e-12)
    mean = float(page.locator(".compared").get_attribute("data-mean"))
    assert mean == pytest.approx(np.mean(list(wanted.values())))
    assert page.get_by_text("Each part against the truth").is_visible()


def test_opening_another_item_ends_the_comparison(page: Any) -> None:
    _compare(page, "second", "Side by side")
    page.locator("button.item", has_text="second").click()
    until(page, "document.querySelectorAll('.pane').length === 1")
    assert page.locator(".compared").count() == 0


def _download(page: Any, name: str) -> tuple[bytes, str]:
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as found:
        page.get_by_role("link", name=re.compile(f"^{name}")).click()
    with open(found.value.path(), "rb") as file:
        return file.read(), found.value.suggested_filename


def test_the_indexed_png_holds_the_labels(page: Any) -> None:
    data, name = _download(page, "Indexed PNG")
    image = Image.open(io.BytesIO(data))
    assert image.mode == "P" and name.endswith(".png")
    assert (np.asarray(image) == FIRST.parsing).all()


def test_the_coloured_png_holds_the_colours(page: Any) -> None:
    image = np.asarray(Image.open(io.BytesIO(_download(page, "Coloured PNG")[0])).convert("RGB"))
    colors = np.zeros((256, 3), np.uint8)
    for label in FIRST.scheme.labels:
        colors[label.id] = label.color
    assert (image == colors[FIRST.parsing]).all()


def test_the_overlay_has_the_size_of_the_photo(page: Any) -> None:
    image = Image.open(io.BytesIO(_download(page, "Overlay PNG")[0]))
    assert image.size == (SIZE[1], SIZE[0])


def test_the_masks_of_persons_are_theirs(page: Any) -> None:
    archive = zipfile.ZipFile(io.BytesIO(_download(page, "Masks of each person")[0]))
    masks = sorted(name for name in archive.namelist() if name.endswith(".png"))
    found = [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in masks]
    assert (np.stack(found) == FIRST.person_parsings()).all()


def test_coco_json_decodes_to_the_parts(page: Any) -> None:
    mask = pytest.importorskip("pycocotools.mask")
    found = json.loads(_download(page, "COCO JSON")[0])
    parsing = np.zeros(SIZE, np.uint8)
    for part in found["annotations"]:
        if part["category_id"] in FIRST.scheme.ids:  # the others are whole persons
            parsing[mask.decode(part["segmentation"]).astype(bool)] = part["category_id"]
    assert (parsing == FIRST.parsing).all()


def test_people_json_lists_the_persons(page: Any) -> None:
    found = json.loads(_download(page, "People JSON")[0])
    assert len(found["people"]) == len(FIRST)


_TIME_HOVER = """async ([points]) => {
  const view = document.getElementById('view').view, pane = view.panes[0], times = [];
  const { camera } = view, box = pane.node.getBoundingClientRect();
  const frame = () => new Promise(requestAnimationFrame);
  for (const [x, y] of points) {
    const clientX = box.left + ((x + .5) * camera.scale + camera.x) / pane.ratio;
    const clientY = box.top + ((y + .5) * camera.scale + camera.y) / pane.ratio;
    await frame();
    const from = performance.now();
    view.pointAt(pane, { clientX, clientY });
    cancelAnimationFrame(view.frame);
    view.drawNow();
    pane.over.getContext('2d').getImageData(0, 0, 1, 1);
    times.push(performance.now() - from);
  }
  return times.sort((a, b) => a - b); }"""


def test_ten_persons_in_full_hd_are_outlined_within_a_frame(open_window: Window) -> None:
    people = site.draw_people(10, (1080, 1920), 5)
    with (
        site.serving(site.make_studio([people])) as served,
        open_window(served.address, viewport={"width": 1920, "height": 1080}) as page,
    ):
        settle(page)
        pixels = [list(p) for p in some_pixels(people, 100)]
        page.evaluate(_TIME_HOVER, [pixels[:10]])
        times = page.evaluate(_TIME_HOVER, [pixels])
        print(f"hover to outline: median {times[50]:.1f} ms, p95 {times[95]:.1f} ms")
        # A busy machine must not fail the test; the target is one frame.
        assert times[95] <= 4 * HOVER_MS


def test_24_megapixels_with_20_persons(open_window: Window) -> None:
    people = site.draw_people(20, (4000, 6000), 6)
    with (
        site.serving(site.make_studio([people])) as served,
        open_window(served.address, viewport={"width": 1280, "height": 800}) as page,
    ):
        settle(page)
        assert page.locator("section.people li").count() == 20
        for x, y in some_pixels(people, 5):
            point(page, x, y)
            wanted = f"Person {people.instances[y, x]} "
            assert page.locator(".status").inner_text().startswith(wanted)
        pixels = [list(p) for p in some_pixels(people, 60)]
        times = page.evaluate(_TIME_HOVER, [pixels])
        print(f"24 megapixels, hover: median {times[30]:.1f} ms, p95 {times[57]:.1f} ms")
        assert times[30] <= 4 * HOVER_MS
        x, y = (int(v) for v in pixels[0])
        click(page, x, y)
        page.get_by_role("button", name="One to one").click()
        settle(page)
        assert ask(page, "camera.scale") == 1
