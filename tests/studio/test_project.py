"""Projects: made, opened, read-only, with strange files; who has what open."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from peopleparse.data.collection_log import LogRow, log_path, read_log, write_log
from peopleparse.data.gps import read_image_ids, record_path, write_annotation
from peopleparse.data.gps_check import check_dataset
from peopleparse.errors import DataError, InputError
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation
from peopleparse.studio import journal
from peopleparse.studio.presence import HOLD_SECONDS, Presence
from peopleparse.studio.project import create_project, open_project
from peopleparse.web.problems import Problem
from tests.studio.projects import (
    HEIGHT,
    WIDTH,
    again,
    count,
    make_project,
    person_at,
    write_photos,
)


def test_a_project_is_made_of_a_folder_of_photos(tmp_path: Path) -> None:
    project = make_project(tmp_path, ["b.jpg", "a.png"], name="Street")
    assert (project.name, project.scheme.name, project.notes) == ("Street", "gps", [])
    assert project.photo_ids() == ["a", "b"] and project.states() == {"a": "todo", "b": "todo"}
    settings = json.loads((project.folder / "project.json").read_text())
    assert list(settings) == ["schema", "name", "scheme", "created", "allow_overlap"]
    first = project.photos()[0]
    assert first["width"] == WIDTH and first["height"] == HEIGHT and first["holder"] is None
    assert check_dataset(project.folder) == []
    copied = (project.folder / "images" / "b.jpg").read_bytes()
    assert copied == (tmp_path / "photos" / "b.jpg").read_bytes()


def test_photos_may_lie_in_the_project_already(tmp_path: Path) -> None:
    write_photos(tmp_path, ["a.jpg"])
    project = create_project(tmp_path, tmp_path)
    assert project.photo_ids() == ["a"] and project.notes == []
    assert (tmp_path / "a.jpg").exists()


def test_odd_photos_are_taken_in_or_named(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "in", ["a (1).jpg", "a -1-.png", "x.bmp", "ü.jpg"])
    (folder / "again.jpg").write_bytes((folder / "ü.jpg").read_bytes())
    (folder / "none.jpg").write_bytes(b"text")
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("left alone")
    rotated = Image.new("RGB", (30, 20), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    rotated.save(folder / "turned.jpg", exif=exif)
    project = create_project(tmp_path / "out", folder)
    assert project.photo_ids() == ["a -1", "a -1-2", "again", "turned", "x"]
    told = "\n".join(project.notes)
    assert "photo must hold an image, got 0 bytes" in told
    assert "photo must be an image, got 4 bytes that are none" in told
    assert "photo is the same as again.jpg and was left out" in told
    assert len(project.notes) == 3
    turned = project.store.record("turned")["image"]
    assert (turned["width"], turned["height"]) == (20, 30)
    assert check_dataset(project.folder) == []


def test_the_collection_log_comes_along(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "in" / "images", ["a b.jpg", "c.jpg"])
    rows = [
        LogRow("a b.jpg", "street", "a museum", "CC0"),
        LogRow("c.jpg", "street", "a museum", "CC0"),
        LogRow("d.jpg", "street", "a museum", "CC0", False, "nobody"),
    ]
    write_log(folder.parent, rows)
    project = create_project(tmp_path / "out", [folder / "a b.jpg", folder / "c.jpg"])
    assert read_log(project.folder) == rows
    assert log_path(project.folder).exists() and check_dataset(project.folder) == []


def test_what_cannot_be_a_project_is_refused(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "in")
    with pytest.raises(InputError, match="scheme must be one of gps, gps-outdoor, got 'lip'"):
        create_project(tmp_path / "out", folder, scheme="lip")
    with pytest.raises(InputError, match="photos must be a folder or a list of files, got"):
        create_project(tmp_path / "out", tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match="project must have a photo, got none"):
        create_project(tmp_path / "out", tmp_path / "bare")
    create_project(tmp_path / "out", folder)
    with pytest.raises(InputError, match="project must be new, got one that exists"):
        create_project(tmp_path / "out", folder)
    with pytest.raises(DataError, match="project must be a folder with project.json, got none"):
        open_project(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "project must have a readable JSON, got"),
        ("[]", "field 'schema' must be str, got None"),
        ('{"name": 3}', "field 'schema' must be str"),
        ('"other/1"', "field 'schema'"),
    ],
)
def test_a_broken_project_json_is_told(tmp_path: Path, text: str, message: str) -> None:
    project = make_project(tmp_path)
    (project.folder / "project.json").write_text(text)
    with pytest.raises(DataError, match=message):
        open_project(project.folder)
    whole = {"schema": "x/9", "name": "", "scheme": "gps", "created": "", "allow_overlap": False}
    (project.folder / "project.json").write_text(json.dumps(whole))
    with pytest.raises(DataError, match="project must be 'peopleparse-project/1' of scheme gps"):
        open_project(project.folder)


def test_strange_files_are_named_and_left_alone(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    strange = [
        project.folder / "thoughts.txt",
        project.folder / "images" / "raw.cr2",
        project.folder / "images" / "-x-.jpg",
        project.folder / "annotations" / "loose.txt",
        project.folder / "annotations" / "one" / "one.json.bak",
    ]
    for path in strange:
        path.write_bytes(b"?")
    found = open_project(project.folder)
    assert len(found.notes) == len(strange)
    for path in strange:
        assert any(str(path) in note for note in found.notes) and path.read_bytes() == b"?"
    for n in range(60):
        (project.folder / f"n{n}.txt").touch()
    assert open_project(project.folder).notes[-1] == "15 more files were left alone."


def test_a_folder_that_cannot_be_written_opens_for_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path)
    (uid,) = count(project.store, (5, 5))
    project.store.save_labels("one", uid, person_at(3), 0)
    real = os.open

    def refuse(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        if flags & os.O_RDWR:  # as on a disk that is mounted for reading
            raise OSError(30, "Read-only file system")
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", refuse)
    found = open_project(project.folder)
    assert found.read_only and "open for reading only" in found.notes[0]
    photo = found.store.photo("one")
    assert photo["read_only"] and photo["persons"][0]["area"] == 208
    assert (found.store.read_labels("one", uid)[0] == person_at(3)).all()
    for change in (
        lambda: found.store.save_labels("one", uid, person_at(9), 1),
        lambda: found.store.set_status("one", uid, "done"),
    ):
        with pytest.raises(Problem, match="got one open for reading only") as e:
            change()
        assert e.value.status == 403


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes everywhere")
def test_permissions_open_for_reading(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project.folder / ".studio" / "lock").unlink()
    for path in (project.folder / ".studio", project.folder):
        path.chmod(0o555)
    try:
        assert open_project(project.folder).read_only
    finally:
        for path in (project.folder, project.folder / ".studio"):
            path.chmod(0o755)


def test_reading_only_may_be_asked_for(tmp_path: Path) -> None:
    project = open_project(make_project(tmp_path).folder, read_only=True)
    assert project.read_only and project.notes == []


def test_a_save_that_broke_off_is_completed_and_said(tmp_path: Path) -> None:
    project = make_project(tmp_path, ["one.jpg", "two.jpg"])
    stage = journal.stage_folder(project.folder, "one")
    record = project.store.record("one")
    stage.mkdir(parents=True)
    record["studio"]["revision"] = 5
    (stage / journal.COMMIT).write_text(json.dumps({"record": record, "remove": []}))
    half = journal.stage_folder(project.folder, "two")
    half.mkdir()
    (half / "two_01_01.png").write_bytes(b"half")
    found = open_project(project.folder)
    assert found.notes == ["A save of photo 'one' that broke off was completed."]
    assert found.store.photo("one")["revision"] == 5 and not half.exists()


def test_a_gps_set_opens_as_a_project(tmp_path: Path) -> None:
    maps = np.stack([person_at(5), person_at(30)])
    photo = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for image_id, subset in (("in", "indoor"), ("out", "outdoor")):
        annotation = Annotation(maps, get_scheme("gps"), image_id)
        write_annotation(tmp_path, annotation, photo + len(subset), subset, "train")
    project = open_project(tmp_path)
    assert project.states() == {"in": "painted", "out": "painted"}
    found = project.store.photo("out")
    assert found["scheme"] == "gps-outdoor" and found["revision"] == 0
    assert [p["click"] for p in found["persons"]] == [[9, 17], [34, 17]]  # the boxes' middles
    tie = person_at(5)
    tie[0, 0] = 19
    uid = found["persons"][0]["uid"]
    with pytest.raises(Problem, match="must be ids of scheme 'gps-outdoor'"):
        project.store.save_labels("out", uid, tie, 1)
    project.store.save_labels("in", project.store.photo("in")["persons"][0]["uid"], tie, 1)
    from peopleparse.studio.person_list import put_persons

    put_persons(project.store, "out", 0, again(found))
    assert check_dataset(tmp_path) == []


def test_a_photo_put_into_images_is_seen(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    write_photos(project.folder / "images", ["new.jpg"], seed=3)
    assert project.photo_ids() == ["new", "one"]
    assert project.store.photo("new")["state"] == "todo"
    assert not record_path(project.folder, "new").exists()
    count(project.store, (3, 3), photo_id="new")
    assert read_image_ids(project.folder) == ["new", "one"]
    (project.folder / "images" / "bad.jpg").write_bytes(b"?")
    bad = next(photo for photo in project.photos() if photo["id"] == "bad")
    assert "image must be a readable JPEG or PNG" in bad["fault"]


def test_who_came_first_holds_a_photo() -> None:
    time = [0.0]
    presence = Presence(clock=lambda: time[0])
    assert presence.holder("one") is None
    mine = {"annotator": "Ann", "client": "a", "seconds_ago": 0.0}
    assert presence.call("one", "Ann", "a") == mine
    time[0] = 10
    assert presence.call("one", "Bob", "b") == mine | {"seconds_ago": 10.0}
    assert presence.call("one", "Ann", "a") == mine
    time[0] += HOLD_SECONDS
    assert presence.call("one", "Bob", "b")["client"] == "a"  # type: ignore[index]
    time[0] += 0.1
    assert presence.call("one", "Bob", "b")["client"] == "b"  # type: ignore[index]
    assert presence.call("one", "Ann", "a", take=True)["client"] == "a"  # type: ignore[index]
    assert presence.call("one", "Bob", "b", leave=True)["client"] == "a"  # type: ignore[index]
    assert presence.call("one", "Ann", "a", leave=True) is None
    assert presence.holder("one") is None and presence.call("two", "Bob", "b") is not None
