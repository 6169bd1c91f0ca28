from __future__ import annotations

import numpy as np
import pytest

from peopleparse.transforms import jitter_color, match_color

MEAN, SPREAD = np.array([90, 120, 150], np.float32), np.array([20, 25, 30], np.float32)


@pytest.fixture
def cutout(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A picture of moderate colours, and a mask of its left half."""
    image = np.clip(rng.normal((130, 110, 100), 24, (60, 60, 3)), 0, 255).astype(np.uint8)
    mask = np.zeros((60, 60), bool)
    mask[:, :30] = True
    image[:, 30:] = 7  # must not count
    return image, mask


def test_strength_0_leaves_a_cutout_as_it_is(cutout: tuple[np.ndarray, np.ndarray]) -> None:
    image, mask = cutout
    np.testing.assert_array_equal(match_color(image, mask, MEAN, SPREAD, 0.0), image)


def test_strength_1_matches_mean_and_spread(cutout: tuple[np.ndarray, np.ndarray]) -> None:
    image, mask = cutout
    before = image.copy()
    matched = match_color(image, mask, MEAN, SPREAD, 1.0)
    assert matched.dtype == np.uint8 and matched.shape == image.shape
    np.testing.assert_allclose(matched[mask].mean(axis=0), MEAN, atol=1)
    np.testing.assert_allclose(matched[mask].std(axis=0), SPREAD, atol=2)
    np.testing.assert_array_equal(image, before)


def test_half_strength_goes_half_the_way(cutout: tuple[np.ndarray, np.ndarray]) -> None:
    image, mask = cutout
    matched = match_color(image, mask, MEAN, SPREAD, 0.5)
    halfway = (image[mask].mean(axis=0) + MEAN) / 2
    np.testing.assert_allclose(matched[mask].mean(axis=0), halfway, atol=1)


def test_spread_is_never_changed_beyond_bounds(cutout: tuple[np.ndarray, np.ndarray]) -> None:
    image, mask = cutout
    own = image[mask].std(axis=0)
    for spread, gain in ((0.0, 0.6), (100.0, 1.6)):
        matched = match_color(image, mask, MEAN, np.full(3, spread, np.float32), 1.0)
        np.testing.assert_allclose(matched[mask].std(axis=0), own * gain, rtol=0.05)


def test_an_empty_mask_changes_nothing(cutout: tuple[np.ndarray, np.ndarray]) -> None:
    image, mask = cutout
    matched = match_color(image, np.zeros_like(mask), MEAN, SPREAD, 1.0)
    np.testing.assert_array_equal(matched, image)


def test_jitter_is_the_same_for_the_same_numbers(cutout: tuple[np.ndarray, np.ndarray]) -> None:
    image, _ = cutout
    first, second = (jitter_color(image, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.uint8 and first.shape == image.shape
    assert (jitter_color(image, np.random.default_rng(4)) != first).any()


def test_jitter_of_strength_0_changes_nothing(
    cutout: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> None:
    image, _ = cutout
    np.testing.assert_array_equal(jitter_color(image, rng, 0.0), image)
