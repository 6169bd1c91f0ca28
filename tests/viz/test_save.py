from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peopleparse.errors import InputError
from peopleparse.structures import ParsedPeople
from peopleparse.viz import FORMATS, draw_scene, person_color, save_result
from peopleparse.viz.files import write_whole


@pytest.fixture(scope="module")
def scene() -> ParsedPeople:
    return draw_scene(3, (120, 160))


def test_all_formats(scene: ParsedPeople, tmp_path: Path) -> None:
    paths = save_result(scene, tmp_path / "a" / "b", "group", FORMATS)
    names = [
        "group_overlay.jpg",
        "group_parsing.png",
        "group_instances.png",
        "group.json",
        "group_coco.json",
    ]
    assert [path.name for path in paths] == names
    assert sorted(os.listdir(tmp_path / "a" / "b")) == sorted(names)
    overlay = Image.open(paths[0])
    assert (overlay.format, overlay.mode, overlay.size) == ("JPEG", "RGB", (160, 120))
    drawn = np.asarray(overlay).astype(int) - scene.draw()
    assert np.abs(drawn).mean() < 3
    assert json.loads(paths[3].read_text())["people"][0]["index"] == 1
    assert json.loads(paths[4].read_text())["annotations"]


def test_png_values_are_ids_and_colors_are_only_for_looking(
    scene: ParsedPeople, tmp_path: Path
) -> None:
    parsing, instances = map(Image.open, save_result(scene, tmp_path, "x", ["png"]))
    assert parsing.mode == instances.mode == "P"
    assert np.array_equal(np.asarray(parsing), scene.parsing)
    assert np.array_equal(np.asarray(instances), scene.instances)
    shown = np.asarray(parsing.convert("RGB"))
    assert np.array_equal(shown, scene.scheme.palette[scene.parsing])
    mask = scene.people[1].mask
    assert (np.asarray(instances.convert("RGB"))[mask] == person_color(2)).all()
    assert not {"gamma", "icc_profile", "srgb"} & set(parsing.info)


def test_ignored_pixels_stay_255(tmp_path: Path) -> None:
    ids = np.array([[0, 4, 255]], np.uint8)
    result = ParsedPeople.from_maps(ids, np.ones((1, 3), np.uint16))
    path = save_result(result, tmp_path, "x", ["png"])[0]
    assert np.asarray(Image.open(path)).tolist() == [[0, 4, 255]]


def test_more_than_255_persons_take_16_bits(tmp_path: Path) -> None:
    owners = np.arange(1, 301, dtype=np.uint16)[None]
    result = ParsedPeople.from_maps(np.full((1, 300), 4, np.uint8), owners)
    picture = Image.open(save_result(result, tmp_path, "x", ["png"])[1])
    assert picture.mode == "I;16"
    assert np.array_equal(np.asarray(picture), owners)


def test_255_persons_fit_into_8_bits(tmp_path: Path) -> None:
    owners = np.arange(1, 256, dtype=np.uint16)[None]
    result = ParsedPeople.from_maps(np.full((1, 255), 4, np.uint8), owners)
    picture = Image.open(save_result(result, tmp_path, "x", ["png"])[1])
    assert picture.mode == "P"
    assert np.array_equal(np.asarray(picture), owners)


@pytest.mark.parametrize(
    ("source", "stem"), [("photos/a.b.jpg", "a.b"), (None, "photo"), ("", "photo")]
)
def test_the_stem_comes_from_the_source(tmp_path: Path, source: str | None, stem: str) -> None:
    result = draw_scene(1, (40, 40))
    result.source = source
    assert save_result(result, tmp_path, formats=["json"])[0].name == f"{stem}.json"


def test_an_unknown_format_is_refused_before_anything_is_written(
    scene: ParsedPeople, tmp_path: Path
) -> None:
    message = "format must be known, got 'ovrlay'. Did you mean 'overlay'\\? Choices: overlay, png"
    with pytest.raises(InputError, match=message):
        save_result(scene, tmp_path / "new", formats=["png", "ovrlay"])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("stem", ["", "a/b", "..", "."])
def test_a_stem_that_is_no_file_name_is_refused(
    scene: ParsedPeople, tmp_path: Path, stem: str
) -> None:
    with pytest.raises(InputError, match="stem must be the start of a file name"):
        save_result(scene, tmp_path, stem)


def test_a_folder_that_cannot_be_made_is_refused(scene: ParsedPeople, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="output folder must be one that can be written to"):
            save_result(scene, folder)


def test_a_file_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = write_whole(tmp_path / "x.txt", b"old")
    seen: list[bytes] = []

    def fail(source: str, target: str) -> None:
        seen.append(Path(source).read_bytes())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match="No space left on device"):
        write_whole(target, b"new")
    assert seen == [b"new"]  # written in full under another name first
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.txt"]
