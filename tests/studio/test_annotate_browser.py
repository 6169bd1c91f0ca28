"""Annotate in a real browser: counting, keyboard, progress, checking, review, narrow screens."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peopleparse.studio.review import count_agreement, score_agreement
from tests.studio.annotating import (
    Hands,
    Site,
    count_persons,
    disc,
    left_to_right,
    make_site,
    middle_of,
    until,
)

Window = Callable[..., Any]
CHECK = (Path(__file__).parents[1] / "server" / "accessibility.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with make_site(tmp_path_factory.mktemp("annotate"), 20) as found:
        yield found


@pytest.fixture
def look(open_window: Window, site: Site) -> Iterator[Hands]:
    """A page of an annotator; any error in it fails the test."""
    with open_window(site.address, "/#annotate") as page:
        yield Hands(page)


def clicks(site: Site, photo: str) -> list[list[float]]:
    return [person["click"] for person in site.photo(photo)["persons"]]


def test_clicks_are_numbered_from_left_to_right(look: Hands, site: Site) -> None:
    photo = site.next_photo()
    look.open(site, photo, "count")
    for x, y in ((120, 50), (30, 60), (80, 20)):
        look.click(x, y)
    look.saved()
    assert clicks(site, photo) == [[30, 60], [80, 20], [120, 50]]
    markers = look.page.locator(".marker")
    boxes = [markers.nth(n).bounding_box()["x"] for n in range(3)]
    assert boxes == sorted(boxes) and markers.all_inner_texts() == ["1", "2", "3"]
    assert look.page.locator("aside h3").inner_text() == "3 persons"


def test_a_marker_is_dragged_and_renumbered(look: Hands, site: Site) -> None:
    photo = site.next_photo()
    look.open(site, photo, "count")
    look.click(30, 60)
    look.click(80, 60)
    look.saved()
    first = site.photo(photo)["persons"][0]["uid"]
    look.drag((30, 60), (60, 70), (130, 80))
    look.saved()
    persons = site.photo(photo)["persons"]
    assert persons[1]["uid"] == first and persons[1]["click"] == [130, 80]
    assert look.page.locator(".marker").count() == 2  # a drag adds nobody


def test_a_person_is_taken_out_and_comes_back_with_its_pixels(look: Hands, site: Site) -> None:
    photo = site.next_photo(2, done=1)
    wanted = site.labels(photo)
    look.open(site, photo, "count")
    look.page.get_by_role("button", name="Take out person 1").click()
    look.saved()
    assert len(clicks(site, photo)) == 1
    look.keys("Control+z")
    look.saved()
    assert len(clicks(site, photo)) == 2
    assert np.array_equal(site.labels(photo), wanted)
    look.keys("Control+y")
    look.saved()
    assert len(clicks(site, photo)) == 1


def test_flags_are_kept(look: Hands, site: Site) -> None:
    photo = site.next_photo(2)
    look.open(site, photo, "count")
    look.page.locator("[name=occluded-2]").check()
    look.page.locator(".marker").first.focus()
    look.page.keyboard.press("t")
    look.saved()
    persons = site.photo(photo)["persons"]
    assert persons[1]["occluded"] is True and persons[0]["truncated"] is True
    assert not persons[0]["occluded"] and not persons[1]["truncated"]


def test_counting_by_keyboard(look: Hands, site: Site) -> None:
    photo = site.next_photo()
    look.open(site, photo, "count")
    look.keys("ArrowRight", "Space", *["Control+ArrowRight"] * 3, "Space")
    look.saved()
    assert clicks(site, photo) == [[80.5, 60.5], [83.5, 60.5]]
    look.page.locator(".marker").nth(1).focus()
    for key in ("ArrowDown", "Shift+ArrowLeft"):
        look.page.keyboard.press(key)
    look.saved()
    assert clicks(site, photo) == [[73.5, 61.5], [80.5, 60.5]]
    look.page.locator(".marker").first.focus()
    look.page.keyboard.press("Delete")
    look.saved()
    assert clicks(site, photo) == [[80.5, 60.5]]


def test_a_photo_by_keyboard_alone(look: Hands, site: Site) -> None:
    """From the list of photos to an export, without a pointer."""
    photo, page = site.next_photo(), look.page
    look.open(site, photo, "count")
    page.goto(f"{site.address}/#annotate")
    press = page.keyboard.press
    tab_to(page, f"a[href*='{photo}']")
    press("Enter")
    look.wait()
    tab_to(page, ".stage")
    for key in ("ArrowRight", "Space", *["Shift+ArrowRight"] * 4, "Space"):
        press(key)
    look.saved()
    press("Control+Enter")
    look.page.locator(".strip").wait_for()
    look.wait()
    tab_to(page, ".stage")
    step = int((clicks(site, photo)[1][0] - 80.5) / 4)
    for key in ("b", "ArrowRight", "Space", *["Shift+ArrowDown"] * 2, "Space"):
        press(key)
    look.saved()
    assert np.array_equal(site.labels(photo), 11 * disc(20, (80.5, 60.5), (80.5, 60.5 + 2 * step)))
    press("Control+Enter")
    page.locator(".strip li:first-child [data-status=done]").wait_for()
    page.locator(".strip li:nth-child(2) [aria-current]").wait_for()
    look.wait()
    tab_to(page, ".stage")
    for key in ("d", "t", "Shift+ArrowRight", "Space", "Shift+ArrowRight", "Space"):
        press(key)
    for key in ("Shift+ArrowDown", "Space", "Enter"):
        press(key)
    look.saved()
    assert set(np.unique(site.labels(photo, 2))) == {0, 13}
    press("Control+Enter")
    page.get_by_text("Everybody on this photo is done").wait_for()
    assert site.photo(photo)["state"] == "painted"
    tab_to(page, "a.button[href='#annotate']")
    press("Enter")
    tab_to(page, ".home summary")
    press("Enter")
    tab_to(page, ".exchange button")
    with page.expect_download() as told:
        press("Enter")
    with zipfile.ZipFile(told.value.path()) as archive:
        assert any(name.endswith(f"{photo}_02_01.png") for name in archive.namelist())


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


def test_done_goes_to_the_next_and_counts_seconds(look: Hands, site: Site) -> None:
    photo = site.next_photo(2)
    look.open(site, photo)
    look.drag((50, 50), (80, 50))
    look.page.get_by_role("button", name="Done").click()
    look.page.locator(".strip li:nth-child(2) [aria-current]").wait_for()
    first = site.photo(photo)["persons"][0]
    assert first["status"] == "done" and 0 <= first["seconds"] < 60
    assert "1/2" in look.page.locator(".screen nav").inner_text()
    look.page.keyboard.press("PageUp")
    look.page.locator(".strip li:first-child [aria-current]").wait_for()


def test_the_strip_has_a_bright_copy_for_each_person(look: Hands, site: Site) -> None:
    photo = site.next_photo(3, done=1)
    look.open(site, photo)
    bright = look.page.locator(".strip canvas").evaluate_all(
        """all => all.map(c => {
        const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
        let sum = 0; for (let i = 0; i < data.length; i += 4) sum += data[i + 1]; return sum; })"""
    )
    names = look.page.locator(".strip button").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert names == ["Person 1, done", "Person 2, todo", "Person 3, todo"]
    assert len(set(bright)) == 3


def test_a_fault_is_found_and_shown_in_the_middle(look: Hands, site: Site) -> None:
    photo = site.next_photo(2, done=1)
    project = site.project
    person = project.store.photo(photo)["persons"][0]
    labels = site.labels(photo).copy()
    labels[3:6, 3:6] = 4  # far from everything
    project.store.save_labels(photo, person["uid"], labels, person["revision"], "Ann")
    look.open(site, photo, "check")
    remark = look.page.locator(".remarks .row", has_text="9 pixels").first
    remark.click()
    box, stage = (look.page.locator(name).bounding_box() for name in (".lines .core", ".stage"))
    middle = [
        box[a] + box[b] / 2 - stage[a] - stage[b] / 2 for a, b in (("x", "width"), ("y", "height"))
    ]
    assert max(map(abs, middle)) < 3
    remark.locator("xpath=..").get_by_role("button", name="Repair").click()
    look.page.locator(".kit").wait_for()
    look.wait()
    x, y = look.at(4.5, 4.5)
    assert abs(x - stage["x"] - stage["width"] / 2) < stage["width"] / 3
    look.page.mouse.move(x, y)
    look.page.get_by_text("x 4, y 4: upper clothes").wait_for()


def test_a_second_person_paints_blindly_and_agreement_is_told(look: Hands, site: Site) -> None:
    photo = site.next_photo(1, done=1)
    first = site.labels(photo)
    look.open(site, photo, "check", name="Bob")
    look.page.get_by_role("button", name="Paint it again, blind").click()
    look.page.locator(".kit").wait_for()
    look.wait()
    look.keys("4")
    middle = middle_of(site.scenes[photo], left_to_right(site.scenes[photo])[0])
    look.drag(tuple(middle), (middle[0], middle[1] + 20))
    look.page.get_by_role("button", name="Compare").click()
    look.page.locator(".figures").wait_for()
    second = np.where(disc(20, tuple(middle), (middle[0], middle[1] + 20)), 4, 0).astype(np.uint8)
    scheme = site.project.scheme
    wanted = score_agreement(count_agreement(first, second, scheme))
    figures = look.page.locator(".figures").inner_text()
    assert f"{100 * wanted['mean_iou']:.1f} %" in figures
    for part, iou in wanted["parts"].items():
        assert part in figures and f"{100 * iou:.1f} %" in figures
    assert np.array_equal(site.labels(photo), first)  # the review overwrites nothing
    look.page.get_by_role("button", name="Mark checked").click()
    until(lambda: site.photo(photo)["state"] == "checked")
    look.page.get_by_role("button", name="Send back").click()
    until(lambda: site.photo(photo)["persons"][0]["status"] == "doing")


def test_at_375_pixels_one_counts_and_reviews(open_window: Window, site: Site) -> None:
    photo, done = site.next_photo(), site.next_photo(1, done=1)
    narrow: Any = {"viewport": {"width": 375, "height": 740}, "has_touch": True}
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    with open_window(site.address, "/#annotate", **narrow) as page:
        look = Hands(page).open(site, photo, "count")
        page.touchscreen.tap(*look.at(40, 60))
        page.touchscreen.tap(*look.at(110, 60))
        page.locator("[name=truncated-1]").check()
        look.saved()
        persons = site.photo(photo)["persons"]
        assert len(persons) == 2 and persons[0]["truncated"] and page.evaluate(wide)
        look.open(site, done, "check")
        page.get_by_role("button", name="Mark checked").click()
        until(lambda: site.photo(done)["state"] == "checked")
        assert page.evaluate(wide)
        page.goto(f"{site.address}/#annotate")
        page.locator(".photos a").first.wait_for()
        assert page.evaluate(wide)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_every_screen_can_be_read(open_window: Window, site: Site, width: int, scheme: str) -> None:
    options: Any = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    faults = {}
    name = sorted(site.scenes)[-1]
    if not site.photo(name)["persons"]:
        count_persons(site.project, name, site.scenes[name], 3, 1)
    with open_window(site.address, "/#annotate", quiet=False, **options) as page:
        look = Hands(page)
        for step in ("count", "paint", "check"):
            look.open(site, name, step)
            faults[step] = page.evaluate(CHECK)
        for path, mark in (("", ".photos"), ("/statistics", ".charts")):
            page.goto(f"{site.address}/#annotate{path}")
            page.locator(mark).wait_for()
            faults[path] = page.evaluate(CHECK)
    about_page = ("no footer",)  # of the page around Annotate
    left = {
        step: [fault for fault in found if not fault.startswith(about_page)]
        for step, found in faults.items()
    }
    assert {step: found for step, found in left.items() if found} == {}
