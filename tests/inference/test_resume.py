"""Runs that go on where another stopped, whatever stopped it and at whichever instant."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from peopleparse.errors import InputError
from peopleparse.inference import Parser, folder, parse_folder
from peopleparse.inference.journal import JOURNAL_NAME, LOCK_NAME, Journal, forget_stem, locked
from tests.fakes import FakeEngine
from tests.inference.test_folder import names_in, write_photo


class Death(BaseException):
    """The process is gone: from now on nothing works."""


@pytest.fixture
def parser() -> Parser:
    return Parser(engine=FakeEngine(), detail="fast")


@pytest.fixture
def photos(tmp_path) -> list[Path]:
    return [write_photo(tmp_path / "in" / f"{name}.png") for name in "abc"]


def read_files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name != JOURNAL_NAME}


def read_lines(out: Path) -> list[dict]:
    return [json.loads(text) for text in (out / JOURNAL_NAME).read_text().splitlines() if text]


def test_a_second_run_parses_nothing(parser, photos, tmp_path):
    first, skipped = parse_folder(parser, photos, tmp_path / "out"), []
    before = read_files(tmp_path / "out")
    calls = list(parser.engine.calls)
    again = parse_folder(parser, photos, tmp_path / "out", on_skipped=skipped.append)
    assert again.skipped == photos and not again.written and skipped == [3]
    assert again.people == first.people == 3 and parser.engine.calls == calls
    assert read_files(tmp_path / "out") == before
    anew = parse_folder(parser, photos, tmp_path / "out", resume=False)
    assert list(anew.written) == photos and not anew.skipped


def test_the_folder_gives_what_the_parser_gives(parser, photos, tmp_path):
    parse_folder(parser, photos, tmp_path / "a", ahead=1)
    parse_folder(parser, photos, tmp_path / "b", ahead=3, encoders=3)
    assert read_files(tmp_path / "a") == read_files(tmp_path / "b")
    (tmp_path / "c").mkdir()
    for photo in photos:
        parser(photo).save(tmp_path / "c")
    assert read_files(tmp_path / "c") == read_files(tmp_path / "a")
    assert [line["stem"] for line in read_lines(tmp_path / "b")] == ["a", "b", "c"]


def test_what_makes_a_photo_be_done_again(parser, photos, tmp_path):
    out = tmp_path / "out"

    def done(**options):
        return [p.stem for p in parse_folder(parser, photos, out, ("json",), **options).written]

    assert done() == ["a", "b", "c"] and done() == []
    (out / "b.json").unlink()
    assert done() == ["b"]
    (out / "b.json").write_bytes(b"short")
    assert done() == ["b"]
    write_photo(photos[2], 2)
    assert done() == ["c"]
    os.utime(photos[0], ns=(1, 1))
    assert done() == ["a"]
    assert done(scheme="lip") == ["a", "b", "c"] and done(scheme="lip") == []
    assert done(identity={"mine": 1}) == ["a", "b", "c"] and done(identity={"mine": 1}) == []
    assert len(parse_folder(parser, photos, out, ("json", "png")).written) == 3


def test_options_of_the_parser_are_part_of_the_identity(photos, tmp_path):
    for threshold in (0.2, 0.3):
        parser = Parser(engine=FakeEngine(), threshold=threshold)
        assert len(parse_folder(parser, photos, tmp_path / "out", ("json",)).written) == 3


def test_a_failed_photo_is_tried_again(parser, photos, tmp_path):
    good, bad = photos[0].read_bytes(), photos[1]
    bad.write_bytes(b"broken")
    report = parse_folder(parser, photos, tmp_path / "out", ("json",))
    assert list(report.failed) == [bad]
    line = read_lines(tmp_path / "out")[1]
    assert line["state"] == "failed" and "photo must be an image" in line["error"]
    report = parse_folder(parser, photos, tmp_path / "out", ("json",))
    assert list(report.failed) == [bad] and len(report.skipped) == 2
    bad.write_bytes(good)
    assert list(parse_folder(parser, photos, tmp_path / "out", ("json",)).written) == [bad]


def test_no_journal_for_a_function_or_for_one_photo(parser, photos, tmp_path):
    parse_folder(lambda photo: parser(photo), photos, tmp_path / "a", ("json",))
    parse_folder(parser, photos[:1], tmp_path / "b", ("json",))
    assert names_in(tmp_path / "a") == {"a.json", "b.json", "c.json"}
    assert names_in(tmp_path / "b") == {"a.json"}


def test_one_photo_takes_its_line_out_of_a_journal(parser, photos, tmp_path):
    out = tmp_path / "out"
    parse_folder(parser, photos, out, ("json",))
    other = write_photo(tmp_path / "else" / "b.png")
    parse_folder(parser, [other], out, ("json",))
    assert list(parse_folder(parser, photos, out, ("json",)).written) == [photos[1]]


def test_results_that_another_photo_of_the_name_replaced(parser, photos, tmp_path):
    """With another photo in front, `b` changes hands: nobody's result is taken for another's."""
    out, other = tmp_path / "out", write_photo(tmp_path / "in2" / "b.png", 2)
    parse_folder(parser, photos, out, ("json",))
    report = parse_folder(parser, [other, *photos], out, ("json",))
    assert {p: files[0].name for p, files in report.written.items()} == {
        other: "b.json",
        photos[1]: "b-2.json",
    }
    assert list(parse_folder(parser, photos, out, ("json",)).written) == [photos[1]]


@pytest.mark.parametrize(
    "tail", [b'{"stem":"c","state":"fin', b"\0\0\0", b"[1]\n", b"nonsense\n\n"]
)
def test_a_torn_or_strange_line_is_passed_over(parser, photos, tmp_path, tail):
    out = tmp_path / "out"
    parse_folder(parser, photos, out, ("json",))
    journal = out / JOURNAL_NAME
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:2]) + tail)
    assert list(parse_folder(parser, photos, out, ("json",)).written) == [photos[2]]
    assert not parse_folder(parser, photos, out, ("json",)).written


def test_a_disk_that_is_full_when_the_line_is_written(parser, photos, tmp_path, monkeypatch):
    out, write = tmp_path / "out", os.write

    def fill(file, data):
        return write(file, data[:9] if b'"b"' in data else data)

    monkeypatch.setattr(os, "write", fill)
    with pytest.raises(
        InputError, match=r"out' \(No space left on device\).*finished \(\d\) is kept"
    ):
        parse_folder(parser, photos, out, ("json",))
    monkeypatch.undo()
    # The line of c, which was being finished, stands behind the torn one.
    report = parse_folder(parser, photos, out, ("json",))
    assert photos[0] in report.skipped and photos[1] in report.written
    assert not parse_folder(parser, photos, out, ("json",)).written


def test_permission_lost_in_the_middle(parser, photos, tmp_path, monkeypatch):
    replace = os.replace

    def refuse(source, target):
        if Path(target).name == "c.json":
            raise PermissionError(13, "Permission denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(
        InputError, match=r"\(Permission denied\).*finished \(2\) is kept: run again"
    ):
        parse_folder(parser, photos, tmp_path / "out", ("json",))
    monkeypatch.undo()
    assert list(parse_folder(parser, photos, tmp_path / "out", ("json",)).written) == [photos[2]]


def die_at(monkeypatch, step: int) -> None:
    """Let the process end before its `step`-th change on disk; nothing works from there on."""
    left = [step]

    def guard(call):
        def guarded(*args, **options):
            left[0] -= 1
            if left[0] < 0:
                raise Death
            return call(*args, **options)

        return guarded

    monkeypatch.setattr(os, "write", guard(os.write))
    monkeypatch.setattr(os, "replace", guard(os.replace))
    monkeypatch.setattr(Path, "write_bytes", guard(Path.write_bytes))
    # A killed process does not clean up.
    monkeypatch.setattr(folder.tempfile, "TemporaryDirectory", Scratch)


class Scratch:
    def __init__(self, prefix, dir, **options) -> None:
        self.path = Path(dir) / f"{prefix}x"

    def __enter__(self) -> str:
        self.path.mkdir()
        return str(self.path)

    def __exit__(self, *error: object) -> None:
        """Nothing: it stays."""


@pytest.mark.parametrize("before", ["nothing", "another identity"])
def test_death_at_every_instant(photos, tmp_path, monkeypatch, before):
    """Each change on disk in turn is the last; the next run makes of it what it would have been."""
    parser = Parser(engine=FakeEngine(), detail="fast")
    other = Parser(engine=FakeEngine(), detail="fast", threshold=0.1)
    photos, formats = photos[:2], ("json", "coco")
    parse_folder(parser, photos, tmp_path / "plain", formats)
    wanted, step = read_files(tmp_path / "plain"), 0
    while True:
        out = tmp_path / f"out{step}"
        if before == "another identity":
            parse_folder(other, photos, out, formats)
            for name in wanted:  # other results of the same size
                (out / name).write_bytes(b"x" * len(wanted[name]))
        with monkeypatch.context() as patch:
            die_at(patch, step)
            try:
                parse_folder(parser, photos, out, formats)
                died = False
            except Death:
                died = True
        report = parse_folder(parser, photos, out, formats)
        assert read_files(out) == wanted, step
        assert len(report.written) + len(report.skipped) == 2
        if not died:
            break
        # Files that differ and still pass for finished would show here, after a run of the other.
        step += 1
    assert step > 8


def test_two_runs_at_once_are_refused(parser, photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with (
        locked(out),
        pytest.raises(
            InputError,
            match=rf"in use by one run, got another \(process {os.getpid()}\), at '.*out'",
        ),
    ):
        parse_folder(parser, photos, out)
    assert names_in(out) == set()
    assert len(parse_folder(parser, photos, out).written) == 3


def test_a_lock_left_by_a_dead_process_holds_nobody(parser, photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK_NAME).write_text("99999999\n")
    (tmp_path / "out" / ".peopleparse-run-old").mkdir()
    assert len(parse_folder(parser, photos, tmp_path / "out", ("json",)).written) == 3
    assert names_in(tmp_path / "out") == {"a.json", "b.json", "c.json", JOURNAL_NAME}


def test_a_long_journal_is_written_anew(tmp_path):
    photo = write_photo(tmp_path / "a.png")
    file = tmp_path / "a.json"
    file.write_text("{}")
    state = [photo.stat().st_size, photo.stat().st_mtime_ns]
    journal = Journal(tmp_path, {})
    for _ in range(1100):
        journal.finish(photo, state, "a", [file], 1)
    journal.close()
    assert len(read_lines(tmp_path)) == 1100
    journal = Journal(tmp_path, {})
    assert len(read_lines(tmp_path)) == 1
    assert journal.is_finished(photo, "A", ["a.json"]) and journal.people("a") == 1
    assert not Journal(tmp_path, {"b": 1}).is_finished(photo, "a", ["a.json"])
    forget_stem(tmp_path, "a")
    assert journal.is_finished(photo, "a", ["a.json"])  # as it was when it was opened
    assert not Journal(tmp_path, {}).is_finished(photo, "a", ["a.json"])
    journal.close()
