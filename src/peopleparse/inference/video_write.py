"""A video file that is there when it is complete."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.inference.video_read import quiet

# By ending, the codecs tried in turn. OpenCV's wheels bring no H.264 encoder on most systems.
CODECS = {
    ".mp4": ("mp4v", "avc1"),
    ".m4v": ("mp4v", "avc1"),
    ".mov": ("mp4v", "avc1"),
    ".mkv": ("mp4v", "MJPG"),
    ".avi": ("MJPG",),
    ".webm": ("VP90", "VP80"),
}
_LEAST_FREE = 4_000_000  # bytes of the disk: OpenCV does not say when a write fails
_LOOK_EVERY = 25


class VideoFile:
    """Writes pictures into a video under a temporary name; `close` checks and renames it.

    Used as a context, the video is kept even when an error or Ctrl-C ends the run, with every
    frame so far. A video without a frame is not kept.
    """

    def __init__(self, path: str | Path, fps: float, live: bool = False) -> None:
        """Check where to write; the file is made with the first frame.

        Args:
            path: its ending chooses the format, one of `CODECS`.
            fps: frames a second of the video.
            live: pictures come when they come: each is shown as long as it lasted.

        Raises:
            InputError: the ending is none of `CODECS`, or the folder cannot be written to.
        """
        self.path, self.fps, self.live, self.count = Path(path), fps, live, 0
        if self.path.suffix.lower() not in CODECS:
            raise InputError(
                f"output must end in one of {', '.join(CODECS)}, got '{self.path.name}'. "
                "Name the video after its format."
            )
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._no_write(error.strerror or type(error).__name__) from error
        if not os.access(folder, os.W_OK):
            raise self._no_write("Permission denied")
        if self.path.is_dir():
            raise self._no_write("there is a folder of this name")
        self._part = self.path.with_name(
            f".{self.path.stem[:100]}.{os.getpid()}.part{self.path.suffix}"
        )
        self._writer: Any = None
        self._size = (0, 0)

    def write(self, picture: NDArray[np.uint8], seconds: float = 0.0) -> None:
        """Add a picture.

        Args:
            picture: (H, W, 3) uint8 RGB, always of one size.
            seconds: since the first; used where `live`.

        Raises:
            InputError: the size is another, no codec works, or the disk is nearly full.
        """
        if self._writer is None:
            # Codecs that halve the colours want even sides.
            self._size = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
            self._writer = self._open()
        height, width = self._size
        if (picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2) != self._size:
            raise InputError(
                f"pictures of a video must have one size, got {picture.shape[:2]} after "
                f"{self._size}. Scale them."
            )
        if self.count % _LOOK_EVERY == 0 and shutil.disk_usage(self.path.parent).free < _LEAST_FREE:
            raise self._no_write("the disk is full")
        due = max(1, round(seconds * self.fps) + 1 - self.count) if self.live else 1
        bgr = cv2.cvtColor(picture[:height, :width], cv2.COLOR_RGB2BGR)
        for _ in range(due):
            self._writer.write(bgr)
            self.count += 1

    def close(self) -> Path | None:
        """Finish, check that it reads back, rename, and return the path; None without a frame.

        Raises:
            InputError: what was written cannot be read again, or cannot be renamed.
        """
        if self._writer is None:
            return None
        self._writer.release()
        self._writer = None
        if not self._reads_back():
            self._remove()
            raise self._no_write("what was written cannot be read again")
        try:
            os.replace(self._part, self.path)
        except OSError as error:
            self._remove()
            raise self._no_write(error.strerror or type(error).__name__) from error
        return self.path

    def __enter__(self) -> VideoFile:
        """Nothing to do yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep what is there; an error that is already on its way is not replaced."""
        if error is None:
            self.close()
            return
        with suppress(InputError):
            self.close()

    def _open(self) -> Any:
        height, width = self._size
        for codec in CODECS[self.path.suffix.lower()]:
            with quiet():
                code = cv2.VideoWriter.fourcc(*codec)
                writer = cv2.VideoWriter(str(self._part), code, self.fps, (width, height))
            if writer.isOpened():
                return writer
        self._remove()
        raise InputError(
            f"output must be a video that OpenCV can write, got '{self.path.name}' at {width} x "
            f"{height}, {self.fps:g} frames a second. Use another ending of {', '.join(CODECS)}."
        )

    def _reads_back(self) -> bool:
        with quiet():
            capture = cv2.VideoCapture(str(self._part))
            good = capture.isOpened() and capture.read()[0]
            capture.release()
        return bool(good)

    def _remove(self) -> None:
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _no_write(self, reason: str) -> InputError:
        return InputError(
            f"output must be a file that can be written, got '{self.path}' ({reason}). "
            "Choose another folder or free space."
        )
