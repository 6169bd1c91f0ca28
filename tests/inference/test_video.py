"""inference/video*.py: files, cameras and pictures in; frames, ids and a video out."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from peopleparse.errors import InputError
from peopleparse.inference import video_read, video_write
from peopleparse.inference.video import parse_video
from peopleparse.inference.video_read import open_video
from peopleparse.inference.video_write import CODECS, VideoFile
from peopleparse.structures import ParsedPeople
from tests.fakes import draw_people, see_labels


def make_pictures(count: int = 12, size: tuple[int, int] = (96, 160)) -> list[np.ndarray]:
    return [
        draw_people(size, [(10 + 3 * n, 10, 40 + 3 * n, 90), (110, 20, 140, 80)])
        for n in range(count)
    ]


def write_video(path: Path, pictures: list[np.ndarray], fps: float = 10) -> Path:
    with VideoFile(path, fps) as file:
        for picture in pictures:
            file.write(picture)
    return path


def fake_parser(image: np.ndarray) -> Any:
    """Return the patches of colour as people; seams that compression has dulled are bridged."""
    labels = see_labels(image)
    bridged = cv2.dilate((labels > 0).astype(np.uint8), np.ones((9, 9), np.uint8))
    patches = cv2.connectedComponents(bridged)[1]
    kept = np.bincount(patches[labels > 0], minlength=patches.max() + 1) > 300
    return ParsedPeople.from_maps(labels, np.where(kept[patches], patches, 0), image=image)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", make_pictures())


def read(source: Any, **options: Any) -> list[tuple[int, float, np.ndarray]]:
    return list(open_video(source, **options))


def test_a_file_is_read_frame_by_frame(clip: Path) -> None:
    video = open_video(clip)
    assert (video.fps, video.frames, video.expected(), video.live) == (10, 12, 12, False)
    found = list(video)
    assert [index for index, _, _ in found] == list(range(12))
    assert [seconds for _, seconds, _ in found] == pytest.approx([n / 10 for n in range(12)])
    for (_, _, image), picture in zip(found, make_pictures(), strict=True):
        assert np.abs(image.astype(int) - picture).mean() < 6  # red stays red
    assert not video.notes and not video.damaged


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"every": 3}, [0, 3, 6, 9]),
        ({"start": 0.4}, list(range(4, 12))),
        ({"start": 0.35, "end": 0.8, "every": 2}, [4, 6, 8]),
        ({"end": 0.2}, [0, 1, 2]),
        ({"start": 0.5, "end": 99}, list(range(5, 12))),
    ],
)
def test_only_the_frames_asked_for_are_read(
    clip: Path, options: dict[str, Any], wanted: list[int]
) -> None:
    assert [index for index, _, _ in read(clip, **options)] == wanted
    assert open_video(clip, **options).expected() in (len(wanted), len(wanted) + 1)
    from_memory = open_video(make_pictures(), fps=10, **options)
    assert [index for index, _, _ in from_memory] == wanted


def test_the_thread_gives_what_the_plain_loop_gives(clip: Path) -> None:
    plain = list(open_video(clip, every=2).pictures())
    ahead = read(clip, every=2)
    assert [index for index, _, _ in plain] == [index for index, _, _ in ahead]
    assert all((a[2] == b[2]).all() for a, b in zip(plain, ahead, strict=True))


def test_reading_stops_with_the_reader(clip: Path) -> None:
    frames = iter(open_video(clip))
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name == "peopleparse-video"]


def test_a_phone_video_stands_upright(clip: Path, tmp_path: Path) -> None:
    data = bytearray(clip.read_bytes())
    place = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8  # to the matrix, in version 0
    data[place : place + 36] = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(data)
    image = read(turned)[0][2]
    assert image.shape == (160, 96, 3)
    assert np.abs(np.rot90(image).astype(int) - make_pictures()[0]).mean() < 6


def test_frames_of_another_size_are_scaled_to_the_first() -> None:
    pictures = [*make_pictures(2), np.zeros((50, 70, 3), np.uint8), np.zeros((9, 9, 3), np.uint8)]
    video = open_video(pictures)
    assert {image.shape for _, _, image in video} == {(96, 160, 3)}
    assert video.notes == [
        "Frame 2 is 70 x 50, the first 160 x 96: frames of other sizes are scaled to the first."
    ]


@pytest.mark.parametrize("ending", [".avi", ".mkv", ".webm"])
def test_a_cut_off_file_is_read_up_to_there(tmp_path: Path, ending: str) -> None:
    whole = write_video(tmp_path / f"whole{ending}", make_pictures(60))
    cut = tmp_path / f"cut{ending}"
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    video = open_video(cut)
    found = list(video)
    assert 5 < len(found) < 60
    if video.frames:
        assert video.damaged and f"after frame {len(found)} of 60" in video.notes[0]


def test_bytes_overwritten_in_the_middle_end_nothing_else(tmp_path: Path) -> None:
    data = bytearray(write_video(tmp_path / "a.mp4", make_pictures(30)).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    (tmp_path / "b.mp4").write_bytes(data)
    assert len(read(tmp_path / "b.mp4")) > 5


def test_what_is_no_video_is_refused_in_one_line(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("This is no video. " * 50)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:2000])
    for name, text in (
        ("text.mp4", "video must be one OpenCV can read, got one that cannot be opened, at"),
        ("cut.mp4", "a cut-off MP4 has no index"),
        ("empty.mp4", "video must hold frames, got 0 bytes, at"),
        ("missing.mp4", "video must be an existing file, got"),
        (".", "video must be a file, got the folder"),
    ):
        with pytest.raises(InputError, match=text):
            open_video(tmp_path / name)


def test_a_video_that_cannot_be_opened_by_the_user_is_refused(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_read.os, "access", lambda *_: False)
    with pytest.raises(InputError, match="video must be a file that can be read, got 'Permission"):
        open_video(clip)


def test_nothing_to_read_is_said() -> None:
    with pytest.raises(InputError, match="video must hold frames, got none, at the pictures given"):
        read([])
    with pytest.raises(InputError, match=r"start must lie within the video, got 9 s of 1\.2 s"):
        read(make_pictures(), fps=10, start=9)
    with pytest.raises(InputError, match=r"pictures must be \(H, W, 3\) uint8 RGB arrays"):
        read([np.zeros((5, 5), np.uint8)])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"every": 0}, "every must be at least 1, got 0"),
        ({"start": -1}, "start must be at least 0 seconds, got -1"),
        ({"start": 2, "end": 2}, "end must lie after start, got 2 s with start at 2 s"),
        ({"fps": 0}, "fps must be above 0 and at most 1000, got 0"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        open_video([], **options)


def test_an_absent_camera_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="camera must be one that is connected, got 87"):
        open_video(87)
    assert capfd.readouterr().err == ""


def test_an_absent_stream_is_one_line() -> None:
    with pytest.raises(InputError, match="stream must be one that answers"):
        open_video("file:///nowhere/at/all.mp4")


class FakeCamera:
    """Gives pictures as fast as they are asked for."""

    def __init__(self, pictures: list[np.ndarray]) -> None:
        self.pictures, self.closed = iter(pictures), False

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def get(self, what: int) -> float:
        return 30.0 if what == cv2.CAP_PROP_FPS else -1.0

    def read(self) -> tuple[bool, Any]:
        picture = next(self.pictures, None)
        return picture is not None, None if picture is None else picture[..., ::-1].copy()

    def release(self) -> None:
        self.closed = True


def test_a_camera_gives_its_newest_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = FakeCamera(make_pictures(50))
    monkeypatch.setattr(video_read.cv2, "VideoCapture", lambda number: camera)
    video = open_video(0)
    assert (video.live, video.frames, video.expected()) == (True, None, None)
    found = list(video)
    indices = [index for index, _, _ in found]
    assert indices == sorted(set(indices)) and indices[-1] < 50
    assert camera.closed


def test_parse_video_follows_people(clip: Path) -> None:
    clock: dict[str, float] = {}
    frames = list(parse_video(fake_parser, clip, timings=clock))
    assert [frame.track_ids for frame in frames] == [(1, 2)] * 12
    assert all(len(frame.people) == 2 for frame in frames)
    assert frames[3].people.image is not None and frames[3].people.source == str(clip)
    assert set(clock) == {"read", "parse", "track", "smooth"}


def test_parse_video_is_lazy_and_takes_an_open_video() -> None:
    asked = []

    def pictures() -> Iterator[np.ndarray]:
        for n, picture in enumerate(make_pictures(40)):
            asked.append(n)
            yield picture

    video = open_video(pictures(), every=2, fps=10)
    frames = parse_video(fake_parser, video, smooth=0)
    assert next(frames).index == 0
    assert next(frames).index == 2
    frames.close()  # type: ignore[attr-defined]
    assert len(asked) < 20


def test_numbers_are_checked_before_the_first_frame(clip: Path) -> None:
    with pytest.raises(InputError, match="strength must be"):
        parse_video(fake_parser, clip, smooth=1)
    with pytest.raises(InputError, match="every must be"):
        parse_video(fake_parser, clip, every=0)


def test_a_parser_that_fails_ends_the_run_after_good_frames(clip: Path) -> None:
    calls = []

    def parser(image: np.ndarray) -> Any:
        calls.append(1)
        if len(calls) > 3:
            raise InputError("parser must work, got a fault. Mend it.")
        return fake_parser(image)

    done = []
    with pytest.raises(InputError, match="parser must work"):
        for frame in parse_video(parser, clip):
            done.append(frame)
    assert len(done) == 3


def test_a_frame_as_plain_values(clip: Path) -> None:
    frame = next(parse_video(fake_parser, clip))
    values = json.loads(json.dumps(frame.to_dict()))
    assert (values["frame"], values["seconds"], values["size"]) == (0, 0, [96, 160])
    assert [person["id"] for person in values["people"]] == [1, 2]
    assert {"box", "score", "parts"} <= set(values["people"][0])


@pytest.mark.parametrize("ending", list(CODECS))
def test_every_format_reads_back(tmp_path: Path, ending: str) -> None:
    path = write_video(tmp_path / "new" / f"a{ending}", make_pictures(size=(97, 161)))
    found = read(path)
    assert len(found) == 12 and found[0][2].shape == (96, 160, 3)
    assert np.abs(found[5][2].astype(int) - make_pictures(size=(97, 161))[5][:96, :160]).mean() < 9
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_nothing_is_there_before_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoFile(path, 10) as file:
        file.write(make_pictures(1)[0])
        assert not path.exists()
    assert path.exists()


def test_an_interrupted_video_is_kept(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), VideoFile(tmp_path / "a.mp4", 10) as file:
        for picture in make_pictures(5):
            file.write(picture)
        raise KeyboardInterrupt
    assert len(read(tmp_path / "a.mp4")) == 5


def test_a_video_without_a_frame_is_not_made(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "a.mp4", 10):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_live_picture_is_shown_as_long_as_it_lasted(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "a.avi", 10, live=True) as file:
        for picture, seconds in zip(make_pictures(3), (0, 0.5, 0.55), strict=True):
            file.write(picture, seconds)
    assert file.count == 7  # 1, then 5 up to half a second, then at least 1


def test_what_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = make_pictures(1)[0]
    with pytest.raises(InputError, match=r"output must end in one of \.mp4, .*, got 'a\.gif'"):
        VideoFile(tmp_path / "a.gif", 10)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="output must be a file that can be written, got"):
        VideoFile(tmp_path / "file" / "a.mp4", 10)
    (tmp_path / "b.mp4").mkdir()
    with pytest.raises(InputError, match="there is a folder of this name"):
        VideoFile(tmp_path / "b.mp4", 10)
    file = VideoFile(tmp_path / "c.mp4", 10)
    file.write(picture)
    with pytest.raises(InputError, match=r"pictures of a video must have one size, got \(20, 20\)"):
        file.write(picture[:20, :20])
    file.close()
    with pytest.raises(InputError, match="output must be a video that OpenCV can write, got 'd"):
        VideoFile(tmp_path / "d.mp4", 10).write(np.zeros((1, 1, 3), np.uint8))
    monkeypatch.setattr(video_write.os, "access", lambda *_: False)
    with pytest.raises(InputError, match="Permission denied"):
        VideoFile(tmp_path / "e.mp4", 10)


def test_a_full_disk_is_said_and_what_is_there_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 10**9

    monkeypatch.setattr(video_write.shutil, "disk_usage", lambda folder: Usage)
    with (
        pytest.raises(InputError, match="the disk is full"),
        VideoFile(tmp_path / "a.avi", 10) as file,
    ):
        for n, picture in enumerate(make_pictures(60)):
            Usage.free = 10**9 if n < 30 else 0
            file.write(picture)
    assert len(read(tmp_path / "a.avi")) == 50


def test_a_file_that_does_not_read_back_or_cannot_be_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = VideoFile(tmp_path / "a.mp4", 10)
    file.write(make_pictures(1)[0])
    monkeypatch.setattr(VideoFile, "_reads_back", lambda self: False)
    with pytest.raises(InputError, match="what was written cannot be read again"):
        file.close()
    monkeypatch.undo()
    file = VideoFile(tmp_path / "a.mp4", 10)
    file.write(make_pictures(1)[0])

    def fail(*paths: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(video_write.os, "replace", fail)
    with pytest.raises(InputError, match="No space left on device"):
        file.close()
    assert list(tmp_path.iterdir()) == []
