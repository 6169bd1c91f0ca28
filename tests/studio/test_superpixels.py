"""Superpixels: connected, numbered without a gap, the same every time, true to edges."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peopleparse.studio import superpixels
from peopleparse.studio.superpixels import SEGMENTS, Superpixels, make_superpixels


def make_photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (max(1, height // 20), max(1, width // 20), 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


@settings(max_examples=25)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 80), st.integers(0, 9))
def test_every_pixel_is_in_one_connected_piece(
    height: int, width: int, segments: int, seed: int
) -> None:
    pieces, count = make_superpixels(make_photo(height, width, seed), segments)
    assert pieces.shape == (height, width) and pieces.dtype == np.uint32
    assert sorted(set(pieces.ravel().tolist())) == list(range(count))
    for number in range(count):
        parts, _ = cv2.connectedComponents((pieces == number).astype(np.uint8), connectivity=4)
        assert parts == 2


def test_there_are_about_as_many_as_asked_for() -> None:
    pieces, count = make_superpixels(make_photo(480, 640))
    assert abs(count - SEGMENTS) < 0.03 * SEGMENTS
    sizes = np.bincount(pieces.ravel())
    assert sizes.min() >= 9 and np.median(sizes) == pytest.approx(480 * 640 / count, rel=0.5)


def test_borders_follow_edges() -> None:
    photo = np.full((300, 400, 3), 30, np.uint8)
    truth = cv2.circle(np.zeros((300, 400), np.uint8), (190, 140), 90, 1, -1)
    photo[truth > 0] = (200, 120, 60)
    pieces, count = make_superpixels(photo)
    inside = np.bincount(pieces.ravel(), truth.ravel(), minlength=count)
    sizes = np.bincount(pieces.ravel(), minlength=count)
    filled = (inside * 2 > sizes)[pieces]
    both, either = (filled & (truth > 0)).sum(), (filled | (truth > 0)).sum()
    assert both / either > 0.985


def test_large_photos_are_cut_up_small_and_scaled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(superpixels, "MAX_PIXELS", 200 * 150)
    pieces, count = make_superpixels(make_photo(600, 800), 300)
    assert pieces.shape == (600, 800)
    assert sorted(set(pieces.ravel().tolist())) == list(range(count))


def test_they_are_the_same_every_time_and_kept() -> None:
    photo = make_photo(120, 160)
    kept = Superpixels(kept=2)
    first, count = kept.get("a", photo)
    again, _ = make_superpixels(photo)
    assert (first == again).all() and kept.get("a", photo)[0] is first
    kept.get("b", photo)
    kept.get("a", photo)
    kept.get("c", photo)
    assert kept.has("a") and kept.has("c") and not kept.has("b") and count > 0
