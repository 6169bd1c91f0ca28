"""Validation: shares of processes merge to the whole, numbers mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from peopleparse.inference.engine import Trunk  # noqa: E402
from peopleparse.structures import ParsedPeople  # noqa: E402
from peopleparse.training import validate as module  # noqa: E402
from peopleparse.training.distributed import World  # noqa: E402
from peopleparse.training.validate import (  # noqa: E402
    PhotoScores,
    SceneScores,
    ValidationSet,
    flat_scores,
    validate,
)
from tests.fakes import FakeEngine  # noqa: E402


@pytest.fixture(scope="module")
def found(tiny_data):
    module_size = module.SCENE_SIZE
    module.SCENE_SIZE = (128, 96)
    yield ValidationSet.read(tiny_data, photos=2, scenes=3)
    module.SCENE_SIZE = module_size


class BlindEngine(FakeEngine):
    """Sees nobody."""

    def trunk(self, image) -> Trunk:
        seen = super().trunk(image)
        zeros = np.zeros_like(seen.person_heat)
        return Trunk(zeros, seen.person_boxes, zeros, seen.face_boxes, seen.global_logits)


def test_the_set_is_the_validation_side(found):
    assert [portrait.photo_id for portrait in found.portraits] == ["0004", "0008"]
    assert {portrait.photo_id for portrait in found.maker.portraits} == {"0004", "0008", "0010"}
    first, again = found.make_scene("indoor", 1), found.make_scene("indoor", 1)
    assert np.array_equal(first.image, again.image) and first.image.shape == (96, 128, 3)


def test_shares_of_several_processes_merge_to_the_whole(found):
    whole = validate(FakeEngine(), found)
    shards = [
        validate(FakeEngine(), found, share=World(rank, 2, torch.device("cpu")).share)
        for rank in (1, 0)
    ]
    merged = shards[0]
    merged.merge(shards[1])
    scores = whole.to_dict()
    assert merged.to_dict() == scores
    assert scores["photos"]["photos"] == 2 and scores["indoor"]["scenes"] == 3
    flat = flat_scores(scores)
    assert flat["val/photo_iou"] == scores["photos"]["part_mean_iou"]
    for preset in ("outdoor", "indoor"):
        for reading in ("strict", "literal", "mhp"):
            wanted = scores[preset]["average_ap"][reading]
            assert flat[f"val/{preset}_{reading}"] == wanted and 0 <= wanted <= 1


def test_who_sees_nobody_recalls_nobody(found):
    scores = validate(BlindEngine(), found).to_dict()
    assert scores["photos"]["persons_found"] == 0
    assert scores["outdoor"]["mask_recall_50"] == scores["outdoor"]["average_ap"]["strict"] == 0


def test_the_truth_itself_scores_one(found):
    photos, scenes = PhotoScores(), SceneScores()
    for portrait in found.portraits:
        instances = (portrait.parsing > 0).astype(np.uint16)
        photos.update(portrait, ParsedPeople.from_maps(portrait.parsing, instances))
    scores = photos.to_dict()
    assert scores["part_mean_iou"] == scores["part_mean_iou_main"] == 1
    for index in range(3):
        scene = found.make_scene("outdoor", index)
        parsing, instances, _ = scene.annotation.flatten()
        faces = [box for box in scene.annotation.face_boxes]
        result = ParsedPeople.from_maps(parsing, instances, face_boxes=faces)
        scenes.update(str(index), scene, result)
    scores = scenes.to_dict()
    assert scores["average_ap"]["strict"] == pytest.approx(1)
    assert scores["mask_recall_50"] == scores["face_recall_50"] == scores["part_mean_iou"] == 1


def test_the_main_person_is_the_one_on_the_annotated_person(found):
    portrait = found.portraits[0]
    parsing, instances = portrait.parsing.copy(), (portrait.parsing > 0).astype(np.uint16)
    parsing[:8, :8], instances[:8, :8] = 4, 2  # a bystander whom nobody annotated
    photos = PhotoScores()
    photos.update(portrait, ParsedPeople.from_maps(parsing, instances))
    scores = photos.to_dict()
    assert scores["part_mean_iou_main"] == 1 and scores["part_mean_iou"] < 1
    assert scores["persons_found"] == 2
