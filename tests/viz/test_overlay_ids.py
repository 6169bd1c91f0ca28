"""Overlays of a video: number and colour of a person stay with the id."""

from __future__ import annotations

import pytest

from peopleparse.errors import InputError
from peopleparse.structures import ParsedPeople
from peopleparse.viz import draw_overlay, draw_scene, person_color
from peopleparse.viz.palette import UNNAMED


@pytest.fixture(scope="module")
def scene() -> ParsedPeople:
    return draw_scene(3, (240, 320))


def test_colors_go_with_the_ids(scene: ParsedPeople) -> None:
    options = {"alpha": 1, "color_by": "person", "outlines": False, "numbers": False}
    picture = draw_overlay(scene, ids=[6, 0, 2], **options)
    for person, wanted in zip(
        scene.people, (person_color(6), UNNAMED, person_color(2)), strict=True
    ):
        assert (picture[person.mask] == wanted).all()


def test_ids_left_out_number_from_left_to_right(scene: ParsedPeople) -> None:
    for by in ("part", "person"):
        plain = draw_overlay(scene, color_by=by, legend=True)
        assert (plain == draw_overlay(scene, color_by=by, legend=True, ids=[1, 2, 3])).all()


def test_who_has_no_id_has_no_number(scene: ParsedPeople) -> None:
    nobody = draw_overlay(scene, ids=[0, 0, 0])
    assert (nobody == draw_overlay(scene, numbers=False)).all()
    assert (draw_overlay(scene, ids=[0, 12, 0]) != nobody).any()


def test_the_legend_names_ids(scene: ParsedPeople) -> None:
    wide = draw_overlay(scene, color_by="person", legend=True, ids=[7, 0, 9])
    strip = wide[240:].reshape(-1, 3).tolist()
    assert list(person_color(7)) in strip and list(person_color(9)) in strip
    assert list(person_color(1)) not in strip


def test_too_few_ids_are_refused(scene: ParsedPeople) -> None:
    with pytest.raises(InputError, match="ids must be one number a person, got 1 for 3 persons"):
        draw_overlay(scene, ids=[1])
