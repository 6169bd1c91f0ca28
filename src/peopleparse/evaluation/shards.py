"""The tally files of one system, put together: shards add up to what one file would hold."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peopleparse.errors import InputError
from peopleparse.evaluation.modes import Labels
from peopleparse.evaluation.packing import Record
from peopleparse.evaluation.tally_file import TallyFile, identity, read_tally_file
from peopleparse.metrics.tally import Tally


@dataclass(frozen=True)
class SystemTallies:
    """All that was counted of one system.

    Attributes:
        files: one tally file or more, without an image in common.
    """

    files: tuple[TallyFile, ...]

    @property
    def header(self) -> dict[str, Any]:
        """What the first file was counted from."""
        return self.files[0].header

    @property
    def name(self) -> str:
        """What the system is called."""
        return str(self.header["system"]["name"])

    @property
    def labels(self) -> Labels:
        """Labels that it was counted with."""
        return Labels(tuple(self.header["labels"]), self.header["ignore_id"])

    def records(self) -> Iterator[Record]:
        """Read the records one by one, in the order of the image ids.

        Raises:
            DataError: a file was changed since it was looked through.
        """
        parts = [file.records() for file in self.files]
        return heapq.merge(*parts, key=lambda record: record.image_id)

    def tallies(self) -> Iterator[Tally]:
        """Read what was counted; images whose truth cannot be read are left out.

        Raises:
            DataError: as `records`.
        """
        return (record.tally for record in self.records() if record.tally is not None)


def join_files(files: Sequence[TallyFile]) -> SystemTallies:
    """Return the tallies of one system.

    Raises:
        InputError: the files are of different truth or labels, share an image, or do not hold all
            images of the truth.
    """
    first = files[0]
    seen: dict[str, Path] = {}
    for file in files:
        mine, other = identity(first.header), identity(file.header)
        different = [key for key in mine if mine[key] != other[key]]
        if different:
            raise InputError(
                f"tally files of one system must be of one truth, got other "
                f"{', '.join(different)} than in {first.path}, at {file.path}. "
                "Name the shards of one run."
            )
        for image_id in file.places:
            if image_id in seen:
                raise InputError(
                    f"tally files of one system must not share images, got '{image_id}' in "
                    f"{seen[image_id]} and in {file.path}. Name each shard once, or give the "
                    "systems different names with --name."
                )
            seen[image_id] = file.path
    truth = first.header["truth"]
    ids = hashlib.sha256("\n".join(sorted(seen)).encode()).hexdigest()
    if ids != truth["ids_sha256"]:
        raise InputError(
            f"tally files of a system must hold all {truth['images']} images of the truth, got "
            f"{len(seen)}, at {', '.join(str(file.path) for file in files)}. "
            "Give all shards, each run to its end."
        )
    return SystemTallies(tuple(files))


def read_systems(paths: Sequence[str | Path]) -> list[SystemTallies]:
    """Read tally files; those of one name are shards of one system.

    Raises:
        DataError: a file is missing, no tally file, or broken.
        InputError: the files of a system do not fit, or systems are of different truth.
    """
    groups: dict[str, list[TallyFile]] = {}
    for path in paths:
        file = read_tally_file(path)
        groups.setdefault(str(file.header["system"]["name"]), []).append(file)
    return check_systems([join_files(files) for files in groups.values()])


def check_systems(systems: Sequence[SystemTallies]) -> list[SystemTallies]:
    """Return systems that can be compared.

    Raises:
        InputError: they are of different truth or labels.
    """
    for system in systems[1:]:
        first, other = systems[0].header, system.header
        for what, one, two in (
            ("truth", first["truth"]["ids_sha256"], other["truth"]["ids_sha256"]),
            ("labels", first["labels"], other["labels"]),
        ):
            if one != two:
                raise InputError(
                    f"systems must be counted on one truth with one scheme, got other {what} "
                    f"for '{system.name}' than for '{systems[0].name}'. Evaluate them apart."
                )
    return list(systems)
