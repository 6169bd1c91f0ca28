"""View in a real browser: exact labels, colours, what is pointed at, lists, zoom."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest

from peopleparse.data.image_labels import ImageLabels
from peopleparse.labels import get_scheme
from peopleparse.structures import ParsedPeople
from peopleparse.studio.items import Items
from peopleparse.studio.shown import show_labels, show_result
from peopleparse.viz.palette import person_color
from tests.studio import site
from tests.studio.view_browser import (
    ask,
    click,
    color_of,
    colors_at,
    name_of,
    place_of,
    point,
    read_layers,
    settle,
    some_pixels,
    until,
)

Window = Callable[..., AbstractContextManager[Any]]
PEOPLE = site.draw_people(4, (480, 640), 3)
MAPS = 50


@pytest.fixture(scope="module")
def place() -> Iterator[site.Place]:
    with site.serving(site.make_studio([PEOPLE], ["group.png"])) as served:
        yield served


@pytest.fixture(scope="module")
def page_of(open_window: Window, place: site.Place) -> Iterator[Any]:
    with open_window(place.address, viewport={"width": 1280, "height": 800}) as page:
        settle(page)
        yield page


@pytest.fixture
def page(page_of: Any) -> Any:
    """The page as it is after loading."""
    page_of.mouse.move(2, 2)
    page_of.reload()
    settle(page_of)
    return page_of


def _random_maps(seed: int) -> np.ndarray:
    """Return (N, H, W) label maps of up to 255 persons who overlap, ignored pixels among them."""
    rng = np.random.default_rng(seed)
    count = 255 if seed % 10 == 0 else int(rng.integers(1, 40))
    persons = np.zeros((count, 47, 61), np.uint8)
    for labels in persons:
        y, x = rng.integers(0, 40), rng.integers(0, 54)
        high, wide = rng.integers(1, 20, 2)
        shape = labels[y : y + high, x : x + wide].shape
        labels[y : y + high, x : x + wide] = rng.integers(0, 20, shape)
        labels[y, x] = 1 + seed % 19
    return persons


@pytest.fixture(scope="module")
def random_place() -> Iterator[tuple[str, list[np.ndarray]]]:
    items, truth = Items(), [_random_maps(seed) for seed in range(MAPS)]
    for seed, persons in enumerate(truth):
        shown = show_labels(ImageLabels(persons), get_scheme("gps"), f"{seed}")
        items.add(f"map {seed}", "truth", f"key {seed}", shown=shown)
    with site.serving(site.make_studio(items=items)) as served:
        yield served.address, truth


@pytest.mark.parametrize("start", range(0, MAPS, 10))
def test_labels_in_the_page_are_those_of_the_server(
    open_window: Window, random_place: tuple[str, list[np.ndarray]], start: int
) -> None:
    address, truth = random_place
    with open_window(address) as page:
        settle(page)
        for seed in range(start, start + 10):
            _, layers = read_layers(page, f"i{seed + 1}")
            found = np.zeros_like(truth[seed])
            for label, person, _ in layers:
                for index in np.unique(person[person > 0]):
                    found[index - 1][person == index] = label[person == index]
            assert int((found != truth[seed]).sum()) == 0


def test_confidence_in_the_page_is_that_of_the_server(open_window: Window) -> None:
    rng = np.random.default_rng(5)
    instances = rng.integers(0, 256, (50, 70)).astype(np.uint16)
    parsing = np.where(instances > 0, rng.integers(1, 20, instances.shape), 0).astype(np.uint8)
    confidence = rng.integers(0, 256, instances.shape).astype(np.uint8)
    people = ParsedPeople.from_maps(parsing, instances, confidence=confidence)
    items = Items()
    items.add("noise", "result", "noise", shown=show_result(people, None))
    with site.serving(site.make_studio(items=items)) as served, open_window(served.address) as page:
        settle(page)
        _, layers = read_layers(page, "i1")
        assert layers.shape == (1, 3, 50, 70)
        assert np.array_equal(layers[0, 0], people.parsing)
        assert np.array_equal(layers[0, 1], people.instances)
        where = people.instances > 0
        assert np.array_equal(layers[0, 2][where], confidence[where])
        assert ask(page, "loaded.map.hasConfidence")


@pytest.mark.parametrize("opacity", [0, 50, 100])
def test_opacity_blends_photo_and_colour(page: Any, opacity: int) -> None:
    page.get_by_label("Outlines and numbers").uncheck()
    page.get_by_label("Opacity").fill(str(opacity))
    page.get_by_role("button", name="One to one").click()
    settle(page)
    pixels = some_pixels(PEOPLE, 200)
    image = PEOPLE.image
    assert image is not None
    photo = np.array([image[y, x] for x, y in pixels], float)
    color = np.array([color_of(PEOPLE, x, y) for x, y in pixels], float)
    wanted = photo * (1 - opacity / 100) + color * opacity / 100
    assert np.abs(colors_at(page, pixels)[:, :3] - wanted).max() <= 1 + 1e-9
    assert page.locator(".value").inner_text() == f"{opacity} %"


def test_pointing_names_person_part_and_area(page: Any) -> None:
    for x, y in some_pixels(PEOPLE, 20, seed=1):
        point(page, x, y)
        person, label = int(PEOPLE.instances[y, x]), int(PEOPLE.parsing[y, x])
        own = (PEOPLE.instances == person) & (PEOPLE.parsing == label)
        tip = page.locator(".tip")
        assert tip.locator("b").inner_text() == f"Person {person} \u00b7 {name_of(PEOPLE, x, y)}"
        share = 100 * own.sum() / own.size
        assert f"{own.sum():,} pixels, {share:.1f} % of the photo" in tip.inner_text()
        assert page.locator(".status").inner_text().startswith(f"Person {person}")


def test_pointing_outside_says_nothing(page: Any) -> None:
    ys, xs = np.nonzero(PEOPLE.instances == 0)
    for n in (0, len(xs) // 2):
        point(page, int(xs[n]), int(ys[n]))
        assert page.locator(".tip").is_hidden()
        assert not colors_at(page, [some_pixels(PEOPLE, 1)[0]], "over").any()


def test_pointing_outlines_the_person_and_dims_the_rest(page: Any) -> None:
    x, y = some_pixels(PEOPLE, 1, seed=2)[0]
    person = PEOPLE.instances[y, x]
    page.get_by_role("button", name="One to one").click()
    settle(page)
    assert not colors_at(page, [(x, y)], "over").any()
    point(page, x, y)
    pixels = some_pixels(PEOPLE, 200, seed=3)
    own = np.array([PEOPLE.instances[py, px] == person for px, py in pixels])
    shown = colors_at(page, pixels, "over")
    inside, outside = shown[own], shown[~own]
    assert len(outside) and (abs(outside[:, 3] - 140) <= 2).all() and not outside[:, :3].any()
    clear = np.array([PEOPLE.parsing[py, px] != PEOPLE.parsing[y, x] for px, py in pixels])[own]
    assert not inside[clear].any()


def test_the_outline_lies_on_the_border_of_the_person(page: Any) -> None:
    found = page.evaluate(
        """async () => { const { LabelMap } = await import('/draw.js');
        const width = 9, height = 7, person = new Uint8Array(63), label = new Uint8Array(63);
        for (const [x, y] of [[2,2],[3,2],[4,2],[2,3],[4,3],[2,4],[3,4],[4,4],[5,5]]) {
            person[y * 9 + x] = 7; label[y * 9 + x] = x === 4 ? 2 : 1; }
        const map = new LabelMap({ width, height, label: [label], person: [person],
            confidence: [new Uint8Array(63).fill(255)] });
        const context = new OffscreenCanvas(9, 7).getContext('2d');
        const inside = (path) => [...Array(63).keys()].filter((i) => context.isPointInPath(
            path, i % 9 + .5, Math.floor(i / 9) + .5, 'evenodd'));
        const owned = (wanted) => [...Array(63).keys()].filter((i) => person[i]
            && (!wanted || label[i] === wanted));
        return [map.boxes.get(7), map.area(7), map.area(7, 2), inside(map.outline(7)), owned(0),
            inside(map.outline(7, 2)), owned(2), inside(map.outline(8))]; }"""
    )
    assert found[:3] == [[2, 2, 6, 6], 9, 3]
    assert found[3] == found[4] and found[5] == found[6] and found[7] == []


def test_a_click_pins_and_escape_lets_go(page: Any) -> None:
    x, y = some_pixels(PEOPLE, 1, seed=4)[0]
    click(page, x, y)
    page.mouse.move(3, 3)
    settle(page)
    status = page.locator(".status")
    assert "pinned, Escape lets go" in status.inner_text()
    assert colors_at(page, [(1, 1)], "over")[0, 3] > 100
    page.keyboard.press("Escape")
    settle(page)
    assert "pinned" not in status.inner_text()
    assert not colors_at(page, [(1, 1)], "over").any()


def test_a_second_click_lets_go_too(page: Any) -> None:
    x, y = some_pixels(PEOPLE, 1, seed=5)[0]
    click(page, x, y)
    assert ask(page, "state.pinned.person") == PEOPLE.instances[y, x]
    click(page, x, y)
    assert ask(page, "state.pinned") is None


def test_the_legend_shows_only_parts_that_are_there_with_their_share(page: Any) -> None:
    wanted = {}
    for label in PEOPLE.scheme.labels:
        area = (PEOPLE.parsing == label.id).sum()
        if label.id and area:
            share = area / PEOPLE.parsing.size
            wanted[label.name] = f"{100 * share:.{0 if share >= 0.0995 else 1}f} %"
    rows = page.locator("section.parts li")
    found = [row.inner_text().split("\n") for row in rows.all()]
    assert {row[0]: row[-1] for row in found} == wanted


def test_a_pinned_person_has_a_legend_of_its_own(page: Any) -> None:
    page.keyboard.press("n")
    settle(page)
    assert page.get_by_text("Parts of person 1, share of the person").is_visible()
    names = {row.inner_text().split("\n")[0] for row in page.locator("section.parts li").all()}
    assert names == set(PEOPLE.people[0].parts)


def test_a_part_can_be_hidden(page: Any) -> None:
    page.get_by_label("Outlines and numbers").uncheck()
    page.get_by_label("Opacity").fill("100")
    x, y = next(p for p in some_pixels(PEOPLE, 200) if name_of(PEOPLE, *p) == "upper clothes")
    page.locator("section.parts").get_by_label("upper clothes").uncheck()
    settle(page)
    assert PEOPLE.image is not None
    wanted = PEOPLE.image[y, x].astype(int)
    assert abs(colors_at(page, [(x, y)])[0, :3] - wanted).max() <= 2
    point(page, x, y)
    assert page.locator(".tip").is_hidden()


def test_a_person_can_be_hidden(page: Any) -> None:
    page.get_by_label("Outlines and numbers").uncheck()
    page.get_by_label("Opacity").fill("100")
    x, y = next(p for p in some_pixels(PEOPLE, 200) if PEOPLE.instances[p[1], p[0]] == 2)
    settle(page)
    before = colors_at(page, [(x, y)])[0, :3]
    page.get_by_label("Person 2").uncheck()
    settle(page)
    assert PEOPLE.image is not None
    assert abs(colors_at(page, [(x, y)])[0, :3] - PEOPLE.image[y, x].astype(int)).max() <= 2
    page.get_by_label("Person 2").check()
    settle(page)
    assert (colors_at(page, [(x, y)])[0, :3] == before).all()


@pytest.mark.parametrize("which", ["people", "parts"])
def test_all_and_none(page: Any, which: str) -> None:
    boxes = page.locator(f"section.{which} input")
    page.get_by_role("button", name=f"None {which}").click()
    settle(page)
    assert not any(box.is_checked() for box in boxes.all())
    assert not np.array(ask(page, "panes[0].shown[0].table.some((color) => color)")).any()
    page.get_by_role("button", name=f"All {which}").click()
    assert all(box.is_checked() for box in boxes.all())


def test_colour_by_person(page: Any) -> None:
    page.get_by_label("Outlines and numbers").uncheck()
    page.get_by_label("Opacity").fill("100")
    page.get_by_role("radio", name="Person").check()
    settle(page)
    pixels = some_pixels(PEOPLE, 60)
    wanted = [person_color(int(PEOPLE.instances[y, x])) for x, y in pixels]
    assert np.abs(colors_at(page, pixels)[:, :3] - np.array(wanted)).max() <= 1


def test_colour_by_confidence_has_a_scale(page: Any) -> None:
    page.get_by_label("Outlines and numbers").uncheck()
    page.get_by_label("Opacity").fill("100")
    page.get_by_role("radio", name="Confidence").check()
    settle(page)
    assert page.get_by_text("100 % certain").is_visible()
    assert PEOPLE.confidence is not None
    pixels = some_pixels(PEOPLE, 60)
    values = [int(PEOPLE.confidence[y, x]) for x, y in pixels]
    wanted = page.evaluate(
        "async (all) => { const { rampColor } = await import('/draw.js');"
        " return all.map(rampColor); }",
        values,
    )
    # A pixel of the screen may show the neighbour of the image pixel in the middle of it.
    assert np.abs(colors_at(page, pixels)[:, :3] - np.array(wanted)).max() <= 2


def test_outlines_are_dark_and_light(page: Any) -> None:
    x1, y1, x2, y2 = (int(v) for v in PEOPLE.people[1].box)
    page.get_by_label("Opacity").fill("0")
    settle(page)
    around = [(x, y) for x in range(x1 - 3, x2 + 3) for y in range(y1 - 3, y2 + 3, 2)]
    shown = colors_at(page, around)[:, :3]
    assert (shown.min(1) > 230).sum() > 50, "a light line"
    assert (shown.max(1) < 60).sum() > 50, "a dark line"


def test_space_shows_the_bare_photo_while_it_is_held(page: Any) -> None:
    pixels = some_pixels(PEOPLE, 30)
    page.get_by_role("button", name="One to one").click()
    page.locator(".pane").focus()
    page.keyboard.down(" ")
    settle(page)
    assert PEOPLE.image is not None
    photo = np.array([PEOPLE.image[y, x] for x, y in pixels], int)
    assert (colors_at(page, pixels)[:, :3] == photo).all()
    page.keyboard.up(" ")
    settle(page)
    assert (colors_at(page, pixels)[:, :3] != photo).any()


def test_a_button_shows_the_bare_photo_too(page: Any) -> None:
    box = page.get_by_role("button", name="Photo only").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    settle(page)
    assert ask(page, "state.bare") is True
    page.mouse.up()
    settle(page)
    assert ask(page, "state.bare") is False


def test_the_wheel_zooms_about_the_pointer(page: Any) -> None:
    x, y = some_pixels(PEOPLE, 1, seed=6)[0]
    before = place_of(page, x, y)
    page.mouse.move(*before)
    scale = ask(page, "camera.scale")
    page.mouse.wheel(0, -600)
    until(page, f"document.getElementById('view').view.camera.scale > {scale} * 2")
    settle(page)
    after = place_of(page, x, y)
    assert abs(after[0] - before[0]) < 4 and abs(after[1] - before[1]) < 4
    text = page.locator(".scale-text").inner_text()
    assert text == f"{round(100 * ask(page, 'camera.scale'))} %"


def test_dragging_moves_and_does_not_pin(page: Any) -> None:
    x, y = some_pixels(PEOPLE, 1, seed=7)[0]
    left, top = place_of(page, x, y)
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + 60, top + 30, steps=4)
    page.mouse.up()
    settle(page)
    after = place_of(page, x, y)
    assert (after[0] - left, after[1] - top) == pytest.approx((60, 30), abs=1)
    assert ask(page, "state.pinned") is None


def test_fit_brings_everything_back(page: Any) -> None:
    before = ask(page, "camera.scale"), ask(page, "camera.x"), ask(page, "camera.y")
    page.get_by_role("button", name="Zoom in").click()
    page.keyboard.press("Escape")
    page.locator(".pane").focus()
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert ask(page, "camera.scale") == pytest.approx(1.25 * before[0])
    page.get_by_role("button", name="Fit the photo").click()
    settle(page)
    assert before == (ask(page, "camera.scale"), ask(page, "camera.x"), ask(page, "camera.y"))


def test_a_row_brings_out_its_person(page: Any) -> None:
    page.locator("section.people li").nth(1).hover()
    settle(page)
    assert re.match(r"Person 2, [\d,]+ pixels", page.locator(".status").inner_text())
    (x, y) = next(p for p in some_pixels(PEOPLE, 200) if PEOPLE.instances[p[1], p[0]] == 3)
    assert colors_at(page, [(x, y)], "over")[0, 3] > 100
