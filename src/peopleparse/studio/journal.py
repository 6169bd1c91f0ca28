"""Changes of one photo's annotation: all of its files change together, whenever the process ends.

    <project>/.studio/journal/<photo>/    the new PNGs under their new names, then commit.json
    <project>/.studio/lock                held while a change is made, by one process at a time

New files are staged first. From the moment that commit.json has its name the change counts: what
is left to do is done now or, after a crash, before the photo is next looked at. Without
commit.json what is staged is thrown away. So there is the old revision or the new one, never half.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from peopleparse.data.files import PART_PREFIX
from peopleparse.data.gps import annotation_folder
from peopleparse.errors import InputError
from peopleparse.web.problems import Problem

HOME = ".studio"
COMMIT = "commit.json"
_doors: dict[str, _Door] = {}


def studio_folder(folder: Path) -> Path:
    """Return the folder of what the studio keeps for itself."""
    return folder / HOME


def stage_folder(folder: Path, photo_id: str) -> Path:
    """Return the folder in which a change of a photo is staged."""
    return studio_folder(folder) / "journal" / photo_id


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Keep other threads and other processes from changing the project; may be nested.

    Raises:
        Problem: the lock cannot be written (507).
    """
    door = _doors.setdefault(str(folder.resolve()), _Door())
    with door.lock:
        if door.depth == 0:
            door.descriptor = _open_lock(folder)
        door.depth += 1
        try:
            yield
        finally:
            door.depth -= 1
            if door.depth == 0:
                os.close(door.descriptor)  # gives the lock back


class _Door:
    """The lock of one project in this process: its own, and the file's while it is held."""

    def __init__(self) -> None:
        self.lock, self.depth, self.descriptor = RLock(), 0, -1


def _open_lock(folder: Path) -> int:
    """Open the lock file and wait for it; on Windows only threads of one process are kept out."""
    with saying_full(folder):
        studio_folder(folder).mkdir(exist_ok=True)
        descriptor = os.open(studio_folder(folder) / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        import fcntl
    except ImportError:
        return descriptor
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


@contextmanager
def saying_full(place: Path) -> Iterator[None]:
    """Turn a disk that cannot be written into a refusal that says so."""
    try:
        yield
    except (OSError, InputError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Problem(
            507,
            "cannot-save",
            f"project must be a place that can be written, got '{reason}', at {place}. "
            "Make room or check permissions: what was saved before is whole.",
        ) from error


def commit(
    folder: Path,
    photo_id: str,
    record: Mapping[str, Any],
    masks: Mapping[str, bytes | Path],
    remove: Iterable[str] = (),
) -> None:
    """Change the files of one photo's annotation, all or none; the caller is the only writer.

    Args:
        folder: the project.
        photo_id: the photo.
        record: its new JSON.
        masks: name of each new PNG to its bytes, or to the file that has them under another name.
        remove: names of PNGs that are no longer part of the annotation.

    Raises:
        Problem: the disk is full or must not be written (507).
    """
    stage = stage_folder(folder, photo_id)
    with saying_full(stage):
        finish(folder, photo_id)
        stage.mkdir(parents=True)
        for name, source in masks.items():
            if isinstance(source, Path):
                link(source, stage / name)
            else:
                _write_synced(stage / name, source)
        content = {"record": record, "remove": sorted(set(remove) - set(masks))}
        _write_synced(stage / f"{PART_PREFIX}{COMMIT}", _encode(content))
        os.replace(stage / f"{PART_PREFIX}{COMMIT}", stage / COMMIT)
        finish(folder, photo_id)


def finish(folder: Path, photo_id: str) -> bool:
    """Complete or throw away what is staged for a photo; return whether a change was completed."""
    stage = stage_folder(folder, photo_id)
    try:
        content = json.loads((stage / COMMIT).read_bytes())
    except FileNotFoundError:
        if stage.exists():
            shutil.rmtree(stage)
        return False
    home = annotation_folder(folder, photo_id)
    home.mkdir(parents=True, exist_ok=True)
    for path in sorted(stage.glob("*.png")):
        os.replace(path, home / path.name)
    part = stage / f"{PART_PREFIX}record.json"  # here, so that a crash leaves no rest in home
    _write_synced(part, _encode(content["record"]))
    os.replace(part, home / f"{photo_id}.json")
    for name in content["remove"]:
        (home / name).unlink(missing_ok=True)
    (stage / COMMIT).unlink()
    shutil.rmtree(stage)  # a link that was renamed over its own file is still there
    return True


def is_pending(folder: Path, photo_id: str) -> bool:
    """Return whether something is staged for a photo."""
    return stage_folder(folder, photo_id).exists()


def repair(folder: Path) -> list[str]:
    """Complete or throw away every change that broke off; return the photos completed.

    Raises:
        Problem: the disk is full or must not be written (507).
    """
    journal = studio_folder(folder) / "journal"
    if not journal.is_dir():
        return []
    with only_writer(folder), saying_full(journal):
        pending = sorted(path.name for path in journal.iterdir() if path.is_dir())
        return [photo_id for photo_id in pending if finish(folder, photo_id)]


def link(source: Path, target: Path) -> None:
    """Give a file a second name; a copy where the file system has no links.

    Files of annotations are replaced, never written into, so both names keep their content.
    """
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _encode(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
