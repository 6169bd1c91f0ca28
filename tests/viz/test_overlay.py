from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from peopleparse.errors import InputError
from peopleparse.structures import ParsedPeople
from peopleparse.viz import draw_overlay, draw_scene, person_color
from peopleparse.viz.legend import draw_chips
from peopleparse.viz.overlay import line_width

PLAIN: dict[str, Any] = {"outlines": False, "numbers": False}


@pytest.fixture(scope="module")
def scene() -> ParsedPeople:
    return draw_scene(4, (240, 320))


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.55, 1.0])
def test_parts_are_blended_and_the_rest_is_the_photo(scene: ParsedPeople, alpha: float) -> None:
    assert scene.image is not None
    picture = draw_overlay(scene, alpha=alpha, **PLAIN)
    colors = scene.scheme.palette[scene.parsing].astype(float)
    mixed = np.floor(scene.image * (1 - alpha) + colors * alpha + 0.5)
    wanted = np.where(scene.parsing[..., None] > 0, mixed, scene.image)
    assert picture.dtype == np.uint8
    assert np.abs(picture - wanted).max() <= 1


def test_color_by_person(scene: ParsedPeople) -> None:
    picture = draw_overlay(scene, alpha=1, color_by="person", **PLAIN)
    for person in scene.people:
        assert (picture[person.mask] == person_color(person.index)).all()


def test_the_photo_given_is_drawn_on_and_left_as_it_was(scene: ParsedPeople) -> None:
    photo = np.full((240, 320, 3), 77, np.uint8)
    picture = draw_overlay(scene, photo)
    assert (photo == 77).all()
    assert (picture[-3:, :10] == 77).all()


def test_without_a_photo_parts_are_opaque() -> None:
    ids = np.zeros((40, 40), np.uint8)
    ids[10:30, 10:30] = 11
    result = ParsedPeople.from_maps(ids, (ids > 0).astype(np.uint16))
    picture = draw_overlay(result, **PLAIN)
    assert (picture[20, 20] == result.scheme.palette[11]).all()
    assert (picture[0, 0] == 32).all()


def test_ignored_pixels_are_not_painted() -> None:
    ids = np.full((20, 20), 255, np.uint8)
    photo = np.full((20, 20, 3), 9, np.uint8)
    result = ParsedPeople.from_maps(ids, np.ones((20, 20), np.uint16), image=photo)
    assert (draw_overlay(result, **PLAIN) == 9).all()


@pytest.mark.parametrize("ground", [0, 255])
def test_an_outline_shows_on_black_and_on_white(ground: int) -> None:
    ids = np.zeros((120, 120), np.uint8)
    ids[30:90, 40:80] = 4
    photo = np.full((120, 120, 3), ground, np.uint8)
    result = ParsedPeople.from_maps(ids, (ids > 0).astype(np.uint16), image=photo)
    row = draw_overlay(result, alpha=0, numbers=False)[60, 30:50, 0].astype(int)
    assert abs(row - ground).max() > 100
    assert (draw_overlay(result, alpha=0, numbers=False)[60, :30] == ground).all()


def test_lines_grow_with_the_photo() -> None:
    assert line_width((480, 640)) < line_width((3000, 4000))
    assert line_width((1, 1)) == 1.4


def test_numbers_lie_at_the_heads_and_not_on_each_other(scene: ParsedPeople) -> None:
    with_numbers = draw_overlay(scene, alpha=0, outlines=False)
    changed = (with_numbers != draw_overlay(scene, alpha=0, **PLAIN)).any(axis=2)
    assert changed.any()
    for person in scene.people:
        x1, y1, x2, _ = person.box.astype(int)
        assert changed[max(0, y1 - 20) : y1 + 20, x1:x2].any()


def test_a_legend_makes_the_picture_taller_and_names_only_what_is_there() -> None:
    ids = np.zeros((100, 200), np.uint8)
    ids[20:80, 50:150] = 7
    result = ParsedPeople.from_maps(ids, (ids > 0).astype(np.uint16))
    picture = draw_overlay(result, legend=True)
    assert picture.shape[0] > 100 and picture.shape[1:] == (200, 3)
    strip = picture[100:].reshape(-1, 3).tolist()
    assert result.scheme.palette[7].tolist() in strip
    assert result.scheme.palette[11].tolist() not in strip
    assert draw_overlay(result, legend=True, color_by="person").shape[0] > 100


def test_a_legend_of_nothing_adds_nothing() -> None:
    nobody = ParsedPeople.from_maps(np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint16))
    assert draw_overlay(nobody, legend=True).shape == (9, 9, 3)
    assert draw_chips([], 50, 10).shape == (0, 50, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 3), (7, 200)])
def test_tiny_photos(size: tuple[int, int]) -> None:
    ids = np.full(size, 4, np.uint8)
    result = ParsedPeople.from_maps(ids, np.ones(size, np.uint16))
    assert draw_overlay(result).shape == (*size, 3)
    assert draw_overlay(result, legend=True).shape[1] == size[1]


def test_a_photo_of_another_size_is_refused(scene: ParsedPeople) -> None:
    with pytest.raises(InputError, match=r"image must be \(240, 320, 3\) uint8 like the result"):
        draw_overlay(scene, np.zeros((3, 3, 3), np.uint8))


def test_options_out_of_range_are_refused(scene: ParsedPeople) -> None:
    with pytest.raises(InputError, match="alpha must be from 0 to 1, got 2"):
        draw_overlay(scene, alpha=2)
    with pytest.raises(InputError, match="color_by must be one of part, person, got 'cloth'"):
        draw_overlay(scene, color_by="cloth")  # type: ignore[arg-type]
