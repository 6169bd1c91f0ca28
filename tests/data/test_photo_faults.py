"""Faults of cameras: at least one, the same for the same chance, each what its name says."""

from __future__ import annotations

import numpy as np
import pytest

from peopleparse.data import photo_faults
from peopleparse.data.photo_faults import FAULTS, add_faults

NAMES = [add.__name__ for add, _ in FAULTS]


@pytest.fixture
def photo() -> np.ndarray:
    """Coarse squares of all colours, 90 x 120."""
    coarse = np.random.default_rng(3).integers(30, 220, (9, 12, 3), np.uint8)
    return np.kron(coarse, np.ones((10, 10, 1), np.uint8))


def test_the_same_chance_is_the_same_fault(photo: np.ndarray) -> None:
    before = photo.copy()
    first, again = (add_faults(photo, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (add_faults(photo, np.random.default_rng(8)) != first).any()
    np.testing.assert_array_equal(photo, before)


def test_there_is_always_a_fault(photo: np.ndarray) -> None:
    for seed in range(60):
        spoilt = add_faults(photo, np.random.default_rng(seed))
        assert spoilt.shape == photo.shape and spoilt.dtype == np.uint8
        assert (spoilt != photo).any()


@pytest.mark.parametrize("name", NAMES)
def test_each_fault_on_any_size(name: str) -> None:
    add = dict(zip(NAMES, (add for add, _ in FAULTS), strict=True))[name]
    rng = np.random.default_rng(0)
    for size in ((1, 1), (7, 3), (64, 48), (40, 1100)):
        image = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
        for _ in range(3):
            assert add(image, rng).shape == image.shape


def spread_of_steps(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image.astype(float), axis=1)).mean())


def test_what_the_faults_do(photo: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    for _ in range(6):
        grey = photo_faults._drain(photo, rng)
        assert np.abs(np.diff(grey.astype(int), axis=2)).max() <= 70
        assert photo_faults._wash_out(photo, rng).std() < photo.std()
        assert spread_of_steps(photo_faults._blur(photo, rng)) < spread_of_steps(photo) * 1.01
        noisy = photo_faults._grain(photo, rng).astype(float) - photo
        assert 2 < noisy.std() < 40 and abs(noisy.mean()) < 3
        shaded = photo_faults._shade(photo, rng)
        assert (shaded <= photo).all() and (shaded < photo).mean() > 0.3
    means = [photo_faults._expose(photo, rng).mean() for _ in range(40)]
    assert min(means) < 0.5 * photo.mean() and max(means) > 1.2 * photo.mean()
    reds = [photo_faults._tint(photo, rng)[..., 0].mean() for _ in range(40)]
    assert max(reds) > 1.05 * photo[..., 0].mean()


def test_kernels_sum_to_one() -> None:
    for kernel in (photo_faults._disc(0.8), photo_faults._disc(3.3), photo_faults._line(9.5, 0.7)):
        assert kernel.sum() == pytest.approx(1, abs=1e-5) and kernel.shape[0] % 2 == 1
