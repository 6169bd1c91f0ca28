from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import SchemeError
from peopleparse.labels import get_scheme
from peopleparse.transforms import flip_image, flip_parsing, warp_image, warp_labels

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])
CLOSE = 0.04  # of a pixel: OpenCV computes places in fixed point


def find_labels(parsing: np.ndarray, x: float, y: float) -> set[int]:
    """Return the labels that cover a point of the map, within `CLOSE`; background outside."""
    found = set()
    for dx in (-CLOSE, CLOSE):
        for dy in (-CLOSE, CLOSE):
            column, row = int(np.floor(x + dx)), int(np.floor(y + dy))
            inside = 0 <= row < parsing.shape[0] and 0 <= column < parsing.shape[1]
            found.add(int(parsing[row, column]) if inside else 0)
    return found


@given(st.integers(0, 2**32 - 1))
def test_warp_labels_takes_the_pixel_that_covers_the_centre(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parsing = rng.integers(1, 20, (9, 7)).astype(np.uint8)
    angle, scale = rng.uniform(-3, 3), np.exp(rng.uniform(-1, 1))
    mirror = rng.choice([-1.0, 1.0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale * turn @ np.diag([mirror, 1.0])
    matrix = np.column_stack([linear, np.array([6.0, 5.0]) - linear @ np.array([3.5, 4.5])])
    warped = warp_labels(parsing, matrix, 12, 10)
    assert warped.shape == (10, 12) and warped.dtype == np.uint8
    for row in range(10):
        for column in range(12):
            centre = np.array([column + 0.5, row + 0.5])
            x, y = np.linalg.solve(linear, centre - matrix[:, 2])
            assert int(warped[row, column]) in find_labels(parsing, x, y)


def test_warp_by_whole_pixels_and_whole_scales_is_exact(rng: np.random.Generator) -> None:
    parsing = rng.integers(1, 20, (4, 5)).astype(np.uint8)
    doubled = warp_labels(parsing, np.array([[2.0, 0, 0], [0, 2, 0]]), 10, 8)
    np.testing.assert_array_equal(doubled, parsing.repeat(2, 0).repeat(2, 1))
    shifted = warp_labels(parsing, np.array([[1.0, 0, 2], [0, 1, 1]]), 7, 5)
    np.testing.assert_array_equal(shifted[1:, 2:], parsing)
    assert not shifted[0].any() and not shifted[:, :2].any()
    mirrored = warp_labels(parsing, np.array([[-1.0, 0, 5], [0, 1, 0]]), 5, 4)
    np.testing.assert_array_equal(mirrored, parsing[:, ::-1])


def test_the_identity_changes_nothing(rng: np.random.Generator) -> None:
    parsing = rng.integers(0, 256, (6, 8)).astype(np.uint8)
    image = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(warp_labels(parsing, IDENTITY, 8, 6), parsing)
    np.testing.assert_array_equal(warp_image(image, IDENTITY, 8, 6), image)


def test_warp_image_interpolates_between_pixel_centres_and_keeps_its_edge() -> None:
    ramp = np.zeros((3, 4, 3), np.uint8)
    ramp[...] = np.array([10, 50, 90, 130])[None, :, None]
    half = warp_image(ramp, np.array([[1.0, 0, 0.5], [0, 1, 0]]), 4, 3)
    np.testing.assert_array_equal(half[1, :, 0], [10, 30, 70, 110])
    away = warp_image(ramp, np.array([[1.0, 0, 2], [0, 1, 0]]), 8, 3)
    np.testing.assert_array_equal(away[1, :, 0], [10, 10, 10, 50, 90, 130, 130, 130])


def test_image_and_labels_land_on_the_same_pixels() -> None:
    parsing = np.zeros((40, 30), np.uint8)
    parsing[10:30, 8:20] = 4
    image = np.repeat((parsing * 50)[..., None], 3, axis=2)
    matrix = np.array([[1.7, 0.3, -4.2], [-0.2, 1.4, 6.7]])
    labels, picture = warp_labels(parsing, matrix, 50, 60), warp_image(image, matrix, 50, 60)
    agree = (labels == 4) == (picture[..., 0] >= 100)
    assert agree.mean() > 0.995


@pytest.mark.parametrize("name", ["gps", "gps-outdoor", "lip"])
def test_two_flips_are_none(name: str, rng: np.random.Generator) -> None:
    scheme = get_scheme(name)
    parsing = rng.choice([*scheme.ids, 255], (2, 5, 6)).astype(np.uint8)
    np.testing.assert_array_equal(flip_parsing(flip_parsing(parsing, scheme), scheme), parsing)
    image = rng.integers(0, 256, (5, 6, 3)).astype(np.uint8)
    np.testing.assert_array_equal(flip_image(flip_image(image)), image)
    assert flip_image(image).flags.c_contiguous


def test_a_flip_mirrors_and_swaps_sides() -> None:
    gps = get_scheme("gps")
    left, right, hat = (gps.id_of(name) for name in ("left shoe", "right shoe", "hat"))
    flipped = flip_parsing(np.array([[left, hat, 0, 255]], np.uint8), gps)
    assert flipped.tolist() == [[255, 0, hat, right]]


def test_a_scheme_without_sides_refuses_to_be_flipped() -> None:
    with pytest.raises(SchemeError, match="scheme must name flip partners to be mirrored, got 'cc"):
        flip_parsing(np.zeros((2, 2), np.uint8), get_scheme("ccp"))
