from __future__ import annotations

import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from peopleparse import inference
from peopleparse.cli import demo as module
from peopleparse.cli.demo import demo, find_photos
from peopleparse.errors import InputError
from peopleparse.structures import ParsedPeople

pytestmark = pytest.mark.skipif(
    not (find_spec("skimage") and find_spec("matplotlib")),
    reason="needs scikit-image and matplotlib: pip install 'peopleparse[demo]'",
)


class _Parser:
    def __call__(self, image: np.ndarray) -> ParsedPeople:
        ids = np.zeros(image.shape[:2], np.uint8)
        ids[50:200, 50:100] = 4
        return ParsedPeople.from_maps(ids, (ids > 0).astype(np.uint16), [0.5], image=image)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(inference, "Parser", _Parser)
    monkeypatch.setattr(webbrowser, "open", lambda url: calls.append(url))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    return calls


def _run(*arguments: Any) -> Any:
    return CliRunner().invoke(demo, [str(word) for word in arguments], catch_exceptions=False)


def test_demo_writes_a_page_and_opens_it(tmp_path: Path, opened: list[str]) -> None:
    done = _run("--out", tmp_path / "out")
    page = tmp_path / "out" / "index.html"
    assert done.exit_code == 0
    assert f"Page: {page.resolve()}" in done.output
    assert opened == [page.resolve().as_uri()]
    html = page.read_text(encoding="utf-8")
    assert html.count('<section class="view">') == 5
    assert "NASA, public domain" in html and "parsed in" in html
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"group_overlay.jpg", "astronaut_parsing.png", "drawn.json"} <= names


def test_demo_does_not_open_when_told_or_without_a_screen(
    tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run("--out", tmp_path, "--no-open").exit_code == 0
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert _run("--out", tmp_path).exit_code == 0
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("CI", "1")
    assert _run("--out", tmp_path).exit_code == 0
    assert opened == []


def test_photos_are_rgb_and_the_group_is_a_montage() -> None:
    photos = {photo.name: photo for photo in find_photos()}
    assert list(photos) == [
        "group.png", "astronaut.png", "grace_hopper.jpg", "camera.png", "drawn.png",
    ]  # fmt: skip
    assert all(p.image.dtype == np.uint8 and p.image.shape[2] == 3 for p in photos.values())
    assert all(photo.note for photo in photos.values())
    group, astronaut = photos["group.png"].image, photos["astronaut.png"].image
    assert np.array_equal(group[:, : astronaut.shape[1]], astronaut[: len(group)])


def test_missing_photos_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    message = (
        r"got no astronaut.png of scikit-image. Install them: pip install 'peopleparse\[demo\]'"
    )
    with pytest.raises(InputError, match=message):
        find_photos()
