"""What a run over many photos has finished: one line a photo, so that the next run can go on.

The file is `peopleparse.jsonl` in the output folder. A line is written after the files of its
photo have their names, in one piece: whatever ends a run, and when, a photo whose line is there is
whole, and one whose line is missing or torn is done again. The last line of a name counts.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from peopleparse.errors import InputError

JOURNAL_NAME = "peopleparse.jsonl"
LOCK_NAME = ".peopleparse.lock"
# A journal with more lines that no longer count than this, and than lines that do, is written anew.
_MOST_DEAD_LINES = 1000


def hash_identity(identity: Mapping[str, Any]) -> str:
    """Return a short hash of what results depend on.

    >>> hash_identity({"a": 1, "b": 2}) == hash_identity({"b": 2, "a": 1})
    True
    """
    text = json.dumps(identity, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Journal:
    """The open journal of a folder. Lines are found by output name (stem), without case.

    Of each line only its place is kept in memory: a folder may hold millions.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """Open or begin the journal of a folder.

        Args:
            folder: where results are written; it exists.
            identity: what results depend on: a photo that was done with another is done again.

        Raises:
            OSError: it cannot be read or written.
        """
        self._folder, self._identity = folder, hash_identity(identity)
        self.path = folder / JOURNAL_NAME
        self._places: dict[str, int] = {}
        self._lines = 0
        self._torn = False
        self._open()
        if self._lines - len(self._places) > max(len(self._places), _MOST_DEAD_LINES):
            self._write_anew()

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def is_finished(self, photo: Path, stem: str, names: Sequence[str]) -> bool:
        """Tell whether a photo was done with the same identity and all its files are still there.

        Args:
            photo: as it is now: a changed size or time means that it is another.
            stem: its output name.
            names: files that it must have.
        """
        line = self._line(stem)
        if line is None or line.get("identity") != self._identity or "files" not in line:
            return False
        if line["photo"] != str(photo) or list(line["files"]) != list(names):
            return False
        return line["was"] == photo_state(photo) and all(
            _size_of(self._folder / name) == size for name, size in line["files"].items()
        )

    def people(self, stem: str) -> int:
        """Return the number of persons that a finished photo had."""
        line = self._line(stem)
        return 0 if line is None else int(line.get("people", 0))

    def knows(self, stem: str) -> bool:
        """Tell whether there is a line about this output name."""
        return stem.casefold() in self._places

    def begin(self, stem: str) -> None:
        """Say that the files of an output name are about to change, if a line tells of them.

        Raises:
            OSError: the line cannot be written.
        """
        if self.knows(stem):
            self._append(stem, {"stem": stem, "state": "begun"})

    def finish(
        self, photo: Path, was: Sequence[int] | None, stem: str, files: Sequence[Path], people: int
    ) -> None:
        """Write the line of a photo whose files all have their names.

        Args:
            photo: its path.
            was: `photo_state` from before it was read.
            stem: its output name.
            files: what was written for it.
            people: persons found.

        Raises:
            OSError: the line cannot be written.
        """
        sizes = {path.name: path.stat().st_size for path in files}
        line: dict[str, Any] = {"stem": stem, "state": "finished", "photo": str(photo), "was": was}
        line |= {"identity": self._identity, "people": people, "files": sizes}
        self._append(stem, line)

    def fail(self, photo: Path, was: Sequence[int] | None, stem: str, reason: str) -> None:
        """Write the line of a photo that could not be parsed; the next run tries it again."""
        line = {"stem": stem, "state": "failed", "photo": str(photo), "was": was}
        self._append(stem, {**line, "identity": self._identity, "error": reason})

    def _open(self) -> None:
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _BINARY, 0o666)
        place = 0
        with open(self._file, "rb", closefd=False) as file:
            for text in file:
                line = _read_line(text)
                self._torn = not text.endswith(b"\n")
                if line is not None and not self._torn:
                    self._places[str(line["stem"]).casefold()] = place
                place += len(text)
                self._lines += 1

    def _line(self, stem: str) -> dict[str, Any] | None:
        place = self._places.get(stem.casefold())
        if place is None:
            return None
        with open(self._file, "rb", closefd=False) as file:
            file.seek(place)
            return _read_line(file.readline())

    def _append(self, stem: str, line: Mapping[str, Any]) -> None:
        data = _line_bytes(line)
        lead = b"\n" if self._torn else b""  # what is torn ends here
        # One call: an interrupt cannot come between its parts.
        written = os.write(self._file, lead + data)
        self._torn = written < len(lead + data)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # a full disk takes a part
        # Where the system put it: `forget_stem` of another process may have written, too.
        self._places[stem.casefold()] = os.lseek(self._file, 0, os.SEEK_CUR) - len(data)
        self._lines += 1

    def _write_anew(self) -> None:
        part = self.path.with_name(f".{JOURNAL_NAME}.{os.getpid()}.part")
        try:
            with part.open("wb") as file, open(self._file, "rb", closefd=False) as old:
                for place in sorted(self._places.values()):
                    old.seek(place)
                    file.write(old.readline())
            os.close(self._file)
            os.replace(part, self.path)
        finally:
            part.unlink(missing_ok=True)
        self._places, self._lines = {}, 0
        self._open()


def photo_state(photo: Path) -> list[int] | None:
    """Return size in bytes and time of change in nanoseconds, None where there is no file."""
    try:
        found = photo.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def forget_stem(folder: Path, stem: str) -> None:
    """Say in a folder's journal, if it has one, that the files of an output name change.

    For who keeps no journal and needs no lock: a single photo.

    Raises:
        OSError: the journal cannot be written.
    """
    path = folder / JOURNAL_NAME
    if path.exists():
        file = os.open(path, os.O_WRONLY | os.O_APPEND | _BINARY)
        try:
            # Begins with the end of a line, in case the one before is torn.
            os.write(file, b"\n" + _line_bytes({"stem": stem, "state": "begun"}))
        finally:
            os.close(file)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, so that no other run writes to it. The system lets go when a process dies.

    Raises:
        InputError: another run holds it.
        OSError: the folder cannot be written.
    """
    path = folder / LOCK_NAME
    file = _take(path)
    try:
        yield
    finally:
        with suppress(OSError):  # while it is held: afterwards the name may be another run's
            path.unlink()
        os.close(file)


def _take(path: Path) -> int:
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | _BINARY, 0o666)
        if not _try_lock(file):
            owner = os.read(file, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise InputError(
                f"output folder must be in use by one run, got another (process {owner}), at "
                f"'{path.parent}'. Wait for it to end, or choose another folder."
            )
        try:  # who held it may have deleted it in between: then this is the lock of nothing
            same = os.path.samestat(os.fstat(file), path.stat())
        except FileNotFoundError:
            same = False
        try:
            if same:
                os.truncate(file, 0)
                os.write(file, f"{os.getpid()}\n".encode())
                return file
        except BaseException:  # a full disk: a lock that nobody holds must not stay
            os.close(file)
            raise
        os.close(file)


def _try_lock(file: int) -> bool:
    """Lock an open file; where the file system knows no locks, go on without."""
    try:
        import fcntl
    except ImportError:
        return _try_lock_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _try_lock_windows(file: int) -> bool:
    import importlib

    msvcrt: Any = importlib.import_module("msvcrt")
    os.lseek(file, 1000, os.SEEK_SET)  # beyond the number, which others may still read
    try:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    finally:
        os.lseek(file, 0, os.SEEK_SET)
    return True


_BINARY = getattr(os, "O_BINARY", 0)


def _line_bytes(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _read_line(text: bytes) -> dict[str, Any] | None:
    """Return a line's values, None where it is torn or no line of a journal."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "stem" in line else None


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
