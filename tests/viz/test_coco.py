from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from peopleparse.structures import ParsedPeople
from peopleparse.viz import draw_scene, encode_rle, result_to_coco, result_to_dict
from peopleparse.viz.rle import encode_crop

coco_mask = pytest.importorskip("pycocotools.mask")

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


def _decode(rle: dict[str, object]) -> np.ndarray:
    return coco_mask.decode({**rle, "counts": str(rle["counts"]).encode()}).astype(bool)


@given(masks)
def test_pycocotools_decodes_what_we_encode_and_writes_the_same(mask: np.ndarray) -> None:
    ours = encode_rle(mask)
    assert np.array_equal(_decode(ours), mask)
    theirs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert ours == {"size": theirs["size"], "counts": theirs["counts"].decode()}


@given(masks, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_a_crop_is_encoded_at_its_place(
    crop: np.ndarray, left: int, top: int, right: int, low: int
) -> None:
    whole = np.pad(crop, ((top, low), (left, right)))
    assert encode_crop(crop, left, top, whole.shape) == encode_rle(whole)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [False, True])
def test_long_runs(value: bool) -> None:
    mask = np.full((1100, 1300), value)
    assert np.array_equal(_decode(encode_rle(mask)), mask)
    mask[500:600, 3] = ~mask[500:600, 3]
    mask[7, 1200] = ~mask[7, 1200]
    assert np.array_equal(_decode(encode_rle(mask)), mask)


def test_every_part_and_person_is_an_annotation() -> None:
    result = draw_scene(3, (120, 160))
    data = json.loads(json.dumps(result_to_coco(result, image_id=7)))
    names = {category["id"]: category["name"] for category in data["categories"]}
    assert data["images"] == [{"id": 7, "file_name": "drawn.png", "height": 120, "width": 160}]
    assert len(names) == len(data["categories"]) == 20 and names[20] == "person"
    assert [a["id"] for a in data["annotations"]] == list(range(1, len(data["annotations"]) + 1))
    for person in result.people:
        own = [a for a in data["annotations"] if a["attributes"]["person"] == person.index]
        assert {a["group_id"] for a in own} == {person.index}
        assert {a["image_id"] for a in own} == {7}
        wanted = {name: part.mask for name, part in person.parts.items()}
        wanted["person"] = person.mask
        assert sorted(names[a["category_id"]] for a in own) == sorted(wanted)
        for entry in own:
            mask = wanted[names[entry["category_id"]]]
            assert np.array_equal(_decode(entry["segmentation"]), mask)
            assert entry["area"] == mask.sum()
            rle = {**entry["segmentation"], "counts": entry["segmentation"]["counts"].encode()}
            assert entry["bbox"] == coco_mask.toBbox(rle).tolist()
            assert entry["score"] == person.score


def test_coco_of_nobody() -> None:
    nobody = ParsedPeople.from_maps(np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint16))
    data = nobody.to_coco()
    assert data["annotations"] == []
    assert data["images"][0]["file_name"] == ""


def test_maps_can_be_rebuilt_from_the_dict() -> None:
    result = draw_scene(4, (120, 160), seed=3)
    data = json.loads(json.dumps(result_to_dict(result)))
    assert data["size"] == [120, 160] and data["scheme"] == "gps"
    assert data["labels"][4] == {"id": 4, "name": "upper clothes", "color": [0, 114, 178]}
    parsing, instances = np.zeros((120, 160), np.uint8), np.zeros((120, 160), np.uint16)
    for person in data["people"]:
        for part in person["parts"]:
            mask = _decode(part["rle"])
            parsing[mask], instances[mask] = part["label_id"], person["index"]
            x1, y1, x2, y2 = part["box"]
            assert mask.sum() == mask[y1:y2, x1:x2].sum() == part["area"]
    assert np.array_equal(parsing, result.parsing)
    assert np.array_equal(instances, result.instances)


def test_face_boxes_are_written_where_there_is_one() -> None:
    ids = np.full((4, 8), 4, np.uint8)
    owners = np.repeat([[1, 2]], 4, axis=1).repeat(4, axis=0).astype(np.uint16)
    faces = [np.array([0, 0, 2, 2], np.float32), None]
    result = ParsedPeople.from_maps(ids, owners, [0.9, 0.8], faces)
    people = result_to_dict(result)["people"]
    assert people[0]["face_box"] == [0.0, 0.0, 2.0, 2.0]
    assert people[1]["face_box"] is None
