"""The whole path with an engine that sees drawn people: who, where, which parts, whatever size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import peopleparse
from peopleparse.errors import InputError
from peopleparse.inference import Options, Parser, parse, parse_image
from peopleparse.inference import result as result_module
from peopleparse.inference.detect import box_iou
from peopleparse.inference.pipeline import fit_image, grow_boxes
from peopleparse.labels import get_scheme
from tests.fakes import LABELS_OF_A_PERSON, FakeEngine, draw_people, see_labels

BOXES = [(30, 40, 90, 220), (130, 20, 200, 230), (240, 60, 290, 210)]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.mark.parametrize("detail", ["fast", "normal", "fine"])
def test_finds_every_person_and_part(engine, detail):
    image = draw_people((240, 320), BOXES)
    result = parse_image(engine, image, Options(detail=detail), source="a.jpg")
    assert len(result) == 3 and result.size == (240, 320) and result.source == "a.jpg"
    assert result.image is image and result.scheme.name == "gps"
    found = np.stack([person.box for person in result.people])
    assert np.diag(box_iou(found, np.array(BOXES, np.float32))).min() > 0.93
    for person, box in zip(result.people, BOXES, strict=True):
        assert set(person.parts) == LABELS_OF_A_PERSON
        x, y = person.face_box[[0, 2]].mean(), person.face_box[[1, 3]].mean()
        assert box[0] < x < box[2] and box[1] < y < box[1] + 0.3 * (box[3] - box[1])
        assert 0.9 < person.score < 1
    assert (result.parsing == see_labels(image)).mean() > 0.97


def test_maps_agree_and_every_pixel_has_one_owner(engine):
    # The second box overlaps the first: both are one patch, one person, or two, never shared.
    image = draw_people((240, 320), [(30, 40, 110, 220), (90, 20, 170, 230), (200, 60, 260, 210)])
    result = parse_image(engine, image)
    masks = np.stack([person.mask for person in result.people])
    assert masks.sum(axis=0).max() == 1
    np.testing.assert_array_equal(result.parsing > 0, result.instances > 0)
    np.testing.assert_array_equal(result.confidence > 0, result.instances > 0)
    assert result.confidence.dtype == np.uint8


@pytest.mark.parametrize(
    "size, boxes", [((60, 44), [(8, 6, 34, 56)]), ((700, 90), [(9, 9, 70, 600)])]
)
def test_small_and_narrow_photos(engine, size, boxes):
    result = parse_image(engine, draw_people(size, boxes))
    assert len(result) == 1 and result.size == size
    assert box_iou(result.people[0].box[None], np.array(boxes, "f4"))[0, 0] > 0.9


def test_large_photos_are_pasted_small_and_enlarged(engine, monkeypatch):
    image = draw_people((480, 640), [tuple(2 * v for v in box) for box in BOXES])
    full = parse_image(engine, image)
    monkeypatch.setattr(result_module, "PASTE_PIXELS", 20_000)
    small = parse_image(engine, image)
    assert small.size == full.size and len(small) == 3
    assert (small.parsing == full.parsing).mean() > 0.96
    assert small.instances.dtype == np.uint16 and small.confidence.dtype == np.uint8


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3, 2), (16, 16)])
def test_photos_without_room_for_anyone(engine, size):
    result = parse_image(engine, np.full((*size, 3), 90, np.uint8))
    assert len(result) == 0 and result.size == size and not result.parsing.any()
    assert engine.calls == []


def test_people_are_parsed_in_groups_of_sixteen(engine):
    boxes = [(x, y, x + 30, y + 90) for y in (10, 130, 250) for x in range(10, 450, 45)]
    result = parse_image(engine, draw_people((360, 480), boxes), Options(detail="fine"))
    assert engine.calls == [16, 14] and len(result) == 30
    some = parse_image(engine, draw_people((360, 480), boxes), Options("fine", max_people=7))
    assert len(some) == 7


def test_fitting_pads_with_grey_and_enlarges_twice_at_most():
    canvas, size = fit_image(np.zeros((100, 60, 3), np.uint8), 512, 16)
    assert size == (200, 120) and canvas.shape == (208, 128, 3)
    assert (canvas[200:] == 127).all() and (canvas[:, 120:] == 127).all()
    assert not canvas[:200, :120].any()
    canvas, size = fit_image(np.zeros((1000, 2000, 3), np.uint8), 512, 16)
    assert size == (256, 512) and canvas.shape == (256, 512, 3)


def test_timings_are_added_up(engine):
    timings: dict[str, float] = {}
    parser = Parser(engine=engine)
    image = draw_people((240, 320), BOXES)
    parser(image, timings)
    once = dict(timings)
    parser(image, timings)
    assert list(timings) == ["decode", "resize", "trunk", "detect", "rois", "paste"]
    assert all(timings[name] > once[name] > 0 for name in timings)


def test_rotated_photos_and_every_source_give_the_same_result(engine, tmp_path):
    image = draw_people((240, 320), BOXES)
    path = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(image, 1).copy()).save(path, exif=exif)
    expected = parse(image, engine=engine)
    for source in (path, str(path), path.read_bytes(), path.open("rb"), Image.open(path)):
        result = peopleparse.parse(source, engine=engine)
        np.testing.assert_array_equal(result.parsing, expected.parsing)
        np.testing.assert_array_equal(result.instances, expected.instances)
    assert parse(path, engine=engine).source == str(path)


def test_many_photos_come_in_order_and_do_not_touch_each_other(engine):
    images = [draw_people((240, 320), BOXES[:count]) for count in (1, 2, 3)]
    parser = Parser(engine=engine)
    forward = list(parser.parse_many(images))
    backward = list(parser.parse_many(reversed(images)))[::-1]
    assert [len(result) for result in forward] == [1, 2, 3]
    for one, other in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(one.parsing, other.parsing)
        np.testing.assert_array_equal(one.instances, other.instances)


def test_the_threshold_chooses_people(engine):
    image = draw_people((240, 320), BOXES)
    assert len(Parser(engine=engine, threshold=0.935)(image)) == 1
    assert len(Parser(engine=engine, threshold=1.0)(image)) == 0


def test_wrong_options(engine):
    with pytest.raises(InputError, match="detail must be a known name, got 'fne'. Did you mean"):
        Parser(engine=engine, detail="fne")
    with pytest.raises(InputError, match="detail must be a known name"):
        parse_image(engine, np.zeros((9, 9, 3), np.uint8), Options(detail="huge"))
    with pytest.raises(InputError, match="threshold must be from 0 to 1, got 30"):
        Parser(engine=engine, threshold=30)
    with pytest.raises(InputError, match="nms_iou must be from 0 to 1, got -1"):
        Options(nms_iou=-1)
    with pytest.raises(InputError, match="max_people must be at least 1, got 0"):
        Options(max_people=0)
    with pytest.raises(InputError, match="least_heat must be from 0 to 1, got 2"):
        Options(least_heat=2)


def test_the_drawing_has_the_ids_it_says():
    names = {
        get_scheme("gps").names[i] for i in np.unique(see_labels(draw_people((240, 320), BOXES)))
    }
    assert names == LABELS_OF_A_PERSON | {"background"}


def test_grown_boxes_reach_beyond_each_side_by_a_share_of_it():
    grown = grow_boxes(np.array([[10, 20, 30, 60]], np.float32), 0.05)
    np.testing.assert_allclose(grown, [[9, 18, 31, 62]])
