"""Files of data sets: written whole or not at all, and known by their sha256."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.errors import DataError, InputError

# What an interrupted write leaves behind begins and ends like this; readers pass over it.
PART_PREFIX, PART_SUFFIX = ".", ".part"
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = 1


def part_path(path: Path) -> Path:
    """Return a new temporary name beside a path."""
    return path.with_name(f"{PART_PREFIX}{path.name}.{secrets.token_hex(4)}{PART_SUFFIX}")


def write_file(path: Path, data: bytes) -> Path:
    """Write a file under a temporary name and rename it; its folder is made.

    Raises:
        InputError: the place cannot be written.
    """
    part = part_path(path)
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(data)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    return path


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that takes the name `path` when the block ends without an error.

    A folder that had the name is taken away in the same step and deleted last.

    Raises:
        InputError: the place cannot be written.
    """
    part, old = part_path(path), part_path(path)
    with _writing(path):
        part.mkdir(parents=True)
    try:
        yield part
        with _writing(path):
            _swap(part, path, old)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _swap(part: Path, path: Path, old: Path) -> None:
    if path.exists():
        os.replace(path, old)
    try:
        os.replace(part, path)
    except OSError:
        if old.exists():
            os.replace(old, path)
        raise


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"output must be a place that can be written, got '{error.strerror}', at {path}. "
            "Choose another folder or make room."
        ) from error


def hash_bytes(data: bytes) -> str:
    """Return the sha256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def hash_ids(ids: NDArray[np.uint8]) -> str:
    """Return the sha256 of a label map's values, row by row: no matter how its PNG is packed."""
    return hashlib.sha256(np.ascontiguousarray(ids).tobytes()).hexdigest()


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read a data set's image, (H, W, 3) uint8 RGB.

    Raises:
        DataError: the file is missing or broken, or carries a rotation that masks would not follow.
    """
    with _reading(path), Image.open(path) as image:
        _check_upright(image, path)
        return np.array(image.convert("RGB"))


def read_image_size(path: Path) -> tuple[int, int]:
    """Return height and width of a data set's image from its header.

    Raises:
        DataError: as `read_image`, but pixels are not looked at.
    """
    with _reading(path), Image.open(path) as image:
        _check_upright(image, path)
        return image.height, image.width


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise DataError(
            f"image must be a file, got none, at {path}. Put it there or take its annotation out."
        ) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"image must be a readable JPEG or PNG, got '{error}', at {path}. Fetch it again."
        ) from error


def _check_upright(image: Image.Image, path: Path) -> None:
    orientation = image.getexif().get(_EXIF_ORIENTATION, _UPRIGHT)
    if orientation != _UPRIGHT:
        raise DataError(
            f"image must be stored upright, got EXIF orientation {orientation}, at {path}. "
            "Rotate its pixels and take the tag out, so that masks fit for every reader."
        )
