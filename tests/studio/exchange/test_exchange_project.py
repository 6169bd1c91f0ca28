"""A project to each format and back into a project: labels, facts, and all or nothing."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peopleparse.data.gps_check import check_dataset
from peopleparse.errors import DataError, InputError
from peopleparse.studio.exchange import FORMATS, export_project, import_into
from peopleparse.studio.exchange import project as exchange
from peopleparse.studio.person_list import put_persons, write_persons
from peopleparse.studio.project import Project, open_project
from peopleparse.web.problems import Problem
from tests.studio.exchange.scenes import draw_scene, make_project

SEEDS = list(range(8))
LAYOUTS = [(name, layout) for name, form in FORMATS.items() for layout in form.layouts]
KEPT = ("uid", "click_xy", "occluded", "truncated", "status", "annotator", "seconds", "area")


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A painted project and the same without persons: made once, since making takes its time."""
    folder = tmp_path_factory.mktemp("templates")
    make_project(folder / "project", SEEDS)
    make_project(folder / "empty", SEEDS, painted=False)
    return folder


@pytest.fixture
def project(templates: Path, tmp_path: Path) -> Project:
    shutil.copytree(templates / "project", tmp_path / "project")
    return open_project(tmp_path / "project")


@pytest.fixture
def empty(templates: Path, tmp_path: Path) -> Project:
    shutil.copytree(templates / "empty", tmp_path / "empty")
    return open_project(tmp_path / "empty")


def files_of(project: Project) -> dict[str, bytes]:
    home = project.folder / "annotations"
    return {str(p.relative_to(home)): p.read_bytes() for p in home.rglob("*") if p.is_file()}


def persons_of(project: Project, photo_id: str) -> list[dict[str, Any]]:
    rows = project.store.record(photo_id)["persons"]
    return [{name: row[name] for name in (*KEPT, "mask_sha256", "index")} for row in rows]


def check_equal(one: Project, other: Project) -> None:
    for photo_id in one.photo_ids():
        first = one.store.read_annotation(photo_id).parsings
        second = other.store.read_annotation(photo_id).parsings
        assert first.shape == second.shape and (first != second).sum() == 0
        assert persons_of(one, photo_id) == persons_of(other, photo_id)
    assert one.states() == other.states()


@pytest.mark.parametrize(("format", "layout"), LAYOUTS)
def test_into_an_empty_project(
    project: Project, empty: Project, tmp_path: Path, format: str, layout: str
) -> None:
    report = export_project(project, format, tmp_path / "out.zip", layout)
    assert (report.different, report.losses.total()) == (0, 0)
    found = import_into(empty, format, tmp_path / "out.zip")
    assert (found.layout, found.losses.total(), list(found.unknown)) == (layout, 0, [])
    if format != "gps":  # whether nobody was counted is not in the GPS form
        check_equal(project, empty)
    assert sum(found.to_dict()["notes"].values()) <= len(SEEDS)  # type: ignore[attr-defined]
    assert check_dataset(empty.folder) == []


@pytest.mark.parametrize(("format", "layout"), LAYOUTS)
def test_into_the_same_project(project: Project, tmp_path: Path, format: str, layout: str) -> None:
    """What was exported replaces what was painted since; what is equal is not written again."""
    export_project(project, format, tmp_path / "out", layout, photos=True)
    before = files_of(project)
    report = import_into(project, format, tmp_path / "out")
    assert files_of(project) == before
    assert report.notes[exchange.UNCHANGED] == len(SEEDS)
    photo_id, uid = first_person(project)
    labels, revision = project.store.read_labels(photo_id, uid)
    project.store.save_labels(photo_id, uid, np.zeros_like(labels), revision)
    report = import_into(project, format, tmp_path / "out", annotator="Ada")
    assert report.notes[exchange.UNCHANGED] == len(SEEDS) - 1
    assert (project.store.read_labels(photo_id, uid)[0] == labels).all()
    entry = next(p for p in project.store.record(photo_id)["persons"] if p["uid"] == uid)
    assert (entry["annotator"], entry["status"]) == ("Ada", "doing")
    assert entry["revision"] == revision + 2
    assert check_dataset(project.folder) == []


def first_person(project: Project) -> tuple[str, str]:
    for photo_id in project.photo_ids():
        for entry in project.store.record(photo_id)["persons"]:
            if entry["area"]:
                return photo_id, entry["uid"]
    raise AssertionError("no person has a pixel")


def test_export_of_gps_is_a_gps_set(project: Project, tmp_path: Path) -> None:
    export_project(project, "gps", tmp_path / "out")
    (tmp_path / "out" / "exchange-report.json").unlink()
    assert check_dataset(tmp_path / "out") == []


def test_a_missing_copy_keeps_its_person(project: Project, tmp_path: Path) -> None:
    export_project(project, "labelme", tmp_path / "out")
    photo_id, uid = first_person(project)
    labels, revision = project.store.read_labels(photo_id, uid)
    project.store.save_labels(photo_id, uid, np.zeros_like(labels), revision)
    record = project.store.record(photo_id)
    index = next(p["index"] for p in record["persons"] if p["uid"] == uid)
    name = f"{photo_id}_{len(record['persons']):02d}_{index:02d}.json"
    (tmp_path / "out" / name).unlink()
    report = import_into(project, "labelme", tmp_path / "out")
    assert report.notes[exchange.KEPT] == (1 if len(record["persons"]) > 1 else 0)
    assert not project.store.read_labels(photo_id, uid)[0].any()


def test_flags_of_labelme_come_back(project: Project, tmp_path: Path) -> None:
    export_project(project, "labelme", tmp_path / "out")
    photo_id, uid = first_person(project)
    path = next((tmp_path / "out").glob(f"{photo_id}_*.json"))
    for path in (tmp_path / "out").glob(f"{photo_id}_*.json"):
        data = json.loads(path.read_text())
        for shape in data["shapes"]:
            shape["flags"] = {"occluded": True, "truncated": False}
        path.write_text(json.dumps(data))
    import_into(project, "labelme", tmp_path / "out")
    for entry in project.store.record(photo_id)["persons"]:
        assert not entry["area"] or (entry["occluded"], entry["truncated"]) == (True, False)


def test_choices_of_label_studio_come_back(project: Project, tmp_path: Path) -> None:
    """A choice that was exported and is gone was taken back; a new one is taken over."""
    export_project(project, "label-studio", tmp_path / "out")
    path = tmp_path / "out" / "tasks.json"
    tasks = json.loads(path.read_text())
    for task in tasks:
        results = task["annotations"][0]["result"]
        kept = [row for row in results if row["type"] == "brushlabels"]
        choice = {"type": "choices", "from_name": "sights", "to_name": "photo"}
        kept.append({**choice, "value": {"choices": ["truncated"]}})
        task["annotations"] = [
            {"was_cancelled": True, "result": []},
            {"result": kept},
        ]
    path.write_text(json.dumps(tasks))
    before = {i: project.store.record(i)["persons"] for i in project.photo_ids()}
    import_into(project, "label_studio", path)  # the file alone, and the name as a module has it
    for photo_id, rows in before.items():
        for old, new in zip(rows, project.store.record(photo_id)["persons"], strict=True):
            assert new["truncated"] is True
            assert new["occluded"] == (False if old["occluded"] else old["occluded"])


def test_overlaps_and_empty_persons_are_kept(project: Project, tmp_path: Path) -> None:
    report = export_project(project, "cvat", tmp_path / "out", "together")
    kind = "pixels that several persons claim, kept for each of them"
    assert report.notes[kind] > 0
    written = json.loads((tmp_path / "out" / "exchange-report.json").read_text())
    assert written == json.loads(json.dumps(report.to_dict())) and written["different"] == 0
    assert any(not person["area"] for i in project.photo_ids() for person in persons_of(project, i))


def test_lines_of_a_report(project: Project, tmp_path: Path) -> None:
    lines = export_project(project, "coco", tmp_path / "out", photos=False).lines()
    persons = sum(len(draw_scene(seed).labels) for seed in SEEDS)
    assert lines[0] == f"8 photos with {persons} persons written (coco, layout copies)"
    assert lines[1:3] == [
        "Read again: 0 pixels different",
        "Nothing of what was converted is lost.",
    ]
    assert not list((tmp_path / "out").rglob("*.png"))


def test_further_fields_are_counted(project: Project, tmp_path: Path) -> None:
    photo_id, uid = first_person(project)

    def edit(record: dict[str, Any]) -> None:
        record["source"] = "somewhere"
        record["persons"][0]["pose"] = [1, 2]

    project.store.change(photo_id, edit)
    report = export_project(project, "datumaro", tmp_path / "out")
    assert list(report.losses.values()) == [2]
    assert "Lost:" in report.lines()
    assert export_project(project, "gps", tmp_path / "gps").losses.total() == 0
    record = json.loads(
        (tmp_path / "gps" / "annotations" / photo_id / f"{photo_id}.json").read_text()
    )
    assert record["source"] == "somewhere" and record["persons"][0]["pose"] == [1, 2]


def test_unknown_photos_are_listed(project: Project, tmp_path: Path) -> None:
    export_project(project, "coco", tmp_path / "out.zip")
    smaller = make_project(tmp_path / "smaller", SEEDS[:4], painted=False)
    report = import_into(smaller, "coco", tmp_path / "out.zip")
    assert report.photos == 4
    assert {name[:10] for name in report.unknown} == {f"scene {n:04d}" for n in SEEDS[4:]}
    assert report.lines()[-1].startswith("Passed over, no photo of the project: scene 0004")
    other = make_project(tmp_path / "other", [40], painted=False)
    with pytest.raises(DataError, match="import must hold a photo of the project, got scene 0000"):
        import_into(other, "coco", tmp_path / "out.zip")


def test_another_photo_of_the_same_name(project: Project, tmp_path: Path) -> None:
    export_project(project, "cvat", tmp_path / "out.zip")

    def edit(record: dict[str, Any]) -> None:
        record["image"]["sha256"] = "0" * 64

    project.store.change("scene 0003", edit)
    before = files_of(project)
    with pytest.raises(DataError, match="photo must be the one that was exported, .* got 000000"):
        import_into(project, "cvat", tmp_path / "out.zip")
    assert files_of(project) == before


def test_another_number_of_persons(project: Project, tmp_path: Path) -> None:
    export_project(project, "coco", tmp_path / "out.zip")
    photo_id, _ = first_person(project)
    photo = project.store.photo(photo_id)
    persons = [{"uid": None, "click": [0, 0]} for _ in range(len(photo["persons"]) + 1)]
    put_persons(project.store, photo_id, photo["revision"], persons)
    with pytest.raises(DataError, match=r"photo must have \d persons as in the project, got \d"):
        import_into(project, "coco", tmp_path / "out.zip")


def test_person_twice(project: Project, tmp_path: Path) -> None:
    export_project(project, "coco", tmp_path / "out", "together")
    path = tmp_path / "out" / "annotations" / "instances_default.json"
    data = json.loads(path.read_text())
    image = next(row for row in data["images"] if row["n_persons"] > 1)
    image["persons"][1]["uid"] = image["persons"][0]["uid"]
    path.write_text(json.dumps(data))
    with pytest.raises(DataError, match="person must be in the file once, got '.*' twice"):
        import_into(project, "coco", tmp_path / "out")


@pytest.mark.parametrize("after", [1, 2])
def test_all_or_nothing_when_writing_breaks_off(
    project: Project,
    empty: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
) -> None:
    export_project(project, "coco", tmp_path / "out.zip")
    before, calls = files_of(empty), []

    def write(*values: Any) -> dict[str, Any]:
        calls.append(values[1])
        if len(calls) > after:
            raise Problem(507, "cannot-save", "no room")
        return write_persons(*values)

    monkeypatch.setattr(exchange, "write_persons", write)
    with pytest.raises(Problem, match="no room"):
        import_into(empty, "coco", tmp_path / "out.zip")
    assert files_of(empty) == before and len(calls) == after + 1
    assert not list((empty.folder / ".studio").glob("*.part"))
    monkeypatch.undo()
    import_into(empty, "coco", tmp_path / "out.zip")
    check_equal(project, empty)


def test_read_only_project(project: Project, tmp_path: Path) -> None:
    export_project(project, "coco", tmp_path / "out.zip")
    closed = open_project(project.folder, read_only=True)
    assert export_project(closed, "coco", tmp_path / "again.zip").different == 0
    with pytest.raises(Problem, match="read"):
        import_into(closed, "coco", tmp_path / "out.zip")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"format": "cvta"}, "format must be one of the exchange, got 'cvta'. Did you mean 'cvat'"),
        ({"layout": "copy"}, "layout of coco must be one of copies, together, got 'copy'"),
        ({"format": "gps", "layout": "together"}, "layout of gps must be one of copies, got"),
        ({"format": "gps", "photos": False}, "photos must be part of the GPS form, got none"),
    ],
)
def test_wrong_arguments(
    project: Project, tmp_path: Path, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(InputError, match=text):
        export_project(project, **{"format": "coco", "out": tmp_path / "out", **options})
    assert not (tmp_path / "out").exists()


def test_output_that_is_taken(project: Project, tmp_path: Path) -> None:
    (tmp_path / "out.zip").write_bytes(b"mine")
    with pytest.raises(InputError, match="output must be new, got a place that is taken, at"):
        export_project(project, "coco", tmp_path / "out.zip")
    assert (tmp_path / "out.zip").read_bytes() == b"mine"
    with pytest.raises(InputError, match="output must be a place that can be written"):
        export_project(project, "coco", tmp_path / "out.zip" / "below.zip")


def test_missing_photo(project: Project, tmp_path: Path) -> None:
    for path in (project.folder / "images").glob("scene 0003*"):
        path.unlink()
    report = export_project(project, "cvat", tmp_path / "out")
    assert report.notes["photos whose file is missing, exported without it"] == 1
    with pytest.raises(DataError, match="photo must be a file in the GPS form, got none for"):
        export_project(project, "gps", tmp_path / "gps.zip")
    assert sorted(path.name for path in tmp_path.iterdir() if "gps" in path.name) == []


def test_a_photo_named_like_a_copy(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", [1])
    first = next((project.folder / "images").iterdir())
    (project.folder / "images" / "scene 0001_02_01.png").write_bytes(first.read_bytes())
    with pytest.raises(InputError, match="differ from those of copies, got 'scene 0001_"):
        export_project(project, "coco", tmp_path / "out")
    assert export_project(project, "coco", tmp_path / "out", "together").different == 0


def test_archives_are_plain_zips(project: Project, tmp_path: Path) -> None:
    export_project(project, "labelme", tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None and "labels.txt" in archive.namelist()
    assert {path.name for path in tmp_path.iterdir()} >= {"out.zip"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_progress_is_shown(project: Project, tmp_path: Path) -> None:
    seen: list[str] = []

    def track(ids: Any) -> Any:
        seen.extend(ids)
        return ids

    watch: Callable[..., Any] = track
    export_project(project, "coco", tmp_path / "out", track=watch)
    import_into(project, "coco", tmp_path / "out", track=watch)
    assert len(seen) == 2 * len(SEEDS)
