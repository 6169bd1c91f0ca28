from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from peopleparse.data.rle import decode_segmentation, decompress, fill_polygon
from peopleparse.errors import DataError
from peopleparse.viz import encode_rle

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(masks)
def test_compressed_run_lengths_round_trip(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_segmentation(encode_rle(mask), mask.shape, ""), mask)


@given(masks)
def test_plain_run_lengths(mask: np.ndarray) -> None:
    flat = mask.T.ravel()
    counts, value, start = [], False, 0
    for at in range(len(flat) + 1):  # written from the definition: zeros first
        if at == len(flat) or flat[at] != value:
            counts.append(at - start)
            value, start = not value, at
    found = decode_segmentation({"size": list(mask.shape), "counts": counts}, mask.shape, "")
    np.testing.assert_array_equal(found, mask)


def test_long_runs() -> None:
    mask = np.zeros((1100, 1300), bool)
    mask[500:600, 3], mask[7, 1200] = True, True
    for each in (mask, ~mask):
        np.testing.assert_array_equal(decode_segmentation(encode_rle(each), mask.shape, ""), each)


coordinates = st.floats(-5, 25, width=32) | st.integers(-5, 25).map(float)


@given(
    st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8),
    st.integers(1, 20),
    st.integers(1, 20),
)
def test_polygons_are_pycocotools(points: list, height: int, width: int) -> None:
    coco_mask = pytest.importorskip("pycocotools.mask")
    polygon = [float(v) for point in points for v in point]
    theirs = coco_mask.decode(coco_mask.frPyObjects([polygon], height, width))[..., 0]
    np.testing.assert_array_equal(fill_polygon(polygon, (height, width)), theirs.astype(bool))


def test_a_square_and_two_polygons_joined() -> None:
    first, second = [1, 1, 4, 1, 4, 3, 1, 3], [0, 0, 2, 0, 2, 2, 0, 2]
    expected = np.zeros((4, 6), bool)
    expected[1:3, 1:4] = True
    np.testing.assert_array_equal(decode_segmentation([first], (4, 6), ""), expected)
    expected[:2, :2] = True
    np.testing.assert_array_equal(decode_segmentation([first, second], (4, 6), ""), expected)


@pytest.mark.parametrize(
    "value", [None, [], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5, "6"]], "x", [[0, 0, 1, 0, 1, np.nan]]]
)
def test_what_is_no_segmentation(value: object) -> None:
    with pytest.raises(
        DataError, match="segmentation must be run lengths or polygons of three .+, at x.json. Wr"
    ):
        decode_segmentation(value, (2, 2), "x.json")


@pytest.mark.parametrize(
    "counts", [None, "", [1], [5, -1], [[4]], "0120~", "012é", "o", "oooooooooooooo0", ["a"], [9]]
)
def test_run_lengths_that_are_none(counts: object) -> None:
    with pytest.raises(
        DataError, match="run lengths must be whole numbers that sum to 4 pixels, got .+, at x.j"
    ):
        decode_segmentation({"size": [2, 2], "counts": counts}, (2, 2), "x.json")


def test_run_lengths_of_another_size() -> None:
    with pytest.raises(
        DataError, match=r"must have size \[2, 3\] like its image, got \[3, 2\], at x.json. Write h"
    ):
        decode_segmentation({"size": [3, 2], "counts": [6]}, (2, 3), "x.json")


@pytest.mark.parametrize("text", ["~", "o", "ooooooooooooo0"])
def test_text_that_is_not_compressed(text: str) -> None:
    with pytest.raises(ValueError, match="no compressed run lengths|too many digits"):
        decompress(text)
