"""Files of an export, and those of a stranger's folder or archive, read with care."""

from __future__ import annotations

import codecs
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from peopleparse.data.files import part_path
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import parse_json
from peopleparse.errors import DataError, InputError
from peopleparse.studio.exchange.report import REPORT_FILE

_MOST_FILES = 500_000
_MOST_BYTES = 1 << 30
_MOST_TIMES = 200  # text of run lengths packs well, but not as well as a bomb
_SMALL = 1 << 20
_MOST_DEPTH = 32


class ExchangeFiles:
    """The files of a folder, a zip archive, or one JSON or XML; an archive is never unpacked.

    Attributes:
        path: where they are.
        names: names of the files, sorted, with '/' between folders.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._sizes: dict[str, tuple[int, int]] = {}
        self._files: LabelFiles | None = None
        ending = _find_ending(self.path)
        if ending:
            self.names: tuple[str, ...] = (f"{self.path.stem}{ending}",)
            return
        self._files = LabelFiles(self.path, whole=True)
        self.names = self._files.names
        if zipfile.is_zipfile(self.path):
            self._sizes = _check_archive(self.path)

    def place(self, name: str) -> str:
        """Return where a file is, for errors."""
        return str(self.path) if self._files is None else self._files.place(name)

    def find(self, *suffixes: str) -> list[str]:
        """Return the names that end so, sorted; a report of an export is none of them."""
        return [
            name
            for name in self.names
            if name.lower().endswith(suffixes) and PurePosixPath(name).name != REPORT_FILE
        ]

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            DataError: it cannot be read, or is larger than a file of labels can be.
        """
        size, packed = self._sizes.get(name, (0, 0))
        if self.path.is_dir():
            size = _size_of(self.path / name)
        elif not self._sizes:
            size = _size_of(self.path)
        if size > _MOST_BYTES or (packed and size > max(_SMALL, _MOST_TIMES * packed)):
            raise DataError(
                f"file must have at most {_MOST_BYTES >> 20} MiB and {_MOST_TIMES} times its "
                f"packed size, got {size} bytes, at {self.place(name)}. Export fewer photos at "
                "a time."
            )
        return self.path.read_bytes() if self._files is None else self._files.read(name)

    def read_json(self, name: str) -> Any:
        """Return what a JSON file holds.

        Raises:
            DataError: it cannot be read, is no JSON or nested without end.
        """
        try:
            return parse_json(self.read(name), self.place(name))
        except RecursionError:
            raise DataError(
                f"labels must be JSON of a sensible depth, got deeper nesting, at "
                f"{self.place(name)}. Export it again."
            ) from None

    def read_xml(self, name: str) -> ElementTree.Element:
        """Return the root of an XML file; one with a DOCTYPE, and so with entities, is refused.

        Raises:
            DataError: it cannot be read, is no XML, declares entities or nests without end.
        """
        return parse_xml(self.read(name), self.place(name))


def parse_xml(data: bytes, place: str) -> ElementTree.Element:
    """Return the root of an XML; one with a DOCTYPE, and so with entities, is refused.

    Raises:
        DataError: it is no XML, declares entities or nests without end.
    """
    builder = ElementTree.TreeBuilder()
    depth = 0

    def refuse(*_: object) -> None:
        raise DataError(
            f"XML must be without DOCTYPE and entities, got one that has them, at {place}. "
            "Export it again with the tool itself."
        )

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MOST_DEPTH:
            raise DataError(
                f"XML must nest at most {_MOST_DEPTH} elements, got more, at {place}. "
                "Export it again with the tool itself."
            )
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, AssertionError, ValueError, LookupError) as error:
        raise DataError(
            f"labels must be XML, got '{error}', at {place}. Export it again."
        ) from error


def _find_ending(path: Path) -> str:
    """Return .json or .xml for one file that holds all labels, whatever its name; "" for others."""
    try:
        with path.open("rb") as file:
            first = file.read(64).removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    except OSError:  # a folder, or nothing: told when it is listed
        return ""
    return {b"{": ".json", b"[": ".json", b"<": ".xml"}.get(first, "")


def _check_archive(path: Path) -> dict[str, tuple[int, int]]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if len(members) > _MOST_FILES:
        raise DataError(
            f"archive must hold at most {_MOST_FILES} files, got {len(members)}, at {path}. "
            "Import it in pieces."
        )
    return {member.filename: (member.file_size, member.compress_size) for member in members}


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # reading it says what is wrong


def to_json(values: object, indent: int | None = None) -> bytes:
    """Return values as the bytes of a JSON file.

    Raises:
        InputError: a value is none of JSON's.
    """
    separators = None if indent else (",", ":")
    try:
        text = json.dumps(
            values, indent=indent, separators=separators, ensure_ascii=False, allow_nan=False
        )
    except (TypeError, ValueError) as error:
        raise InputError(
            f"fields of photos and persons must be JSON values, got '{error}'. Correct the project."
        ) from error
    return f"{text}\n".encode()


def place_photo(source: Path, target: Path) -> None:
    """Copy a photo into an export.

    Raises:
        InputError: it cannot be read or written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise InputError(
            f"photo must be a file that can be copied, got '{error.strerror}', at {source}. "
            "Put it back, or export without photos."
        ) from error


def pack_folder(folder: Path, out: Path) -> None:
    """Write a folder as a zip archive, whole or not at all.

    Raises:
        InputError: the place cannot be written.
    """
    part = part_path(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for path in _list(folder):
                stored = path.suffix.lower() in (".jpg", ".jpeg", ".png")
                how = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                archive.write(path, path.relative_to(folder).as_posix(), how)
        os.replace(part, out)
    except OSError as error:
        raise InputError(
            f"output must be a place that can be written, got '{error.strerror}', at {out}. "
            "Choose another folder or make room."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _list(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
