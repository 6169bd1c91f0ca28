"""Missed faces: each way to miss one is told from the others, and all are counted."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy")

from peopleparse.training import validate as validate_module  # noqa: E402
from peopleparse.training.validate import ValidationSet  # noqa: E402
from tests.fakes import FakeEngine  # noqa: E402
from tests.training.conftest import write_training_data  # noqa: E402
from tools import face_misses  # noqa: E402
from tools.face_misses import FATES, NARROW, SIZES, WIDE, count_fates, list_fates, main, table_lines  # noqa: E402


@pytest.fixture(scope="module")
def tiny_data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("faces"))


@pytest.fixture(autouse=True)
def small_scenes(monkeypatch):
    monkeypatch.setattr(validate_module, "SCENE_SIZE", (256, 192))


class Seer(FakeEngine):
    """Sees the true faces, changed in a way."""

    def __init__(self, faces, change=lambda box: box, heat=0.9):
        super().__init__()
        self.faces, self.change, self.heat = faces, change, heat

    def trunk(self, image):
        trunk = super().trunk(image)
        trunk.face_heat[:] = 0
        # Fits the photo's width: faces are given in pixels of the scene.
        scale = image.shape[1] / 256
        for face in self.faces:
            box = self.change(np.asarray(face, np.float32)) * scale
            x, y = ((box[:2] + box[2:]) / 2 // self.cell).astype(int)
            trunk.face_heat[y, x] = self.heat
            trunk.face_boxes[:, y, x] = box
        return trunk


def half(box):
    x1, y1, x2, y2 = box
    return np.array([x1, y1, x1 + 0.4 * (x2 - x1), y2], np.float32)


@pytest.fixture
def scene(tiny_data):
    found = ValidationSet.read(tiny_data, 0, 3)
    scenes = [found.make_scene("outdoor", index) for index in range(3)]
    return next(s for s in scenes if any(f is not None for f in s.annotation.face_boxes))


def test_each_way_to_miss_a_face_has_its_name(scene, monkeypatch):
    faces = [face for face in scene.annotation.face_boxes if face is not None]

    def fates(engine):
        return {fate for fate, _ in list_fates(engine, scene)}

    # Small drawn faces: sizes of no matter here.
    assert "found" in fates(Seer(faces))
    assert fates(Seer(faces, heat=0.1)) == {"faint"}
    assert fates(Seer(faces, half)) == {"off"}
    assert fates(Seer([])) == {"unseen"}
    monkeypatch.setattr(
        face_misses, "parse_image", lambda *args: type("Nobody", (), {"people": ()})
    )
    assert fates(Seer(faces)) == {"dropped"}


def test_every_face_is_counted_once(tiny_data):
    found = ValidationSet.read(tiny_data, 0, 2)
    counts = count_fates(FakeEngine(), found)
    for preset, rows in counts.items():
        scenes = [found.make_scene(preset, index) for index in range(2)]
        faces = sum(f is not None for s in scenes for f in s.annotation.face_boxes)
        assert sum(sum(rows[size].values()) for size in SIZES.values()) == faces


def test_who_has_too_much_face_is_left_out_of_the_last_column(scene):
    fates = list_fates(FakeEngine(), scene)
    assert fates and all(NARROW in columns for _, columns in fates)
    wide = replace(scene, photo_ids=tuple(min(WIDE) for _ in scene.photo_ids))
    others = list_fates(FakeEngine(), wide)
    assert len(others) == len(fates) and not any(NARROW in columns for _, columns in others)


def test_the_table_is_of_both_presets():
    one = {column: dict.fromkeys(FATES, 1) for column in (*SIZES.values(), NARROW)}
    one["under 12"] = dict.fromkeys(FATES, 0)
    lines = table_lines({"scenes": 5, "split": "val", "counts": {"indoor": one, "outdoor": one}})
    assert lines[4] == "| faces | 30 | 0 | 10 | 10 | 10 | 10 |"
    assert lines[5].endswith("| 20.0 | - | 20.0 | 20.0 | 20.0 | 20.0 |")
    assert len(lines) == 5 + len(FATES)


def test_the_command_writes_what_it_says(tiny_data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(face_misses, "build_engine", lambda model: FakeEngine())
    out = tmp_path / "found.json"
    assert main(["count", str(tiny_data), "--scenes", "1", "--out", str(out)]) == 0
    assert "\n".join(table_lines(json.loads(out.read_text()))) == capsys.readouterr().out.strip()
