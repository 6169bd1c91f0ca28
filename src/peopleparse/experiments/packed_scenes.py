"""Scenes of the stand-in sets, shrunk and kept in files that processes share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import new_folder, write_file
from peopleparse.data.gps_like import SEED, SIZE, SceneName, StandIn, list_scenes
from peopleparse.data.scenes import Scene

Track = Callable[[Sequence[Any]], Iterable[Any]]
IGNORED = -1


@dataclass(frozen=True, eq=False)
class PackedScenes:
    """Scenes of one subset and split.

    Attributes:
        images: (N, H, W, 3) uint8 RGB.
        parsings: (N, H, W) uint8 GPS ids.
        owners: (N, H, W) int8 person numbers from 1, -1 ignored.
    """

    images: NDArray[np.uint8]
    parsings: NDArray[np.uint8]
    owners: NDArray[np.int8]

    def __len__(self) -> int:
        """Return the number of scenes."""
        return len(self.images)


def pack_scenes(
    maker: Callable[[], StandIn],
    folder: Path,
    subset: str,
    split: str,
    size: tuple[int, int],
    share: float = 1.0,
    track: Track = iter,
) -> PackedScenes:
    """Compose the scenes of a split, shrink them and keep them in `folder`; or read them there.

    Args:
        maker: gives what composes the scenes; asked only when they are not there yet.
        folder: where packed scenes are kept.
        subset: "indoor" or "outdoor".
        split: "train", "val" or "test".
        size: height and width; the scenes are 480 x 640.
        share: only the first part of the split.
        track: wraps the names, for a progress bar.
    """
    names = list_scenes(subset, split, share)
    place = folder / f"{subset}-{split}-{len(names)}-{size[0]}x{size[1]}"
    if not place.is_dir():
        with new_folder(place) as part:
            _write(part, maker(), names, size, track)
    arrays = [np.load(place / f"{name}.npy", mmap_mode="r") for name in _NAMES]
    return PackedScenes(*arrays)


_NAMES = ("images", "parsings", "owners")


def _write(
    folder: Path, maker: StandIn, names: list[SceneName], size: tuple[int, int], track: Track
) -> None:
    shape = (len(names), *size)
    images = np.zeros((*shape, 3), np.uint8)
    parsings, owners = np.zeros(shape, np.uint8), np.zeros(shape, np.int8)
    for row, name in enumerate(track(names)):
        images[row], parsings[row], owners[row] = shrink(maker.make(name), size)
    for name, array in zip(_NAMES, (images, parsings, owners), strict=True):
        np.save(folder / f"{name}.npy", array)
    about = {"seed": SEED, "made_at": list(SIZE), "scenes": [name.image_id for name in names]}
    write_file(folder / "about.json", json.dumps(about).encode())


def shrink(
    scene: Scene, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int8]]:
    """Return image, parsing and owners of a scene at (height, width)."""
    parsing, instances, _ = scene.annotation.flatten()
    ignored = (scene.annotation.parsings == scene.annotation.scheme.ignore_id).any(axis=0)
    owner = np.where(ignored, IGNORED, instances.astype(np.int16)).astype(np.int16)
    target = (size[1], size[0])
    image = cv2.resize(scene.image, target, interpolation=cv2.INTER_AREA)
    labels = cv2.resize(parsing, target, interpolation=cv2.INTER_NEAREST)
    numbers = cv2.resize(owner, target, interpolation=cv2.INTER_NEAREST)
    return image.astype(np.uint8), labels.astype(np.uint8), numbers.astype(np.int8)
