"""Scenes to each format and back: no pixel other, no fact lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from peopleparse.studio.exchange.export import count_different, export_photos
from peopleparse.studio.exchange.facts import PERSON_FACTS
from peopleparse.studio.exchange.files import ExchangeFiles
from peopleparse.studio.exchange.formats import FORMATS
from peopleparse.studio.exchange.incoming import sort_sheets
from peopleparse.studio.exchange.source import PhotoSource
from tests.studio.exchange.scenes import SCHEME, draw_scene, write_photo

TOOLS = [name for name in FORMATS if name != "gps"]
Scenes = Mapping[str, PhotoSource]


def draw_scenes(seeds: Sequence[int]) -> Scenes:
    return {scene.image_id: scene for scene in map(draw_scene, seeds)}


def check_back(scenes: Scenes, format: str, path: Path) -> None:
    """Every pixel and every fact is there again, and nothing was counted as lost."""
    found = FORMATS[format].find_sheets(ExchangeFiles(path), SCHEME)
    photos, unknown = sort_sheets(found, scenes)
    assert unknown == [] and [photo.image_id for photo in photos] == sorted(scenes)
    losses = Counter[str]()
    for photo in photos:
        scene = scenes[photo.image_id]
        assert photo.count == len(scene.labels)
        size = scene.labels.shape[1:]
        persons = photo.load((size[0], size[1]), scene.facts["sha256"], losses)
        assert sorted(persons) == list(range(1, len(scene.labels) + 1))
        assert count_different(scene.labels, persons) == 0
        for index, person in persons.items():
            said = {name: person.facts.get(name) for name in PERSON_FACTS}
            assert said == {name: scene.persons[index - 1].get(name) for name in PERSON_FACTS}
        for sheet, _ in photo.sheets:
            kept = {name: sheet.head.facts.get(name) for name in scene.facts}
            assert kept == scene.facts
            assert sheet.head.facts.get("order", "left_to_right") == "left_to_right"
    assert losses.total() == 0


@pytest.mark.parametrize("layout", ["copies", "together"])
@pytest.mark.parametrize("format", TOOLS)
def test_fifty_scenes(tmp_path: Path, format: str, layout: str) -> None:
    scenes = draw_scenes(range(50))
    report = export_photos(
        list(scenes), scenes.__getitem__, SCHEME, format, tmp_path / "out", layout
    )
    assert report.different == 0 and report.losses.total() == 0
    assert (report.photos, report.persons) == (50, sum(len(s.labels) for s in scenes.values()))
    check_back(scenes, format, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("format", list(FORMATS))
def test_a_thousand_scenes(tmp_path: Path, format: str) -> None:
    scenes = draw_scenes(range(1000, 2000))
    if format == "gps":
        scenes = with_photos(scenes, tmp_path)
    load = scenes.__getitem__
    report = export_photos(list(scenes), load, SCHEME, format, tmp_path / "out.zip")
    assert report.different == 0 and report.losses.total() == 0
    if format != "gps":
        check_back(scenes, format, tmp_path / "out.zip")


def with_photos(scenes: Scenes, folder: Path) -> Scenes:
    """The scenes with a file each."""
    found = {}
    for seed, scene in enumerate(scenes.values()):
        path = write_photo(folder / f"{scene.image_id}.png", scene.labels.shape[1:], seed)
        found[scene.image_id] = PhotoSource(
            scene.image_id, path.name, path, scene.labels, scene.persons, scene.facts, scene.extra
        )
    return found


@pytest.mark.parametrize("format", TOOLS)
def test_photos_and_report_lie_beside(tmp_path: Path, format: str) -> None:
    scenes = with_photos(draw_scenes(range(6)), tmp_path / "photos")
    out = tmp_path / "out"
    export_photos(list(scenes), scenes.__getitem__, SCHEME, format, out)
    copies = sorted(path for path in out.rglob("*.png"))
    expected = sum(max(len(scene.labels), 1) for scene in scenes.values())
    assert len(copies) == expected
    assert (out / "exchange-report.json").is_file()
    first = next(scene for scene in scenes.values() if len(scene.labels) > 1)
    count = len(first.labels)
    names = {path.name for path in copies}
    assert {f"{first.image_id}_{count:02d}_{n:02d}.png" for n in (1, count)} <= names
    assert copies[0].read_bytes() in [scene.photo.read_bytes() for scene in scenes.values()]  # type: ignore[union-attr]
