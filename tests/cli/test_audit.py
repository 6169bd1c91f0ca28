from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from peopleparse.cli.audit import audit, draw_finding, person_labels
from peopleparse.data.gps import write_annotation
from peopleparse.errors import DataError, InputError
from peopleparse.labels import get_scheme
from peopleparse.metrics.anatomy import audit_people
from peopleparse.structures import Annotation
from tests.datasets import draw_person, paint, write_gps_folder

GPS = get_scheme("gps")


def _run(*words: str | Path) -> Result:
    return CliRunner().invoke(audit, [str(word) for word in words])


def _two_left_shoes(size: tuple[int, int] = (200, 120)) -> np.ndarray:
    person = draw_person(size, 60, 10, 180, GPS)
    person[person == GPS.id_of("right shoe")] = GPS.id_of("left shoe")
    return person


def _write_faulty(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    good = draw_person((200, 120), 60, 10, 180, GPS)
    for image_id, person in (("bad", _two_left_shoes()), ("good", good)):
        photo = paint(person, GPS, rng)
        write_annotation(folder, Annotation(person[None], GPS, image_id), photo, "indoor", "val")
    return folder


def test_a_table_and_the_findings(tmp_path: Path) -> None:
    result = _run(_write_faulty(tmp_path / "labels"))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "2 images, 2 persons, 0 too small to judge"
    rows = [line.split() for line in lines]
    assert ["twin_parts", "1", "50.00"] in rows and ["any", "1", "50.00"] in rows
    assert lines[-1].endswith("bad: Person 1: two separate left shoe, no partner.")


def test_clean_people_have_no_findings(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    result = _run(tmp_path, "--side", "truth", "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["persons"], report["faulty"], report["findings"]) == (10, 0, [])


def test_pictures_and_json_of_what_was_found(tmp_path: Path) -> None:
    result = _run(_write_faulty(tmp_path / "labels"), "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"audit.json", "twin_parts.png"}
    report = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    (found,) = report["findings"]
    assert (found["image_id"], found["kind"], found["labels"]) == ("bad", "twin_parts", [9])
    assert Image.open(tmp_path / "out" / "twin_parts.png").size[1] > 300


def test_a_map_by_itself_is_one_person(tmp_path: Path) -> None:
    names = ["left-shoe", "right-shoe"]
    lip = get_scheme("lip")
    parsing = np.zeros((200, 120), np.uint8)
    person = _two_left_shoes()
    for label in GPS.labels:
        name = label.name.replace(" ", "-")
        if label.id and name in lip.names:
            parsing[person == label.id] = lip.id_of(name)
    assert lip.id_of(names[0]) in parsing and lip.id_of(names[1]) not in parsing
    Image.fromarray(parsing).save(tmp_path / "0001.png")
    result = _run(tmp_path, "--json")
    report = json.loads(result.stdout)
    assert (report["scheme"], report["persons"]) == ("lip", 1)
    assert [found["text"] for found in report["findings"]] == [
        "Person 1: two separate left-shoe, no partner."
    ]


def test_a_group_without_persons_is_refused(tmp_path: Path) -> None:
    (tmp_path / "global_parsing").mkdir()
    Image.fromarray(np.ones((9, 9), np.uint8)).save(tmp_path / "global_parsing" / "0001.png")
    result = _run(tmp_path)
    assert result.exit_code == 1
    assert "labels must tell persons apart, got a map of all of them" in result.stderr


def test_a_broken_image_is_left_out(tmp_path: Path) -> None:
    folder = _write_faulty(tmp_path / "labels")
    next((folder / "annotations" / "good").glob("*.png")).write_bytes(b"no picture")
    result = _run(folder)
    assert result.exit_code == 1
    assert "1 images, 1 persons" in result.stdout
    assert "1 images left out" in result.stderr


def test_a_folder_with_something_in_it_is_kept(tmp_path: Path) -> None:
    folder = _write_faulty(tmp_path / "labels")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    result = _run(folder, "--out", tmp_path / "out")
    assert isinstance(result.exception, InputError)
    assert "output must be a new or empty folder" in str(result.exception)


def test_what_is_no_labels(tmp_path: Path) -> None:
    result = _run(tmp_path / "none")
    assert isinstance(result.exception, DataError | InputError)


@pytest.mark.parametrize("photo", [False, True])
def test_the_box_is_drawn_around_the_fault(photo: bool) -> None:
    person = _two_left_shoes()
    (found,) = audit_people(person[None], GPS)
    image = np.full((*person.shape, 3), 90, np.uint8) if photo else None
    drawn = draw_finding(person, GPS, found, image)
    red = (drawn == (235, 30, 40)).all(axis=2)
    ys = np.nonzero(red)[0]
    assert drawn.shape[0] >= 300 and ys.min() > 0.8 * drawn.shape[0]


def test_a_person_of_either_form() -> None:
    maps = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    assert np.array_equal(person_labels(maps, 2), maps[1])
    parsing, instances = np.array([[3, 4]], np.uint8), np.array([[2, 1]], np.uint16)
    assert person_labels((parsing, instances), 1).tolist() == [[0, 4]]
