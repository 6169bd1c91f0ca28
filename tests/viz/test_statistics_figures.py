from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from hashlib import sha256
from pathlib import Path

import pytest

from peopleparse.errors import InputError
from peopleparse.viz import figure_style
from peopleparse.viz.figure_style import draw_figure, inline_svg, series_color
from peopleparse.viz.statistics_figures import draw_statistics
from peopleparse.viz.statistics_numbers import group_by_parts, make_bins, mean_and_deviation
from tests.meta.repo import REPO
from tests.viz.statistics_sets import make_hand_set, make_set

pytest.importorskip("matplotlib")
KEYS = ["resolution", "persons_per_image", "sizes", "overlaps", "parts"]


def _texts(svg: bytes) -> list[str]:
    # Letters are drawn as outlines; a comment before each text says what it is.
    return [part.split("-->")[0].strip() for part in svg.decode().split("<!--")[1:]]


def test_every_figure_in_every_kind() -> None:
    figures = draw_statistics([make_hand_set()])
    assert list(figures) == [*KEYS, "together"]
    for figure in figures.values():
        assert list(figure.files) == ["svg", "pdf", "png"]
        ET.fromstring(figure.files["svg"])
        assert figure.files["pdf"].startswith(b"%PDF")
        assert figure.files["png"].startswith(b"\x89PNG")
        assert not any(b"Date" in data for data in figure.files.values())


def test_the_numbers_are_on_the_figures() -> None:
    figures = draw_statistics([make_hand_set(), make_set("other", (2,))], ("svg",))
    assert list(figures) == [*KEYS, "together_1", "together_2"]
    texts = {key: _texts(figure.files["svg"]) for key, figure in figures.items()}
    assert "hand: 1.50 ± 0.50 persons per image, 2 images" in texts["persons_per_image"]
    assert "hand: 3 persons, 1.00 ± 0.00 parts each" in texts["parts"]
    assert "2  66.7 %" in texts["parts"] and "1  33.3 %" in texts["parts"]
    assert "hand: median 100 pixels" in texts["sizes"]
    assert "median 20.0 %" in texts["sizes"]
    # Boxes of 40 x 100 and 40 x 50 share 20 x 50: IoU 1000 / 5000.
    assert "above 0: 66.7 % of persons; above .25: 0.0 %" in texts["overlaps"]
    assert "hair  2" in texts["together_1"]
    assert "median 200 × 100" in texts["resolution"]


def test_sets_without_persons_have_parts_and_no_more() -> None:
    maps = make_set("maps", persons=False)
    figures = draw_statistics([maps], ("svg",))
    assert list(figures) == ["resolution", "parts", "together"]
    texts = _texts(figures["parts"].files["svg"])
    assert any("2 images, persons not told apart" in text for text in texts)
    assert "% of images that show the part" in texts
    both = draw_statistics([maps, make_set("people")], ("svg",))
    assert "% of persons or images that show the part" in _texts(both["parts"].files["svg"])


def test_many_sets_get_a_plot_each() -> None:
    sets = [make_set(f"set {n}") for n in range(5)]
    texts = _texts(draw_statistics(sets, ("svg",))["persons_per_image"].files["svg"])
    assert texts.count("% of images") == 5
    assert series_color(0) == series_color(7) != series_color(1)


def test_a_long_scheme_has_a_key_in_place_of_numbers() -> None:
    texts = _texts(
        draw_statistics([make_set("mhp", scheme="mhp-v2")], ("svg",))["together"].files["svg"]
    )
    assert "100 %" in texts and "50" not in texts


def test_names_are_shown_as_they_are() -> None:
    found = make_hand_set() | {"name": "$a_1$ & <b> " + "x" * 60}
    texts = _texts(draw_statistics([found], ("svg",))["sizes"].files["svg"])
    assert any(text.startswith("$a_1$ &amp; &lt;b&gt; xxx") and "…" in text for text in texts)


_CHILD = """
import hashlib, json, sys
from peopleparse.viz.statistics_figures import draw_statistics
sets = [json.loads(line) for line in sys.stdin]
figures = draw_statistics(sets)
print(json.dumps({key: {kind: hashlib.sha256(data).hexdigest() for kind, data in f.files.items()}
                  for key, f in figures.items()}))
"""


def test_the_same_numbers_are_the_same_bytes(tmp_path: Path) -> None:
    """Also after a walk through JSON, in another process, with other settings of matplotlib."""
    (tmp_path / "matplotlibrc").write_text("font.size: 20\nsvg.hashsalt: x\n", encoding="utf-8")
    lines = "".join(json.dumps(found) + "\n" for found in (make_hand_set(), make_set("b", (1,))))
    more = {"MATPLOTLIBRC": str(tmp_path), "PYTHONPATH": str(REPO / "src")}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD], env=os.environ | more, input=lines, text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    here = draw_statistics([make_hand_set(), make_set("b", (1,))])
    assert json.loads(done.stdout) == {
        key: {kind: sha256(data).hexdigest() for kind, data in figure.files.items()}
        for key, figure in here.items()
    }


def test_a_figure_inside_a_page_takes_its_colours_and_has_ids_of_its_own() -> None:
    svg = draw_statistics([make_hand_set()], ("svg",))["parts"].files["svg"]
    text = inline_svg(svg, "fig", "A &lt; b")
    root = ET.fromstring(text)
    assert root.get("aria-label") == "A < b"
    ids = {element.get("id") for element in root.iter() if element.get("id")}
    assert ids and all(name.startswith("fig-") for name in ids if name)
    for element in root.iter():
        assert element.get("style") is None and not element.tag.endswith(("style", "metadata"))
        link = element.get("href")
        assert link is None or link[1:] in ids
    assert 'fill="var(--s0)"' in text and "var(--ink)" in text and "#0072b2" not in text


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figure_style, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="drawn with matplotlib, got none installed. Install it"):
        draw_figure(1.0, lambda figure: None)


def test_bins_and_groups() -> None:
    assert [make_bins(n) for n in (0, 25, 26, 51, 480, 5_000)] == [1, 1, 2, 5, 20, 200]
    sets = [
        make_set("a", scheme="gps-outdoor", counts=(2,)),
        make_set("b", scheme="lip", counts=(2,)),
        make_set("c", counts=(2,)),
    ]
    assert [members for _, members in group_by_parts(sets)] == [[0, 2], [1]]
    assert "tie" in group_by_parts(sets)[0][0]
    assert mean_and_deviation(make_set("d", persons=False), "persons_per_image") == "–"
