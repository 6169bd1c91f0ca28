"""Nothing painted is lost or overwritten: servers die, tabs close, two people meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.studio.annotating import SIZE, Hands, Site, count_persons, disc, make_site, until

Window = Callable[..., Any]
SOON = 1000  # ms after which a stroke is saved, by the page's own clock


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with make_site(tmp_path_factory.mktemp("saving"), 16) as found:
        yield found


@pytest.fixture
def window(open_window: Window, site: Site) -> Callable[..., Any]:
    def window(**options: Any) -> Any:
        return open_window(site.address, "/#annotate", **options)

    return window


def save_beside(site: Site, photo: str, labels: NDArray[np.uint8], name: str = "Bob") -> None:
    """Save the first person from elsewhere, as a second annotator would."""
    project = site.project
    person = project.store.photo(photo)["persons"][0]
    project.store.save_labels(photo, person["uid"], labels, person["revision"], name)


def test_a_stroke_is_saved_by_itself_within_a_second(window: Any, site: Site) -> None:
    photo = site.next_photo(1)
    with window() as page:
        look = Hands(page).open(site, photo)
        page.clock.install()
        look.drag((50, 50), (80, 50))
        page.clock.run_for(SOON)
        until(lambda: bool(site.labels(photo).any()))
        look.saved()
        person = site.photo(photo)["persons"][0]
        assert (person["revision"], person["annotator"], person["status"]) == (1, "Ann", "doing")
        assert "revision 1" in page.locator(".saving").inner_text()
        look.drag((50, 80), (80, 80))
        look.saved()
        assert site.photo(photo)["persons"][0]["revision"] == 2


def test_a_person_that_is_still_being_opened_says_so(window: Any, site: Site) -> None:
    photo = site.next_photo(2)
    with window() as page:
        look = Hands(page).open(site, photo)
        page.route("**/labels", lambda route: None)  # held back
        page.locator(".strip li:nth-child(2) button").click()
        page.locator(".saving[data-state=opening]", has_text="Opening").wait_for()
        page.get_by_role("button", name="Accept all").click()
        page.get_by_text("This person is still being opened.").wait_for()
        assert not site.labels(photo, 2).any()
        page.unroute("**/labels")  # lets go what was held
        look.wait()
        with page.expect_response("**/prefill"):
            page.get_by_role("button", name="Accept all").click()
        look.saved()


def test_a_long_stroke_is_saved_while_it_goes_on(window: Any, site: Site) -> None:
    photo = site.next_photo(1)
    with window() as page:
        look = Hands(page).open(site, photo)
        page.mouse.move(*look.at(20, 60))
        page.mouse.down()
        steps = iter(np.tile(np.concatenate([np.arange(20, 140), np.arange(140, 20, -1)]), 50))

        def move_on() -> bool:
            page.mouse.move(*look.at(float(next(steps)), 60))
            return bool(site.labels(photo).any())

        until(move_on)
        page.mouse.up()
        look.saved()


def test_another_revision_is_a_question_and_theirs_can_be_taken(window: Any, site: Site) -> None:
    photo = site.next_photo(1)
    theirs = np.where(disc(30, (100, 60)), 6, 0).astype(np.uint8)
    with window(quiet=False) as page:
        look = Hands(page).open(site, photo)
        save_beside(site, photo, theirs)
        look.drag((50, 50), (80, 50))
        page.get_by_text("Bob saved it").wait_for()
        assert np.array_equal(site.labels(photo), theirs)
        look.drag((20, 20), (40, 20))  # refused until the question is answered
        page.get_by_role("button", name="Load theirs").click()
        look.wait()
        look.keys("4")
        look.drag((50, 50), (80, 50))
        look.saved()
        wanted = np.where(disc(20, (50, 50), (80, 50)), 4, theirs)
        assert np.array_equal(site.labels(photo), wanted)


def test_mine_is_kept_as_a_copy_to_repair_from(window: Any, site: Site) -> None:
    photo = site.next_photo(1)
    theirs = np.where(disc(30, (100, 60)), 6, 0).astype(np.uint8)
    with window(quiet=False) as page:
        look = Hands(page).open(site, photo)
        save_beside(site, photo, theirs)
        look.drag((50, 50), (80, 50))
        page.get_by_role("button", name="Keep mine as a copy").click()
        look.wait()
        assert np.array_equal(site.labels(photo), theirs)
        page.get_by_role("button", name="My copy", exact=True).wait_for()
        page.reload()  # it outlives the page
        look.wait()
        page.get_by_role("button", name="My copy", exact=True).wait_for()
        look.keys("r")
        look.drag((50, 50), (80, 50))
        look.saved()
        wanted = np.where(disc(20, (50, 50), (80, 50)), 1, theirs)
        assert np.array_equal(site.labels(photo), wanted)
        page.get_by_role("button", name="Forget my copy").click()
        page.get_by_role("button", name="Prediction").wait_for()


def test_a_server_that_dies_and_returns_costs_nothing(window: Any, site: Site) -> None:
    photo = site.next_photo(1)
    with window(quiet=False) as page:
        look = Hands(page).open(site, photo)
        look.drag((50, 30), (80, 30))
        look.saved()
        site.stop()
        try:
            look.drag((50, 60), (80, 60))
            page.locator(".saving[data-state=gone]").wait_for()
            assert "kept in this browser" in page.locator(".saving").inner_text()
            look.drag((50, 90), (80, 90))  # painting goes on
        finally:
            site.start()
        look.saved()
        lines = [disc(20, (50, y), (80, y)) for y in (30, 60, 90)]
        assert np.array_equal(site.labels(photo) > 0, np.any(lines, axis=0))


def test_a_server_that_dies_during_a_stroke(window: Any, site: Site) -> None:
    photo = site.next_photo(1)
    with window(quiet=False) as page:
        look = Hands(page).open(site, photo)
        page.mouse.move(*look.at(30, 60))
        page.mouse.down()
        page.mouse.move(*look.at(60, 60))
        site.stop()
        try:
            page.mouse.move(*look.at(100, 60))
            page.locator(".saving[data-state=gone]").wait_for()
            page.mouse.move(*look.at(100, 90))
            page.mouse.up()
        finally:
            site.start()
        look.saved()
        assert np.array_equal(site.labels(photo) > 0, disc(20, (30, 60), (100, 60), (100, 90)))


def test_a_tab_that_closes_leaves_its_work_to_be_put_back(chromium: Any, site: Site) -> None:
    """The tab closes right after a stroke, and the server is gone too: the worst case."""
    photo = site.next_photo(1)
    context = chromium.new_context()
    page = context.new_page()
    look = Hands(page).open(site, photo)
    look.drag((50, 30), (80, 30))
    look.saved()
    site.stop()
    look.drag((50, 60), (80, 60))
    page.close(run_before_unload=False)
    site.start()
    assert np.array_equal(site.labels(photo) > 0, disc(20, (50, 30), (80, 30)))
    page = context.new_page()
    page.goto(f"{site.address}/#annotate")
    page.get_by_text("unsaved work in this browser").wait_for()
    page.goto(f"{site.address}/#annotate/photo/{photo}/paint")
    page.get_by_text("pixels of").wait_for()
    page.get_by_role("button", name="Put them back").click()
    Hands(page).saved()
    wanted = disc(20, (50, 30), (80, 30)) | disc(20, (50, 60), (80, 60))
    until(lambda: np.array_equal(site.labels(photo) > 0, wanted))
    context.close()


def test_a_tab_that_closes_while_the_brush_is_down(chromium: Any, site: Site) -> None:
    photo = site.next_photo(1)
    context = chromium.new_context()
    page = context.new_page()
    look = Hands(page).open(site, photo)
    page.mouse.move(*look.at(30, 60))
    page.mouse.down()
    page.mouse.move(*look.at(100, 60))
    page.reload()
    look.wait()
    if page.get_by_role("button", name="Put them back").is_visible():
        page.get_by_role("button", name="Put them back").click()
    wanted = disc(20, (30, 60), (100, 60))
    until(lambda: np.array_equal(site.labels(photo) > 0, wanted))
    context.close()


def test_what_was_kept_can_be_forgotten(window: Any, site: Site) -> None:
    photo = site.next_photo(1)
    with window() as page:
        look = Hands(page).open(site, photo)
        page.evaluate(
            """(photo) => { for (const key of [`annotate:Groups:${photo}:`])
            localStorage.setItem(key + document.querySelector('.strip button').dataset.uid,
            JSON.stringify({ revision: 0, runs: [0, 50, 3], time: "2026-01-02T03:04:05Z" })); }""",
            photo,
        )
        page.reload()
        page.get_by_text("50 pixels of").wait_for()
        page.get_by_role("button", name="Forget them").click()
        look.drag((50, 50), (80, 50))
        look.saved()
        assert np.array_equal(site.labels(photo) > 0, disc(20, (50, 50), (80, 50)))


def test_the_second_annotator_is_told_and_may_take_over(window: Any, site: Site) -> None:
    photo = site.next_photo(1)
    with window() as first, window() as second:
        ann, bob = Hands(first).open(site, photo), Hands(second)
        bob.open(site, photo, name="Bob")
        second.get_by_text("Ann has this photo open").wait_for()
        bob.drag((50, 50), (80, 50))
        second.get_by_text("open for reading only").wait_for()
        ann.drag((50, 30), (80, 30))
        ann.saved()
        assert np.array_equal(site.labels(photo) > 0, disc(20, (50, 30), (80, 30)))
        second.get_by_role("button", name="Take over").click()
        second.get_by_text("Ann has this photo open").wait_for(state="hidden")
        bob.wait()
        bob.drag((50, 60), (80, 60))
        bob.saved()
        first.get_by_text("Bob has this photo open").wait_for()
        wanted = disc(20, (50, 30), (80, 30)) | disc(20, (50, 60), (80, 60))
        assert np.array_equal(site.labels(photo) > 0, wanted)


def test_a_count_of_two_at_once_is_a_question(window: Any, site: Site) -> None:
    photo = site.next_photo()
    with window(quiet=False) as page:
        look = Hands(page).open(site, photo, "count")
        count_persons(site.project, photo, site.scenes[photo], 1, 0)
        look.click(150, 20)
        page.get_by_role("button", name="Keep mine as a copy").click()
        look.wait()
        assert page.locator(".marker").count() == 2
        page.get_by_role("button", name="Add the person of my copy").click()
        look.saved()
        assert len(site.photo(photo)["persons"]) == 2


def test_a_count_outlives_a_dead_server(window: Any, site: Site) -> None:
    photo = site.next_photo()
    with window(quiet=False) as page:
        look = Hands(page).open(site, photo, "count")
        site.stop()
        try:
            look.click(40, 40)
            page.locator(".saving[data-state=gone]").wait_for()
        finally:
            site.start()
        look.saved()
        assert [person["click"] for person in site.photo(photo)["persons"]] == [[40, 40]]


def test_undo_goes_on_after_saves(window: Any, site: Site) -> None:
    photo = site.next_photo(1)
    with window() as page:
        look = Hands(page).open(site, photo)
        wanted = [np.zeros(SIZE, bool)]
        for y in (20, 50, 80):
            look.drag((40, y), (60, y))
            look.saved()
            wanted.append(wanted[-1] | disc(20, (40, y), (60, y)))
        for k in (2, 1, 0):
            look.keys("Control+z")
            look.saved()
            assert np.array_equal(site.labels(photo) > 0, wanted[k])
        look.keys("Control+Shift+z", "Control+y")
        look.saved()
        assert np.array_equal(site.labels(photo) > 0, wanted[2])
