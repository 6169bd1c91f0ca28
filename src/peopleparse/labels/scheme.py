"""A scheme is a table: one row a label, with its flip partner, joint and colour."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import SchemeError, suggest

IGNORE_ID = 255
_NUM_IDS = {
    "gps": 20,
    "gps-outdoor": 20,
    "lip": 20,
    "ccp": 59,
    "cihp": 20,
    "mhp-v1": 19,
    "mhp-v2": 59,
    "atr": 18,
    "fashionista": 56,
    "pascal-person-part": 7,
}
_UNSIDED = "-"
_UNKNOWN = "?"


@dataclass(frozen=True)
class Label:
    """One label of a scheme.

    Attributes:
        id: value in files, 0 is background.
        name: the field's name of the part.
        kind: "background", "body" or "clothing".
        flip: id that this label becomes in a mirrored photo; None where the table cannot say.
        joint: name of the joint that the structure loss counts it to, or "".
        color: red, green, blue, 0 to 255.
    """

    id: int
    name: str
    kind: str
    flip: int | None
    joint: str
    color: tuple[int, int, int]


@dataclass(frozen=True)
class Scheme:
    """A set of labels with their ids, names, colours, flip partners and joints.

    Attributes:
        name: name of the scheme.
        labels: its labels, by id.
        num_ids: number of id slots; GPS outdoors uses 19 of its 20, so that one head serves both.
        ignore_id: value of pixels that count for nothing.
    """

    name: str
    labels: tuple[Label, ...]
    num_ids: int
    ignore_id: int = IGNORE_ID

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids in use, ascending."""
        return tuple(label.id for label in self.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of every id slot; an unused slot is ""."""
        names = [""] * self.num_ids
        for label in self.labels:
            names[label.id] = label.name
        return tuple(names)

    @property
    def joints(self) -> tuple[str, ...]:
        """Joint names in the order of their first label."""
        return tuple(dict.fromkeys(label.joint for label in self.labels if label.joint))

    @property
    def palette(self) -> NDArray[np.uint8]:
        """Colours by id, (256, 3) uint8; unused ids are black and ignored pixels white."""
        palette = np.zeros((256, 3), np.uint8)
        for label in self.labels:
            palette[label.id] = label.color
        palette[self.ignore_id] = 255
        return palette

    def id_of(self, name: str) -> int:
        """Return the id of a label name.

        Raises:
            SchemeError: the scheme has no label of that name.
        """
        for label in self.labels:
            if label.name == name:
                return label.id
        choices = [label.name for label in self.labels]
        raise SchemeError(
            f"label must be one of scheme '{self.name}', got '{name}'.{suggest(name, choices)}"
        )

    def flip_table(self) -> NDArray[np.uint8]:
        """Return the id that each id becomes when the photo is mirrored, (256,) uint8.

        Raises:
            SchemeError: the scheme's table does not name flip partners.
        """
        table = np.arange(256, dtype=np.uint8)
        for label in self.labels:
            if label.flip is None:
                raise SchemeError(
                    f"scheme must name flip partners to be mirrored, got '{self.name}' "
                    "without any. Translate to a scheme with left and right (gps, lip) first."
                )
            table[label.id] = label.flip
        return table


def read_table(file_name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of one of the package's tables; lines that start with # are notes."""
    text = files("peopleparse.labels").joinpath(file_name).read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    yield from csv.DictReader(lines, delimiter="\t")


def scheme_title(name: str) -> str:
    """Return the data set that a scheme is of, as the notes of its table begin; "" for none.

    >>> scheme_title("lip")
    'Look into Person'
    """
    if name not in _NUM_IDS:
        return ""
    text = files("peopleparse.labels").joinpath(f"{name}.tsv").read_text(encoding="utf-8")
    return text.partition("\n")[0].removeprefix("# ").partition(":")[0]


def scheme_names() -> tuple[str, ...]:
    """Return the names of all schemes."""
    return tuple(_NUM_IDS)


@cache
def get_scheme(name: str) -> Scheme:
    """Return a scheme by name, one of `scheme_names`.

    Raises:
        SchemeError: no scheme has that name.

    >>> get_scheme("gps").names[4]
    'upper clothes'
    """
    if name not in _NUM_IDS:
        raise SchemeError(f"scheme must be a known name, got '{name}'.{suggest(name, _NUM_IDS)}")
    rows = list(read_table(f"{name}.tsv"))
    id_of = {row["name"]: int(row["id"]) for row in rows}
    return Scheme(name, tuple(_make_label(row, id_of) for row in rows), _NUM_IDS[name])


def _make_label(row: dict[str, str], id_of: dict[str, int]) -> Label:
    own = int(row["id"])
    flip = {_UNSIDED: own, _UNKNOWN: None}.get(row["flip"], id_of.get(row["flip"]))
    color = (int(row["red"]), int(row["green"]), int(row["blue"]))
    joint = "" if row["joint"] == "-" else row["joint"]
    return Label(own, row["name"], row["kind"], flip, joint, color)
