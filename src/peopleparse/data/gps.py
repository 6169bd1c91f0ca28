"""Group People Segmentation on disk: one indexed PNG a person, and a JSON an image.

    <folder>/images/<id>.jpg
    <folder>/annotations/<id>/<id>.json
    <folder>/annotations/<id>/<id>_<NN>_<KK>.png    NN persons, person KK of them, left to right

Source: GPS paper, section 3.1 (labels, N person-level masks an image, left to right). The JSON
and the file names are this project's; docs/data_format.md lists every field.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.data.files import (
    PART_PREFIX,
    hash_bytes,
    new_folder,
    read_image,
    read_image_size,
    write_file,
)
from peopleparse.data.gps_record import (
    check_record,
    find_disorder,
    fit_subset,
    make_record,
    scheme_of,
)
from peopleparse.data.png import read_label_png, write_label_png
from peopleparse.errors import DataError, InputError, suggest
from peopleparse.structures import Annotation

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
_JPEG_QUALITY = 95
_IMAGE_ID = re.compile(r"\w(?:[\w.\- ]*[\w\-])?")


def annotation_folder(folder: str | Path, image_id: str) -> Path:
    """Return the folder that holds an image's JSON and PNGs."""
    return Path(folder) / "annotations" / image_id


def record_path(folder: str | Path, image_id: str) -> Path:
    """Return the path of an image's JSON."""
    return annotation_folder(folder, image_id) / f"{image_id}.json"


def mask_name(image_id: str, count: int, index: int) -> str:
    """Return the file name of a person-level PNG: image, number of persons, person.

    >>> mask_name("0001", 3, 2)
    '0001_03_02.png'
    """
    return f"{image_id}_{count:02d}_{index:02d}.png"


def write_annotation(
    folder: str | Path,
    annotation: Annotation,
    image: NDArray[np.uint8] | str | Path,
    subset: str | None,
    split: str,
    extra: Mapping[str, Any] | None = None,
    persons: Sequence[Mapping[str, Any]] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write one image and its persons into a GPS folder; the folder is made.

    The annotation is written under a temporary name and renamed, so a reader never sees half.

    Args:
        folder: the data set.
        annotation: its persons from left to right (none is allowed) and the image's id.
        image: (H, W, 3) uint8 RGB, saved as JPEG; or the path of a JPEG or PNG, copied as it is.
        subset: "indoor", "outdoor" (no tie), or None where neither is meant.
        split: "train", "val", "test" or a name of your own.
        extra: further fields of the JSON, for example where the image comes from.
        persons: further fields of each person: uid, click_xy, occluded, truncated, status,
            annotator, revision, seconds or your own.
        overwrite: replace an annotation that is there.

    Returns:
        The folder of the annotation.

    Raises:
        InputError: id, labels, order, image or a field is not as the format wants it; the
            annotation exists; or the place cannot be written.
        DataError: the image file is missing, broken or not stored upright.
    """
    image_id = annotation.image_id
    target = annotation_folder(folder, image_id)
    _check_new(image_id, split, target, overwrite)
    annotation = fit_subset(annotation, subset)
    file_name, data = _encode_image(annotation, image)
    height, width = annotation.parsings.shape[1:]
    entry = {
        "file": file_name,
        "sha256": hash_bytes(data),
        "width": width,
        "height": height,
        "subset": subset,
        "split": split,
    }
    record = make_record(annotation, entry, persons, extra)
    text = json.dumps(record, indent=1, ensure_ascii=False, default=_to_plain) + "\n"
    disorder = find_disorder(record["persons"])
    if disorder:
        raise InputError(f"{disorder}, at image '{image_id}'. Sort them by that x first.")

    write_file(Path(folder) / file_name, data)
    with new_folder(target) as part:
        for index, parsing in enumerate(annotation.parsings, 1):
            name = mask_name(image_id, len(annotation), index)
            write_label_png(part / name, parsing, annotation.scheme.palette)
        write_file(part / f"{image_id}.json", text.encode())
    return target


def _check_new(image_id: str, split: str, target: Path, overwrite: bool) -> None:
    if not _IMAGE_ID.fullmatch(image_id):
        raise InputError(
            f"image id must be letters, digits, '_', '-', '.' or spaces and begin with a letter or "
            f"digit, got '{image_id}'. It becomes a file name: choose another."
        )
    if not split:
        raise InputError(
            f"split must be a name, got '', at image '{image_id}'. Give train, val or test."
        )
    if target.exists() and not overwrite:
        raise InputError(
            f"annotation must be new, got one that exists, at {target}. "
            "Give overwrite=True to replace it, or choose another image id."
        )


def _encode_image(
    annotation: Annotation, image: NDArray[np.uint8] | str | Path
) -> tuple[str, bytes]:
    """Return the image's path in the data set and its bytes."""
    if not isinstance(image, np.ndarray):
        return _copy_image(annotation, Path(image))
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(
            f"image must be (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}, "
            f"at image '{annotation.image_id}'. Convert it to 8-bit RGB."
        )
    _check_size(annotation, image.shape[:2])
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return f"images/{annotation.image_id}.jpg", buffer.getvalue()


def _copy_image(annotation: Annotation, path: Path) -> tuple[str, bytes]:
    suffix = path.suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        raise InputError(
            f"image must end in {', '.join(IMAGE_SUFFIXES)}, got '{suffix}', at {path}. "
            "Convert it first."
        )
    _check_size(annotation, read_image_size(path))
    return f"images/{annotation.image_id}{suffix}", path.read_bytes()


def _check_size(annotation: Annotation, size: tuple[int, ...]) -> None:
    if annotation.parsings.shape[1:] != tuple(size):
        raise InputError(
            f"image must have the size of its masks {annotation.parsings.shape[1:]}, "
            f"got {tuple(size)}, at image '{annotation.image_id}'. Resize neither alone."
        )


def _to_plain(value: Any) -> Any:
    """Turn numpy values in further fields into JSON's own."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise InputError(
        f"further fields must be JSON values, got {type(value).__name__}. Turn them into text, "
        "numbers, lists or mappings."
    )


def read_record(folder: str | Path, image_id: str) -> dict[str, Any]:
    """Read the JSON of one image.

    Raises:
        DataError: the file is missing or broken, or lacks a field that readers rely on.
    """
    path = record_path(folder, image_id)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise DataError(
            f"annotation must be a JSON file, got none, at {path}. "
            "Check the image id, and the folder with `peopleparse data check`."
        ) from None
    except ValueError as error:
        raise DataError(
            f"annotation must be JSON, got '{error}', at {path}. Write or fetch it again."
        ) from error
    return check_record(record, path)


def read_annotation(folder: str | Path, image_id: str) -> Annotation:
    """Read the persons of one image.

    Raises:
        DataError: a file is missing or broken, has another size than the JSON says, or holds a
            label that the sub-data set does not have.
    """
    return _read_persons(folder, image_id, read_record(folder, image_id))


def _read_persons(folder: str | Path, image_id: str, record: dict[str, Any]) -> Annotation:
    scheme = scheme_of(record["image"].get("subset"))
    size = (record["image"]["height"], record["image"]["width"])
    count = record["n_persons"]
    parsings = np.zeros((count, *size), np.uint8)
    for index in range(1, count + 1):
        path = annotation_folder(folder, image_id) / mask_name(image_id, count, index)
        parsing = read_label_png(path)
        if parsing.shape != size:
            raise DataError(
                f"label PNG must be {size[1]} x {size[0]} like its image, got "
                f"{parsing.shape[1]} x {parsing.shape[0]}, at {path}. Write it again."
            )
        present = set(np.flatnonzero(np.bincount(parsing.ravel(), minlength=256)).tolist())
        stray = sorted(present - set(scheme.ids) - {scheme.ignore_id})
        if stray:
            raise DataError(
                f"label ids must be ids of scheme '{scheme.name}' or {scheme.ignore_id}, "
                f"got {stray}, at {path}. Correct the mask or the image's subset."
            )
        parsings[index - 1] = parsing
    return Annotation(parsings, scheme, image_id)


def read_image_ids(folder: str | Path, split: str | None = None) -> list[str]:
    """Return the ids of the annotated images, sorted.

    Args:
        folder: the data set.
        split: only the images of that split.

    Raises:
        DataError: the folder is no GPS folder, an annotation is broken, or no image has that split.
    """
    root = Path(folder) / "annotations"
    if not root.is_dir():
        raise DataError(
            f"GPS folder must hold annotations/, got none, at {folder}. "
            "Name the folder that holds images/ and annotations/."
        )
    found = (path.name for path in root.iterdir() if path.is_dir())
    ids = sorted(name for name in found if not name.startswith(PART_PREFIX))
    if split is None:
        return ids
    split_of = {image_id: read_record(folder, image_id)["image"]["split"] for image_id in ids}
    known = sorted(set(split_of.values()))
    if ids and split not in known:
        raise DataError(
            f"split must be one that images have, got '{split}', at {folder}."
            f"{suggest(split, known)}"
        )
    return [image_id for image_id in ids if split_of[image_id] == split]


@dataclass(frozen=True)
class GpsDataset:
    """The images and persons of a GPS folder, by number.

    Attributes:
        folder: holds images/ and annotations/.
        split: only the images of that split; None for all.
        ids: ids of the images, sorted.
    """

    folder: str | Path
    split: str | None = None
    ids: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the ids.

        Raises:
            DataError: as `read_image_ids`.
        """
        object.__setattr__(self, "ids", read_image_ids(self.folder, self.split))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.ids)

    def __getitem__(self, number: int) -> tuple[NDArray[np.uint8], Annotation]:
        """Return the image, (H, W, 3) uint8 RGB, and its persons.

        Raises:
            DataError: a file is missing or broken, or sizes disagree.
            IndexError: there are not that many images.
        """
        image_id = self.ids[number]
        record = read_record(self.folder, image_id)
        annotation = _read_persons(self.folder, image_id, record)
        path = Path(self.folder) / record["image"]["file"]
        image = read_image(path)
        if image.shape[:2] != annotation.parsings.shape[1:]:
            height, width = annotation.parsings.shape[1:]
            raise DataError(
                f"image must be {width} x {height} like its masks, got "
                f"{image.shape[1]} x {image.shape[0]}, at {path}. Fetch the original."
            )
        return image, annotation
