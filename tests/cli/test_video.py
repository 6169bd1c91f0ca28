"""`peopleparse video` from the outside: files, lines, notes and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peopleparse.cli import main
from peopleparse.cli import video as command
from peopleparse.inference.video_read import Video, open_video
from peopleparse.inference.video_write import VideoFile
from tests.inference.test_video import fake_parser, make_pictures, read, write_video

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr("peopleparse.cli.video.build_parser", lambda options: fake_parser)

    def run_main(*args: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(["video", *(str(arg) for arg in args)])
        code = caught.value.code
        assert isinstance(code, int)
        out, err = capsys.readouterr()
        return code, out, err

    return run_main


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", make_pictures())


def test_a_video_becomes_one_with_people_in_it(run: Run, clip: Path, tmp_path: Path) -> None:
    code, out, err = run(clip, tmp_path / "out.mp4", "--every", 2, "--color", "person")
    assert code == 0 and out == ""
    assert err.startswith("2 people in 6 frames, ") and "Sound is not copied." in err
    found = open_video(tmp_path / "out.mp4")
    assert found.fps == 5 and len(list(found)) == 6


def test_json_lines_go_to_a_file_or_out(run: Run, clip: Path, tmp_path: Path) -> None:
    code, out, err = run(clip, "--json-lines", "-", "--end", 0.35)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [line["frame"] for line in lines] == [0, 1, 2, 3]
    assert [[p["id"] for p in line["people"]] for line in lines] == [[1, 2]] * 4
    assert "Sound" not in err and "results in" not in err
    target = tmp_path / "new" / "people.jsonl"
    assert run(clip, "--json-lines", target, "--end", 0.35)[0] == 0
    assert target.read_text() == out


def test_a_damaged_video_keeps_what_is_good_and_exits_1(run: Run, tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.avi", make_pictures(60, (64, 96)))
    data = whole.read_bytes()
    (tmp_path / "cut.avi").write_bytes(data[: len(data) // 2])
    code, _, err = run(tmp_path / "cut.avi", tmp_path / "out.mp4")
    kept = len(read(tmp_path / "out.mp4"))
    assert code in (0, 1) and 5 < kept < 60
    if code:
        assert f"after frame {kept} of 60: what lies before is kept." in err


def test_ctrl_c_keeps_what_is_written(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = VideoFile.write

    def write_three(self: VideoFile, *args: Any) -> None:
        if self.count == 3:
            raise KeyboardInterrupt
        write(self, *args)

    monkeypatch.setattr(VideoFile, "write", write_three)
    code, _, err = run(clip, tmp_path / "out.mp4")
    monkeypatch.undo()
    assert code == 130 and err.startswith("Stopped: 2 people in 3 frames, ")
    assert len(read(tmp_path / "out.mp4")) == 3


def test_a_camera_is_read_until_its_end(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_fake(source: Any, every: int, start: float, end: float | None) -> Video:
        assert source == 0
        return open_video(make_pictures(), every, start, end, fps=10)

    monkeypatch.setattr("peopleparse.inference.video_read.open_video", open_fake)
    code, _, err = run("--camera", 0, tmp_path / "out.webm", "--end", 0.5)
    assert code == 0 and "2 people in 6 frames" in err
    assert len(read(tmp_path / "out.webm")) == 6


def test_a_window_is_used_where_there_is_one(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []

    def show(picture: Any) -> None:
        shown.append(picture)
        if len(shown) == 4:
            raise command._WindowClosed

    monkeypatch.setattr(command, "_has_window", lambda: True)
    monkeypatch.setattr(command, "_show", show)
    code, _, err = run(clip)
    assert code == 0 and len(shown) == 4 and "in 3 frames" in err


def test_usage_errors(run: Run, clip: Path, tmp_path: Path) -> None:
    for args, text in (
        ((), "source must be named, got none"),
        ((clip, "a.mp4", "b.mp4"), "output must be one file, got 2: a.mp4 b.mp4"),
        ((clip, clip), "output must be another file than SRC"),
        ((clip, "a.mp4", "--smooth", 1), "--smooth"),
    ):
        code, _, err = run(*args)
        assert code == 2 and text in err and err.count("\n") == 1
    if not command._has_window():
        code, _, err = run(clip)
        assert code == 2 and "this OpenCV has no windows. Give OUT.mp4 or --json-lines." in err


def test_errors_are_one_line(run: Run, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for args, text in (
        ((tmp_path / "no.mp4", tmp_path / "o.mp4"), "video must be an existing file"),
        ((clip, tmp_path / "o.gif"), "output must end in one of"),
        ((clip, "--json-lines", tmp_path / "file" / "x"), "JSON lines must go into a file"),
        ((clip, "--json-lines", "-", "--start", 5), "start must lie within the video"),
    ):
        code, _, err = run(*args)
        assert code == 1 and text in err and len(err.splitlines()) == 1, err


def test_a_disk_that_fills_up_is_said(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lines:
        def write(self, text: str) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "_open_lines", lambda stack, name: Lines())
    code, _, err = run(clip, "--json-lines", tmp_path / "x")
    assert code == 1 and "(No space left on device)" in err


def test_the_options_of_parse_are_there_and_reach_the_parser(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def build(options: dict[str, Any]) -> Any:
        seen.update(options)
        return fake_parser

    monkeypatch.setattr("peopleparse.cli.video.build_parser", build)
    with pytest.raises(SystemExit):
        main(["video", str(clip), str(tmp_path / "o.mp4"), "--detail", "fast", "--threads", "1"])
    assert (seen["detail"], seen["threads"], seen["flip"]) == ("fast", 1, False)
