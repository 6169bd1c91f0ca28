"""The rules of the anatomy auditor, one function a kind of fault.

Lengths are shares of the person or of the parts in question, so that neither the photo's nor the
person's size matters. Every threshold is chosen so that a doubtful case is no fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from peopleparse.metrics.anatomy_body import (
    ARM,
    FACE,
    FOOT,
    HEAD,
    LEFT,
    LEG,
    LIMBS,
    LOOSE,
    LOWER,
    RIGHT,
    SIDES,
    TRUNK,
    Axis,
    Body,
    Piece,
)
from peopleparse.metrics.components import grow, label_components

Mask = NDArray[np.bool_]

# An arm is on one side if this share of it lies beyond the middle line by SIDE_MARGIN half-widths
# of the trunk, and half of it beyond SIDE_OUT: hands folded before the body are on no side.
SIDE_SHARE, SIDE_MARGIN, SIDE_OUT = 0.9, 0.25, 0.9
# A piece shorter than SIDE_LONG of the trunk's length may be a hand, which reaches anywhere on the
# trunk: half of it must lie beyond SIDE_FAR.
SIDE_LONG, SIDE_FAR = 0.3, 1.2
SIDE_HIDDEN = 0.2  # of the trunk's rows may end at somebody else: its middle line is then unknown
SIDE_CLEAR = 0.5  # half-widths between left and right legs, or shoes, that tell front from back
SIDE_VOTES = 2  # needed against an arm
FACE_VOTES, BACK_VOTES = 2, 1  # of a face that looks at the camera; of a head without a face
FACE_SHARE, FACE_OFF = 0.35, 0.15  # such a face: of the head's area; off its middle, in widths

# What a limb hangs on, and what it is wrongly joined to; everything else says nothing.
HANGS_ON: dict[int, tuple[int, ...]] = {
    ARM: (TRUNK, LOWER, FACE, HEAD, LOOSE),
    LEG: (TRUNK, LOWER, LOOSE),
    FOOT: (TRUNK, LOWER, LEG, LOOSE),
}
NEVER_ON: dict[int, tuple[int, ...]] = {
    ARM: (LEG, FOOT),
    LEG: (FACE, HEAD, ARM),
    FOOT: (FACE, HEAD, ARM),
}
JOIN_RIGHT = 0.2  # of the contact may be with what the limb hangs on
JOIN_LENGTH = 0.3  # contact with the wrong part, of the square root of the limb's area

TWIN_SIZE = 0.35  # the smaller of two pieces against the larger
TWIN_LEVEL = 0.4  # of the shorter one's length along the body is beside the other
TWIN_APART = 1.15  # from middle to middle across the body, in mean widths of both
FLOAT_GAP = 0.05  # of the person's longer side: background between limb and body
FLOAT_SIZE = 0.006  # of the person's area: a smaller limb is a speck
FACE_SIZE, FACE_GAP = 0.35, 0.5  # a second face: its area, and the gap in lengths of the larger
HAIR_SIZE, HAIR_GAP = 0.6, 0.5  # the same of two heads without a face
ABOVE_SHARE = 0.75  # of the legs lies beyond the middle of the head
FULL_SIZE = 0.05  # of the person's area: a fault of this size or more is as severe as can be


class Fault(NamedTuple):
    """What a rule found: the cells at fault, how clear it is (0 to 1), and words for it.

    `text` names the parts at fault as {parts} and those of `other` as {other}.
    """

    kind: str
    cells: Mask
    clear: float
    text: str
    other: Mask | None = None


def find_wrong_sides(body: Body) -> Iterator[Fault]:
    """Yield arms that lie where only the other arm can be.

    A left arm on the image's right says that the person faces the camera, on its left that the
    back does. So do left and right legs, left and right shoes (a vote each), a face that looks at
    the camera (two votes) and a head without a face that nobody hides (one vote). Two arms on two
    sides are wrong with two votes against them; one arm by itself, or two on one side, only
    against a face and a trunk that nobody hides.
    """
    if body.axis is None:
        return
    votes = _vote(body, LEG) + _vote(body, FOOT)
    faces = _faces_camera(body)
    votes += FACE_VOTES * faces - BACK_VOTES * _turns_back(body)
    if abs(votes) < SIDE_VOTES:
        return
    arms = [(side, body.mask(*body.of(ARM, side=side))) for side in (LEFT, RIGHT)]
    # +1: this arm says that the person faces the camera, -1: that the back does, 0: nothing.
    says = [_place(body, body.axis, cells) * (1 if side == LEFT else -1) for side, cells in arms]
    if says[0] * says[1] <= 0 and not (faces and _trunk_shows(body)):
        return
    for (side, cells), said in zip(arms, says, strict=True):
        if said * votes < 0:
            across = body.axis.across[cells]
            clear = float(np.mean(across * np.sign(np.median(across)) > 0))
            where = "right" if side == LEFT else "left"
            yield Fault("wrong_side", cells, clear, f"{{parts}} on the {where} side of the body")


def _place(body: Body, axis: Axis, cells: Mask) -> int:
    """Return the side of the image, seen along the body, on which an arm lies; 0 for neither."""
    if not cells.any():
        return 0
    across = axis.across[cells] / axis.half
    sign = 1 if np.median(across) > 0 else -1
    trunk = axis.along[body.of_kind(TRUNK)]
    long = np.ptp(axis.along[cells]) >= SIDE_LONG * np.ptp(trunk)
    out = np.median(across) * sign >= (SIDE_OUT if long else SIDE_FAR)
    beyond = np.mean(across * sign > SIDE_MARGIN) >= SIDE_SHARE
    return sign if out and beyond else 0


def _vote(body: Body, kind: int) -> int:
    left, right = (body.mask(*body.of(kind, side=side)) for side in (LEFT, RIGHT))
    if body.axis is None or not left.any() or not right.any():
        return 0
    across = body.axis.across
    apart = float(across[left].mean() - across[right].mean())
    return 0 if abs(apart) < SIDE_CLEAR * body.axis.half else int(np.sign(apart))


def _faces_camera(body: Body) -> bool:
    face, head = body.of_kind(FACE), body.of_kind(FACE, HEAD)
    if body.axis is None or face.sum() < FACE_SHARE * head.sum() or (face == head).all():
        return False
    across = body.axis.across
    middle = (across[head].max() + across[head].min()) / 2
    return bool(abs(across[face].mean() - middle) <= FACE_OFF * np.ptp(across[head]))


def _turns_back(body: Body) -> bool:
    head = body.mask(*body.of(HEAD))
    return bool(head.any() and not body.of_kind(FACE).any() and not _is_cut(body, head))


def _is_cut(body: Body, cells: Mask) -> bool:
    """Return whether somebody else, or the image's rim, ends some cells."""
    return bool((grow(cells, 1) & body.hidden).any())


def _trunk_shows(body: Body) -> bool:
    trunk = np.pad(body.of_kind(TRUNK), ((0, 0), (1, 1)))
    near = trunk[:, 2:] | trunk[:, :-2]
    rows = (near & body.hidden).any(axis=1).sum()
    return bool(rows <= SIDE_HIDDEN * trunk.any(axis=1).sum())


def find_wrong_joins(body: Body) -> Iterator[Fault]:
    """Yield limbs that hang on a part they cannot hang on, and shoes on each other's leg."""
    kinds = np.zeros(len(body.contacts), np.intp)
    kinds[body.pieces] = body.kinds
    for piece in body.of(*LIMBS):
        touch = body.contacts[piece.number]
        right = touch[np.isin(kinds, HANGS_ON[piece.kind])].sum()
        bad = np.isin(kinds, NEVER_ON[piece.kind]) & (touch > 0)
        wrong = touch[bad].sum()
        if wrong >= JOIN_LENGTH * piece.area**0.5 and right <= JOIN_RIGHT * (right + wrong):
            other = np.isin(body.pieces, bad.nonzero()[0])
            clear = float(wrong / (right + wrong))
            yield Fault("wrong_join", body.mask(piece), clear, "{parts} joined to {other}", other)
    yield from _swapped_feet(body)


def _swapped_feet(body: Body) -> Iterator[Fault]:
    feet, legs = [[body.of(k, side=side) for side in (LEFT, RIGHT)] for k in (FOOT, LEG)]
    if not all([*feet, *legs]):
        return
    touch = np.array([[_contact(body, foot, leg) for leg in legs] for foot in feet])
    if touch[0, 1] and touch[1, 0] and not touch[0, 0] and not touch[1, 1]:
        for foot, leg in ((feet[0], legs[1]), (feet[1], legs[0])):
            other = body.mask(*leg)
            yield Fault("wrong_join", body.mask(*foot), 1.0, "{parts} joined to {other}", other)


def _contact(body: Body, first: list[Piece], second: list[Piece]) -> float:
    numbers = [[piece.number for piece in pieces] for pieces in (first, second)]
    return float(body.contacts[np.ix_(*numbers)].sum())


def find_twins(body: Body) -> Iterator[Fault]:
    """Yield two pieces of one sided limb beside each other, while the other side is missing.

    Two legs or shoes lie side by side across the body; two arms on both sides of the middle line.
    Pieces with somebody else between them are one limb behind a person.
    """
    for kind in LIMBS:
        for side in (LEFT, RIGHT):
            pieces = sorted(body.of(kind, side=side), key=lambda piece: -piece.area)
            if len(pieces) < 2 or body.of(kind, side=LEFT + RIGHT - side):
                continue
            first, second = (body.mask(piece) for piece in pieces[:2])
            ratio = pieces[1].area / pieces[0].area
            if ratio < TWIN_SIZE or not _beside(body, kind, first, second):
                continue
            if not _somebody_between(body, first, second):
                yield Fault("twin_parts", first | second, ratio, "two separate {parts}, no partner")


def _beside(body: Body, kind: int, first: Mask, second: Mask) -> bool:
    if kind == ARM:
        axis = body.axis
        return axis is not None and _place(body, axis, first) * _place(body, axis, second) < 0
    along, across = _directions(body)
    low, high = zip(*((along[cells].min(), along[cells].max() + 1) for cells in (first, second)),
                    strict=True)  # fmt: skip
    lengths = np.subtract(high, low)
    if min(high) - max(low) < TWIN_LEVEL * lengths.min():
        return False
    width = (first.sum() / lengths[0] + second.sum() / lengths[1]) / 2
    return bool(abs(across[first].mean() - across[second].mean()) >= TWIN_APART * width)


def _directions(body: Body) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return cells along and across the body; of one without an axis, of the image."""
    if body.axis is not None:
        return body.axis.along, body.axis.across
    places = np.indices(body.labels.shape).astype(np.float64)
    return places[0], places[1]


def _somebody_between(body: Body, first: Mask, second: Mask) -> bool:
    """Return whether the line between two centres meets another person, or the image's rim."""
    ends = np.stack([np.argwhere(cells).mean(axis=0) for cells in (first, second)])
    steps = np.linspace(0, 1, int(np.abs(ends[1] - ends[0]).max()) * 2 + 2)[:, None]
    ys, xs = np.round(ends[0] + steps * (ends[1] - ends[0])).astype(np.intp).T
    return bool(body.hidden[ys, xs].any())


def find_floating(body: Body) -> Iterator[Fault]:
    """Yield limbs with background between them and the body.

    A limb is joined by any part that is no limb, by a piece of the same limb, a shoe by any leg;
    not by the other leg that stands beside it. Another person, ignored pixels and whatever lies
    beyond the image may hide what joins it. Without head and trunk nothing is told.
    """
    if not body.has(FACE, HEAD, TRUNK):
        return
    reach = max(1, round(FLOAT_GAP * body.size))
    limbs = body.of_kind(*LIMBS)
    groups = label_components(grow(limbs, 1)) * limbs
    joined = ((body.roles > 0) & ~limbs) | body.hidden
    loose = [groups == number for number in range(1, int(groups.max(initial=0)) + 1)]
    while True:
        near = [cells for cells in loose if _reaches(body, cells, grow(cells, reach) & joined)]
        if not near:
            break
        loose = [cells for cells in loose if not any(cells is each for each in near)]
        joined = np.logical_or.reduce([joined, *near])
    for cells in loose:
        if cells.sum() >= max(FLOAT_SIZE * body.area, body.speck):
            yield Fault("floating_limb", cells, 1.0, "{parts} away from the body")


def _reaches(body: Body, cells: Mask, met: Mask) -> bool:
    """Return whether one of the cells that some limbs meet can be what they hang on."""
    if not met.any():
        return False
    mine, other = set(body.roles[cells].tolist()), set(body.roles[met].tolist())
    kinds = {role // SIDES for role in other}
    if kinds - set(LIMBS):
        return True
    return bool(mine & other) or (LEG in kinds and {role // SIDES for role in mine} == {FOOT})


def find_second_heads(body: Body) -> Iterator[Fault]:
    """Yield second faces, or second heads of a person without a face.

    A face that somebody else cuts may be in two pieces, so neither of two may be cut.
    """
    kind = FACE if body.has(FACE) else HEAD
    share, apart = (FACE_SIZE, FACE_GAP) if kind == FACE else (HAIR_SIZE, HAIR_GAP)
    pieces = sorted(body.of(kind), key=lambda piece: -piece.area)
    if len(pieces) < 2:
        return
    first = body.mask(pieces[0])
    box = _span(first)
    for piece in pieces[1:]:
        second = body.mask(piece)
        gap = max(np.maximum(box[0] - _span(second)[1], _span(second)[0] - box[1]).max(), 0)
        far = gap >= apart * (box[1] - box[0]).max()
        cut = _is_cut(body, first | second) or _somebody_between(body, first, second)
        if piece.area >= share * pieces[0].area and far and not cut:
            text = "a second {parts} far from the first"
            yield Fault("two_heads", second, piece.area / pieces[0].area, text)


def _span(cells: Mask) -> NDArray[np.intp]:
    """Return (2, 2): first row and column, and those after the last."""
    places = np.argwhere(cells)
    return np.stack([places.min(axis=0), places.max(axis=0) + 1])


def find_legs_above(body: Body) -> Iterator[Fault]:
    """Yield legs and shoes that lie beyond the head, seen from the trunk."""
    head, legs = body.of_kind(FACE, HEAD), body.mask(*body.of(LEG, FOOT))
    if body.axis is None or not legs.any() or not body.has(FACE, HEAD):
        return
    beyond = float(np.mean(body.axis.along[legs] < body.axis.along[head].mean()))
    if beyond >= ABOVE_SHARE:
        yield Fault("legs_above_head", legs, beyond, "{parts} above the head")


RULES: dict[str, Callable[[Body], Iterator[Fault]]] = {
    "wrong_side": find_wrong_sides,
    "wrong_join": find_wrong_joins,
    "twin_parts": find_twins,
    "floating_limb": find_floating,
    "two_heads": find_second_heads,
    "legs_above_head": find_legs_above,
}
