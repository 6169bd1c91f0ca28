"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from peopleparse.errors import InputError


def make_folder(folder: str | Path) -> Path:
    """Return the folder, made with its parents where it was not there.

    Raises:
        InputError: it cannot be made.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_write(folder, error) from error
    return folder


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file under a temporary name in its folder and rename it.

    Raises:
        InputError: the folder cannot be written to, or the disk is full.
    """
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        raise _no_write(path.parent, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return path


def _no_write(folder: Path, error: OSError) -> InputError:
    reason = error.strerror or type(error).__name__
    return InputError(
        f"output folder must be one that can be written to, got '{folder}' ({reason}). "
        "Choose another folder or free space."
    )
