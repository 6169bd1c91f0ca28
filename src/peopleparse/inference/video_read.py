"""Frames of a video file, a camera, a stream or a list of pictures, decoded ahead in a thread."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError

Image: TypeAlias = NDArray[np.uint8]
VideoSource: TypeAlias = str | os.PathLike[str] | int | Iterable[Image]
Picture: TypeAlias = tuple[int, float, Image]  # index in the source, seconds, RGB

USUAL_FPS = 25.0
_MOST_FPS = 1000.0
_AHEAD = 4  # frames decoded before they are asked for


@dataclass
class Video:
    """An opened video; iterate over it once for (index, seconds, (H, W, 3) uint8 RGB).

    Attributes:
        name: path, address, or camera, for messages.
        fps: frames a second of the source.
        frames: how many frames the file says it has, None where that is not known.
        live: a camera or stream: frames that come while one is worked on are left out.
        notes: what was not as it should be, one line each; filled while frames are read.
        damaged: whether the file ended before it should have.
    """

    name: str
    fps: float
    frames: int | None
    live: bool
    every: int = 1
    start: float = 0.0
    end: float | None = None
    notes: list[str] = field(default_factory=list)
    damaged: bool = False
    _next: Callable[[bool], Any] = field(default=lambda wanted: None, repr=False)
    _close: Callable[[], None] = field(default=lambda: None, repr=False)
    _size: tuple[int, int] | None = None

    def expected(self) -> int | None:
        """Return how many frames will be read, as far as the file says."""
        if self.frames is None:
            return None
        last = self.frames if self.end is None else min(self.frames, int(self.end * self.fps) + 1)
        return max(0, -(-(last - round(self.start * self.fps)) // self.every))

    def __iter__(self) -> Iterator[Picture]:
        """Yield the frames asked for.

        Raises:
            InputError: there is no frame at all, or none after `start`.
        """
        return _read_ahead(self)

    def pictures(self) -> Generator[Picture, None, None]:
        """Yield the frames without a thread; see `__iter__`."""
        index, given, began = 0, 0, monotonic()
        try:
            while True:
                seconds = index / self.fps
                wanted = seconds >= self.start - 1e-9 and given % self.every == 0
                found = self._next(wanted)
                if found is None:
                    break
                if self.live:
                    seconds = monotonic() - began
                    wanted = wanted or seconds >= self.start
                if self.end is not None and seconds > self.end + 1e-9:
                    return
                if seconds >= self.start - 1e-9:
                    given += 1
                if wanted and found is not True:
                    yield index, seconds, self._fit(found, index)
                index += 1
            self._check_end(index, given)
        finally:
            self._close()

    def _fit(self, image: Image, index: int) -> Image:
        """Return the frame in the size of the first one."""
        size = image.shape[0], image.shape[1]
        self._size = self._size or size
        if size == self._size:
            return image
        height, width = self._size
        if not any("other size" in note for note in self.notes):
            self.notes.append(
                f"Frame {index} is {size[1]} x {size[0]}, the first {width} x {height}: frames of "
                "other sizes are scaled to the first."
            )
        return np.asarray(
            cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8
        )

    def _check_end(self, index: int, given: int) -> None:
        """Note a file that ends too early."""
        if not index:
            raise InputError(
                f"video must hold frames, got none, at {self.name}. Check that it plays elsewhere."
            )
        if not given:
            raise InputError(
                f"start must lie within the video, got {self.start:g} s of "
                f"{index / self.fps:.1f} s, at {self.name}. Choose an earlier one."
            )
        # Headers of some formats only estimate; two in a hundred are no damage.
        if self.frames and index < self.frames - max(2, self.frames // 50):
            self.damaged = True
            self.notes.append(
                f"The video ends or is damaged after frame {index} of {self.frames}: what lies "
                "before is kept."
            )


def open_video(
    source: VideoSource,
    every: int = 1,
    start: float = 0.0,
    end: float | None = None,
    fps: float | None = None,
) -> Video:
    """Open a video; nothing is read yet.

    A phone's rotation is applied. Frames are numbered as in the source, whatever is left out.

    Args:
        source: path of a file; address of a stream (rtsp://, http://); number of a camera; or any
            iterable of (H, W, 3) uint8 RGB pictures.
        every: take each N-th frame only.
        start, end: seconds; None for to the end. Frames before `start` are decoded, not guessed.
        fps: frames a second, where the source does not say or is wrong.

    Raises:
        InputError: there is no such file or camera, it is no video, or a number is out of range.
    """
    _check_numbers(every, start, end, fps)
    if isinstance(source, int):
        return _open_camera(source, every, start, end, fps)
    if isinstance(source, str | os.PathLike):
        return _open_file(os.fspath(source), every, start, end, fps)
    pictures = iter(source)
    frames = len(source) if isinstance(source, Sized) else None
    rate = fps or USUAL_FPS
    video = Video("the pictures given", rate, frames, False, every, start, end)
    video._next = lambda wanted: _check_picture(next(pictures, None))
    return video


def _check_numbers(every: int, start: float, end: float | None, fps: float | None) -> None:
    if every < 1:
        raise InputError(f"every must be at least 1, got {every}. 1 takes each frame.")
    if not start >= 0:
        raise InputError(f"start must be at least 0 seconds, got {start:g}. Leave it out for all.")
    if end is not None and not end > start:
        raise InputError(
            f"end must lie after start, got {end:g} s with start at {start:g} s. Exchange them."
        )
    if fps is not None and not 0 < fps <= _MOST_FPS:
        raise InputError(
            f"fps must be above 0 and at most {_MOST_FPS:g}, got {fps:g}. "
            "Leave it out to take the source's."
        )


def _check_picture(picture: Any) -> Image | None:
    if picture is None:
        return None
    if not isinstance(picture, np.ndarray) or picture.ndim != 3 or picture.shape[2] != 3:
        got = getattr(picture, "shape", type(picture).__name__)
        raise InputError(f"pictures must be (H, W, 3) uint8 RGB arrays, got {got}. Convert them.")
    return picture.astype(np.uint8, copy=False)


def _open_camera(
    number: int, every: int, start: float, end: float | None, fps: float | None
) -> Video:
    with quiet():
        capture = cv2.VideoCapture(number)
    if not capture.isOpened():
        raise InputError(
            f"camera must be one that is connected, got {number}, which cannot be opened. "
            "Try another number, or close the program that uses it."
        )
    return _from_capture(capture, f"camera {number}", True, every, start, end, fps)


def _open_file(name: str, every: int, start: float, end: float | None, fps: float | None) -> Video:
    live = "://" in name
    if not live:
        path = Path(name)
        if path.is_dir():
            raise InputError(
                f"video must be a file, got the folder {path}. Use `peopleparse parse` for photos."
            )
        if not path.is_file():
            raise InputError(f"video must be an existing file, got {path}. Check the path.")
        if not path.stat().st_size:
            raise InputError(
                f"video must hold frames, got 0 bytes, at {path}. Copy the file again."
            )
        if not os.access(path, os.R_OK):
            raise InputError(
                f"video must be a file that can be read, got 'Permission denied', at {path}. "
                "Check its permissions."
            )
    with quiet():
        capture = cv2.VideoCapture(name)
    if not capture.isOpened():
        what = "stream must be one that answers" if live else "video must be one OpenCV can read"
        raise InputError(
            f"{what}, got one that cannot be opened, at {name}. "
            "Check that it plays elsewhere, or convert it to MP4; a cut-off MP4 has no index."
        )
    return _from_capture(capture, name, live, every, start, end, fps)


def _from_capture(
    capture: Any,
    name: str,
    live: bool,
    every: int,
    start: float,
    end: float | None,
    fps: float | None,
) -> Video:
    said = float(capture.get(cv2.CAP_PROP_FPS))
    rate = fps or (said if 0 < said <= _MOST_FPS else USUAL_FPS)
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    frames = count if 0 < count < 10**9 and not live else None

    def read(wanted: bool) -> Any:
        if not wanted and not live:
            return True if capture.grab() else None  # decoded, not converted
        good, picture = capture.read()
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8) if good else None

    return Video(name, rate, frames, live, every, start, end, _next=read, _close=capture.release)


def _read_ahead(video: Video) -> Iterator[Picture]:
    """Read in a thread; of a live source only the newest frame waits."""
    ready: queue.Queue[Any] = queue.Queue(1 if video.live else _AHEAD)
    stop = threading.Event()

    def offer(thing: Any) -> None:
        while not stop.is_set():
            try:
                ready.put(thing, timeout=0.1)
                return
            except queue.Full:
                if video.live:
                    with suppress(queue.Empty):
                        ready.get_nowait()

    def read() -> None:
        pictures = video.pictures()
        try:
            for picture in pictures:
                offer(picture)
                if stop.is_set():
                    break
            offer(None)
        except BaseException as error:  # raised again where the frames are used
            offer(error)
        finally:
            pictures.close()

    thread = threading.Thread(target=read, name="peopleparse-video", daemon=True)
    thread.start()
    try:
        while (found := ready.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        stop.set()
        thread.join(timeout=5)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what FFmpeg and OpenCV print about a file they cannot open from the terminal."""
    # Read by OpenCV when it first opens a video; a damaged file fills the screen otherwise.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        kept = os.dup(2)
    except OSError:  # no standard error at all
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
