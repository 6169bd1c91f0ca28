"""One browser a module, and windows that fail their test by any error or outside request."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
WAIT_MS = 30_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def open_window(chromium: Any) -> Callable[..., AbstractContextManager[Any]]:
    """Give `open_window(address, path="/", quiet=True, **context options)`, a context manager.

    The page in it fails the test by any console error, any script error, and any request to
    another address; `quiet=False` leaves the console and scripts alone, for pages that are shown
    refusals (a browser notes each refused request as an error).
    """

    @contextmanager
    def window(
        address: str, path: str = "/", *, quiet: bool = True, **options: Any
    ) -> Iterator[Any]:
        context = chromium.new_context(**options)
        context.set_default_timeout(WAIT_MS)
        told: list[str] = []
        strange: list[str] = []
        page = context.new_page()
        page.on("console", lambda line: told.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda asked: _note(asked.url, address, strange))
        page.goto(address + path)
        yield page
        context.close()
        assert strange == []
        if quiet:
            assert told == []

    return window


def _note(url: str, address: str, strange: list[str]) -> None:
    if not url.startswith((f"{address}/", "data:", "blob:")):
        strange.append(url)
