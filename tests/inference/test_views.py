"""Several views of one photo: the same people, left and right swapped, the default left alone."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import peopleparse
from peopleparse.errors import InputError, SchemeError
from peopleparse.inference import Options, Parser, parse_image
from peopleparse.inference import pipeline as pipeline_module
from peopleparse.inference.calibration import Calibration
from peopleparse.inference.detect import box_iou
from peopleparse.inference.engine import LONG_SIDES, Trunk
from peopleparse.inference.paste import mean_confidence, paste_people
from peopleparse.inference.pipeline import ROI_MARGIN, find_people, fit_image, grow_boxes
from peopleparse.inference.views import average_logits, merge_boxes, mirror_boxes, mirror_logits
from peopleparse.labels import get_scheme, scheme_names
from peopleparse.structures import ParsedPeople
from peopleparse.transforms.geometry import flip_image, flip_parsing
from tests.fakes import FakeEngine, draw_people

GPS = get_scheme("gps")
HEIGHT, WIDTH = 64, 96
# In pixels of the photo; sides of 20 and 40 grow by a twentieth to whole numbers.
PEOPLE = [(8.0, 4.0, 28.0, 44.0), (56.0, 8.0, 76.0, 48.0)]
HEATS = [0.75, 0.5]
VIEWS = [
    ((1.0,), True),
    ((0.5, 1.0), False),
    ((0.5, 1.0), True),
    ((1.0, 2.0), True),
    ((2.0,), False),
]


def partner(label_id: int) -> int:
    """The id of the other side, from the names alone."""
    words = {"left": "right", "right": "left"}
    name = " ".join(words.get(word, word) for word in GPS.names[label_id].split())
    return GPS.names.index(name) if GPS.names[label_id] else label_id


def make_photo(seed: int = 0):
    """Noise; the left edge white and the right edge black, so that a mirrored one can be told."""
    photo = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    photo[:, :8], photo[:, -8:] = 255, 0
    return photo


def is_mirrored(canvas) -> bool:
    return canvas[0, 0, 0] < 128


class FairEngine:
    """Sees the same people in every view: it is equivariant."""

    name, scheme, stride, long_sides = "fair", "gps", 16, LONG_SIDES
    calibration = Calibration()
    shift = 0.0

    def __init__(self) -> None:
        self.tables = np.random.default_rng(5).normal(0, 3, (2, 20, 8, 8)).astype(np.float32)
        self.sizes: list[tuple[int, int]] = []

    def trunk(self, image) -> Trunk:
        self.sizes.append(image.shape[:2])
        heat, boxes = np.zeros((8, 12), np.float32), np.zeros((4, 8, 12), np.float32)
        mirrored, scale = is_mirrored(image), image.shape[1] / WIDTH
        for box, score in zip(PEOPLE, self.heats(mirrored), strict=True):
            x1, y1, x2, y2 = box
            x1, x2 = (WIDTH - x2, WIDTH - x1) if mirrored else (x1, x2)
            x1, x2 = x1 + self.shift * mirrored, x2 + self.shift * mirrored
            cell = int((y1 + y2) / 16), int((x1 + x2) / 16)
            heat[cell], boxes[:, *cell] = score, np.array([x1, y1, x2, y2]) * scale
        tensors = {"image": image, "mirrored": mirrored, "scale": scale}
        empty = np.zeros_like(heat)
        return Trunk(heat, boxes, empty, boxes, np.zeros((20, 8, 12), np.float32), tensors)

    def heats(self, mirrored):
        return HEATS

    def rois(self, trunk, boxes, faces, has_face):
        return np.stack([self._roi(trunk, box) for box in boxes])

    def _roi(self, trunk, box):
        middle = (box[0] + box[2]) / 2 / trunk.tensors["scale"]
        if not trunk.tensors["mirrored"]:
            return self.tables[int(middle > WIDTH / 2)]
        table = self.tables[int(middle < WIDTH / 2)]
        return np.stack([table[partner(i)][:, ::-1] for i in range(20)])


class MoodyEngine(FairEngine):
    """What it says depends on pixels and on the view: nothing about it is symmetric."""

    shift = 4.0

    def heats(self, mirrored):
        return [0.25, 0.25] if mirrored else [0.75, 0.75]

    def _roi(self, trunk, box):
        image = trunk.tensors["image"].astype(np.float32) / 255
        steps = (np.arange(8) + 0.4) / 8
        xs = (box[0] + steps * (box[2] - box[0])).astype(int).clip(0, image.shape[1] - 1)
        ys = (box[1] + steps * (box[3] - box[1])).astype(int).clip(0, image.shape[0] - 1)
        weights = np.random.default_rng(9).normal(0, 9, (20, 3)).astype(np.float32)
        return np.einsum("lc,yxc->lyx", weights, image[np.ix_(ys, xs)])


def look(engine, photo, scales=(1.0,), flip=False, **more):
    return parse_image(engine, photo, Options(long_side=WIDTH, scales=scales, flip=flip, **more))


def assert_equal(one, other):
    np.testing.assert_array_equal(one.parsing, other.parsing)
    np.testing.assert_array_equal(one.instances, other.instances)


@pytest.mark.parametrize(("scales", "flip"), VIEWS)
def test_a_network_that_sees_every_view_alike_gives_the_result_of_one(scales, flip):
    photo, engine = make_photo(), FairEngine()
    once = look(engine, photo)
    engine.sizes.clear()
    result = look(engine, photo, scales, flip)
    sizes = [(round(HEIGHT * scale), round(WIDTH * scale)) for scale in scales]
    assert engine.sizes == [size for size in sizes for _ in range(1 + flip)]
    assert len(once) == len(result) == 2
    assert_equal(result, once)
    difference = result.confidence.astype(int) - once.confidence
    assert np.abs(difference).max() <= 1  # of 255: log and exp are rounded
    assert [p.score for p in result.people] == pytest.approx([p.score for p in once.people], 1e-2)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(1.0,), (0.5, 1.0)]))
def test_with_flip_a_mirrored_photo_gives_the_mirrored_result(seed, scales):
    photo, engine = make_photo(seed), MoodyEngine()
    result = look(engine, photo, scales, flip=True)
    mirrored = look(engine, flip_image(photo), scales, flip=True)
    assert len(result) == len(mirrored) == 2 and result.parsing.any()
    np.testing.assert_array_equal(flip_parsing(mirrored.parsing, GPS), result.parsing)
    owners = {1: 1, 2: 2}
    if mirrored.people[0].box[0] < WIDTH / 2 and result.people[0].box[0] < WIDTH / 2:
        owners = {1: 2, 2: 1}  # equal scores stand in the order of their boxes
    for one, other in owners.items():
        mask = flip_image(mirrored.instances) == other
        np.testing.assert_array_equal(mask, result.instances == one)
    without = look(engine, flip_image(photo), scales)
    assert (flip_parsing(without.parsing, GPS) != result.parsing).any()  # it is not in vain


def parse_plainly(engine, image, options):
    """One view, straight from the steps that every part of the pipeline is tested for."""
    canvas, size = fit_image(image, LONG_SIDES[options.detail], engine.stride)
    trunk = engine.trunk(canvas)
    boxes, scores, faces, has_face = find_people(trunk, size, options)
    boxes = grow_boxes(boxes, ROI_MARGIN)
    logits = engine.rois(trunk, boxes, faces, has_face)
    scale = np.array([image.shape[1] / size[1], image.shape[0] / size[0]] * 2, np.float32)
    pasted = paste_people(list(logits), boxes * scale, scores, image.shape[:2])
    return ParsedPeople.from_maps(
        pasted.parsing,
        pasted.instances,
        scores=(scores * mean_confidence(pasted)).tolist(),
        face_boxes=list(faces * scale),
        confidence=pasted.confidence,
    )


@pytest.mark.parametrize("detail", ["fast", "normal", "fine"])
def test_without_views_nothing_is_done_otherwise(detail, monkeypatch):
    def refuse(*args):
        raise AssertionError("several views")

    monkeypatch.setattr(pipeline_module, "_see_views", refuse)
    image = draw_people((240, 321), [(30, 40, 90, 220), (130, 20, 200, 230), (240, 60, 290, 210)])
    wanted = parse_plainly(FakeEngine(), image, Options(detail))
    assert len(wanted) == 3
    for options in (Options(detail), Options(detail, scales=(1,), flip=False)):
        result = parse_image(FakeEngine(), image, options)
        assert_equal(result, wanted)
        np.testing.assert_array_equal(result.confidence, wanted.confidence)
        for person, other in zip(result.people, wanted.people, strict=True):
            assert person.score == other.score
            np.testing.assert_array_equal(person.face_box, other.face_box)


def test_the_person_faint_in_one_view_stays_if_the_mean_is_enough():
    class Faint(FairEngine):
        def heats(self, mirrored):
            return [0.9, 0.15 if mirrored else 0.35]

    def count(flip, **more):
        return len(look(Faint(), make_photo(), flip=flip, threshold=0, **more))

    assert [count(flip, least_heat=0.25) for flip in (0, 1)] == [2, 2]  # (.15 + .35) / 2 = .25
    assert count(True, least_heat=0.26) == 1
    assert count(True, max_people=1) == 1


def test_photos_without_anyone_and_the_ways_to_ask(monkeypatch):
    empty = np.full((40, 60, 3), 90, np.uint8)
    engine = FakeEngine()
    for ways in ({"scales": [0.5, 1]}, {"flip": True}):
        assert len(peopleparse.parse(empty, engine=engine, **ways)) == 0
        assert len(Parser(engine=engine, **ways)(empty)) == 0
    assert engine.calls == []
    photo = draw_people((240, 320), [(30, 40, 90, 220), (130, 20, 200, 230)])
    timings: dict[str, float] = {}
    result = Parser(engine=engine, scales=(0.75, 1, 1.25), flip=True)(photo, timings)
    assert len(result) == 2 and engine.calls == [2] * 6
    assert list(timings) == ["decode", "resize", "trunk", "detect", "rois", "paste"]
    once = parse_image(engine, photo)
    assert (result.parsing == once.parsing).mean() > 0.97
    for person, other in zip(result.people, once.people, strict=True):
        assert box_iou(person.face_box[None], other.face_box[None])[0, 0] > 0.8


@pytest.mark.parametrize(
    ("scales", "named"),
    [((), "none"), ((0,), "0"), ((1, 5), "1, 5"), ((1, 1.0), "1, 1"), ((math.nan,), "nan")],
)
def test_scales_that_cannot_be_used(scales, named):
    message = f"scales must be different numbers from 0.25 to 4, got {named}. Leave them out"
    with pytest.raises(InputError, match=message):
        Options(scales=scales)
    with pytest.raises(InputError, match=message):
        Parser(engine=FakeEngine(), scales=scales)


def test_a_scheme_without_flip_partners_is_refused_before_any_work():
    engine = FairEngine()
    engine.scheme = "ccp"
    message = "scheme must name flip partners to be mirrored, got 'ccp' without any"
    with pytest.raises(SchemeError, match=message):
        look(engine, make_photo(), flip=True)
    with pytest.raises(SchemeError, match=message):
        Parser(engine=engine, flip=True)
    assert engine.sizes == [] and Parser(engine=engine).options.flip is False


@pytest.mark.parametrize("name", scheme_names())
def test_mirrored_scores_mirror_the_labels(name):
    scheme = get_scheme(name)
    logits = np.random.default_rng(1).normal(size=(2, scheme.num_ids, 3, 4)).astype(np.float32)
    if any(label.flip is None for label in scheme.labels):
        with pytest.raises(SchemeError, match="scheme must name flip partners"):
            mirror_logits(logits, scheme)
        return
    mirrored = mirror_logits(logits, scheme)
    parsing = logits.argmax(1).astype(np.uint8)
    np.testing.assert_array_equal(mirrored.argmax(1), flip_parsing(parsing, scheme))
    np.testing.assert_array_equal(mirror_logits(mirrored, scheme), logits)


def test_mirrored_boxes():
    boxes = np.array([[10, 20, 30, 60]], np.float32)
    assert mirror_boxes(boxes, 100).tolist() == [[70, 20, 90, 60]]
    np.testing.assert_array_equal(mirror_boxes(mirror_boxes(boxes, 100), 100), boxes)


def boxes_of(*rows):
    """Boxes and scores from x1, y1, x2, y2, score."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return table[:, :4], table[:, 4]


def test_boxes_of_several_views_by_hand():
    first = boxes_of((0, 0, 8, 8, 0.75), (20, 0, 28, 8, 0.5))
    second = boxes_of((0, 0, 8, 12, 0.25), (40, 0, 48, 8, 0.5))
    boxes, scores = merge_boxes([first, second], 0.5, 0.0)
    # The first two are one thing (IoU 2/3); each of the others was seen once.
    assert boxes.tolist() == [[0, 0, 8, 9], [20, 0, 28, 8], [40, 0, 48, 8]]
    assert scores.tolist() == [0.5, 0.25, 0.25]
    assert merge_boxes([first, second], 0.5, 0.3)[1].tolist() == [0.5]
    assert len(merge_boxes([first, second], 0.7, 0.0)[1]) == 4  # 2/3 is then not enough
    nobody = boxes_of()
    assert merge_boxes([nobody, nobody], 0.5, 0.0)[0].shape == (0, 4)


def test_of_one_view_only_the_best_box_of_a_thing_counts():
    first = boxes_of((0, 0, 8, 8, 0.75))
    second = boxes_of((0, 0, 8, 10, 0.5), (0, 0, 10, 8, 0.25))
    boxes, scores = merge_boxes([first, second], 0.5, 0.0)
    assert scores.tolist() == [0.625]
    bottom = (Fraction(3, 4) * 8 + Fraction(1, 2) * 10) / Fraction(5, 4)
    assert boxes.tolist() == [[0, 0, 8, float(np.float32(float(bottom)))]]


def test_the_order_of_the_views_does_not_matter():
    rng = np.random.default_rng(3)
    views = []
    for _ in range(3):
        corners = rng.uniform(0, 60, (12, 2)).astype(np.float32)
        views.append((np.hstack([corners, corners + 40]), rng.permutation(12) / 12 + rng.random()))
    boxes, scores = merge_boxes(views, 0.6, 0.1)
    other_boxes, other_scores = merge_boxes(views[::-1], 0.6, 0.1)
    np.testing.assert_allclose(other_boxes, boxes, rtol=1e-6)
    np.testing.assert_allclose(other_scores, scores, rtol=1e-6)


def test_averaged_logits_are_the_mean_of_probabilities():
    views = [[np.random.default_rng(i).normal(0, 4, (2, 5, 2, 3)).astype("f4")] for i in range(3)]
    found = average_logits(views)
    for person, y, x in np.ndindex(2, 2, 3):
        mean = np.zeros(5)
        for (logits,) in views:
            powers = [math.exp(value) for value in logits[person, :, y, x]]
            mean += [power / sum(powers) / 3 for power in powers]
        np.testing.assert_allclose(np.exp(found[person, :, y, x]), mean, rtol=1e-5)
    one, other = views[0][0], views[1][0]
    swapped = [average_logits([pair, views[2]]) for pair in ([one, other], [other, one])]
    np.testing.assert_array_equal(*swapped)
    # As one view they beat each other by what they did before, however far they are apart.
    sure = np.array([[[[0.0]], [[-300.0]], [[2.0]]]], np.float32)
    log_probs = average_logits([[sure]])
    assert np.isfinite(log_probs).all()
    assert log_probs[0, 2, 0, 0] - log_probs[0, 0, 0, 0] == pytest.approx(2, abs=1e-6)
