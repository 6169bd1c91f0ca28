"""View in a real browser: photos in, what is refused, hostile names."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peopleparse.structures import ParsedPeople
from peopleparse.studio.items import Items
from peopleparse.studio.shown import show_result
from tests.studio import site
from tests.studio.view_browser import (
    ask,
    choose,
    photo_bytes,
    point,
    settle,
    some_pixels,
    until,
)

Window = Callable[..., AbstractContextManager[Any]]
EVIL = '\u202e<img src=x onerror="document.title=1"> & W' + "W" * 40 + ".png"
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64)
PEOPLE = site.draw_people(3, (240, 320), 1)


@pytest.fixture(scope="module")
def empty() -> Iterator[str]:
    """A studio without items; tests that add some use one of their own."""
    with site.serving() as served:
        yield served.address


@pytest.fixture(scope="module")
def full() -> Iterator[str]:
    studio = site.make_studio([PEOPLE, site.draw_people(2, (240, 320), 2)], ["first", "second"])
    with site.serving(studio) as served:
        yield served.address


@pytest.fixture
def fresh() -> Iterator[str]:
    with site.serving() as served:
        yield served.address


def _notice(page: Any) -> str:
    notice = page.locator(".notice p").last
    notice.wait_for()
    return str(notice.inner_text())


def _names(page: Any) -> list[str]:
    return [str(node.inner_text()) for node in page.locator(".shelf .item b").all()]


def _transfer(page: Any, files: list[tuple[str, bytes]]) -> Any:
    """Return a DataTransfer with files, as a drop or a paste has it."""
    return page.evaluate_handle(
        """(files) => { const transfer = new DataTransfer();
        for (const [name, text] of files) transfer.items.add(new File(
            [Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name, { type: 'image/png' }));
        return transfer; }""",
        [[name, base64.b64encode(data).decode()] for name, data in files],
    )


def test_the_first_screen_says_what_to_do(open_window: Window, empty: str) -> None:
    with open_window(empty) as page:
        for word in ("Drop", "Paste", "Choose"):
            assert page.locator(".zone b", has_text=word).is_visible()
        assert page.get_by_role("button", name="Choose photos").is_visible()
        assert page.locator(".shelf").is_hidden()


def test_several_photos_are_chosen_at_once(open_window: Window, fresh: str) -> None:
    with open_window(fresh) as page:
        page.get_by_role("button", name="Choose photos").wait_for()
        choose(page, *((f"photo {n}.png", photo_bytes(n)) for n in range(3)))
        settle(page)
        until(page, "!document.querySelector('.shelf .busy')")
        until(page, f"document.querySelectorAll('.item:not(:disabled)').length === {3}")
        assert _names(page) == ["photo 0.png", "photo 1.png", "photo 2.png"]
        assert page.locator(".bar h2").inner_text() == "photo 0.png"
        page.locator(".item", has_text="photo 2.png").click()
        until(page, "document.querySelector('.bar h2').textContent === 'photo 2.png'")


def test_a_photo_is_dropped(open_window: Window, fresh: str) -> None:
    with open_window(fresh) as page:
        page.get_by_role("button", name="Choose photos").wait_for()
        transfer = _transfer(page, [("dropped.png", photo_bytes())])
        page.dispatch_event(".welcome", "dragenter", {"dataTransfer": transfer})
        assert "dropping" in page.locator("body").get_attribute("class")
        page.dispatch_event(".welcome", "drop", {"dataTransfer": transfer})
        settle(page)
        assert _names(page) == ["dropped.png"]
        assert "dropping" not in (page.locator("body").get_attribute("class") or "")


def test_a_photo_is_pasted(open_window: Window, fresh: str) -> None:
    with open_window(fresh) as page:
        page.get_by_role("button", name="Choose photos").wait_for()
        transfer = _transfer(page, [("image.png", photo_bytes())])
        page.evaluate(
            "(data) => window.dispatchEvent(new ClipboardEvent('paste', "
            "{ clipboardData: data, bubbles: true }))",
            transfer,
        )
        settle(page)
        assert _names(page) == ["image.png"]


def test_of_a_folder_only_photos_come(open_window: Window, fresh: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(photo_bytes())
    (tmp_path / "in" / "notes.txt").write_text("no photo")
    with open_window(fresh) as page:
        page.get_by_label("Folder", exact=True).set_input_files(tmp_path)
        settle(page)
        assert _names(page) == ["a.png"]
        assert _notice(page) == "1 file is no photo by name and stayed out."


def test_thumbnails_are_drawn(open_window: Window, full: str) -> None:
    with open_window(full) as page:
        settle(page)
        until(page, "document.querySelectorAll('.thumb[data-drawn=all]').length === 2")
        for n in range(2):
            colors = (
                page.locator(".thumb")
                .nth(n)
                .evaluate(
                    "(c) => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width,"
                    " c.height).data.buffer)).size"
                )
            )
            assert colors > 20


def test_what_was_parsed_matches_the_server(open_window: Window, fresh: str) -> None:
    with open_window(fresh) as page:
        page.get_by_role("button", name="Choose photos").wait_for()
        choose(page, ("one.png", photo_bytes(4)))
        settle(page)
        wanted = site.draw_people(3, (120, 160), 0)
        for label in wanted.scheme.labels:
            if label.id:
                area = int((wanted.parsing == label.id).sum())
                assert ask(page, f"loaded.map.area(0, {label.id})") == area


def test_a_file_of_0_bytes_is_refused(open_window: Window, fresh: str) -> None:
    with open_window(fresh) as page:
        page.get_by_role("button", name="Choose photos").wait_for()
        choose(page, ("nothing.png", b""))
        text = "nothing.png must be a photo, got a file of 0 bytes. Save or copy it again."
        assert _notice(page) == text
        assert page.locator(".item .bad").inner_text() == text
        page.get_by_role("button", name="Remove nothing.png").click()
        assert page.locator(".welcome").is_visible()


@pytest.mark.parametrize("name", ["photo.heic", "photo.jpg"])
def test_heic_is_refused_whatever_its_name(open_window: Window, fresh: str, name: str) -> None:
    with open_window(fresh) as page:
        page.get_by_role("button", name="Choose photos").wait_for()
        choose(page, (name, HEIC), kind="image/jpeg")
        told = _notice(page)
        assert told.startswith(f"{name} must be a JPEG, PNG, WebP, BMP or TIFF photo, got HEIC.")
        assert "Export it as JPEG" in told


def test_a_file_that_is_no_image_is_refused(open_window: Window, fresh: str) -> None:
    with open_window(fresh, quiet=False) as page:
        page.get_by_role("button", name="Choose photos").wait_for()
        choose(page, ("letter.png", b"Dear all, this is no photo." * 9), ("b.png", photo_bytes()))
        told = _notice(page)
        assert "must be" in told and "got" in told and told.endswith(".")
        settle(page)  # the next one is parsed all the same
        assert page.locator(".bar h2").inner_text() == "b.png"


def test_a_file_that_is_too_large_is_refused(open_window: Window) -> None:
    studio = site.make_studio(max_bytes=20_000)
    with site.serving(studio) as served, open_window(served.address, quiet=False) as page:
        page.get_by_role("button", name="Choose photos").wait_for()
        noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
        choose(page, ("large.png", site.encode_image(noise)))
        told = _notice(page)
        assert "must have at most" in told and told.endswith(".")


def test_a_studio_without_a_model_says_so(open_window: Window) -> None:
    studio = site.make_studio(make_parser=None)
    with site.serving(studio) as served, open_window(served.address, quiet=False) as page:
        page.get_by_role("button", name="Choose photos").wait_for()
        choose(page, ("a.png", photo_bytes()))
        assert "must have a model" in _notice(page)


def test_a_server_that_is_gone_is_told(open_window: Window) -> None:
    with (
        site.serving(site.make_studio([PEOPLE], ["first"])) as served,
        open_window(served.address, quiet=False) as page,
    ):
        settle(page)
        page.context.set_offline(True)
        choose(page, ("a.png", photo_bytes()))
        assert _notice(page).startswith("The studio does not answer. Start it again")
        assert page.locator(".bar h2").inner_text() == "first"
        x, y = some_pixels(PEOPLE, 1)[0]
        point(page, x, y)  # what was open can still be looked at
        assert page.locator(".tip").is_visible()


def test_masks_that_do_not_fit_the_photo_are_told(open_window: Window, full: str) -> None:
    with open_window(full) as page:
        settle(page)

        def shrink(route: Any) -> None:
            body = route.fetch().json()
            route.fulfill(json=body | {"height": 100})

        page.route("**/api/items/i2", shrink)
        page.reload()
        settle(page)
        page.locator(".item", has_text="second").click()
        told = _notice(page)
        assert told.startswith("The masks of second must be 320 x 100 pixels, got 320 x 240.")


def test_names_are_text(open_window: Window) -> None:
    """A file, a result and a part with a hostile name."""
    items = Items()
    items.add(EVIL, "result", "evil", system=EVIL, shown=show_result(PEOPLE, None))
    with site.serving(site.make_studio(items=items)) as served, open_window(served.address) as page:
        settle(page)

        def rename(route: Any) -> None:
            body = route.fetch().json()
            for label in body["labels"]:
                label["name"] = EVIL
            route.fulfill(json=body)

        page.route("**/api/items/i1", rename)
        page.reload()
        settle(page)
        choose(page, (EVIL, b""))
        assert EVIL in _notice(page).replace("\xa0", " ")
        x, y = some_pixels(PEOPLE, 1)[0]
        point(page, x, y)
        assert EVIL in page.locator(".tip").inner_text()
        assert page.locator("img").count() == 0 and page.title() == "peopleparse studio"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nobody_in_the_photo_is_said(open_window: Window) -> None:
    nobody = np.zeros((80, 90), np.uint8)
    people = ParsedPeople.from_maps(nobody, nobody.astype(np.uint16))
    items = Items()
    items.add("street", "result", "street", shown=show_result(people, None))
    with site.serving(site.make_studio(items=items)) as served, open_window(served.address) as page:
        settle(page)
        assert page.get_by_text("Nobody was found in this photo.").is_visible()
