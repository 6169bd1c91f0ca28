"""What paths stand for: photos, results in the formats of the field, truth, several systems."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from peopleparse.data.gps import write_annotation
from peopleparse.data.png import write_label_png
from peopleparse.errors import DataError, InputError
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation, ParsedPeople
from peopleparse.studio import sources
from peopleparse.studio.items import Items
from peopleparse.studio.session import Studio
from tests.studio.site import client, draw_overlapping, draw_people, drawn_parser

SIZE = (48, 64)
GPS = get_scheme("gps")


def _open(*paths: Path, truth: Path | None = None, model: bool = True) -> Any:
    studio = Studio(Items(), make_parser=drawn_parser(2) if model else None)
    sources.open_paths(studio.items, paths, truth, studio.show_photo)
    return client(studio)


def _names(site: Any) -> list[tuple[str, str]]:
    return [(one["name"], one["kind"]) for one in site.get("/api/items").json()]


def _save(folder: Path, stem: str, seed: int = 0, photo: bool = False) -> ParsedPeople:
    result = draw_people(3, SIZE, seed)
    result.save(folder, stem, ("overlay", "png", "json"))
    if photo:
        Image.fromarray(result.image).save(folder / f"{stem}.jpg", quality=100, subsampling=0)
    return result


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    for name, seed in (("b.jpg", 0), ("a.png", 1), ("inner/c.webp", 2)):
        Image.fromarray(draw_people(1, SIZE, seed).image).save(folder / name)
    (folder / "notes.txt").write_text("none")
    return folder


def test_a_folder_of_photos_is_parsed_when_looked_at(photos: Path) -> None:
    site = _open(photos)
    assert _names(site) == [("a.png", "photo"), ("b.jpg", "photo"), ("c.webp", "photo")]
    found = site.get("/api/items/i2").json()
    assert (found["kind"], len(found["persons"]), found["width"]) == ("result", 2, SIZE[1])
    assert site.get(found["photo"]).content == (photos / "b.jpg").read_bytes()
    assert _names(site)[1] == ("b.jpg", "result")


def test_single_photos_and_one_that_is_none(photos: Path) -> None:
    bad = photos / "bad.jpg"
    bad.write_bytes(b"no photo")
    site = _open(photos / "a.png", bad)
    assert site.get("/api/items/i1").status_code == 200
    found = site.get("/api/items/i2")
    assert (found.status_code, found.json()["code"]) == (415, "no-photo")
    (photos / "a.png").unlink()
    gone = _open(photos / "b.jpg")
    (photos / "b.jpg").unlink()
    found = gone.get("/api/items/i1")
    assert found.status_code == 422
    assert "photo must be a file that can be read, got 'No such file" in found.json()["detail"]


def test_results_of_earlier_are_read_with_the_photo_beside_them(tmp_path: Path) -> None:
    result = _save(tmp_path, "group", photo=True)
    site = _open(tmp_path, model=False)
    assert _names(site) == [("group", "result")]
    found = site.get("/api/items/i1").json()
    assert [one["index"] for one in found["persons"]] == [1, 2, 3]
    assert found["persons"][0]["score"] == pytest.approx(0.95)
    assert site.get(found["photo"]).content == (tmp_path / "group.jpg").read_bytes()
    data = site.get("/api/items/i1/download/indexed.png").content
    (tmp_path / "again.png").write_bytes(data)
    with Image.open(tmp_path / "again.png") as image:
        assert np.array_equal(np.array(image), result.parsing)


def test_several_folders_are_systems_of_the_same_photos_beside_truth(
    tmp_path: Path, photos: Path
) -> None:
    for system in ("ours", "x/theirs", "y/theirs"):
        for seed, stem in enumerate(("a", "b")):
            _save(tmp_path / system, stem, seed)
    persons = draw_overlapping(3, SIZE)
    truth = Annotation(persons, GPS, "a")
    write_annotation(tmp_path / "gps", truth, draw_people(1, SIZE).image, "indoor", "val")
    site = _open(
        tmp_path / "ours", tmp_path / "x/theirs", tmp_path / "y/theirs", photos,
        truth=tmp_path / "gps",
    )  # fmt: skip
    assert _names(site) == [
        ("a (ours)", "result"), ("b (ours)", "result"), ("a (x/theirs)", "result"),
        ("b (x/theirs)", "result"), ("a (y/theirs)", "result"), ("b (y/theirs)", "result"),
        ("a (truth)", "truth"), ("a.png", "photo"), ("b.jpg", "photo"), ("c.webp", "photo"),
    ]  # fmt: skip
    first = site.get("/api/items/i1").json()
    assert first["same_photo"] == ["i3", "i5", "i7", "i8"]
    # The photos named lend themselves to results that have none.
    assert site.get(first["photo"]).content == (photos / "a.png").read_bytes()
    true = site.get("/api/items/i7").json()
    assert true["kind"] == "truth" and true["persons"][0]["score"] is None
    areas = [sum(part["area"] for part in one["parts"]) for one in true["persons"]]
    assert areas == [int((one > 0).sum()) for one in persons]


def test_maps_and_photos_that_are_all_png_are_told_apart(tmp_path: Path) -> None:
    for name in ("maps", "photos"):
        (tmp_path / name).mkdir()
    ids = np.full(SIZE, 3, np.uint8)
    write_label_png(tmp_path / "maps/a.png", ids, GPS.palette)
    Image.fromarray(draw_people(1, SIZE).image).save(tmp_path / "photos/a.png")
    assert _names(_open(tmp_path / "photos")) == [("a.png", "photo")]
    site = _open(tmp_path / "maps")
    assert _names(site) == [("a", "result")]
    found = site.get("/api/items/i1").json()
    assert (found["scheme"], found["persons"], found["photo"]) == ("lip", [], None)


def test_archives_are_read_where_they_are(tmp_path: Path) -> None:
    _save(tmp_path / "results", "a", photo=True)
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "results"))
    site = _open(archive)
    found = site.get("/api/items/i1").json()
    assert len(found["persons"]) == 3
    assert site.get(found["photo"]).headers["content-type"] == "image/jpeg"


def test_masks_that_do_not_fit_their_photo_are_said(tmp_path: Path) -> None:
    _save(tmp_path, "a")
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg")
    found = _open(tmp_path).get("/api/items/i1")
    assert found.status_code == 422
    assert "masks must be 30 x 20 like their photo, got 64 x 48, at " in found.json()["detail"]


def test_the_photo_that_was_parsed_is_found_where_it_was(tmp_path: Path) -> None:
    result = draw_people(2, SIZE)
    photo = tmp_path / "elsewhere" / "me.png"
    photo.parent.mkdir()
    Image.fromarray(result.image).save(photo)
    result.source = str(photo)
    result.save(tmp_path / "parsed", "me", ("png", "json"))
    found = _open(tmp_path / "parsed").get("/api/items/i1").json()
    assert found["photo"] == "/api/items/i1/photo"
    # Another photo by now, or no photo at all: the result is shown without.
    Image.new("RGB", (5, 5)).save(photo)
    assert _open(tmp_path / "parsed").get("/api/items/i1").json()["photo"] is None
    path = tmp_path / "parsed" / "me.json"
    record = json.loads(path.read_text())
    for source in ("/etc/passwd", "a\0b.jpg", 7, None):
        path.write_text(json.dumps(record | {"source": source}))
        assert _open(tmp_path / "parsed").get("/api/items/i1").json()["photo"] is None


def test_a_photo_beside_one_system_is_shown_with_the_others(tmp_path: Path) -> None:
    _save(tmp_path / "first", "a", photo=True)
    _save(tmp_path / "second", "a")
    site = _open(tmp_path / "second", tmp_path / "first")
    shown = [site.get(f"/api/items/{one['id']}").json() for one in site.get("/api/items").json()]
    assert len(shown) == 2 and all(one["photo"] for one in shown)


def test_a_gps_record_reads_no_file_outside_its_folder(tmp_path: Path) -> None:
    truth = Annotation(draw_overlapping(1, SIZE), GPS, "a")
    write_annotation(tmp_path / "gps", truth, draw_people(1, SIZE).image, "indoor", "val")
    Image.fromarray(draw_people(1, SIZE).image).save(tmp_path / "secret.jpg")
    path = tmp_path / "gps/annotations/a/a.json"
    record = json.loads(path.read_text())
    record["image"]["file"] = "../secret.jpg"
    path.write_text(json.dumps(record))
    found = _open(truth=tmp_path / "gps").get("/api/items/i1")
    assert found.status_code == 422 or found.json()["photo"] is None


def test_a_broken_result_is_said_and_the_others_are_shown(tmp_path: Path) -> None:
    _save(tmp_path, "a")
    _save(tmp_path, "b")
    (tmp_path / "a_parsing.png").write_bytes(b"broken")
    site = _open(tmp_path)
    assert "label map must be a PNG file, got 6 bytes" in site.get("/api/items/i1").json()["detail"]
    assert site.get("/api/items/i2").status_code == 200


def test_paths_that_stand_for_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="source must be an existing file, folder or glob"):
        _open(tmp_path / "none.jpg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="labels must be files in a folder or zip archive, got"):
        _open(tmp_path / "empty")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a_parsing.png").write_bytes(b"x")
    (tmp_path / "broken" / "a.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match="results of peopleparse must have a JSON"):
        _open(tmp_path / "broken")
