from __future__ import annotations

import numpy as np
import pytest

from peopleparse.transforms import jitter_color, match_color
from peopleparse.transforms.color import cast_light, drain_color, expose, fade, harmonise

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


def test_light_and_tone(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (9, 11, 3)).astype(np.uint8)
    one = np.ones(3)
    np.testing.assert_array_equal(expose(image, 1.0), image)
    np.testing.assert_array_equal(cast_light(image, one), image)
    np.testing.assert_array_equal(fade(image, 0 * one, 255 * one), image)
    half = expose(image, 0.5**2.2)
    np.testing.assert_array_equal(half, np.round(image / 2).astype(np.uint8))
    assert (expose(image, 100.0)[image > 40] == 255).all()
    red = cast_light(image, np.array([1.0, 0, 0]))
    np.testing.assert_array_equal(red[..., 0], image[..., 0])
    assert not red[..., 1:].any()
    faded = fade(image, np.array([50, 60, 70]), np.array([200, 210, 220]))
    assert (faded.min(axis=(0, 1)) >= [50, 60, 70]).all()
    assert (faded.max(axis=(0, 1)) <= [200, 210, 220]).all()
    grey = drain_color(image)
    assert (grey[..., 0] == grey[..., 1]).all() and (grey[..., 1] == grey[..., 2]).all()
    np.testing.assert_array_equal(drain_color(image, one), grey)


def test_harmonise_moves_light_and_tint_apart() -> None:
    image, mask = np.full((6, 6, 3), (180, 160, 140), np.uint8), np.ones((6, 6), bool)
    mean, spread = np.array([100, 100, 130], np.float32), np.array([20, 20, 20], np.float32)
    same = harmonise(image, mask, mean, spread, 0, 0)
    np.testing.assert_array_equal(same, image)
    darker = harmonise(image, mask, mean, spread, 0.5, 0)[0, 0].astype(int)
    assert darker.mean() == 135 and darker[0] - darker[2] > 40  # half of 160 - 110, colour kept
    tinted = harmonise(image, mask, mean, spread, 0, 1)[0, 0].astype(int)
    assert tinted.tolist() == [150, 150, 180] and tinted.mean() == 160
    np.testing.assert_array_equal(harmonise(image, ~mask, mean, spread, 1, 1), image)
