from __future__ import annotations

import contextlib
import io
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.metrics import (
    FaceRecall,
    PersonAP,
    box_iou,
    make_tally,
    mask_iou,
    part_overlap,
    person_order,
)
from tests.metrics.scenes import flatten, make_scene, make_set, seeds, unflatten
from tests.oracles import metrics_oracle as oracle

BOX = [[0, 0, 10, 10]]


def pycocotools_scores(images, kind, max_detections=100):
    """AP and recall by threshold. images: (truth, predictions, scores, crowd) in order of id."""
    reason = "pycocotools is not installed: nothing to compare with"
    coco_module = pytest.importorskip("pycocotools.coco", reason=reason)
    from pycocotools import mask as rle
    from pycocotools.cocoeval import COCOeval

    def describe(thing):
        if kind == "box":
            x1, y1, x2, y2 = (float(v) for v in thing)
            return {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
        code = rle.encode(np.asfortranarray(thing.astype(np.uint8)))
        return {"segmentation": code, "area": int(thing.sum()), "bbox": [0, 0, 1, 1]}

    truth, found = [], []
    sizes = [image[0].shape[1:] if kind == "mask" else (99, 99) for image in images]
    for image_id, (things, predictions, scores, crowd) in enumerate(images, 1):
        for thing, is_crowd in zip(things, crowd, strict=True):
            number = {"id": len(truth) + 1, "image_id": image_id, "category_id": 1}
            truth.append({**number, **describe(thing), "iscrowd": int(is_crowd)})
        for thing, score in zip(predictions, scores, strict=True):
            number = {"id": len(found) + 1, "image_id": image_id, "category_id": 1}
            found.append({**number, **describe(thing), "score": float(score)})
    with contextlib.redirect_stdout(io.StringIO()):
        sets = []
        for annotations in (truth, found):
            coco = coco_module.COCO()
            coco.dataset = {
                "images": [
                    {"id": i, "height": height, "width": width}
                    for i, (height, width) in enumerate(sizes, 1)
                ],
                "annotations": annotations,
                "categories": [{"id": 1}],
            }
            coco.createIndex()
            sets.append(coco)
        evaluation = COCOeval(*sets, "bbox" if kind == "box" else "segm")
        evaluation.params.maxDets = [max_detections]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, 0, 0, 0]  # (K, 101)
    return precision.mean(axis=1), evaluation.eval["recall"][:, 0, 0, 0]


def check_against_pycocotools(images, kind, max_detections=100):
    metric = PersonAP(kind, max_detections=max_detections)
    for number, (truth, preds, scores, crowd) in enumerate(images):
        metric.update(f"{number:03}", truth, preds, scores, crowd)
    result = metric.compute()
    if not result.truth:
        assert all(math.isnan(v) for v in (*result.ap, *result.recall))
        return
    ap, recall = pycocotools_scores(images, kind, max_detections)
    assert result.ap == pytest.approx(ap, abs=1e-9)
    assert result.recall == pytest.approx(recall, abs=1e-9)
    assert result.average == pytest.approx(ap.mean(), abs=1e-9)


def random_boxes(rng, near, count):
    """Some boxes near others, some anywhere, on quarter pixels so that ties happen."""
    low = rng.integers(0, 60, (count, 2))
    boxes = np.concatenate([low, low + rng.integers(4, 40, (count, 2))], axis=1).astype(float)
    for index in range(min(len(near), count)):
        if rng.random() < 0.8:
            boxes[index] = near[index] + rng.integers(-8, 9, 4) / 4
    return boxes[np.lexsort(boxes.T[::-1])]  # ties go left to right in both


@given(seeds, st.booleans(), st.sampled_from([2, 100]))
def test_boxes_equal_pycocotools(seed, crowds, max_detections):
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(3):
        truth = random_boxes(rng, [], rng.integers(0, 6))
        preds = random_boxes(rng, truth, rng.integers(0, 9))
        scores = rng.choice([0.2, 0.4, 0.6, 0.8], len(preds))
        images.append((truth, preds, scores, (rng.random(len(truth)) < 0.3) & crowds))
    check_against_pycocotools(images, "box", max_detections)


@given(seeds, st.booleans())
def test_masks_equal_pycocotools(seed, crowds):
    rng = np.random.default_rng(seed)
    images = []
    for scene in make_set(seed, images=3, persons=6).values():
        truth, preds = scene.truth > 0, scene.preds > 0
        truth = truth[truth.any(axis=(1, 2))]  # nothing visible: not truth here, but there
        truth, preds = truth[person_order(truth)], preds[person_order(preds)]
        crowd = (rng.random(len(truth)) < 0.3) & crowds
        images.append((truth, preds, scene.scores, crowd))
    check_against_pycocotools(images, "mask")


def test_hand_made_boxes():
    # Two truths; IoU .8, a duplicate with IoU .6, a prediction on nobody.
    metric = PersonAP("box")
    preds = [[0, 0, 10, 8], [0, 0, 10, 6], [50, 0, 60, 10]]
    metric.update("a", [*BOX, [20, 0, 30, 10]], preds, [0.7, 0.9, 0.8])
    result = metric.compute()
    # .5: the duplicate ranks first and takes the person: 51 of 101 recalls at precision 1.
    # .65: it does not reach; the IoU .8 comes third: precision 1/3.
    assert result.ap_at(0.5) == pytest.approx(51 / 101, abs=1e-15)
    assert result.ap_at(0.65) == pytest.approx(51 / 101 / 3, abs=1e-15)
    assert result.ap_at(0.8) > 0 == result.ap_at(0.85)
    assert result.recall_at(0.5) == 0.5 and result.recall_at(0.9) == 0.0


def test_hand_made_masks():
    truth = np.zeros((2, 4, 4), bool)
    truth[0, :2], truth[1, 2:] = True, True  # 8 pixels each
    preds = np.zeros((2, 4, 4), bool)
    preds[0, 0], preds[1, 2:, :3] = True, True  # IoU 4/8 and 6/8
    assert mask_iou(truth, preds).tolist() == [[0.5, 0], [0, 0.75]]
    metric = PersonAP("mask", thresholds=[0.5, 0.75, 0.8])
    metric.update("a", truth, preds)
    assert metric.compute().recall == (1.0, 0.5, 0.0)


def test_box_iou_of_boxes_without_area():
    assert box_iou([[1, 1, 1, 5]], [[1, 1, 1, 5], [0, 0, 4, 4]]).tolist() == [[0.0, 0.0]]
    assert box_iou([], BOX).shape == (0, 1)


@given(seeds)
def test_mask_iou_equals_oracle(seed):
    scene = make_scene(seed, persons=14)
    found = mask_iou(scene.truth > 0, scene.preds > 0)
    for t, truth in enumerate((scene.truth > 0).astype(int).tolist()):
        for p, pred in enumerate((scene.preds > 0).astype(int).tolist()):
            assert found[t, p] == float(oracle.person_iou(truth, pred))


@given(seeds, st.integers(1, 9))
def test_recall_equals_oracle(seed, tenths):
    scene = make_scene(seed, persons=8, ties=False)
    truth, preds = scene.truth > 0, scene.preds > 0
    truth = truth[truth.any(axis=(1, 2))]
    truth = truth[person_order(truth)]
    exact = [
        [oracle.person_iou(t, p) for p in preds.astype(int).tolist()]
        for t in truth.astype(int).tolist()
    ]
    ranked = np.argsort(-scene.scores).tolist()
    wanted = oracle.greedy_recall(exact, ranked, Fraction(tenths, 10))
    metric = PersonAP("mask", thresholds=[tenths / 10])
    metric.update("a", truth, preds, scene.scores)
    if len(truth):
        assert metric.compute().recall == (wanted / len(truth),)


@given(seeds, st.randoms(use_true_random=False), st.sampled_from(["mask", "box"]))
def test_order_shards_and_person_numbers_do_not_matter(seed, random, kind):
    rng = np.random.default_rng(seed)
    images = {}
    for name, scene in make_set(seed).items():
        images[name] = (scene.truth > 0, scene.preds > 0, scene.scores)
        if kind == "box":
            truth = random_boxes(rng, [], rng.integers(0, 5))
            preds = random_boxes(rng, truth, len(scene.scores))
            images[name] = (truth, preds, scene.scores)
    whole, shards = PersonAP(kind), [PersonAP(kind), PersonAP(kind)]
    for name, image in images.items():
        whole.update(name, *image)
    for name in random.sample(sorted(images), len(images)):
        truth, preds, scores = images[name]
        rows = np.array(random.sample(range(len(truth)), len(truth)), int)
        columns = np.array(random.sample(range(len(preds)), len(preds)), int)
        random.choice(shards).update(name, truth[rows], preds[columns], scores[columns])
    shards[0].merge(shards[1])
    assert shards[0].compute().to_dict() == whole.compute().to_dict()


@given(seeds)
def test_person_numbers_equal_masks(seed):
    scene = make_scene(seed, persons=6)
    _, truth = flatten(scene.truth)
    _, preds = flatten(scene.preds)
    numbers, masks = PersonAP("mask"), PersonAP("mask")
    numbers.update("a", truth * 7, preds, scene.scores)  # truth may have any numbers
    ones = np.ones(truth.shape, np.uint8)
    visible = unflatten(ones, truth, len(scene.truth)) > 0
    stack = unflatten(ones, preds, len(scene.preds)) > 0
    masks.update("a", visible[visible.any(axis=(1, 2))], stack, scene.scores)
    assert numbers.compute().to_dict() == masks.compute().to_dict()


def test_add_iou_takes_an_overlap_with_ignored_pixels():
    truth, pred = [[[1, 2, 255, 0]]], [[[1, 1, 1, 0]]]
    metric = PersonAP("mask")
    metric.add_iou("a", part_overlap(truth, pred, 3).person_iou(), [0.5])
    assert metric.compute().average == pytest.approx(1.0, abs=1e-15)


@given(seeds, st.sampled_from(["mask", "box"]))
def test_ranked_gives_the_same_ap(seed, kind):
    metric = PersonAP(kind)
    for name, (truth, preds, scores) in make_set(seed).items():
        metric.add(make_tally(name, truth, preds, scores, num_ids=6))
    ranked, result = metric.ranked()["person"], metric.compute()
    found = ranked.average_precision()
    assert all(a == b or math.isnan(a + b) for a, b in zip(found, result.ap, strict=True))
    assert len(ranked.scores) == result.predictions and ranked.num_truth.sum() == result.truth
    assert PersonAP(kind).ranked()["person"].hits.shape == (10, 0)


def test_ranked_cannot_hold_crowds():
    metric = PersonAP("box")
    metric.update("a", BOX, BOX, crowd=[True])
    with pytest.raises(InputError, match="right or wrong, got some on a crowd, at image 'a'"):
        metric.ranked()


def test_absent():
    metric = PersonAP("box")
    metric.update("a", [], BOX, [0.5])
    assert math.isnan(metric.compute().average) and metric.compute().predictions == 1
    assert json.loads(json.dumps(metric.compute().to_dict(), allow_nan=False))["ap"] == [None] * 10
    metric.update("b", BOX, None)
    metric.update("c", [*BOX, [3, 3, 3, 9]], [], [])
    result = metric.compute()
    assert (result.average, result.recall_at(0.5)) == (0.0, 0.0)
    assert (result.truth, result.missing_images, result.dropped_truth) == (2, 1, 1)
    masks = PersonAP("mask")
    masks.update("a", np.eye(4, dtype=bool)[None], None)
    assert masks.compute().missing_images == 1 and masks.compute().average == 0.0


def test_face_recall_by_hand():
    # Truth faces at 0 and 20; predictions with IoU 9/10 and 4/16 < .5; a person without a face.
    metric = FaceRecall()
    metric.update("a", [[0, 0, 10, 10], None, [20, 0, 30, 10]], [None, [0, 0, 10, 9]], [0.9, 0.8])
    assert metric.compute().recall == (0.5,)
    other = FaceRecall()
    other.update("b", [[0, 0, 4, 4]], [[2, 2, 6, 6]])
    other.update("c", [None], [[0, 0, 4, 4]])
    metric.merge(other)
    assert metric.compute().recall == (1 / 3,)
    assert metric.compute().truth == 3
    empty = FaceRecall()
    empty.update("a", [None], [])
    assert math.isnan(empty.compute().recall_at(0.5))


def test_one_predicted_face_finds_one_truth_face():
    metric = FaceRecall()
    metric.update("a", [[0, 0, 10, 10], [0, 0, 10, 9]], [[0, 0, 10, 10]])
    assert metric.compute().recall == (0.5,)


MASK = np.ones((1, 2, 2), bool)


@pytest.mark.parametrize(
    ("kind", "truth", "prediction", "options", "message"),
    [
        ("box", [[0, 0, 1]], BOX, {}, r"truth must be \(N, 4\) boxes, got shape \(1, 3\), at imag"),
        ("box", BOX, [[5, 0, 1, 1]], {}, r"prediction must be boxes x1, y1, x2, y2 with x1 <= x2"),
        ("box", [[0, 0, 1, math.nan]], BOX, {}, r"truth must be boxes .*got \[0.0, 0.0, 1.0, nan"),
        (
            "box",
            BOX,
            BOX,
            {"scores": [1, 2]},
            r"one number a predicted person \(1\), got shape \(2",
        ),
        ("box", BOX, BOX, {"crowd": [True, False]}, r"crowd must be one bool a truth person \(1\)"),
        (
            "mask",
            MASK * 2,
            MASK,
            {},
            r"truth must be \(N, H, W\) bool masks or \(H, W\) person num",
        ),
        ("mask", MASK, MASK[0], {}, r"prediction must be \(N, H, W\) bool masks or .* bool, at im"),
        ("mask", MASK, MASK[:, :1], {}, r"prediction must be \(N, 2, 2\) label ids.*got \(1, 1, 2"),
    ],
)
def test_bad_input_adds_nothing(kind, truth, prediction, options, message):
    metric = PersonAP(kind)
    with pytest.raises(InputError, match=message):
        metric.update("a", truth, prediction, **options)
    assert metric.compute().images == 0


def test_bad_calls():
    metric = PersonAP("box")
    metric.update("a", BOX, BOX)
    with pytest.raises(InputError, match=r"image_id must be new, got 'a' a second time"):
        metric.add_iou("a", [[1.0]])
    with pytest.raises(InputError, match=r"image_id must be new, got 'a' a second time"):
        metric.merge(metric)
    with pytest.raises(
        InputError, match=r"iou must be \(T, P\) finite numbers, got shape \(1,\), "
    ):
        metric.add_iou("b", [1.0])
    with pytest.raises(InputError, match=r"got shape \(1, 1\) with NaN or infinity, at image 'b'"):
        metric.add_iou("b", [[math.nan]])
    with pytest.raises(InputError, match=r"merged PersonAP must have equal settings"):
        metric.merge(PersonAP("mask"))
    with pytest.raises(InputError, match=r"threshold must be one of \[0.5, 0.55"):
        metric.compute().ap_at(0.3)
    with pytest.raises(InputError, match=r"kind must be mask or box, got 'boxes'\. Did you mean"):
        PersonAP("boxes")
    with pytest.raises(InputError, match=r"max_detections must be 1 or more, got 0"):
        PersonAP("box", max_detections=0)
