from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.labels import get_scheme
from peopleparse.viz.panels import (
    INK,
    OUTSIDE,
    PAPER,
    Panel,
    cut_box,
    draw_box,
    draw_dot,
    draw_outline,
    draw_panels,
    fit_labels,
    fit_panel,
    join_row,
    paint_parts,
    parts_key,
)

RED, BLUE = (200, 0, 0), (0, 0, 200)
GPS = get_scheme("gps")


def _tile(color: tuple[int, int, int], height: int = 40, width: int = 80) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def _count(picture: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((picture == color).all(axis=2).sum())


def test_panels_stand_in_rows_and_columns() -> None:
    rows = [[Panel(_tile(RED)), Panel(_tile(BLUE))]] * 2
    figure = draw_panels(rows, ("one", "two"), width=80)
    assert figure.shape == (34 + 2 * (40 + 8), 8 + 2 * (80 + 8), 3)
    for top in (34, 82):
        assert (figure[top : top + 40, 8:88] == RED).all()
        assert (figure[top : top + 40, 96:176] == BLUE).all()
    between = figure[34:, 88:96]
    assert (between == PAPER).all() and _count(figure[:34], INK) > 0


def test_notes_footer_and_keys_add_their_height() -> None:
    plain = [[Panel(_tile(RED)), Panel(_tile(BLUE))]]
    noted = [[Panel(_tile(RED)), Panel(_tile(BLUE), "a note")]]
    sizes = [
        draw_panels(plain, ("a", "b"), width=80).shape[0],
        draw_panels(noted, ("a", "b"), width=80).shape[0],
        draw_panels(noted, ("a", "b"), [("", [("hat", RED)])], width=80).shape[0],
        draw_panels(noted, ("a", "b"), [("", [("hat", RED)])], "some words", width=80).shape[0],
        draw_panels(noted, ("a", "b"), [("", [("hat", RED)])], "some words " * 4, width=80).shape[
            0
        ],
    ]
    assert sizes == sorted(set(sizes))


def test_long_texts_stay_inside_their_column() -> None:
    rows = [[Panel(_tile(RED), "n" * 90), Panel(_tile(RED))]]
    figure = draw_panels(rows, ("m" * 90, ""), width=80)
    assert (figure[:34, :8] == PAPER).all() and (figure[:34, 88:96] == PAPER).all()
    assert (figure[74:, 88:] == PAPER).all()


def test_paper_is_white_also_between_the_chips() -> None:
    figure = draw_panels([[Panel(_tile(RED))]], ("a",), [("truth:", [("hat", BLUE)])], width=200)
    assert _count(figure, BLUE) > 50
    assert (figure[-1] == PAPER).all() and (figure[:, 0] == PAPER).all()


def test_a_key_without_entries_takes_no_room() -> None:
    rows = [[Panel(_tile(RED))]]
    bare = draw_panels(rows, ("a",), width=80)
    assert np.array_equal(draw_panels(rows, ("a",), [("", [])], width=80), bare)


@pytest.mark.parametrize(("rows", "columns"), [([], ("a",)), ([[Panel(_tile(RED))]], ("a", "b"))])
def test_a_row_without_all_of_its_panels_is_refused(rows: list, columns: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="a figure must have rows of one panel a column, got"):
        draw_panels(rows, columns)
    with pytest.raises(InputError, match=r"got \[1\] panels for 0 columns. Give an image"):
        draw_panels([[Panel(_tile(RED))]], ())


@given(height=st.integers(1, 90), width=st.integers(1, 90), column=st.integers(1, 50))
def test_a_fitted_panel_is_never_wider_than_its_column(
    height: int, width: int, column: int
) -> None:
    fitted = fit_panel(_tile(RED, height, width), column)
    assert fitted.shape[1] <= column and fitted.shape[0] <= round(1.7 * column) + 1
    assert (fitted == RED).all()


@given(x=st.integers(-12, 20), y=st.integers(-12, 12), w=st.integers(1, 15), h=st.integers(1, 15))
def test_a_box_on_whole_pixels_is_cut_as_it_is(x: int, y: int, w: int, h: int) -> None:
    image = np.arange(10 * 14 * 3, dtype=np.uint8).reshape(10, 14, 3)
    wide = np.pad(image, ((40, 40), (40, 40), (0, 0)), constant_values=OUTSIDE)
    cut = cut_box(image, np.array([x, y, x + w, y + h]), (h, w))
    assert np.array_equal(cut, wide[40 + y : 40 + y + h, 40 + x : 40 + x + w])


def test_a_stretched_cut_keeps_edges_in_place() -> None:
    image = _tile(RED, 20, 20)
    image[:, 10:] = BLUE
    larger = cut_box(image, np.array([5, 0, 15, 20]), (20, 40))
    assert (larger[:, :18] == RED).all() and (larger[:, 22:] == BLUE).all()
    smaller = cut_box(image, np.array([0, 0, 20, 20]), (4, 4))
    assert (smaller[:, :2] == RED).all() and (smaller[:, 2:] == BLUE).all()


def test_parts_have_the_colors_of_their_scheme() -> None:
    parsing = np.zeros((40, 40), np.uint8)
    parsing[5:20], parsing[20:35] = 4, 255
    picture = paint_parts(parsing, GPS, width=40)
    assert (picture[5:20, 1:-1] == GPS.labels[4].color).all()
    assert (picture[20:35, 1:-1] == OUTSIDE).all() and (picture[1:5, 1:-1] == PAPER).all()


def test_a_line_is_drawn_around_each_person() -> None:
    parsing = np.full((40, 40), 4, np.uint8)
    instances = np.ones((40, 40), np.uint16)
    instances[:, 20:] = 2
    bare = paint_parts(parsing, GPS, None, 40)
    lined = paint_parts(parsing, GPS, instances, 40)
    changed = (bare != lined).any(axis=2)
    assert changed[10:30, 18:22].any(axis=1).all()
    assert not changed[8:32, 4:17].any() and not changed[8:32, 23:36].any()


def test_labels_are_never_mixed() -> None:
    labels = np.array([[0, 10], [3, 7]], np.uint8)
    assert set(np.unique(fit_labels(labels, (7, 5)))) == {0, 3, 7, 10}


def test_an_outline_lies_inside_its_mask() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    picture = _tile((255, 255, 255), 40, 40)
    draw_outline(picture, mask, RED, 3)
    assert _count(picture[10:30, 10:30], RED) > 100
    assert (picture[13:27, 13:27][3:-3, 3:-3] == 255).all()
    assert (picture[:8] == 255).all() and (picture[:, 32:] == 255).all()


def test_boxes_and_dots() -> None:
    picture = _tile((255, 255, 255), 60, 60)
    draw_box(picture, np.array([10.0, 20, 41, 51]), RED, 1)
    assert (picture[20, 10:41] == RED).all() and (picture[20:51, 40] == RED).all()
    assert (picture[19, 9:42] == 17).all() and (picture[18] == 255).all()
    assert (picture[21, 11:40] == 17).all() and (picture[22:49, 12:39] == 255).all()
    draw_dot(picture, 25.0, 35.0, BLUE, 3)
    assert tuple(picture[35, 25]) == BLUE


def test_a_box_that_reaches_beyond_the_picture_stays_open() -> None:
    picture = _tile((255, 255, 255), 30, 30)
    draw_box(picture, np.array([-50.0, 10, 20, 90]), RED, 3)
    assert (picture[10, :20] == RED).all() and (picture[10:, 19] == RED).all()
    assert (picture[15:, :15] == 255).all() and (picture[:7] == 255).all()
    draw_box(picture, np.array([-50.0, -50, -20, -20]), BLUE, 3)
    draw_box(picture, np.array([50.0, 50, 90, 90]), BLUE, 3)
    assert _count(picture, BLUE) == 0


def test_pictures_in_a_row_leave_the_rest_white() -> None:
    strip = join_row([_tile(RED, 20, 12), _tile(BLUE, 20, 12)], 20, 80, 4)
    assert strip.shape == (20, 80, 3)
    assert (strip[:, :12] == RED).all() and (strip[:, 22:34] == BLUE).all()
    assert (strip[:, 34:] == PAPER).all()


def test_the_key_names_the_parts_shown_in_the_order_of_the_scheme() -> None:
    first, second = np.array([[0, 11]], np.uint8), np.array([[4, 255]], np.uint8)
    title, entries = parts_key([first, second], GPS)
    assert title == "" and [name for name, _ in entries] == ["upper clothes", "face"]
    assert entries[0][1] == GPS.labels[4].color
