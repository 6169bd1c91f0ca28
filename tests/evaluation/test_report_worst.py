from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.evaluation.report_worst import draw_worst, find_mistakes
from peopleparse.labels import get_scheme
from peopleparse.viz import draw_scene

ORANGE, SKY = (230, 159, 0), (86, 180, 233)


@given(st.integers(0, 2**31))
def test_mistakes_are_found_pixel_by_pixel(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.choice(np.array([0, 1, 2, 255], np.uint8), (3, 4))
    found = rng.choice(np.array([0, 1, 2], np.uint8), (3, 4))
    kinds = find_mistakes(truth, found)
    for t, p, kind in zip(truth.flat, found.flat, kinds.flat, strict=True):
        if t == 255 or t == p:
            assert kind == 0
        else:
            assert kind == (1 if p == 0 else 2 if t == 0 else 3)


def test_three_panels_by_hand() -> None:
    truth, found = np.zeros((200, 200), np.uint8), np.zeros((200, 200), np.uint8)
    truth[:100, :100], truth[150:, :100] = 4, 255
    found[:100, 100:], found[150:, :50] = 6, 6
    picture = draw_worst(truth, found, scheme="gps")
    assert picture.dtype == np.uint8 and picture.shape[1] == 3 * 200 + 2 * 6
    top = 2 * (200 // 18)  # the line of captions
    palette = get_scheme("gps").palette
    panels = [picture[top : top + 200, left : left + 200] for left in (0, 206, 412)]
    assert (panels[0][:100, :100] == palette[4]).all() and (panels[0][150:, :100] == 255).all()
    assert (panels[1][:100, 100:] == palette[6]).all()
    assert (panels[2][:100, :100] == ORANGE).all() and (panels[2][:100, 100:] == SKY).all()
    colored = (panels[2].max(axis=2) != panels[2].min(axis=2)).sum()
    assert colored == 2 * 100 * 100  # what the truth ignores is not wrong


def test_a_photo_shows_through_and_is_reduced() -> None:
    scene = draw_scene(2, (300, 900))
    picture = draw_worst(scene.parsing, scene.parsing, scene.image, scheme="gps")
    assert picture.shape[1] == 3 * 400 + 2 * 6
    wrong = picture[60:150, 830:1200]
    assert (wrong.max(axis=2) == wrong.min(axis=2)).all()  # nothing wrong: grey
    again = draw_worst(scene.parsing, scene.parsing, scene.image, scheme="gps")
    assert np.array_equal(picture, again)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3)])
def test_any_size_and_no_scheme(size: tuple[int, int]) -> None:
    truth = np.full(size, 7, np.uint8)
    picture = draw_worst(truth, np.zeros(size, np.uint8))
    assert picture.ndim == 3 and picture.shape[1] <= 3 * 400 + 12
    draw_worst(np.full(size, 255, np.uint8), truth)  # nothing counted


def test_wrong_input_is_named() -> None:
    ids = np.zeros((4, 5), np.uint8)
    with pytest.raises(InputError, match=r"truth_labels must be \(H, W\) uint8 .*int64. Give one"):
        draw_worst(ids.astype(np.int64), ids)
    with pytest.raises(InputError, match=r"prediction_labels must be \(4, 5\) uint8 .*\(5, 4\)"):
        draw_worst(ids, ids.T)
    with pytest.raises(InputError, match=r"image must be \(4, 5, 3\) uint8 .*\(4, 5\) uint8"):
        draw_worst(ids, ids, ids)
