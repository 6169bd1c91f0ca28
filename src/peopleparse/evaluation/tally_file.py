r"""Tallies on disk: one file a system or a shard of it, appended to image by image.

    peopleparse tallies\n
    frame: JSON header (definition, labels, truth, system, shard)
    frame: one record an image; of two records of one image the later counts

A frame is the length of its bytes, their CRC-32, the CRC-32 of those two numbers, each 4 bytes
little-endian, and the bytes. A run that was killed leaves at most the last frame torn.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from peopleparse.errors import DataError, InputError
from peopleparse.evaluation.packing import Record, pack_record, packed_id, unpack_record

DEFINITION = "tallies/1"
_MAGIC = b"peopleparse tallies\n"
_FRAME = struct.Struct("<III")
_PAIR = struct.Struct("<II")


@dataclass(frozen=True)
class TallyFile:
    """A tally file that was looked through once; records are read when they are asked for.

    Attributes:
        path: the file.
        header: what the file was counted from.
        places: where each image's record lies, by image id.
        end: bytes that are whole; what a killed run left behind begins here.
    """

    path: Path
    header: dict[str, Any]
    places: dict[str, int]
    end: int

    def record(self, image_id: str) -> Record:
        """Read the record of one image.

        Raises:
            DataError: the file was changed since it was looked through.
        """
        with self.path.open("rb") as file:
            return self._read(file, image_id)

    def records(self) -> Iterator[Record]:
        """Read the records one by one, in the order of the image ids.

        Raises:
            DataError: the file was changed since it was looked through.
        """
        with self.path.open("rb") as file:
            for image_id in sorted(self.places):
                yield self._read(file, image_id)

    def _read(self, file: BinaryIO, image_id: str) -> Record:
        file.seek(self.places[image_id])
        frame = _read_frame(file, self.path, self.end)
        record = None if frame is None else unpack_record(frame)
        if record is None or record.image_id != image_id:
            raise _broken(self.path, self.places[image_id])
        return record


def read_tally_file(path: str | Path) -> TallyFile:
    """Look through a tally file.

    Raises:
        DataError: it is missing, no tally file, of another version, or broken before its end.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            found = _scan(file, path)
    except OSError as error:
        raise DataError(
            f"tally file must be a readable file, got '{error.strerror}', at {path}. "
            "Name a file that `peopleparse evaluate --resume` wrote."
        ) from None
    if found is None:
        raise DataError(
            f"tally file must hold a header, got a file that was cut short, at {path}. "
            "Count the images again."
        )
    return found


def _scan(file: BinaryIO, path: Path) -> TallyFile | None:
    """Return what the file holds; None where it ends inside its header."""
    start = file.read(len(_MAGIC))
    if not _MAGIC.startswith(start):
        raise DataError(
            f"tally file must begin with '{_MAGIC.decode().strip()}', got {start!r}, at {path}. "
            "Name a file that `peopleparse evaluate --resume` wrote, or a new one."
        )
    size = os.fstat(file.fileno()).st_size
    head = _read_frame(file, path, size) if start == _MAGIC else None
    if head is None:
        return None
    header = json.loads(head)
    if header.get("definition") != DEFINITION:
        raise DataError(
            f"tally file must be of definition {DEFINITION}, got {header.get('definition')}, "
            f"at {path}. Count the images again with this version."
        )
    places: dict[str, int] = {}
    end = file.tell()
    while (frame := _read_frame(file, path, size)) is not None:
        places[packed_id(frame)] = end
        end = file.tell()
    return TallyFile(path, header, places, end)


def _read_frame(file: BinaryIO, path: Path, size: int) -> bytes | None:
    """Return the next frame; None at the end of the file or where its last frame is torn."""
    start = file.tell()
    head = file.read(_FRAME.size)
    if len(head) < _FRAME.size:
        return None
    length, checksum, own = _FRAME.unpack(head)
    if zlib.crc32(head[: _PAIR.size]) != own:
        raise _broken(path, start)
    body = file.read(length)
    if len(body) < length:
        return None
    if zlib.crc32(body) != checksum:
        if file.tell() >= size:
            return None  # the last frame: torn by a machine that stopped
        raise _broken(path, start)
    return body


def _broken(path: Path, place: int) -> DataError:
    return DataError(
        f"tally file must hold whole records, got a broken one at byte {place}, at {path}. "
        "Delete the file and count the images again."
    )


class TallyWriter:
    """Append records to a new tally file or to one that a stopped run left.

    A torn last record is cut off first. Each record is on its way to the disk before `append`
    returns, so a killed run loses at most the one that it was writing.
    """

    def __init__(self, path: str | Path, header: dict[str, Any]) -> None:
        """Open a file.

        Args:
            path: a new file, or a tally file of the same truth, labels, system and shard.
            header: what is counted, as `runner.make_header` gives it.

        Raises:
            DataError: the file is no tally file, or broken before its end.
            InputError: it was counted from something else, or cannot be written.
        """
        self.path = Path(path)
        self.known: dict[str, int] = {}
        header = {"definition": DEFINITION, **header}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            found = None
            if self.path.exists():
                with self.path.open("rb") as file:
                    found = _scan(file, self.path)
            if found is not None:
                _check_header(found, header)
            self._file = self.path.open("r+b" if found else "wb", buffering=0)
        except OSError as error:
            raise _unwritable(self.path, error) from None
        if found is None:
            self._write(_MAGIC + _frame(json.dumps(header).encode()))
        else:
            self.known = found.places
            self._file.truncate(found.end)
            self._file.seek(found.end)

    def append(self, record: bytes | Record) -> None:
        """Write one record.

        Raises:
            InputError: the disk is full or gone.
        """
        data = pack_record(record) if isinstance(record, Record) else record
        self._write(_frame(data))

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def __enter__(self) -> TallyWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def identity(header: dict[str, Any]) -> dict[str, Any]:
    """Return what two headers must share to be of one truth: labels, image ids, formats."""
    truth, system = header["truth"], header["system"]
    return {
        "definition": header["definition"],
        "labels": header["labels"],
        "ignore_id": header["ignore_id"],
        "truth format": truth["format"],
        "truth images": truth["ids_sha256"],
        "prediction format": system["format"],
    }


def _check_header(found: TallyFile, header: dict[str, Any]) -> None:
    first, second = (
        {**identity(one), "shard": one["shard"], "system name": one["system"]["name"]}
        for one in (header, found.header)
    )
    other = [key for key in first if first[key] != second[key]]
    if other:
        raise InputError(
            f"tally file must be of the same truth, labels, system and shard, got one with other "
            f"{', '.join(other)}, at {found.path}. Name a new file, or delete this one."
        )


def _frame(data: bytes) -> bytes:
    pair = _PAIR.pack(len(data), zlib.crc32(data))
    return pair + struct.pack("<I", zlib.crc32(pair)) + data


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"tally file must be a place that can be written, got '{error.strerror}', at {path}. "
        "Choose another folder or make room."
    )
