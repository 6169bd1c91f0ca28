"""View in a real browser: keyboard, fingers, screens of every size, dark, stillness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.studio import site
from tests.studio.view_browser import (
    ask,
    colors_at,
    place_of,
    point,
    settle,
    some_pixels,
    until,
)

Window = Callable[..., AbstractContextManager[Any]]
CHECK = (Path(__file__).parents[1] / "server" / "accessibility.js").read_text(encoding="utf-8")
PEOPLE = site.draw_people(3, (240, 320), 1)


@pytest.fixture(scope="module")
def empty() -> Iterator[str]:
    """A studio without items."""
    with site.serving() as served:
        yield served.address


@pytest.fixture(scope="module")
def full() -> Iterator[str]:
    studio = site.make_studio([PEOPLE, site.draw_people(2, (240, 320), 2)], ["first", "second"])
    with site.serving(studio) as served:
        yield served.address


def test_the_keyboard_alone_does_everything(open_window: Window, full: str) -> None:
    with open_window(full, viewport={"width": 1280, "height": 800}) as page:
        settle(page)
        press = page.keyboard.press
        press("n")
        press("n")
        settle(page)
        assert "Person 2" in page.locator(".status").inner_text()
        press("b")
        press("i")
        settle(page)
        assert "Person 1" in page.locator(".status").inner_text()
        assert ask(page, "state.colorBy") == "person"
        press("Escape")
        press("+")
        before = ask(page, "camera.x")
        press("ArrowRight")
        settle(page)
        assert ask(page, "camera.x") == before - 60
        press("0")
        press("[")
        press("o")
        settle(page)
        assert ask(page, "state.opacity") == 0.5 and ask(page, "state.outlines") is False
        page.get_by_label("Person 1").focus()
        press("ArrowDown")
        assert page.evaluate("document.activeElement.closest('li').dataset.person") == "2"
        settle(page)
        assert page.locator(".status").inner_text().startswith("Person 2")
        press(" ")
        settle(page)
        assert ask(page, "state.hiddenPersons.has(2)") and ask(page, "state.bare") is False
        press("End")
        press("Enter")
        settle(page)
        assert ask(page, "state.pinned.person") == 3
        page.locator("section.parts input").first.focus()
        press("ArrowDown")
        assert page.evaluate(
            "document.activeElement === document.querySelectorAll('section.parts input')[1]"
        )
        page.locator(".pane").focus()
        press("j")
        until(page, "document.querySelector('.bar h2').textContent === 'second'")


def test_a_question_mark_shows_the_shortcuts(open_window: Window, full: str) -> None:
    with open_window(full) as page:
        settle(page)
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Shortcuts")
        assert dialog.get_by_text("hold for the bare photo").is_visible()
        page.keyboard.press("Escape")
        assert dialog.is_hidden()


def test_every_control_is_reached_by_tab(open_window: Window, full: str) -> None:
    with open_window(full, viewport={"width": 1280, "height": 800}) as page:
        settle(page)
        wanted = page.evaluate(
            """() => [...document.querySelectorAll(`a[href], button, summary, input, [tabindex]`)]
            .filter(e => e.tabIndex >= 0 && e.checkVisibility() && !e.disabled
            && !(e.type === 'radio' && !e.checked)).map((e, k) => (e.dataset.order = k, k))"""
        )
        reached = []
        for _ in wanted:
            page.keyboard.press("Tab")
            order, is_seen = page.evaluate(
                """() => { const e = document.activeElement;
                const s = getComputedStyle(e.type === 'radio' ? e.nextSibling : e);
                return [Number(e.dataset.order), s.outlineStyle !== 'none'
                && parseFloat(s.outlineWidth) >= 2]; }"""
            )
            reached.append(order)
            assert is_seen, f"{order} has no visible focus"
        assert reached == wanted


@pytest.mark.parametrize("width", [375, 1280, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_width_can_be_read(open_window: Window, full: str, width: int, scheme: str) -> None:
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    with open_window(full, **options) as page:
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        x, y = some_pixels(PEOPLE, 1)[0]
        point(page, x, y)
        assert page.locator(".tip b").inner_text().startswith(f"Person {PEOPLE.instances[y, x]} ")
        # The studio has no footer, which is right for an application.
        assert [f for f in page.evaluate(CHECK) if f != "no footer"] == []


@pytest.mark.parametrize("width", [375, 1280])
def test_the_first_screen_can_be_read(open_window: Window, empty: str, width: int) -> None:
    for scheme in ("light", "dark"):
        options = {"viewport": {"width": width, "height": 720}, "color_scheme": scheme}
        with open_window(empty, **options) as page:
            page.get_by_role("button", name="Choose photos").wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert [f for f in page.evaluate(CHECK) if f != "no footer"] == []


def test_dark_can_be_switched_and_stays(open_window: Window, full: str) -> None:
    with open_window(full, color_scheme="light") as page:
        settle(page)
        button = page.get_by_role("button", name="Dark colours")
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.reload()
        settle(page)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark != light


def test_a_screen_of_double_density_is_sharp(open_window: Window, full: str) -> None:
    options = {"viewport": {"width": 1280, "height": 800}, "device_scale_factor": 2}
    with open_window(full, **options) as page:
        settle(page)
        assert ask(page, "panes[0].base.width") == 2 * ask(page, "panes[0].node.clientWidth")
        for x, y in some_pixels(PEOPLE, 5, seed=9):
            point(page, x, y)
            wanted = f"Person {PEOPLE.instances[y, x]} "
            assert page.locator(".tip b").inner_text().startswith(wanted)
        assert colors_at(page, [(1, 1)], "over")[0, 3] > 100


def _touch(page: Any, kind: str, number: int, x: float, y: float) -> None:
    values = {
        "pointerId": number, "pointerType": "touch", "clientX": x, "clientY": y, "bubbles": True,
        "isPrimary": number == 1, "button": 0,
    }  # fmt: skip
    page.dispatch_event(".pane", kind, values)


def test_fingers_tap_drag_and_pinch(open_window: Window, full: str) -> None:
    options = {"viewport": {"width": 375, "height": 800}, "has_touch": True}
    with open_window(full, **options) as page:
        settle(page)
        x, y = some_pixels(PEOPLE, 1)[0]
        page.touchscreen.tap(*place_of(page, x, y))
        settle(page)
        assert ask(page, "state.pinned.person") == PEOPLE.instances[y, x]
        page.evaluate("Element.prototype.setPointerCapture = () => {}")
        left, top = place_of(page, 100, 100)
        before = ask(page, "camera.scale")
        _touch(page, "pointerdown", 1, left, top)
        _touch(page, "pointerdown", 2, left + 100, top)
        _touch(page, "pointermove", 2, left + 200, top)
        settle(page)
        assert ask(page, "camera.scale") == pytest.approx(2 * before)
        _touch(page, "pointerup", 2, left + 200, top)
        x0 = ask(page, "camera.x")
        _touch(page, "pointermove", 1, left + 25, top)
        _touch(page, "pointerup", 1, left + 25, top)
        settle(page)
        assert ask(page, "camera.x") == x0 + 25


def test_nothing_moves_for_those_who_want_it_still(open_window: Window, full: str) -> None:
    with open_window(full, reduced_motion="reduce") as page:
        settle(page)
        page.evaluate("document.querySelector('.bar h2').classList.add('busy')")
        assert (
            page.evaluate(
                "getComputedStyle(document.querySelector('.bar h2'), '::before').animationName"
            )
            == "none"
        )


def test_the_page_is_interactive_soon(open_window: Window, empty: str) -> None:
    with open_window(empty) as page:
        page.get_by_role("button", name="Choose photos").wait_for()
        ready = page.evaluate("performance.getEntriesByType('navigation')[0].domInteractive")
        print(f"interactive after {ready:.0f} ms")
        assert ready <= 3000  # 300 on a quiet machine
