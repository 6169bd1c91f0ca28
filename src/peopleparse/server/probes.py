"""Archives that ask questions of the secret truth rather than answer the benchmark's.

Two kinds are refused: nearly every image of one label, which tells how often that label is there;
and nearly the same maps as an earlier archive of the team, which tells what the few others changed.
Systems that are meant to be scored send neither.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import write_file
from peopleparse.data.image_labels import ImageLabels
from peopleparse.server.archive import Archive, read_images
from peopleparse.server.manifest import Manifest
from peopleparse.server.outcome import Fault

MOST_CONSTANT, LEAST_DIFFERENT = 0.90, 0.05
_MAGIC = b"peopleparse prints 1\n"


@dataclass
class Probe:
    """What is kept of an archive while its images go by.

    Attributes:
        names: all images of the benchmark, in order.
        prints: (images,) uint32 checksum of an image's maps, 0 without any.
        constant: images that are of a single label; one without a prediction counts as background.
    """

    names: tuple[str, ...]
    prints: NDArray[np.uint32] = field(init=False)
    constant: int = field(init=False)

    def __post_init__(self) -> None:
        """Begin with an archive without images."""
        self._places = {name: place for place, name in enumerate(self.names)}
        self.prints = np.zeros(len(self.names), np.uint32)
        self.constant = len(self.names)

    def add(self, image_id: str, labels: ImageLabels | None) -> None:
        """Note one image."""
        if labels is None:
            return
        checksum = 0
        for array in _maps_of(labels):
            checksum = zlib.crc32(np.ascontiguousarray(array).data, checksum)
        self.prints[self._places[image_id]] = max(checksum, 1)
        self.constant -= not _is_constant(labels)

    def faults(self, earlier: Iterable[Path] = ()) -> list[Fault]:
        """Return why the archive is refused.

        Args:
            earlier: files that `write_prints` wrote of the team's earlier archives.
        """
        share = self.constant / len(self.names)
        if share > MOST_CONSTANT:
            most = f"at most {MOST_CONSTANT:.0%} of the images of a single label or missing"
            return [Fault("constant-label", "", most, f"{share:.0%}")]
        for path in earlier:
            other = read_prints(path, self.names)
            different = 1.0 if other is None else compare(self.prints, other)
            if different < LEAST_DIFFERENT:
                least = f"other maps than an earlier archive in at least {LEAST_DIFFERENT:.0%}"
                return [Fault("near-duplicate", "", f"{least} of the images", f"{different:.1%}")]
        return []


def _maps_of(labels: ImageLabels) -> list[NDArray[Any]]:
    persons = labels.persons if isinstance(labels.persons, tuple) else (labels.persons,)
    regions = None if labels.regions is None else labels.regions.numbers
    return [array for array in (labels.parsing, *persons, regions) if array is not None]


def _is_constant(labels: ImageLabels) -> bool:
    maps = _maps_of(labels)[:1]  # the map of the image, or the persons
    return all(not array.size or array.min() == array.max() for array in maps)


def fingerprint(archive: Path, manifest: Manifest) -> NDArray[np.uint32]:
    """Return the checksum of each image's maps, in the order of the manifest; 0 without any."""
    probe = Probe(tuple(manifest.sizes))
    with archive.open("rb") as file:
        for image_id, labels in read_images(Archive(file, manifest)):
            probe.add(image_id, labels)
    return probe.prints


def compare(first: NDArray[np.uint32], second: NDArray[np.uint32]) -> float:
    """Return the share of images whose maps differ.

    >>> compare(np.array([1, 2, 3, 4], np.uint32), np.array([1, 2, 3, 5], np.uint32))
    0.25
    """
    return float(np.mean(first != second))


def prints_path(archive: Path) -> Path:
    """Return where the prints of an archive are kept: beside it."""
    return archive.with_name(f"{archive.name}.prints")


def write_prints(path: Path, names: Iterable[str], prints: NDArray[np.uint32]) -> None:
    """Keep the prints of an archive.

    Raises:
        InputError: the place cannot be written.
    """
    write_file(path, _MAGIC + _hash_names(names) + prints.astype("<u4").tobytes())


def read_prints(path: Path, names: Mapping[str, Any] | Iterable[str]) -> NDArray[np.uint32] | None:
    """Return kept prints; None where there are none of a benchmark with these images."""
    names = tuple(names)
    try:
        data = path.read_bytes()
    except OSError:
        return None
    head = _MAGIC + _hash_names(names)
    if not data.startswith(head) or len(data) != len(head) + 4 * len(names):
        return None
    return np.frombuffer(data, "<u4", offset=len(head)).astype(np.uint32)


def _hash_names(names: Iterable[str]) -> bytes:
    return zlib.crc32("\n".join(names).encode()).to_bytes(4, "little")
