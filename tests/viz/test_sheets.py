from __future__ import annotations

import numpy as np
import pytest

from peopleparse.errors import InputError
from peopleparse.labels import get_scheme, scheme_names
from peopleparse.viz import draw_scheme, draw_sheet
from peopleparse.viz.text import shorten, text_width

RED, BLUE = (200, 0, 0), (0, 0, 200)


def _tile(color: tuple[int, int, int], shape: tuple[int, int]) -> np.ndarray:
    return np.full((*shape, 3), color, np.uint8)


def test_tiles_of_any_size_are_fitted_and_keep_their_shape() -> None:
    tiles = [_tile(RED, (100, 200)), _tile(BLUE, (30, 10)), _tile(RED, (1, 1))]
    sheet = draw_sheet(tiles, 2, tile_size=(60, 60))
    blue = (sheet == BLUE).all(axis=2)
    assert blue.sum() == 60 * 20
    red = (sheet == RED).all(axis=2)
    assert red.sum() == 60 * 30 + 60 * 60


def test_captions_are_written_below_and_cut() -> None:
    tiles = [_tile(RED, (50, 50))] * 3
    bare = draw_sheet(tiles, 3, tile_size=(50, 80))
    sheet = draw_sheet(tiles, 3, ["one", "x" * 500, ""], tile_size=(50, 80))
    assert sheet.shape[0] > bare.shape[0] and sheet.shape[1] == bare.shape[1]
    assert (sheet < 100).all(axis=2).any()


def test_shorten() -> None:
    assert shorten("short", 12, 500) == "short"
    cut = shorten("a long line of text", 12, 60)
    assert cut.endswith("...") and text_width(cut, 12) <= 60


def test_a_sheet_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="a sheet must have a tile and a column, got 0 tiles"):
        draw_sheet([])
    with pytest.raises(InputError, match="captions must be one a tile, got 1 for 2 tiles"):
        draw_sheet([_tile(RED, (5, 5))] * 2, 1, ["one"])


@pytest.mark.parametrize("name", scheme_names())
def test_the_figure_of_a_scheme_shows_every_color(name: str) -> None:
    scheme = get_scheme(name)
    seen = {tuple(color) for color in draw_scheme(scheme).reshape(-1, 3).tolist()}
    assert {label.color for label in scheme.labels} <= seen
