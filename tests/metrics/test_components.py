from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.metrics.components import grow, label_components


def _slow_components(values: np.ndarray) -> np.ndarray:
    found = np.zeros(values.shape, int)
    count = 0
    for start in np.ndindex(*values.shape):
        if not values[start] or found[start]:
            continue
        count += 1
        open_ = [start]
        while open_:
            y, x = open_.pop()
            if not (0 <= y < values.shape[0] and 0 <= x < values.shape[1]):
                continue
            if found[y, x] or values[y, x] != values[start]:
                continue
            found[y, x] = count
            open_ += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return found


maps = st.tuples(
    st.integers(1, 12), st.integers(1, 12), st.integers(1, 3), st.integers(0, 2**31)
).map(lambda t: np.random.default_rng(t[3]).integers(0, t[2] + 1, t[:2]))


@given(maps)
def test_pieces_are_those_of_a_flood_fill(values: np.ndarray) -> None:
    assert np.array_equal(label_components(values), _slow_components(values))


def test_a_snake_is_one_piece() -> None:
    values = np.ones((41, 41), int)
    values[1::4, 1:] = values[3::4, :-1] = 0  # a path from end to end through every row
    assert label_components(values).max() == 1


def test_nothing_has_no_pieces() -> None:
    assert not label_components(np.zeros((3, 4), bool)).any()


@given(maps, st.integers(0, 4))
def test_growth_reaches_as_far_as_told(values: np.ndarray, reach: int) -> None:
    mask = values == 1
    expected = np.zeros(mask.shape, bool)
    for y, x in np.argwhere(mask):
        expected[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = True
    assert np.array_equal(grow(mask, reach), expected)
