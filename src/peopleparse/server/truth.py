"""The secret truth: opened by the process that grades and by the operator's own commands alone.

Its label maps are decoded once and kept, packed, in a hidden file beside it that only the server's
user can read. Without that file, or where it is out of date, the truth is read as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from peopleparse.data.files import part_path
from peopleparse.data.formats import open_labels
from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.label_source import FileLabels
from peopleparse.errors import DataError
from peopleparse.server.benchmark_folder import BenchmarkFolder
from peopleparse.server.frames import pack_labels, unpack_labels

_MAGIC = b"peopleparse truth 2\n"
_FAST = 1  # of zlib: a tenth more bytes, a third of the time
_COUNTS = struct.Struct("<2I")


def open_truth(benchmark: BenchmarkFolder) -> FileLabels:
    """Open the truth as it is.

    Raises:
        DataError: it is missing, or of another format.
    """
    scheme = benchmark.scheme
    return open_labels(benchmark.truth, benchmark.truth_format, scheme, "truth")


def cache_path(benchmark: BenchmarkFolder) -> Path:
    """Return where the packed truth is kept."""
    truth = benchmark.truth
    return truth.with_name(f".{truth.name}.{benchmark.slug}.packed")


def stamp_truth(benchmark: BenchmarkFolder) -> bytes:
    """Return what changes whenever a file of the truth does, or what is read from it."""
    digest = hashlib.sha256()
    names = sorted(benchmark.images)
    digest.update(json.dumps([benchmark.truth_format, benchmark.scheme, names]).encode())
    for path, stat in _stat_files(benchmark.truth):
        digest.update(f"{path}\n{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}\n".encode())
    return digest.hexdigest().encode()


def _stat_files(path: Path) -> list[tuple[str, os.stat_result]]:
    if not path.is_dir():
        return [("", path.stat())]
    found = [
        (os.path.relpath(entry.path, path), entry.stat())
        for root, _, _ in os.walk(path, followlinks=True)
        for entry in os.scandir(root)
        if entry.is_file()
    ]
    return sorted(found, key=lambda one: one[0])


def has_packed(benchmark: BenchmarkFolder) -> bool:
    """Return whether the packed truth is there and up to date."""
    try:
        with cache_path(benchmark).open("rb") as file:
            return _has_stamp(file, benchmark)
    except OSError:
        return False


def pack_truth(benchmark: BenchmarkFolder) -> None:
    """Write the packed truth, whole or not at all.

    Raises:
        DataError: a file of the truth is missing or broken.
        OSError: the place cannot be written.
    """
    source, stamp = open_truth(benchmark), stamp_truth(benchmark)
    path = cache_path(benchmark)
    part = part_path(path)
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(_MAGIC + stamp + b"\n")
            for image_id in benchmark.images:
                packed = _pack(image_id, source.read(image_id))
                file.write(len(packed).to_bytes(4, "little") + packed)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_truth(benchmark: BenchmarkFolder) -> Iterator[tuple[str, ImageLabels]]:
    """Yield the truth of every image, in the order of their names.

    Raises:
        DataError: a file of the truth is missing or broken.
    """
    try:
        file = cache_path(benchmark).open("rb")
    except OSError:
        file = None
    if file is not None:
        with file:
            if _has_stamp(file, benchmark):
                yield from _read_packed(file, benchmark)
                return
    source = open_truth(benchmark)
    for image_id in benchmark.images:
        yield image_id, source.read(image_id)


def _pack(image_id: str, labels: ImageLabels) -> bytes:
    """Return labels as runs of equal bytes, deflated: they come back faster than from pixels."""
    parts = pack_labels(image_id, labels, {})
    head, body = parts[1], np.frombuffer(b"".join(parts[2:]), np.uint8)
    starts = np.flatnonzero(np.append(True, body[1:] != body[:-1])[: len(body)])
    runs = np.diff(starts, append=len(body)).astype("<u4")
    values = body[starts]
    numbers = _COUNTS.pack(len(head), len(runs))
    return zlib.compress(numbers + head + runs.tobytes() + values.tobytes(), _FAST)


def _unpack(data: bytes) -> tuple[str, ImageLabels | None]:
    head_length, count = _COUNTS.unpack_from(data)
    start = _COUNTS.size + head_length
    head = json.loads(data[_COUNTS.size : start])
    runs = np.frombuffer(data, "<u4", count, start)
    values = np.frombuffer(data, np.uint8, count, start + 4 * count)
    return head["id"], unpack_labels(head, values.repeat(runs).data)


def _has_stamp(file: BinaryIO, benchmark: BenchmarkFolder) -> bool:
    expected = _MAGIC + stamp_truth(benchmark) + b"\n"
    return file.read(len(expected)) == expected


def _read_packed(file: BinaryIO, benchmark: BenchmarkFolder) -> Iterator[tuple[str, ImageLabels]]:
    for image_id in benchmark.images:
        length = int.from_bytes(file.read(4), "little")
        try:
            name, labels = _unpack(zlib.decompress(file.read(length)))
        except zlib.error:
            raise DataError(
                f"packed truth must be whole, got a broken one, at {file.name}. Delete it."
            ) from None
        if name != image_id or labels is None:
            raise DataError(
                f"packed truth must be of the images in their order, got another, at {file.name}. "
                "Delete it."
            )
        yield image_id, labels
