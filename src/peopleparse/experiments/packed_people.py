"""Photos of one person each, cut to the person, shrunk and kept in files that processes share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import new_folder, write_file
from peopleparse.data.people import Portrait
from peopleparse.experiments.lip_rows import VIEW
from peopleparse.labels import get_scheme
from peopleparse.transforms import warp_image, warp_labels

# Height and width of what is kept: a quarter more than a network sees, for views that are moved.
FRAME = (VIEW[0] * 5 // 4, VIEW[1] * 5 // 4)
FILL = 0.92  # share of the view's height or width that a person fills


@dataclass(frozen=True, eq=False)
class PackedPeople:
    """People of one split.

    Attributes:
        photo_ids: of the data set.
        images: (N, *FRAME, 3) uint8 RGB, the person in the middle.
        parsings: (N, *FRAME) uint8 GPS ids.
    """

    photo_ids: tuple[str, ...]
    images: NDArray[np.uint8]
    parsings: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self.photo_ids)

    def sha256(self) -> str:
        """Return the hash of the truth, photo ids included."""
        digest = hashlib.sha256(json.dumps(self.photo_ids).encode())
        digest.update(np.ascontiguousarray(self.parsings).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class View:
    """How a person is seen; the default is upright, whole and in the middle.

    Attributes:
        zoom: 1 shows a person as large as it was packed.
        angle: degrees, clockwise.
        across, down: where the middle moves, in shares of the view.
        mirror: left to right; labels swap sides.
    """

    zoom: float = 1.0
    angle: float = 0.0
    across: float = 0.0
    down: float = 0.0
    mirror: bool = False


def pack_people(read: Callable[[], Sequence[Portrait]], folder: Path, split: str) -> PackedPeople:
    """Cut the people of a split out and keep them in `folder`; or read them there.

    Args:
        read: gives the people; asked only when they are not there yet.
        folder: where packed people are kept.
        split: names their folder.
    """
    place = folder / f"{split}-{FRAME[0]}x{FRAME[1]}"
    if not place.is_dir():
        with new_folder(place) as part:
            _write(part, read())
    about = json.loads((place / "about.json").read_text(encoding="utf-8"))
    images, parsings = (np.load(place / f"{n}.npy", mmap_mode="r") for n in ("images", "parsings"))
    return PackedPeople(tuple(about["photo_ids"]), images, parsings)


def _write(folder: Path, people: Sequence[Portrait]) -> None:
    images = np.zeros((len(people), *FRAME, 3), np.uint8)
    parsings = np.zeros((len(people), *FRAME), np.uint8)
    for row, person in enumerate(people):
        images[row], parsings[row] = frame_person(person)
    np.save(folder / "images.npy", images)
    np.save(folder / "parsings.npy", parsings)
    about = {"photo_ids": [person.photo_id for person in people], "view": VIEW, "fill": FILL}
    write_file(folder / "about.json", json.dumps(about).encode())


def frame_person(person: Portrait) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return image and parsing of a person at FRAME; beyond the photo its edge goes on."""
    x1, y1, x2, y2 = (float(value) for value in person.box)
    scale = FILL * min(VIEW[0] / (y2 - y1), VIEW[1] / (x2 - x1))
    height, width = person.parsing.shape
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(person.image, size, interpolation=how), np.uint8)
    place = [FRAME[1] / 2 - scale * (x1 + x2) / 2, FRAME[0] / 2 - scale * (y1 + y2) / 2]
    # The image is shrunk first: a warp by itself would sample it too coarsely.
    whole = np.array(
        [[width * scale / size[0], 0, place[0]], [0, height * scale / size[1], place[1]]]
    )
    labels = np.array([[scale, 0, place[0]], [0, scale, place[1]]])
    return (
        warp_image(small, whole, FRAME[1], FRAME[0]),
        warp_labels(person.parsing, labels, FRAME[1], FRAME[0]),
    )


def cut_view(
    image: NDArray[np.uint8], parsing: NDArray[np.uint8], view: View
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return image and parsing of a packed person as a network sees it, at VIEW.

    Args:
        image: (*FRAME, 3) uint8 RGB.
        parsing: FRAME, uint8 GPS ids.
        view: how; where it is mirrored, left and right labels are swapped.
    """
    angle = np.deg2rad(view.angle)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = view.zoom * turn @ np.diag([-1.0 if view.mirror else 1.0, 1.0])
    middle, size = np.array([FRAME[1], FRAME[0]]) / 2, np.array([VIEW[1], VIEW[0]])
    place = size * (np.array([view.across, view.down]) + 0.5)
    matrix = np.concatenate([linear, (place - linear @ middle)[:, None]], axis=1)
    labels = warp_labels(np.ascontiguousarray(parsing), matrix, VIEW[1], VIEW[0])
    if view.mirror:
        labels = get_scheme("gps").flip_table()[labels]
    return warp_image(np.ascontiguousarray(image), matrix, VIEW[1], VIEW[0]), labels
