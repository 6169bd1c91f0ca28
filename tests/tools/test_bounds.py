"""Bounds: a network that knows part of the answer draws it, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")

from peopleparse.inference.pipeline import Options, parse_image  # noqa: E402
from peopleparse.training import validate as validate_module  # noqa: E402
from peopleparse.training.validate import ValidationSet  # noqa: E402
from tests.fakes import FakeEngine  # noqa: E402
from tests.training.conftest import write_training_data  # noqa: E402
from tools.bounds import BOUNDS, KnowingEngine, know_scene, score_bound  # noqa: E402


@pytest.fixture(scope="module")
def tiny_data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("bounds"))


@pytest.fixture(autouse=True)
def small_scenes(monkeypatch):
    monkeypatch.setattr(validate_module, "SCENE_SIZE", (128, 96))


def test_each_person_is_told_of_its_own_labels():
    boxes = np.array([[0, 0, 10, 20], [40, 0, 50, 20]], np.float32)
    added = np.stack([np.full(20, 1, np.float32), np.full(20, 2, np.float32)])

    class Silent(FakeEngine):
        def rois(self, trunk, boxes, faces, has_face):
            return np.zeros((len(boxes), 20, 2, 2), np.float32)

    engine = KnowingEngine(Silent(), boxes, added, boxed=False)
    asked = np.array([[41, 0, 50, 20], [100, 50, 110, 60], [0, 1, 10, 20]], np.float32)
    found = engine.rois(None, asked, asked, np.zeros(3, bool))
    assert found[:, 0, 0, 0].tolist() == [2, 0, 1], "who is nobody known is told nothing"


def test_people_are_looked_for_in_the_true_boxes(tiny_data):
    scene = ValidationSet.read(tiny_data, 0, 1).make_scene("outdoor", 0)

    class Blind(FakeEngine):
        def trunk(self, image):
            trunk = super().trunk(image)
            trunk.person_heat[:] = 0
            return trunk

        def rois(self, trunk, boxes, faces, has_face):
            self.asked = boxes
            return super().rois(trunk, boxes, faces, has_face)

    blind = Blind()
    assert len(parse_image(blind, scene.image, Options())) == 0
    knowing = know_scene(blind, scene, None)
    parse_image(knowing, scene.image, Options())
    assert len(blind.asked) == len(knowing.boxes) == len(scene.annotation) > 0
    assert knowing.boxes.max() > scene.annotation.boxes.max(), "in pixels of what is seen"


@pytest.mark.parametrize("bound", BOUNDS)
def test_scores_have_the_names_of_a_run(tiny_data, bound):
    scores = score_bound(FakeEngine(), tiny_data, bound, 2, 2)
    assert ("val/photo_iou_main" in scores) == (bound == "told")
    assert 0 <= scores["val/outdoor_strict"] <= 1 and 0 <= scores["val/indoor_strict"] <= 1


def test_to_know_the_labels_does_not_hurt(tiny_data):
    found = ValidationSet.read(tiny_data, 2, 2)
    plain = validate_module.flat_scores(validate_module.validate(FakeEngine(), found).to_dict())
    told = score_bound(FakeEngine(), tiny_data, "told", 2, 2)
    assert told["val/photo_iou_main"] >= plain["val/photo_iou_main"]
