"""A project in a real browser: the list, statistics, export and import, every refusal."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peopleparse.data.gps_check import check_dataset
from tests.studio.annotating import (
    SIZE,
    Hands,
    Site,
    labels_of,
    left_to_right,
    make_site,
)
from tests.studio.site import make_studio, serving

Window = Callable[..., Any]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with make_site(tmp_path_factory.mktemp("project"), 8) as found:
        yield found


@pytest.fixture
def look(open_window: Window, site: Site) -> Iterator[Hands]:
    """A page of an annotator; any error in it fails the test."""
    with open_window(site.address, "/#annotate") as page:
        yield Hands(page)


def test_progress_and_filter(look: Hands, site: Site) -> None:
    photo = site.next_photo(3, done=2)
    look.page.reload()
    row = look.page.locator("tr", has_text=photo)
    row.wait_for()
    assert "2 of 3" in row.inner_text() and "in work" in row.inner_text()
    look.page.locator("[name=state]").select_option("checked")
    row.wait_for(state="hidden")
    look.page.locator("[name=state]").select_option("painting")
    row.wait_for()


def test_statistics_are_the_servers(look: Hands, site: Site) -> None:
    site.next_photo(3, done=3)
    look.page.goto("about:blank")  # so that the page asks once, when it is new
    with look.page.expect_response("**/statistics") as told:
        look.page.goto(f"{site.address}/#annotate/statistics")
    found = json.loads(told.value.text())
    look.page.locator(".chart").first.wait_for()
    text = look.page.locator(".charts").inner_html()
    assert f"mean {found['data']['mean_persons']:.2f}, {found['data']['persons']} persons" in text
    share = found["data"]["part_persons"]["face"] / found["data"]["persons"]
    assert f"face: {100 * share:.1f} %" in text
    assert f"{found['photos']} photos" in text
    assert look.page.locator(".chart svg[role=img] title").count() >= 6


@pytest.mark.parametrize("form", ["gps", "coco"])
def test_export_and_import_with_a_report(open_window: Window, tmp_path: Path, form: str) -> None:
    with make_site(tmp_path, 2) as own:
        photo = own.next_photo(3, done=3)
        wanted = [own.labels(photo, n) for n in (1, 2, 3)]
        with open_window(own.address, "/#annotate") as page:
            page.get_by_text("Export and import").click()
            page.get_by_label("Format").select_option(form)
            with page.expect_download() as told:
                page.get_by_role("button", name="Export", exact=True).click()
            page.get_by_text("Exported as").wait_for()
            assert "persons" in page.locator(".report").inner_text()
            data = Path(told.value.path()).read_bytes()
            store = own.project.store
            person = store.photo(photo)["persons"][0]
            blank = np.zeros(SIZE, np.uint8)
            store.save_labels(photo, person["uid"], blank, person["revision"], "Eve")
            page.get_by_text("Export and import").click()
            page.get_by_label("Format").select_option(form)
            page.locator("[name=import]").set_input_files(
                {"name": "back.zip", "mimeType": "application/zip", "buffer": data}
            )
            page.get_by_text("Imported back.zip").wait_for()
        assert all(np.array_equal(own.labels(photo, n), wanted[n - 1]) for n in (1, 2, 3))


def test_the_finished_project_is_a_gps_set(open_window: Window, tmp_path: Path) -> None:
    with make_site(tmp_path, 1, persons=2) as own:
        photo = own.next_photo(2)
        with open_window(own.address, "/#annotate") as page:
            look = Hands(page).open(own, photo)
            for _ in range(2):
                page.get_by_role("button", name="Accept all").click()
                page.locator(".parts small", has_text="%").first.wait_for()
                look.saved()
                before = page.locator(".strip [data-status=done]").count()
                look.keys("Control+Enter")
                page.locator(".strip [data-status=done]").nth(before).wait_for()
                look.wait()
        assert check_dataset(own.folder) == []
        scene = own.scenes[photo]
        for n, number in enumerate(left_to_right(scene), 1):
            assert np.array_equal(own.labels(photo, n), labels_of(scene, number))


def test_no_project_is_said_with_what_to_do(open_window: Window) -> None:
    with serving(make_studio()) as place:
        with open_window(place.address, "/#annotate", quiet=False) as page:
            page.get_by_text("peopleparse studio FOLDER").first.wait_for()


def test_what_the_server_refuses_is_a_sentence(open_window: Window, site: Site) -> None:
    photo = site.next_photo(1)
    with open_window(site.address, "/#annotate", quiet=False) as page:
        look = Hands(page).open(site, photo)
        look.keys("Control+Enter")  # nothing is painted
        page.locator("#notices").get_by_text("labelled pixel").wait_for()
        page.goto(f"{site.address}/#annotate/photo/nothing/count")
        page.locator("#notices").get_by_text("photo must be one of the project's").wait_for()
        page.goto(f"{site.address}/#annotate")
        page.get_by_text("Export and import").click()
        page.locator("[name=import]").set_input_files(
            {"name": "no.zip", "mimeType": "application/zip", "buffer": b"no zip"}
        )
        page.locator("#notices .notice").last.wait_for()


def test_labels_that_do_not_fit_are_not_shown(open_window: Window, site: Site) -> None:
    photo = site.next_photo(1)
    with open_window(site.address, "/#annotate", quiet=False) as page:
        page.route("**/labels", lambda route: route.fulfill(body=b"\0" * 7))
        page.goto(f"{site.address}/#annotate/photo/{photo}/paint")
        page.locator("#notices").get_by_text("got 7").wait_for()


def test_names_are_text_whatever_they_say(open_window: Window, tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>\u202e"
    with make_site(tmp_path, 1) as own:
        photo = own.next_photo()
        with open_window(own.address, "/#annotate") as page:
            look = Hands(page).open(own, photo, "count", name=evil)
            look.click(40, 60)
            look.saved()
            page.goto(f"{own.address}/#annotate/photo/{photo}/paint")
            page.locator(".kit").wait_for()
            look.wait()
            look.drag((40, 60), (60, 60))
            look.saved()
            page.goto(f"{own.address}/#annotate/photo/{photo}/check")
            page.get_by_text("<img src=x").wait_for()
            assert page.locator("img[src=x]").count() == 0


def test_a_project_open_for_reading_only_says_so(open_window: Window, tmp_path: Path) -> None:
    with make_site(tmp_path, 1) as own:
        photo = own.next_photo(1)
        from peopleparse.studio.project import open_project
        from peopleparse.studio.session import Studio

        studio = Studio(project=open_project(own.folder, read_only=True))
        with serving(studio) as place, open_window(place.address, "/#annotate") as page:
            page.goto(f"{place.address}/#annotate/photo/{photo}/paint")
            page.get_by_text("open for reading only").first.wait_for()
            Hands(page).drag((40, 60), (60, 60))
        assert not own.labels(photo).any()


def test_the_report_of_an_export_is_read_from_the_zip(look: Hands) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/long.txt", "x" * 5000)
        archive.writestr("exchange-report.json", '{"photos": 3}')
    look.page.locator(".photos").wait_for()
    text = look.page.evaluate(
        """async (bytes) => (await import("/annotate_exchange.js"))
        .readEntry(new Blob([new Uint8Array(bytes)]), "exchange-report.json")""",
        list(file.getvalue()),
    )
    assert json.loads(text) == {"photos": 3}
