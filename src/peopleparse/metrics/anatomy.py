"""Anatomy that cannot be: an arm on the wrong side, a shoe at the head, two left shoes, ..."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.labels import Scheme
from peopleparse.metrics.anatomy_body import Body, make_bodies, roles_of
from peopleparse.metrics.anatomy_rules import FULL_SIZE, RULES, Fault
from peopleparse.metrics.checks import check_new, plain
from peopleparse.metrics.overlap import Persons, read_persons
from peopleparse.metrics.sides import Sheet, Side
from peopleparse.structures import ParsedPeople

KINDS = tuple(RULES)


@dataclass(frozen=True)
class Finding:
    """One fault of one person.

    Attributes:
        kind: one of `KINDS`.
        person: 1 to N, in the order in which persons were given.
        labels: ids of the parts at fault, ascending.
        box: x1, y1, x2, y2 around them in image pixels; of a large person a few pixels too wide.
        severity: 0 to 1, by how clear and how large it is.
        text: a sentence.
    """

    kind: str
    person: int
    labels: tuple[int, ...]
    box: tuple[int, int, int, int]
    severity: float
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dict(plain(asdict(self)))


@dataclass(frozen=True)
class AnatomyScores:
    """How many persons have which fault.

    Attributes:
        images, persons: counted; persons without a labelled pixel are none.
        unjudged: of `persons`, those too small to judge.
        faulty: persons with a fault of any kind.
        faults: persons with a fault, by kind.
        per_hundred: the same per hundred judged persons; NaN without any.
        faulty_per_hundred: `faulty` per hundred judged persons; NaN without any.
    """

    images: int
    persons: int
    unjudged: int
    faulty: int
    faults: dict[str, int]
    per_hundred: dict[str, float]
    faulty_per_hundred: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"definition": "anatomy/1", **plain(asdict(self))}


@dataclass(frozen=True)
class _Record:
    persons: int
    unjudged: int
    kinds: tuple[frozenset[str], ...]  # of the persons who have any


def audit_people(
    persons: Persons | ParsedPeople, scheme: Scheme | None = None, where: str = ""
) -> list[Finding]:
    """Return what is wrong with the anatomy of each person, the severest first.

    Args:
        persons: (N, H, W) label ids, one map a person; or the pair (parsing, instances); or a
            result.
        scheme: labels of the maps; a result has its own.
        where: named in errors, such as the image.

    Raises:
        InputError: the maps are not as above, or the scheme's names say nothing of a body.

    >>> from peopleparse.labels import get_scheme
    >>> person = np.zeros((80, 60), np.uint8)
    >>> person[4:10, 16:24], person[10:40, 12:28] = 11, 4  # face, upper clothes
    >>> person[40:70, 14:26], person[12:20, 32:38] = 12, 9  # left leg, left shoe
    >>> [(found.text, found.box) for found in audit_people(person[None], get_scheme("gps"))]
    [('Person 1: left shoe away from the body.', (32, 12, 38, 20))]
    """
    found = list(_findings(*_read(persons, scheme, where)))
    kept = [finding for _, findings in found for finding in findings]
    return sorted(kept, key=lambda f: (-f.severity, f.person, KINDS.index(f.kind), f.box))


class AnatomyFaults:
    """Counts of persons whose anatomy cannot be, by kind of fault.

    Definition: a person is counted once a kind, whatever the number of findings of it; see
    `audit_people`. Rates are per hundred judged persons.
    Absent: a person without a labelled pixel is not counted, one with too few is not judged; parts
    that are missing are no fault. Without a judged person the rates are NaN.
    Source: "unreasonable" predictions are what Gong et al., "Look into Person" (CVPR 2017),
    section 4, want the structure-sensitive loss to avoid. Differs: they define no measure.

    >>> from peopleparse.labels import get_scheme
    >>> person = np.zeros((80, 60), np.uint8)
    >>> person[4:10, 16:24], person[10:40, 12:28], person[12:20, 32:38] = 11, 4, 9
    >>> faults = AnatomyFaults(get_scheme("gps"))
    >>> found = faults.update("photo", person[None])
    >>> faults.compute().faults["floating_limb"], faults.compute().faulty_per_hundred
    (1, 100.0)
    """

    def __init__(self, scheme: Scheme) -> None:
        """Choose the labels.

        Args:
            scheme: labels of all maps.

        Raises:
            InputError: the scheme's names say nothing of a body.
        """
        roles_of(scheme)
        self.scheme = scheme
        self._records: dict[str, _Record] = {}

    def update(self, image_id: str, persons: Persons) -> list[Finding]:
        """Add one image and return its findings, by person.

        Raises:
            InputError: the image is known, or its maps are not as `audit_people` takes them.
        """
        check_new(image_id, self._records)
        found = list(_findings(*_read(persons, self.scheme, f"image '{image_id}'")))
        findings = [finding for _, each in found for finding in each]
        kinds = tuple(frozenset(f.kind for f in each) for _, each in found if each)
        self._records[image_id] = _Record(len(found), sum(not b for b, _ in found), kinds)
        return findings

    def merge(self, other: AnatomyFaults) -> None:
        """Add the images of another shard.

        Raises:
            InputError: the schemes differ, or an image is in both; nothing is added.
        """
        if self.scheme != other.scheme:
            raise InputError(
                f"merged AnatomyFaults must have one scheme '{self.scheme.name}', got "
                f"'{other.scheme.name}'. Make all shards with the same arguments."
            )
        for image_id in other._records:
            check_new(image_id, self._records)
        self._records.update(other._records)

    def compute(self) -> AnatomyScores:
        """Return the counts of all images so far."""
        records = list(self._records.values())
        persons = sum(record.persons for record in records)
        unjudged = sum(record.unjudged for record in records)
        kinds = [each for record in records for each in record.kinds]
        counts = {kind: sum(kind in each for each in kinds) for kind in KINDS}
        judged = persons - unjudged
        return AnatomyScores(
            images=len(records),
            persons=persons,
            unjudged=unjudged,
            faulty=len(kinds),
            faults=counts,
            per_hundred={kind: _rate(count, judged) for kind, count in counts.items()},
            faulty_per_hundred=_rate(len(kinds), judged),
        )


def _rate(count: int, judged: int) -> float:
    return 100 * count / judged if judged else float("nan")


def _read(
    persons: Persons | ParsedPeople, scheme: Scheme | None, where: str
) -> tuple[Side, Scheme]:
    if isinstance(persons, ParsedPeople):
        scheme, persons = persons.scheme, (persons.parsing, persons.instances)
    if scheme is None:
        raise InputError("scheme must be given with label maps, got None. Name it: gps, lip, ...")
    return read_persons(persons, "persons", where), scheme


def _findings(side: Side, scheme: Scheme) -> Iterator[tuple[Body | None, list[Finding]]]:
    """Yield the body and the findings of each person who has a labelled pixel."""
    ignored = scheme.ignore_id
    there = (side.areas[:, 1:].sum(axis=1) > side.areas[:, ignored]).nonzero()[0]
    bodies = make_bodies(_parsings(side, there.tolist(), ignored), scheme)
    for index, body in zip(there.tolist(), bodies, strict=True):
        faults = [] if body is None else [f for rule in RULES.values() for f in rule(body)]
        yield body, [_describe(body, f, scheme, index + 1) for f in faults if body is not None]


def _parsings(
    side: Side, persons: Iterable[int], ignore_id: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """Yield the labels of each person, and where others are."""
    if isinstance(side.maps, Sheet):
        labels, owners = side.maps
        ignored, covered = labels == ignore_id, (owners > 0) & (labels > 0)
        for index in persons:
            mine = owners == index + 1
            yield labels * (mine | ignored), covered & ~mine
        return
    covers = np.zeros(side.size, np.int32)
    for labels in side.maps:
        covers += (labels != 0) & (labels != ignore_id)
    for index in persons:
        mine = (side.maps[index] != 0) & (side.maps[index] != ignore_id)
        yield side.maps[index], covers > mine


def _describe(body: Body, fault: Fault, scheme: Scheme, person: int) -> Finding:
    ids = np.unique(body.labels[fault.cells])
    words = {"parts": _names(ids, scheme)}
    if fault.other is not None:
        words["other"] = _names(np.unique(body.labels[fault.other]), scheme)
    size = min(1.0, float(fault.cells.sum()) / (FULL_SIZE * body.area))
    return Finding(
        kind=fault.kind,
        person=person,
        labels=tuple(ids.tolist()),
        box=body.box(fault.cells),
        severity=round(min(fault.clear, 1.0) * size, 4),
        text=f"Person {person}: {fault.text.format(**words)}.",
    )


def _names(ids: NDArray[np.uint8], scheme: Scheme) -> str:
    return " and ".join(scheme.names[label_id] for label_id in ids.tolist() if label_id)
