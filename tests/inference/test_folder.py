"""Finding photos, going on past broken ones, and never leaving half a result."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peopleparse.errors import InputError, SchemeError
from peopleparse.inference import Parser, find_photos, parse_folder, translate_people
from peopleparse.inference.folder import check_formats, save_whole, unique_stems
from peopleparse.inference.journal import JOURNAL_NAME
from peopleparse.structures import ParsedPeople
from tests.fakes import FakeEngine, draw_people


@pytest.fixture
def parser() -> Parser:
    return Parser(engine=FakeEngine(), detail="fast")


def write_photo(path: Path, people: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    boxes = [(10 + 50 * i, 10, 40 + 50 * i, 110) for i in range(people)]
    Image.fromarray(draw_people((120, 160), boxes)).save(path)
    return path


def names_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def results_in(folder: Path) -> set[str]:
    return names_in(folder) - {JOURNAL_NAME}


def test_files_folders_and_globs(tmp_path):
    a, b = write_photo(tmp_path / "a.JPG"), write_photo(tmp_path / "sub" / "b.png")
    odd = tmp_path / "photo without ending"
    odd.write_bytes(a.read_bytes())
    for name in ("note.txt", ".hidden.png", ".cache/c.png", "sub/._b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_photos([tmp_path]) == [a, b]
    assert find_photos([str(tmp_path / "**" / "*.png")]) == [b]
    assert find_photos([tmp_path / "*"]) == [a]
    assert find_photos([b, tmp_path, a]) == [b, a]
    assert find_photos([odd]) == [odd]


def test_a_file_with_brackets_in_its_name_is_a_file(tmp_path):
    path = write_photo(tmp_path / "a[1].png")
    assert find_photos([str(path)]) == [path]


def test_nothing_found(tmp_path):
    with pytest.raises(InputError, match="an existing file, folder or glob, got .*no.jpg. Check"):
        find_photos([tmp_path / "no.jpg"])
    with pytest.raises(InputError, match="folder must hold images, got none, at .*Endings"):
        find_photos([tmp_path])
    with pytest.raises(InputError, match=r"glob must match images, got none for '.*\*\.jpg'"):
        find_photos([str(tmp_path / "*.jpg")])


@pytest.mark.parametrize("out", ["parsed", "."])
def test_a_second_run_does_not_parse_the_results_of_the_first(parser, tmp_path, out):
    photo = write_photo(tmp_path / "a.jpg")
    folder = tmp_path / out
    parse_folder(parser, find_photos([tmp_path], skip=folder), folder)
    assert (folder / "a_overlay.jpg").is_file()
    assert find_photos([tmp_path], skip=folder) == [photo]
    assert find_photos([str(tmp_path / "*.jpg")], skip=folder) == [photo]


def test_saves_what_was_asked_for_and_nothing_else(parser, tmp_path):
    photos = [write_photo(tmp_path / "in" / f"{n}.png", n) for n in (1, 2)]
    out, seen = tmp_path / "deep" / "out", []
    report = parse_folder(parser, photos, out, ("png", "json"), on_photo=seen.append)
    assert seen == photos and report.people == 3 and not report.failed and report.loss is None
    written = {str(p.relative_to(out)) for files in report.written.values() for p in files}
    assert written | {JOURNAL_NAME} == names_in(out)
    assert len(json.loads((out / "2.json").read_text())["people"]) == 2


def test_three_broken_of_twenty(parser, tmp_path):
    photos = [write_photo(tmp_path / "in" / f"{n:02}.jpg") for n in range(20)]
    photos[3].write_bytes(b"")
    photos[9].write_bytes(b"no image")
    photos[15].write_bytes(photos[15].read_bytes()[:700])
    report = parse_folder(parser, find_photos([tmp_path / "in"]), tmp_path / "out", ("json",))
    assert sorted(p.name for p in report.failed) == ["03.jpg", "09.jpg", "15.jpg"]
    assert all(photo.name in reason for photo, reason in report.failed.items())
    assert len(results_in(tmp_path / "out")) == len(report.written) == report.people == 17


def test_a_fault_on_one_photo_does_not_end_the_run(parser, tmp_path):
    photos = [write_photo(tmp_path / f"{name}.png") for name in "ab"]

    def parse(photo):
        if photo.stem == "a":
            raise RuntimeError("odd")
        return parser(photo)

    report = parse_folder(parse, photos, tmp_path / "out", ("json",))
    assert report.failed == {photos[0]: "unexpected RuntimeError: odd"}
    assert list(report.written) == [photos[1]]


def test_no_empty_folder_stays_when_nothing_could_be_parsed(parser, tmp_path):
    photo = tmp_path / "x.jpg"
    photo.write_bytes(b"")
    assert parse_folder(parser, [photo], tmp_path / "out").failed
    assert names_in(tmp_path) == {"x.jpg"}


def test_output_folder_that_cannot_be_written(parser, tmp_path, monkeypatch):
    photo = write_photo(tmp_path / "a.png")
    with pytest.raises(InputError, match="one that can be written to, got '.*a.png.*Choose an"):
        parse_folder(parser, [photo], photo / "out")
    before = names_in(tmp_path)
    with pytest.raises(InputError, match=r"got '.*a\.png' \(File exists\)"):
        parse_folder(parser, [photo], photo)
    assert names_in(tmp_path) == before


def test_a_full_disk_leaves_no_half_result(parser, tmp_path, monkeypatch):
    photos = [write_photo(tmp_path / "in" / f"{name}.png") for name in "abc"]
    out, write = tmp_path / "out", Path.write_bytes

    def fill(self, data):
        if self.name == "b.json":
            write(self, data[:5])
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(InputError, match=r"\(No space left.*finished \(\d\) is kept: run"):
        parse_folder(parser, photos, out)
    # c may have been done by then, or not.
    kept = {"a.json", "a_overlay.jpg", "a_parsing.png", "a_instances.png"}
    assert {name for name in results_in(out) if name[0] != "c"} == kept
    monkeypatch.undo()
    report = parse_folder(parser, photos, out)
    assert photos[0] in report.skipped and photos[1] in report.written
    assert len(report.skipped) + len(report.written) == report.people == 3


def test_an_error_while_saving_one_result(parser, tmp_path, monkeypatch):
    photo, out = write_photo(tmp_path / "a.png"), tmp_path / "out"
    out.mkdir()

    def fail(self, data):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(InputError, match=r"got '.*out' \(Read-only file system\).*free space.$"):
        save_whole(parser(photo), out, "a", ("json",))
    assert names_in(out) == set()
    monkeypatch.undo()
    assert save_whole(parser(photo), out, "a", ("json",)) == [out / "a.json"]


def test_photos_of_one_name_do_not_overwrite_each_other(parser, tmp_path):
    names = ("a/x.png", "b/x.jpg", "b/X.png", "x-2.png")
    photos = [write_photo(tmp_path / name) for name in names]
    assert unique_stems(photos) == ["x", "x-3", "X-4", "x-2"]
    report = parse_folder(parser, photos, tmp_path / "out", ("json",))
    assert results_in(tmp_path / "out") == {"x.json", "x-3.json", "X-4.json", "x-2.json"}
    sources = [json.loads(files[0].read_text())["source"] for files in report.written.values()]
    assert sources == [str(photo) for photo in photos]


def test_unknown_format(parser, tmp_path):
    with pytest.raises(InputError, match="format must be known, got 'pgn'. Did you mean 'png'"):
        check_formats(["json", "pgn"])
    with pytest.raises(InputError, match="format must be known"):
        parse_folder(parser, [write_photo(tmp_path / "a.png")], tmp_path / "out", ["pgn"])
    assert not (tmp_path / "out").exists()


def test_translation_counts_what_is_lost(parser, tmp_path):
    parsing = np.zeros((4, 6), np.uint8)
    parsing[:, 0], parsing[:2, 1], parsing[0, 5] = 4, 8, 16  # upper clothes, belt; a bag alone
    instances = (parsing > 0).astype(np.uint16)
    instances[0, 5] = 2
    result = ParsedPeople.from_maps(parsing, instances, scores=[0.8, 0.6], source="a.jpg")
    translated, loss = translate_people(result, "lip")
    assert translated.scheme.name == "lip" and len(translated) == 1
    assert list(translated.people[0].parts) == ["upper-clothes"]
    assert translated.people[0].score == 0.8 and translated.source == "a.jpg"
    assert loss.dropped == {"bag": 1} and loss.merged["belt"] == 2
    with pytest.raises(SchemeError, match="scheme must be a known name, got 'lop'"):
        translate_people(result, "lop")
    photos = [write_photo(tmp_path / f"{name}.png") for name in "ab"]
    report = parse_folder(lambda photo: result, photos, tmp_path / "out", ("json",), "lip")
    assert report.loss.dropped == {"bag": 2} and report.loss.pixels == 48
    assert json.loads((tmp_path / "out" / "a.json").read_text())["scheme"] == "lip"


def test_thousands_of_photos_of_one_name():
    """Each number is tried once: counting from 2 for every photo would take minutes here."""
    stems = unique_stems([Path(f"{n}/image.jpg") for n in range(30_000)])
    assert stems[:3] == ["image", "image-2", "image-3"] and len(set(stems)) == 30_000


def test_folders_are_searched_in_the_order_of_names(tmp_path):
    names = ["a/z.png", "a.jpg", "b/c/d.png", "b/a.png", "B.png", "b.png", "a/b/c.png"]
    photos = [tmp_path / name for name in names]
    for photo in photos:
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.touch()
    (tmp_path / "link.png").symlink_to(photos[0])
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing")
    assert find_photos([tmp_path]) == sorted([*photos, tmp_path / "link.png"])
    # What a link leads to counts: a result is no photo.
    found = find_photos([tmp_path], skip=tmp_path / "a")
    assert found == sorted(p for p in photos if (tmp_path / "a") not in p.parents)
