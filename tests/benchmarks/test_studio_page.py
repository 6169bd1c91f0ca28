"""The benchmark of the studio's page: figures are made rightly, and a short run gives all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import studio_page
from tests.studio.conftest import CHROMIUM


def test_figures_are_made_of_all_values() -> None:
    found = studio_page._summary([float(n) for n in range(100, 0, -1)])
    assert found == {"count": 100, "median_ms": 50.5, "p95_ms": 96.0, "high_ms": 100.0}


def test_the_page_is_weighed_whole() -> None:
    found = studio_page.weigh()
    assert {"index.html", "main.js", "style.css"} <= set(found["sizes"])
    assert found["bytes"] == sum(found["sizes"].values()) > found["bytes_gzip"]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_a_short_run(tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(
            executable_path=shutil.which(str(CHROMIUM)), args=["--no-sandbox"]
        )
        found = studio_page.run(browser, tmp_path, quick=True)
        browser.close()
    assert set(studio_page.judge(found)) == set(studio_page.TARGETS)
    assert found["brush"]["painted_pixels"] > 0
    for name in ("hover", "opacity", "brush"):
        assert 0 < found[name]["work"]["median_ms"] <= found[name]["median_ms"]
