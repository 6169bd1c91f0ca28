"""Examples of several data sets on one sheet."""

from __future__ import annotations

import numpy as np
import pytest

from peopleparse.errors import InputError
from peopleparse.labels import get_scheme
from peopleparse.structures import ParsedPeople
from peopleparse.viz.set_sheet import _choose_colors, draw_set_sheet, label_key


def make(scheme: str, *names: str, size: tuple[int, int] = (40, 30)) -> ParsedPeople:
    found = get_scheme(scheme)
    parsing = np.zeros(size, np.uint8)
    for row, name in enumerate(names):
        parsing[5 * row : 5 * row + 5] = found.id_of(name)
    photo = np.full((*size, 3), 90, np.uint8)
    return ParsedPeople(parsing, np.zeros(size, np.uint16), (), found, photo, "x")


def test_labels_of_one_name_have_one_colour_and_others_another() -> None:
    both = [make("lip", "upper-clothes", "hat"), make("gps", "upper clothes", "bag", "tie")]
    colors = _choose_colors(both)
    assert set(colors) == {"upper clothes", "hat", "bag", "tie"}
    assert colors["upper clothes"] == tuple(get_scheme("lip").labels[5].color)
    values = list(colors.values())
    assert len({*values}) == 4
    sheet = draw_set_sheet({"LIP": both[:1], "GPS": both[1:]}, 800)
    assert sheet.shape[1:] == (800, 3) and sheet.dtype == np.uint8
    for color in values:  # each is in the legend, unmixed
        assert (sheet == color).all(axis=2).sum() > 20
    assert label_key("Left_Shoe") == "left shoe"


def test_wide_rows_are_made_lower() -> None:
    wide = make("lip", "hat", size=(20, 200))
    assert draw_set_sheet({"a": [wide] * 3}, 600).shape[0] < 200


@pytest.mark.parametrize("rows", [{}, {"a": []}])
def test_a_row_without_an_image_is_refused(rows: dict[str, list[ParsedPeople]]) -> None:
    with pytest.raises(InputError, match="a sheet must have an image of every data set, got none"):
        draw_set_sheet(rows)
