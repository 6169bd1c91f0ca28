"""Fashionista: 56 labels, photos of one person, in one MATLAB file or exported from it.

    fashionista_v0.2.1.mat: truths (struct array), test_index
    fashionista_labels/<id>.png, fashionista_photos/<id>.jpg, train_id.txt, test_id.txt: the export

Each truth has `index`, `image` (bytes of a JPEG) and `annotation`: `superpixel_map` (bytes of a
PNG, numbers from 1), `superpixel_labels` (label of each number, from 1) and `labels` (names). The
label ids here are from 0, null first; the image id is the index in four digits.

Source: kyamagu/paperdoll, README.md, "Data format"; LIP paper, Table 1 (456 and 229).

Differs: that README calls `test_index` "samples used for training"; its 229 entries, and readers
that convert the file, take it as the test set, as is done here. The README writes the fields of
`annotation` as fields of the truth in its example.
"""

from __future__ import annotations

import io
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import new_folder, write_file
from peopleparse.data.grey_png import encode_grey_png
from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.label_decode import decode_numbers
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import FileLabels, Side
from peopleparse.data.map_labels import Layout, MapLabels
from peopleparse.errors import DataError, InputError
from peopleparse.labels import Scheme

FASHIONISTA = Layout(
    format="fashionista",
    title="Fashionista",
    maps=("fashionista_labels",),
    photos=("fashionista_photos",),
    lists={split: (f"{split}_id.txt",) for split in ("train", "test")},
    counts={"train": 456, "test": 229},
    total=685,
)


def find_mat(files: LabelFiles) -> str | None:
    """Return the name of the data set's MATLAB file, None where there is none."""
    found = [name for name in files.names if _is_mat(name)]
    return found[0] if found else None


def _is_mat(name: str) -> bool:
    base = name.rpartition("/")[2].lower()
    return base.startswith("fashionista") and base.endswith(".mat")


class FashionistaMat(MapLabels):
    """The label maps and photos inside the MATLAB file; it is read once, at the start.

    Raises:
        DataError: the file cannot be read, or does not hold what it should.
        InputError: scipy is not installed.
    """

    def __init__(self, files: LabelFiles, scheme: Scheme, side: Side, name: str) -> None:
        self.layout, self.format = FASHIONISTA, FASHIONISTA.format
        self._name, place = name, files.place(name)
        variables = _load(files.read(name), place)
        truths = np.atleast_1d(variables["truths"])
        self._truths = {f"{_whole(truth, 'index', place):04d}": truth for truth in truths}
        if len(self._truths) != len(truths):
            raise DataError(
                f"truths must have an index each, got {len(self._truths)} for {len(truths)}, "
                f"at {place}. Fetch the file again."
            )
        self.photos = dict.fromkeys(self._truths, name)
        positions = np.atleast_1d(variables["test_index"]).ravel()
        test = positions.astype(np.intp) - 1
        if positions.size and not (0 <= test.min() and test.max() < len(truths)):
            raise DataError(
                f"test_index must be of 1 to {len(truths)}, got {positions.min()} to "
                f"{positions.max()}, at {place}. Fetch the file again."
            )
        chosen, ids = set(test.tolist()), list(self._truths)
        self.splits = {
            "train": tuple(i for n, i in enumerate(ids) if n not in chosen),
            "test": tuple(ids[n] for n in test),
        }
        FileLabels.__init__(self, files, scheme, side, self._truths)

    def names_of(self, image_id: str) -> list[str]:
        """Return the name of the MATLAB file."""
        return [self._name] if image_id in self._truths else []

    def place_of(self, image_id: str) -> str:
        """Return the path of the file and the truth in it, for errors."""
        return f"truth {image_id} of {self.files.place(self._name)}"

    def files_of(self, image_id: str) -> dict[str, bytes]:
        """Return the bytes of the image's superpixels and their labels, for hashes."""
        found = self._truths[image_id].annotation
        labels = np.ascontiguousarray(found.superpixel_labels, np.uint8)
        return {
            f"{self._name}#{image_id}/superpixel_map": _bytes(found.superpixel_map),
            f"{self._name}#{image_id}/superpixel_labels": labels.tobytes(),
        }

    def read_photo(self, image_id: str) -> bytes | None:
        """Return the image's photo, the bytes of a JPEG."""
        return _bytes(self._truths[image_id].image)

    def _read(self, image_id: str, faults: list[str]) -> ImageLabels | None:
        place, truth = self.place_of(image_id), self._truths[image_id]
        try:
            found = truth.annotation
            names = tuple(str(name) for name in np.atleast_1d(found.labels).ravel())
            labels = np.atleast_1d(found.superpixel_labels).ravel().astype(np.intp)
            data = _bytes(found.superpixel_map)
        except (AttributeError, TypeError, ValueError) as error:
            faults.append(
                "annotation must have superpixel_map, superpixel_labels and labels, got "
                f"'{error}', at {place}. Fetch the file again."
            )
            return None
        faults += self._check_names(names, place)
        numbers = self._try(faults, decode_numbers, data, place)
        if numbers is None:
            return None
        faults += _check_superpixels(numbers, labels, self.scheme.num_ids, place)
        if faults:
            return None
        table = np.append(0, labels - 1).astype(np.uint8)
        return ImageLabels(persons=None, parsing=table[numbers])

    def _check_names(self, names: tuple[str, ...], place: str) -> list[str]:
        wrong = [pair for pair in zip(names, self.scheme.names, strict=False) if pair[0] != pair[1]]
        if not wrong and len(names) == self.scheme.num_ids:
            return []
        got = f"'{wrong[0][0]}' for '{wrong[0][1]}'" if wrong else f"{len(names)} names"
        return [
            f"labels must be the {self.scheme.num_ids} names of scheme '{self.scheme.name}', got "
            f"{got}, at {place}. Use version 0.2.1 of the file."
        ]


def export_fashionista(mat: FashionistaMat, folder: str | Path) -> Path:
    """Write the MATLAB file as a folder of label PNGs, photos and lists, whole or not at all.

    Raises:
        DataError: an image of it is broken.
        InputError: the folder is there already, or cannot be written.
    """
    folder = Path(folder)
    if folder.exists():
        raise InputError(f"output must be a new folder, got one there, at {folder}. Name another.")
    with new_folder(folder) as part:
        for image_id in mat.ids:
            parsing, photo = mat.read(image_id).parsing, mat.read_photo(image_id)
            assert parsing is not None and photo is not None
            write_file(part / FASHIONISTA.maps[0] / f"{image_id}.png", encode_grey_png(parsing))
            write_file(part / FASHIONISTA.photos[0] / f"{image_id}.jpg", photo)
        for split, ids in mat.splits.items():
            text = "".join(f"{image_id}\n" for image_id in ids)
            write_file(part / f"{split}_id.txt", text.encode())
    return folder


def _load(data: bytes, place: str) -> dict[str, Any]:
    if find_spec("scipy") is None:
        raise InputError(
            f"MATLAB files must be read with scipy, got none installed, for {place}. "
            "Install it: pip install 'peopleparse[train]'"
        )
    from scipy.io import loadmat

    wanted = ["truths", "test_index"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = loadmat(
                io.BytesIO(data), variable_names=wanted, squeeze_me=True, struct_as_record=False
            )
    except Exception as error:  # scipy raises many types on broken files
        raise DataError(
            f"Fashionista must be a readable MATLAB file up to version 7, got '{error}', "
            f"at {place}. Fetch it again."
        ) from error
    missing = [name for name in wanted if name not in found]
    if missing:
        raise DataError(
            f"Fashionista must hold truths and test_index, got no {missing[0]}, at {place}. "
            "Use fashionista_v0.2.1.mat."
        )
    return dict(found)


def _whole(truth: Any, name: str, place: str) -> int:
    try:
        return int(getattr(truth, name))
    except (AttributeError, TypeError, ValueError) as error:
        raise DataError(
            f"truths must have an index each, got '{error}', at {place}. Fetch the file again."
        ) from error


def _bytes(values: Any) -> bytes:
    return np.ascontiguousarray(values, np.uint8).tobytes()


def _check_superpixels(
    numbers: NDArray[np.uint16], labels: NDArray[np.intp], num_ids: int, place: str
) -> list[str]:
    least, most = int(numbers.min()), int(numbers.max())
    if least < 1 or most > len(labels):
        return [
            f"superpixels must be 1 to {len(labels)}, got {least} to {most}, at {place}. "
            "Fetch the file again."
        ]
    if labels.min() < 1 or labels.max() > num_ids:
        return [
            f"superpixel_labels must be 1 to {num_ids}, got {labels.min()} to {labels.max()}, "
            f"at {place}. Fetch the file again."
        ]
    return []
