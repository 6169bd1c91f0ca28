from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from peopleparse.data.published_sets import GPS_TABLE, LIP_TABLE
from peopleparse.viz.statistics_figures import draw_statistics
from peopleparse.viz.statistics_page import Sheet, make_page
from tests.viz.statistics_sets import make_hand_set, make_set

pytest.importorskip("matplotlib")
EVIL = "<img src=x onerror=alert(1)> & 'x' \"y\""
SHEET = Sheet("hand", np.full((20, 30, 3), 200, np.uint8), "1 of 2 images")


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    handle_startendtag = handle_starttag


def _page(sets: list[dict[str, Any]], title: str = "Data sets", **more: Any) -> str:
    more.setdefault("sheets", [SHEET])
    published = [row.to_dict() for row in GPS_TABLE]
    splits = [row.to_dict() for row in LIP_TABLE]
    figures = draw_statistics(sets, ("svg",))
    return make_page(title, sets, figures, published=published, published_splits=splits, **more)


def test_the_paper_s_table_and_figures_come_first() -> None:
    page = _page([make_hand_set(), make_set("other")])
    assert re.findall(r"<h2>(.*?)</h2>", page) == [
        "Table 1", "Fig. 2", "Fig. 3", "Splits", "Sizes", "Overlaps", "Together", "Resolution",
        "Samples",
    ]  # fmt: skip
    assert "Fig. 2. The number of persons per image.</figcaption>" in page
    assert "Fig. 3. The appearing times of human parts.</figcaption>" in page
    assert "Parts that appear together: other." in page
    assert '<tr class="published"><th scope="row">GPS-Indoor (published)</th>' in page
    assert "2 data sets · 4 images · 8 persons" in page
    assert "1 of 2 images" in page


def test_a_page_is_one_file_that_asks_for_nothing() -> None:
    page = _page([make_hand_set(), make_set("other")])
    tags = _Tags(page).found
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "script")
        assert "style" not in attributes and not any(a.startswith("on") for a in attributes)
        assert (attributes.get("src") or "data:").startswith("data:")
        for name in ("href", "xlink:href"):
            link = attributes.get(name) or "data:"
            assert link.startswith("data:") or link[1:] in ids
        for link in re.findall(r"url\(#(.*?)\)", " ".join(str(v) for v in attributes.values())):
            assert link in ids
    assert "default-src 'none'" in page and not re.search(r"@import|https?://(?!www.w3.org)", page)


def test_names_are_escaped() -> None:
    page = _page(
        [make_hand_set() | {"name": EVIL}], EVIL, sheets=[Sheet(EVIL, SHEET.picture, EVIL)],
        faults=[EVIL],
    )  # fmt: skip
    images = [attributes for tag, attributes in _Tags(page).found if tag == "img"]
    assert len(images) == 1 and images[0]["alt"] == f"Samples of {EVIL}"


def test_sections_without_content_are_left_out() -> None:
    page = _page([make_set("maps", persons=False)], sheets=[])
    assert 'id="fig-2"' not in page and 'id="samples"' not in page and 'id="left-out"' not in page
    assert 'href="#fig-2"' not in page and 'id="fig-3"' in page
    assert "1 data set · 2 images · 0 persons" in page
    page = _page([make_hand_set()], faults=["labels must be a file, got none"])
    assert "labels must be a file" in page and 'href="#left-out"' in page


def test_the_same_numbers_are_the_same_page() -> None:
    assert _page([make_hand_set()]) == _page([make_hand_set()])
