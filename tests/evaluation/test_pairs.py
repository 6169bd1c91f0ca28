"""One image in every form that files have."""

from __future__ import annotations

import numpy as np
import pytest

from peopleparse.data.image_labels import ImageLabels, RegionMap
from peopleparse.errors import InputError
from peopleparse.evaluation.pairs import tally_pair
from tests.evaluation.fakes import SCHEME, label_map

LEFT, RIGHT = label_map("1120", "1100"), label_map("0003", "0033")
STACK = np.stack([LEFT, RIGHT])
PAIR = (label_map("1123", "1133"), np.array([[1, 1, 1, 2], [1, 1, 2, 2]], np.uint16))
FLAT = label_map("1123", "1133")


def pair(truth: ImageLabels, prediction: ImageLabels | None):
    return tally_pair("photo", truth, prediction, SCHEME)


@pytest.mark.parametrize("truth", [STACK, PAIR])
@pytest.mark.parametrize("prediction", [STACK, PAIR])
def test_persons_on_both_sides(truth, prediction):
    tally = pair(ImageLabels(truth), ImageLabels(prediction, np.array([0.5, 0.9])))
    assert tally.persons().person_iou().tolist() == [[1, 0], [0, 1]]
    assert tally.confusion.diagonal().tolist() == [0, 4, 1, 3, 0, 0]
    assert tally.scores.tolist() == [0.5, 0.9] and not tally.missing and tally.regions is None


@pytest.mark.parametrize(
    "truth", [ImageLabels(STACK), ImageLabels(PAIR), ImageLabels(None, parsing=FLAT)]
)
@pytest.mark.parametrize("scores", [None, np.array([0.5, 0.9])])
@pytest.mark.parametrize("prediction", ["map", "stack", "pair"])
def test_label_maps_on_one_side_are_compared_as_label_maps(truth, scores, prediction):
    found = {
        "map": ImageLabels(None, parsing=FLAT),
        "stack": ImageLabels(STACK, scores),
        "pair": ImageLabels(PAIR, scores),
    }[prediction]
    tally = pair(truth, found)
    both = truth.persons is not None and prediction != "map"
    assert (tally.overlap is not None) is both and not tally.missing
    assert tally.confusion.diagonal().tolist() == [0, 4, 1, 3, 0, 0]
    assert int(tally.confusion.sum()) == 8


def test_where_persons_overlap_the_higher_score_is_seen_in_label_maps():
    one, two = label_map("11"), label_map("22")
    truth = ImageLabels(None, parsing=label_map("12"))
    for scores, expected in ((None, 1), ([0.1, 0.9], 2), ([0.9, 0.1], 1), ([0.5, 0.5], 1)):
        values = None if scores is None else np.array(scores)
        tally = pair(truth, ImageLabels(np.stack([one, two]), values))
        assert tally.confusion[:, expected].sum() == 2


@pytest.mark.parametrize("truth", [ImageLabels(STACK), ImageLabels(None, parsing=FLAT)])
def test_nothing_given(truth):
    tally = pair(truth, None)
    assert tally.missing and tally.confusion[:, 1:].sum() == 0 and tally.confusion.sum() == 8
    assert (tally.overlap is None) is (truth.persons is None)


TRUTH_REGIONS = RegionMap(label_map("1123", "1133"), np.array([1, 2, 3]), None)
FOUND_REGIONS = RegionMap(label_map("1122", "1122"), np.array([1, 3]), np.array([0.8, 0.4]))


@pytest.mark.parametrize(
    "truth",
    [ImageLabels(STACK, regions=TRUTH_REGIONS), ImageLabels(STACK), ImageLabels(PAIR)],
)
def test_regions_are_compared_with_regions_or_with_the_persons_parts(truth):
    regions = pair(truth, ImageLabels(None, parsing=FLAT, regions=FOUND_REGIONS)).regions
    assert regions.truth_ids.tolist() == [1, 2, 3] and regions.pred_ids.tolist() == [1, 3]
    assert regions.iou.tolist() == [[1, 0], [0, 0], [0, 0.75]]
    assert regions.scores.tolist() == [0.8, 0.4]


def test_truth_regions_of_persons_leave_ignored_pixels_out():
    ignored = np.where(LEFT == 2, 255, LEFT).astype(np.uint8)
    truth = ImageLabels(np.stack([RIGHT, ignored]))
    regions = pair(truth, ImageLabels(None, parsing=FLAT, regions=FOUND_REGIONS)).regions
    assert sorted(regions.truth_ids.tolist()) == [1, 3]
    pair_truth = ImageLabels((np.where(FLAT == 2, 255, FLAT).astype(np.uint8), PAIR[1]))
    other = pair(pair_truth, ImageLabels(None, parsing=FLAT, regions=FOUND_REGIONS)).regions
    assert other.truth_ids.tolist() == [1, 3]


def test_regions_alone_are_a_label_map_too():
    truth = ImageLabels(None, regions=TRUTH_REGIONS)
    tally = pair(truth, ImageLabels(None, regions=FOUND_REGIONS))
    assert tally.confusion[2].tolist() == [0, 0, 0, 1, 0, 0] and not tally.missing
    assert tally.confusion.diagonal().tolist() == [0, 4, 0, 3, 0, 0]


def test_regions_of_an_image_that_is_missing():
    regions = pair(ImageLabels(STACK, regions=TRUTH_REGIONS), None).regions
    assert regions.iou.shape == (3, 0) and regions.truth_ids.tolist() == [1, 2, 3]
    assert pair(ImageLabels(STACK), None).regions is None


def test_no_regions_where_only_one_side_can_have_them():
    found = ImageLabels(STACK, np.array([0.5, 0.9]))
    assert pair(ImageLabels(STACK, regions=TRUTH_REGIONS), found).regions is None
    flat = ImageLabels(None, parsing=FLAT)
    assert pair(flat, ImageLabels(None, parsing=FLAT, regions=FOUND_REGIONS)).regions is None


def test_faults_name_the_image():
    with pytest.raises(InputError, match=r"\(2, 3\), at image 'photo'"):
        pair(ImageLabels(None, parsing=FLAT), ImageLabels(None, parsing=FLAT[:, :3]))
