"""An uploaded archive, checked byte by byte and read image by image; it is never unpacked to disk.

The same code runs in the server's checking process, which cannot see the truth, and in
`peopleparse evaluate --check --benchmark`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.formats import open_files
from peopleparse.data.image_labels import ImageLabels, check_size
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import FileLabels
from peopleparse.errors import DataError, PeopleparseError
from peopleparse.server.fault_list import FaultList
from peopleparse.server.layout import (
    LABELS,
    LINES,
    PERSONS,
    RECORD,
    REGIONS,
    SCORES,
    Role,
    assign_roles,
    find_layout,
    most_files,
    reader_of,
)
from peopleparse.server.manifest import Manifest
from peopleparse.server.outcome import Fault
from peopleparse.server.png_check import MapRules, check_png, most_bytes
from peopleparse.server.zip_check import Member, list_members, read_member

_NAME = "archive"  # what messages call it: paths of the server are nobody's business
_MOST_RECORD = 1 << 20
_MOST_LINE = 64
_MESSAGE = re.compile(
    r"(?P<what>.*?) must (?P<expected>.*?), got (?P<found>.*?)(?:, at (?P<place>.*?))?\. ",
    re.DOTALL,
)
# What hostile files can make readers raise beside their own errors.
_BROKEN = (PeopleparseError, ValueError, TypeError, KeyError, IndexError, AttributeError,
           OverflowError, RecursionError)  # fmt: skip


class ArchiveFiles(LabelFiles):
    """The files of a checked archive, for the readers of `peopleparse.data`.

    Args:
        archive: what was checked.
    """

    def __init__(self, archive: Archive) -> None:
        self._members = archive
        super().__init__(Path(_NAME))

    def _list(self) -> list[str]:
        return list(self._members.roles)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            DataError: it is not there, or was found to be broken.
        """
        if name not in self._members.roles:
            raise DataError(f"labels must be a file, got none, at {self.place(name)}. Add it.")
        data = self._members.extract(name)
        if data is None:
            raise DataError(f"labels must be whole, got others, at {self.place(name)}. Repack it.")
        return data


class Archive:
    """An archive whose structure and names were checked.

    Attributes:
        manifest: what it must be like.
        roles: what each of its files is.
        faults: everything that was found wrong so far.
        inflated: bytes that came out of the archive so far.
    """

    def __init__(self, file: BinaryIO, manifest: Manifest) -> None:
        self.manifest, self.faults = manifest, FaultList()
        self.inflated = 0
        self._file = file
        size = file.seek(0, os.SEEK_END)
        members = list_members(self._read_at, size, most_files(manifest), self.faults)
        self._by_name = {member.name: member for member in members}
        self.roles: dict[str, Role] = {}
        self._checked: dict[str, bytes] = {}  # of the image that is being read
        self._broken = set[str]()
        if members:
            found = assign_roles(list(self._by_name), manifest, self.faults)
            self.roles = {name: role for name, role in found.items() if self._fits(name, role)}
        self.names: dict[str, list[str]] = {}
        for name, role in self.roles.items():
            if role.image_id:
                self.names.setdefault(role.image_id, []).append(name)

    def _read_at(self, place: int, length: int) -> bytes:
        self._file.seek(place)
        return self._file.read(length)

    def _fits(self, name: str, role: Role) -> bool:
        """Return whether a file is no larger than it can need to be."""
        member = self._by_name[name]
        most = self._most_bytes(role)
        packed = most + most // 100 + 1024
        if member.size <= most and member.packed <= packed:
            return True
        found = f"{max(member.size, member.packed)}"
        self.faults.add("file-size", name, f"at most {most} bytes", found)
        return False

    def _most_bytes(self, role: Role) -> int:
        if role.kind == SCORES:
            images = len(self.manifest.sizes)
            return images * (256 + _MOST_LINE * self.manifest.persons)
        if role.kind == RECORD:
            return _MOST_RECORD
        if role.kind == LINES:
            return 1024 + _MOST_LINE * self.manifest.regions
        return most_bytes(self.manifest.sizes[role.image_id], role.kind != LABELS)

    def extract(self, name: str) -> bytes | None:
        """Return the bytes of a file; None where it is broken, which is a fault once."""
        if name in self._broken:
            return None
        if name in self._checked:
            return self._checked[name]
        member: Member = self._by_name[name]
        data = read_member(self._read_at, member, self.faults)
        self.inflated += member.size
        if data is not None and self.roles[name].kind == RECORD and not self._is_record(name, data):
            data = None
        if data is None:
            self._broken.add(name)
        elif not self.roles[name].image_id:
            self._checked[name] = data
        return data

    def is_broken(self, image_id: str) -> bool:
        """Return whether a file of an image was found to be broken, now or before."""
        return not self._broken.isdisjoint(self.names.get(image_id, []))

    def _is_record(self, name: str, data: bytes) -> bool:
        """Return whether a JSON is one of an image, for readers trust its shape."""
        try:
            record = json.loads(data.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            kind = type(error).__name__
            self.faults.add("json", name, "a JSON object", f"none: {kind}")
            return False
        people = None
        if isinstance(record, dict):
            people = record.get("persons", record.get("people"))
        if not isinstance(people, list):
            self.faults.add("json", name, "a JSON object with a list of persons", "another")
            return False
        if len(people) > self.manifest.persons:
            most = f"at most {self.manifest.persons} persons in an image"
            self.faults.add("persons", name, most, f"{len(people)}")
            return False
        image = record.get("image")
        width, height = self.manifest.sizes[self.roles[name].image_id]
        if isinstance(image, dict) and (image.get("width"), image.get("height")) != (width, height):
            found = f"{image.get('width')!r} x {image.get('height')!r}"
            self.faults.add("json", name, f"an image of {width} x {height}", found)
            return False
        return True

    def read_maps(self, image_id: str) -> dict[str, NDArray[np.integer[Any]] | None]:
        """Check the files of an image; return its maps by file."""
        self._checked = {
            name: data for name, data in self._checked.items() if not self.roles[name].image_id
        }
        maps = {}
        for name in self.names.get(image_id, []):
            data = self.extract(name)
            if data is not None:
                self._checked[name] = data
            if name.endswith(".png"):
                rules = self._rules(self.roles[name])
                maps[name] = None if data is None else check_png(data, rules, name, self.faults)
                if maps[name] is None:
                    self._broken.add(name)
        return maps

    def _rules(self, role: Role) -> MapRules:
        size = self.manifest.sizes[role.image_id]
        if role.kind == PERSONS:
            return MapRules(size, self.manifest.persons, True, "persons", "persons")
        if role.kind == REGIONS:
            return MapRules(size, self.manifest.regions, True, "regions", "part regions")
        return MapRules(size, self.manifest.scheme.num_ids - 1)


def read_images(archive: Archive) -> Iterator[tuple[str, ImageLabels | None]]:
    """Yield the labels of every image of the manifest, None for one that is not in the archive.

    Where a file is broken it is a fault of the archive, and no labels come for it.
    """
    manifest, faults = archive.manifest, archive.faults
    if not archive.roles:
        return
    source = None if manifest.format == "lip" else _open_source(archive)
    if faults and source is None and manifest.format != "lip":
        return
    for image_id in manifest.sizes:
        if image_id not in archive.names and not (source and image_id in source.ids):
            yield image_id, None
            continue
        before = faults.count
        maps = archive.read_maps(image_id)
        if faults.count > before or archive.is_broken(image_id):
            continue
        if source is None:  # the map is all there is to read
            (labels,) = maps.values()
            assert labels is not None
            yield image_id, ImageLabels(persons=None, parsing=labels.astype(np.uint8, copy=False))
            continue
        found = _read_image(source, image_id, archive)
        if found is not None:
            yield image_id, found


def _open_source(archive: Archive) -> FileLabels | None:
    manifest = archive.manifest
    layout = find_layout(archive.roles, manifest)
    try:
        files = ArchiveFiles(archive)
        format = reader_of(manifest.format, layout)
        source = open_files(files, format, manifest.scheme, "prediction")
    except _BROKEN as error:
        _add_message(archive.faults, error, "")
        return None
    for image_id in sorted(set(source.ids) - set(manifest.sizes))[:1]:
        archive.faults.add("name", "", f"one of the {len(manifest.sizes)} images", image_id)
    return source


def _read_image(source: FileLabels, image_id: str, archive: Archive) -> ImageLabels | None:
    """Return the labels of one image as the readers see them; None where that is a fault."""
    faults, manifest = archive.faults, archive.manifest
    width, height = manifest.sizes[image_id]
    before = faults.count
    try:
        labels = source.read(image_id)
        check_size(labels, (height, width), image_id)
    except DataError as error:
        for message in source.faults_of(image_id) or [str(error)]:
            _add_message(faults, DataError(message), image_id)
        return None
    except _BROKEN as error:
        _add_message(faults, error, image_id)
        return None
    name = next(iter(archive.names.get(image_id, [])), "")
    count = _count_persons(labels)
    if count > manifest.persons:
        most = f"at most {manifest.persons} persons in an image"
        faults.add("persons", name, most, f"{count}")
    if manifest.needs == "persons" and labels.persons is None:
        faults.add("persons-missing", name, "persons, for they are scored", "label maps only")
    elif manifest.needs == "regions" and labels.persons is None and labels.regions is None:
        faults.add("regions-missing", name, "part regions, for they are scored", "none")
    elif manifest.needs != "map" and labels.persons is not None and labels.scores is None and count:
        faults.add("scores-missing", name, "a score for each person", "none")
    return labels if faults.count == before else None


def _count_persons(labels: ImageLabels) -> int:
    persons = labels.persons
    found = 0 if labels.scores is None else len(labels.scores)
    if isinstance(persons, tuple):
        return max(found, int(persons[1].max(initial=0)))
    return found if persons is None else max(found, len(persons))


def _add_message(faults: FaultList, error: Exception, image_id: str) -> None:
    """Note what a reader says, as far as it is about the archive."""
    match = _MESSAGE.match(f"{error} ")
    if match is None or not isinstance(error, PeopleparseError):
        faults.add("labels", image_id, "labels that can be read", type(error).__name__)
        return
    place = (match["place"] or image_id).replace(f"{_NAME}/", "")
    found = match["found"].replace(f"{_NAME}/", "")
    faults.add("labels", place, f"{match['what']} {match['expected']}", found)


def check_archive(file: BinaryIO | str | Path, manifest: Manifest) -> list[Fault]:
    """Return what is wrong with an archive, at most 20 faults; none for a good one.

    Args:
        file: an open file, or its path.
        manifest: what it must be like.
    """
    if isinstance(file, str | Path):
        with Path(file).open("rb") as opened:
            return check_archive(opened, manifest)
    archive = Archive(file, manifest)
    for _ in read_images(archive):
        pass
    return archive.faults.listed
