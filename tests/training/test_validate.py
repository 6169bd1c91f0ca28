"""Validation: shares of processes merge to the whole, numbers mean what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy")  # reads Clothing Co-Parsing

from peopleparse.data.scenes import Scene  # noqa: E402
from peopleparse.inference.engine import Trunk  # noqa: E402
from peopleparse.inference.pipeline import Options  # noqa: E402
from peopleparse.labels import get_scheme  # noqa: E402
from peopleparse.structures import Annotation, ParsedPeople  # noqa: E402
from peopleparse.training import validate as module  # noqa: E402
from peopleparse.training.validate import (  # noqa: E402
    PhotoScores,
    SceneScores,
    ValidationSet,
    flat_scores,
    validate,
)
from tests.conftest import REPO  # noqa: E402
from tests.fakes import FakeEngine  # noqa: E402

FAST = Options(detail="fast")
UPPER, TIE = 4, 19


@pytest.fixture(scope="module", autouse=True)
def small_scenes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SCENE_SIZE", (128, 96))
        yield


@pytest.fixture(scope="module")
def found(tiny_data):
    return ValidationSet.read(tiny_data, photos=None, scenes=3)


@pytest.fixture(scope="module")
def whole(found):
    """Scores of one process."""
    return validate(FakeEngine(), found, FAST).to_dict()


class BlindEngine(FakeEngine):
    """Sees nobody."""

    def trunk(self, image) -> Trunk:
        seen = super().trunk(image)
        zeros = np.zeros_like(seen.person_heat)
        return Trunk(zeros, seen.person_boxes, zeros, seen.face_boxes, seen.global_logits)


def score_photo(portrait, parsing, instances):
    photos = PhotoScores()
    photos.update(portrait, ParsedPeople.from_maps(parsing, instances))
    return photos.to_dict()


def make_scene(parsing, scheme: str) -> Scene:
    """Return a scene of one person."""

    image = np.zeros((*parsing.shape, 3), np.uint8)
    return Scene(image, Annotation(parsing[None], get_scheme(scheme)), ("1",), (False,), (False,))


def test_no_torch_is_needed():
    code = "import sys, peopleparse.training.validate; print('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "False"


def test_the_set_is_the_validation_side(found, tiny_data):
    assert [portrait.photo_id for portrait in found.portraits] == ["0004", "0008", "0010"]
    first = ValidationSet.read(tiny_data, photos=2, scenes=3)
    assert [portrait.photo_id for portrait in first.portraits] == ["0004", "0008"]
    assert {portrait.photo_id for portrait in first.maker.portraits} == {"0004", "0008", "0010"}
    train = ValidationSet.read(tiny_data, photos=None, scenes=3, split="train")
    assert len(train.portraits) == 7 and "0004" not in {p.photo_id for p in train.portraits}


def test_scenes_are_the_same_each_time(found):
    scene, again = found.make_scene("indoor", 1), found.make_scene("indoor", 1)
    assert np.array_equal(scene.image, again.image) and scene.image.shape == (96, 128, 3)
    assert not np.array_equal(scene.image, found.make_scene("indoor", 2).image)
    assert not np.array_equal(scene.image, found.make_scene("outdoor", 1).image)


@pytest.mark.parametrize("count", [2, 3])
def test_shares_of_several_processes_merge_to_the_whole(found, whole, count):
    shares = [slice(rank, None, count) for rank in range(count)]
    shards = [validate(FakeEngine(), found, FAST, share=share) for share in reversed(shares)]
    merged = shards[0]
    for shard in shards[1:]:
        merged.merge(shard)
    assert merged.to_dict() == whole
    assert whole["photos"]["photos"] == whole["indoor"]["scenes"] == whole["outdoor"]["scenes"] == 3
    # Equal zeros would show nothing.
    assert whole["photos"]["persons_found"] >= 3 and whole["photos"]["part_mean_iou"] > 0
    assert whole["outdoor"]["box_ap_50"] > 0 or whole["indoor"]["box_ap_50"] > 0


def test_the_hash_knows_the_set_and_not_its_order(found, whole):
    backwards = validate(BlindEngine(), found, FAST, share=slice(None, None, -1)).to_dict()
    other = validate(BlindEngine(), replace(found, scenes=2, seed=1), FAST).to_dict()
    part = validate(BlindEngine(), found, FAST, share=slice(2)).to_dict()
    for name in ("photos", "outdoor", "indoor"):
        assert len(whole[name]["sha256"]) == 64
        assert backwards[name]["sha256"] == whole[name]["sha256"] != part[name]["sha256"]
    assert (whole["seed"], other["seed"]) == (2026, 1)
    assert other["indoor"]["sha256"] != part["indoor"]["sha256"]
    assert other["photos"]["sha256"] == whole["photos"]["sha256"]


def test_flat_scores_are_the_headline_numbers(whole):
    flat = flat_scores(whole)
    assert flat.pop("val/photo_iou") == whole["photos"]["part_mean_iou"]
    assert flat.pop("val/photo_iou_main") == whole["photos"]["part_mean_iou_main"]
    for preset in ("outdoor", "indoor"):
        scores = whole[preset]
        for reading in ("strict", "literal", "mhp"):
            assert flat.pop(f"val/{preset}_{reading}") == scores["average_ap"][reading]
        for name in ("mask_recall_50", "mask_ap", "face_recall_50", "part_mean_iou"):
            value = flat.pop(f"val/{preset}_{name}")
            assert value == scores[name] and 0 <= value <= 1
    assert flat == {}


def test_progress_is_shown_for_each_list(found):
    seen = []

    def track(items):
        seen.append(len(items))
        return items

    validate(BlindEngine(), found, FAST, track, slice(1))
    assert seen == [1, 1, 1]


def test_who_sees_nobody_recalls_nobody(found):
    scores = validate(BlindEngine(), found, FAST).to_dict()
    assert scores["photos"]["persons_found"] == 0
    assert 0 < scores["photos"]["part_mean_iou"] < 0.1  # background
    assert scores["photos"]["part_mean_iou"] == scores["photos"]["part_mean_iou_main"]
    for preset in ("outdoor", "indoor"):
        assert scores[preset]["mask_recall_50"] == scores[preset]["average_ap"]["strict"] == 0
        assert scores[preset]["box_ap"] == scores[preset]["face_recall_50"] == 0
        assert scores[preset]["part_iou"]["background"] > 0


def test_an_empty_set_has_no_numbers_and_is_still_json(found):
    scores = validate(BlindEngine(), replace(found, portraits=[], scenes=0)).to_dict()
    json.dumps(scores, allow_nan=False)
    assert (scores["photos"]["photos"], scores["indoor"]["scenes"]) == (0, 0)
    assert scores["photos"]["part_mean_iou"] is None
    assert scores["indoor"]["average_ap"]["strict"] is None
    assert flat_scores(scores) == {}


def test_the_truth_itself_scores_one(found):
    for portrait in found.portraits:
        scores = score_photo(portrait, portrait.parsing, (portrait.parsing > 0).astype(np.uint16))
        assert scores["part_mean_iou"] == scores["part_mean_iou_main"] == 1
    for preset in ("outdoor", "indoor"):
        scenes = SceneScores()
        for index in range(3):
            scene = found.make_scene(preset, index)
            parsing, instances, _ = scene.annotation.flatten()
            parsing[parsing == 255] = 0  # what nobody could name, a network still calls something
            faces = list(scene.annotation.face_boxes)
            result = ParsedPeople.from_maps(parsing, instances, face_boxes=faces)
            scenes.update(str(index), scene, result)
        scores = scenes.to_dict()
        assert scores["average_ap"]["strict"] == pytest.approx(1)
        assert scores["mask_ap"] == scores["box_ap"] == 1
        assert scores["mask_recall_50"] == scores["face_recall_50"] == scores["part_mean_iou"] == 1


def test_outdoors_a_tie_is_part_of_the_upper_clothes():
    truth = np.zeros((40, 30), np.uint8)
    truth[5:35, 5:25] = UPPER
    prediction = truth.copy()
    prediction[5:20, 12:16] = TIE
    result = ParsedPeople.from_maps(prediction, (prediction > 0).astype(np.uint16))
    outdoor, indoor = SceneScores(), SceneScores()
    outdoor.update("0", make_scene(truth, "gps-outdoor"), result)
    indoor.update("0", make_scene(truth, "gps"), result)
    part_iou = outdoor.to_dict()["part_iou"]
    assert part_iou["upper clothes"] == 1 and part_iou["tie"] is None
    assert outdoor.to_dict()["parts"] != indoor.to_dict()["parts"]
    part_iou = indoor.to_dict()["part_iou"]
    assert part_iou["upper clothes"] == 1 - 60 / 600 and part_iou["tie"] == 0


def test_the_main_person_is_the_one_on_the_annotated_person(found):
    portrait = found.portraits[0]
    parsing, instances = portrait.parsing.copy(), (portrait.parsing > 0).astype(np.uint16)
    parsing[:8, :8], instances[:8, :8] = UPPER, 2  # a bystander whom nobody annotated
    scores = score_photo(portrait, parsing, instances)
    assert scores["part_mean_iou_main"] == 1 and scores["part_mean_iou"] < 1
    assert scores["part_iou"]["upper clothes"] < scores["part_iou_main"]["upper clothes"] == 1
    assert scores["persons_found"] == 2


def test_a_bystander_alone_is_not_the_main_person(found):
    portrait = found.portraits[0]
    parsing = np.zeros_like(portrait.parsing)
    parsing[:8, :8] = UPPER
    scores = score_photo(portrait, parsing, (parsing > 0).astype(np.uint16))
    nobody = score_photo(portrait, np.zeros_like(parsing), np.zeros(parsing.shape, np.uint16))
    assert scores["part_mean_iou_main"] == nobody["part_mean_iou"] > scores["part_mean_iou"]
    assert (scores["persons_found"], nobody["persons_found"]) == (1, 0)


def test_sides_and_bodies_are_judged_on_photos_and_scenes(found):
    truth = found.portraits[0]
    other = get_scheme("gps").flip_table()[truth.parsing]
    assert (other != truth.parsing).any(), "the person shows nothing that has sides"
    person = (truth.parsing > 0).astype(np.int32)
    good, bad = (score_photo(truth, parsing, person) for parsing in (truth.parsing, other))
    assert (good["left_for_right"], bad["left_for_right"]) == (0, 1)
    assert good["anatomy"]["persons"] == 1 and good["anatomy"]["faulty"] == 0
    scenes = SceneScores()
    result = ParsedPeople.from_maps(other.astype(np.uint8), person)
    scenes.update("a", make_scene(truth.parsing, "gps"), result)
    assert scenes.to_dict()["left_for_right"] == 1
    assert scenes.to_dict()["anatomy"]["persons"] == 1


def test_nobody_found_has_no_anatomy(found):
    truth = found.portraits[0]
    nobody = np.zeros_like(truth.parsing)
    scores = score_photo(truth, nobody, nobody.astype(np.int32))
    assert scores["anatomy"]["persons"] == 0 and scores["anatomy"]["faulty_per_hundred"] is None
