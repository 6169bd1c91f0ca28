from __future__ import annotations

import numpy as np
import pytest

from peopleparse.viz.palette import (
    PERSON_COLORS,
    blend,
    person_color,
    person_palette,
    text_color,
)

# Linear RGB as red-blind and green-blind eyes see it (Vienot, Brettel and Mollon, 1999).
_BLIND = {
    "red-blind": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "green-blind": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    "normal": np.eye(3).tolist(),
}


def _lab(color: tuple[int, int, int], eyes: str) -> np.ndarray:
    rgb = np.array(color) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(_BLIND[eyes]) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(to_xyz) @ seen / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", _BLIND)
@pytest.mark.parametrize("index", range(1, len(PERSON_COLORS) + 1))
def test_neighbours_look_different(index: int, eyes: str) -> None:
    here, there = (_lab(person_color(n), eyes) for n in (index, index + 1))
    assert np.linalg.norm(here - there) > 50


def test_palette_has_a_row_a_person_and_black_for_nobody() -> None:
    palette = person_palette(9)
    assert palette.shape == (10, 3)
    assert palette[0].tolist() == [0, 0, 0]
    assert palette[8].tolist() == list(person_color(8)) == list(person_color(1))


@pytest.mark.parametrize("color", [*PERSON_COLORS, (0, 0, 0), (255, 255, 255), (128, 128, 128)])
def test_text_is_readable_on_every_color(color: tuple[int, int, int]) -> None:
    def luminance(rgb: tuple[int, int, int]) -> float:
        part = np.array(rgb) / 255
        linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted([luminance(color), luminance(text_color(color))])
    assert (high + 0.05) / (low + 0.05) >= 4.0


def test_blend_is_the_formula(rng: np.random.Generator) -> None:
    below, above = rng.integers(0, 256, (2, 50, 3), dtype=np.uint8)
    alpha = rng.random(50).astype(np.float32)
    wanted = np.floor(below * (1 - alpha[:, None]) + above * alpha[:, None] + 0.5)
    assert np.abs(blend(below, above, alpha).astype(int) - wanted).max() <= 1
    assert np.array_equal(blend(below, above, 0.0), below)
    assert np.array_equal(blend(below, above, 1.0), above)
