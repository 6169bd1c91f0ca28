"""The model's prediction for a clicked person: the right one, in the photo's labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from peopleparse.labels import get_scheme
from peopleparse.structures import ParsedPeople
from peopleparse.studio.prefill import Predictions, find_person, fit_labels, prefill_person
from peopleparse.studio.project import Project
from peopleparse.web.problems import Problem
from tests.studio.projects import HEIGHT, WIDTH, count, make_project, person_at


class FakeParser:
    """Finds one person at 4 and one at 40, and counts how often it was asked."""

    def __init__(self, scheme: str = "gps", part: int = 4, *xs: int) -> None:
        self.calls, self.scheme, self.part, self.xs = 0, scheme, part, xs or (4, 40)

    def __call__(self, image: Any) -> ParsedPeople:
        self.calls += 1
        parsing = np.zeros(image.shape[:2], np.uint8)
        owners = np.zeros(image.shape[:2], np.uint16)
        for number, x in enumerate(self.xs, 1):
            mine = person_at(x, self.part)
            parsing[mine > 0], owners[mine > 0] = mine[mine > 0], number
        return ParsedPeople.from_maps(
            parsing, owners, [0.9, 0.8][: len(self.xs)], scheme=self.scheme
        )


def prefill(project: Project, uid: str, parser: Any) -> Any:
    return prefill_person(project.store, "one", uid, parser, project.predictions)


def test_the_person_at_the_click_is_taken_and_the_photo_parsed_once(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    left, right = count(project.store, (6, 20), (52, 20))
    parser = FakeParser()
    found = prefill(project, left, parser)
    assert found.contained and found.score == pytest.approx(0.9) and found.loss == ""
    assert (found.labels == person_at(4)).all()
    near = prefill(project, right, parser)  # four pixels beside the box
    assert not near.contained and (near.labels == person_at(40)).all()
    assert parser.calls == 1
    assert project.store.photo("one")["persons"][0]["area"] == 0  # nothing is saved


def test_nobody_near_the_click_is_said(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (uid,) = count(project.store, (25, 20))
    with pytest.raises(Problem, match="must find a person near the click, got none of 2") as e:
        prefill(project, uid, FakeParser())
    assert e.value.status == 404
    empty = ParsedPeople.from_maps(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint16))
    assert find_person(empty, (1, 1)) == (None, False)


def test_a_click_on_the_last_edge_is_on_the_photo() -> None:
    result = FakeParser("gps", 4, 52)(np.zeros((HEIGHT, WIDTH, 3)))
    assert find_person(result, (WIDTH, 20))[1]


def test_a_tie_outdoors_becomes_background_and_is_told(tmp_path: Path) -> None:
    project = make_project(tmp_path, scheme="gps-outdoor")
    (uid,) = count(project.store, (6, 20))
    found = prefill(project, uid, FakeParser(part=19))
    assert found.loss == "dropped: tie 160"
    assert (found.labels == np.where(person_at(4) == 11, 11, 0)).all()


def test_other_labels_are_translated_and_the_loss_is_told(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (uid,) = count(project.store, (6, 20))
    jumpsuit = get_scheme("lip").id_of("jumpsuits")
    found = prefill(project, uid, FakeParser("lip", jumpsuit))
    assert found.loss != "" and "jumpsuits" in found.loss
    assert set(np.unique(found.labels)) <= {*range(20), 255}


def test_labels_without_a_table_are_refused() -> None:
    result = FakeParser("pascal-person-part", 4, 4)
    maps = np.where(person_at(4) > 0, 4, 0).astype(np.uint8)
    people = ParsedPeople.from_maps(maps, maps.astype(np.uint16) // 4, scheme=result.scheme)
    with pytest.raises(Problem, match="translation must be one of") as e:
        fit_labels(people, people.people[0], get_scheme("gps"))
    assert e.value.status == 422


def test_a_photo_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (uid,) = count(project.store, (6, 20))
    path = project.store.photo_file("one")
    Image.new("RGB", (9, 9)).save(path)
    with pytest.raises(Problem, match="photo must be 60 x 40 as its annotation says, got 9 x 9"):
        prefill(project, uid, FakeParser())
    path.write_bytes(b"")
    with pytest.raises(Problem, match="photo must hold an image, got 0 bytes"):
        prefill(project, uid, FakeParser())


def test_only_the_last_results_are_kept() -> None:
    parser, kept = FakeParser(), Predictions(kept=1)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for key in ("a", "a", "b", "a"):
        kept.get(key, image, parser)
    assert parser.calls == 3
