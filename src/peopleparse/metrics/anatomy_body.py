"""One person as the anatomy rules see them: kinds of parts, connected pieces, the body axis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.labels import Scheme
from peopleparse.metrics.components import label_components

KINDS = ("", "face", "head", "trunk", "lower", "loose", "arm", "leg", "foot")
FACE, HEAD, TRUNK, LOWER, LOOSE, ARM, LEG, FOOT = range(1, 9)
NO_SIDE, LEFT, RIGHT = range(3)
LIMBS = (ARM, LEG, FOOT)
SIDES = 3  # a role is a kind and a side in one number: kind * SIDES + side

# What the words of a label's name say; the first line that fits counts, so that "lower-arms" are
# arms. What fits none and has no joint (bags, belts, gloves) is loose: it may be anywhere.
_WORDS = (
    (FACE, "face head"),
    (HEAD, "hair headwear hat cap helmet sunglasses glasses eyewear earrings"),
    (FOOT, "shoe boot highheel sandal foot feet sneaker heels flats pumps loafers clogs wedges"),
    (ARM, "arm hand"),
    (LEG, "leg sock stocking tights"),
    (LOWER, "lower pants trousers skirt shorts jeans leggings panties"),
    (TRUNK, "torso upper coat jacket shirt sweater singlet bra bikini blouse cardigan hoodie"),
    (TRUNK, "sweatshirt jumper vest top blazer suit robe cape bodysuit romper dress jumpsuit full"),
)

LONG_SIDE = 192  # cells: a larger person is looked at in every second, third ... pixel
LEAST_PIXELS = 300  # a person with fewer labelled pixels is not judged
SPECK = 0.004  # share of the person: a smaller piece is noise
_MARGIN = 0.08  # of the person's longer side: how far around them others are looked at
_TOUCH = 2  # cells: two pieces this near touch
_SHORT = 0.05  # of the person's longer side: head and trunk nearer than this give no axis


class Axis(NamedTuple):
    """Where the body runs.

    Attributes:
        along: (h, w) float64 cells from the trunk's centre, downwards on the body.
        across: (h, w) float64 cells from the middle line; of an upright person, to the image right.
        half: half the width of the trunk in cells.
    """

    along: NDArray[np.float64]
    across: NDArray[np.float64]
    half: float


class Piece(NamedTuple):
    """A connected piece of one role.

    Attributes:
        number: its value in `Body.pieces`.
        kind, side: what it is.
        area: cells.
    """

    number: int
    kind: int
    side: int
    area: int


def roles_of(scheme: Scheme) -> NDArray[np.uint8]:
    """Return the role of each label id, (256,): kind * SIDES + side; 0 for none.

    The kind is told by the words of the name, else by the scheme's joint; the side by "left" and
    "right" in the name.

    Raises:
        InputError: the names say nothing about the body.
    """
    roles = np.zeros(256, np.uint8)
    for label in scheme.labels:
        if label.id and label.kind != "background":
            kind = _kind_of(label.name)
            if kind == LOOSE and label.joint:
                kind = _kind_of(label.joint)
            words = _words(label.name)
            side = LEFT if "left" in words else RIGHT if "right" in words else NO_SIDE
            roles[label.id] = kind * SIDES + side
    if not set((roles // SIDES).tolist()) & {FACE, HEAD, *LIMBS}:
        raise InputError(
            f"scheme must have labels of head, arms or legs, got '{scheme.name}' with "
            f"{list(scheme.names[1:])}. Name the scheme of the maps, such as gps or lip."
        )
    return roles


def _words(name: str) -> set[str]:
    return {word.rstrip("s") for word in re.findall(r"[a-z]+", name.lower())}


def _kind_of(name: str) -> int:
    words = _words(name)
    return next((kind for kind, known in _WORDS if words & _words(known)), LOOSE)


@dataclass(frozen=True, eq=False)
class Body:
    """One person, cut out and thinned to at most about LONG_SIDE cells.

    Attributes:
        labels: (h, w) uint8 label ids of this person; 0 for everything else.
        roles: (h, w) uint8 the role of each cell.
        hidden: (h, w) bool: another person, ignored, or beyond the image; anything may go on there.
        left, top, step: image pixel of the first cell, and pixels from cell to cell.
        size: the person's longer side in cells.
    """

    labels: NDArray[np.uint8]
    roles: NDArray[np.uint8]
    hidden: NDArray[np.bool_]
    left: int
    top: int
    step: int
    size: float

    @cached_property
    def kinds(self) -> NDArray[np.uint8]:
        """(h, w) the kind of each cell."""
        return self.roles // SIDES

    @cached_property
    def area(self) -> int:
        """Labelled cells."""
        return int(np.count_nonzero(self.roles))

    @cached_property
    def pieces(self) -> NDArray[np.intp]:
        """(h, w) connected pieces of one role, 1 to K."""
        return label_components(self.roles)

    @cached_property
    def known(self) -> tuple[Piece, ...]:
        """The pieces that are more than specks."""
        areas = np.bincount(self.pieces.ravel())
        roles = np.zeros(len(areas), np.intp)
        roles[self.pieces] = self.roles
        return tuple(
            Piece(number, role // SIDES, role % SIDES, area)
            for number, (role, area) in enumerate(zip(roles.tolist(), areas.tolist(), strict=True))
            if number and area >= self.speck
        )

    @property
    def speck(self) -> float:
        """The fewest cells of a piece that counts."""
        return max(6.0, SPECK * self.area)

    def of(self, *kinds: int, side: int = NO_SIDE) -> list[Piece]:
        """Return the pieces of some kinds, of any side unless told."""
        return [p for p in self.known if p.kind in kinds and side in (NO_SIDE, p.side)]

    def has(self, *kinds: int) -> bool:
        """Return whether there is more than a speck of some kinds."""
        return bool(self.of(*kinds))

    def mask(self, *pieces: Piece) -> NDArray[np.bool_]:
        """Return (h, w) the cells of some pieces."""
        return np.isin(self.pieces, [piece.number for piece in pieces])

    def of_kind(self, *kinds: int) -> NDArray[np.bool_]:
        """Return (h, w) the cells of some kinds, specks too."""
        return np.isin(self.kinds, kinds)

    @cached_property
    def contacts(self) -> NDArray[np.float64]:
        """(K + 1, K + 1) cells at which two pieces touch."""
        count = int(self.pieces.max(initial=0)) + 1
        table = np.zeros(count * count, np.intp)
        for gap in range(1, _TOUCH + 1):
            for one, other in (
                (self.pieces[gap:], self.pieces[:-gap]),
                (self.pieces[:, gap:], self.pieces[:, :-gap]),
            ):
                met = (one != other) & (one > 0) & (other > 0)
                table += np.bincount(one[met] * count + other[met], minlength=count * count)
        both = table.reshape(count, count)
        return (both + both.T) / _TOUCH

    @cached_property
    def axis(self) -> Axis | None:
        """The line from head to trunk, or from trunk to legs; None where neither can be told."""
        trunk = _centre(self.of_kind(TRUNK))
        head = _centre(self.of_kind(FACE, HEAD))
        low = _centre(self.of_kind(LOWER, LEG, FOOT))
        if trunk is None:
            return None
        if head is not None and self.has(FACE, HEAD):
            down = trunk - head
        elif low is not None and self.has(LOWER, LEG, FOOT):
            down = low - trunk
        else:
            return None
        length = float(np.hypot(*down))
        if length < _SHORT * self.size:
            return None
        ys, xs = np.indices(self.labels.shape) - trunk[:, None, None]
        along, across = (ys * down[0] + xs * down[1]), (xs * down[0] - ys * down[1])
        spread = float((across[self.of_kind(TRUNK)] / length).std())
        return Axis(along / length, across / length, max(spread * 3**0.5, 1.0))

    def box(self, mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
        """Return x1, y1, x2, y2 around some cells, in image pixels."""
        ys, xs = np.nonzero(mask)
        x1, y1 = self.left + int(xs.min()) * self.step, self.top + int(ys.min()) * self.step
        return (
            *(x1, y1),
            self.left + (int(xs.max()) + 1) * self.step,
            self.top + (int(ys.max()) + 1) * self.step,
        )


def _centre(mask: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Return (2,) the mean row and column of some cells, or None without any."""
    return np.argwhere(mask).mean(axis=0) if mask.any() else None


def make_bodies(
    parsings: Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]], scheme: Scheme
) -> Iterator[Body | None]:
    """Yield a body for each person; None for one that is too small to judge.

    Args:
        parsings: (H, W) uint8 label ids of each person, and (H, W) bool where somebody else is.
        scheme: labels of the maps.
    """
    table = roles_of(scheme)
    for parsing, others in parsings:
        yield _make_body(parsing, others, table, scheme.ignore_id)


def _make_body(
    parsing: NDArray[np.uint8],
    others: NDArray[np.bool_],
    table: NDArray[np.uint8],
    ignore_id: int,
) -> Body | None:
    mine = (parsing != 0) & (parsing != ignore_id)
    if np.count_nonzero(mine) < LEAST_PIXELS:
        return None
    ys, xs = mine.any(axis=1).nonzero()[0], mine.any(axis=0).nonzero()[0]
    (y1, y2), (x1, x2) = (ys[0], ys[-1] + 1), (xs[0], xs[-1] + 1)
    side = int(max(y2 - y1, x2 - x1))
    step, pad = -(-side // LONG_SIDE), round(_MARGIN * side) + 1
    height, width = parsing.shape
    top, left = max(int(y1) - pad, 0), max(int(x1) - pad, 0)
    window = np.s_[top : min(y2 + pad, height) : step, left : min(x2 + pad, width) : step]
    ignored = parsing[window] == ignore_id
    labels = np.where(ignored, 0, parsing[window])
    hidden = (others[window] | ignored) & (labels == 0)
    # A rim beyond the image, on the sides where the window ends with it.
    rim = [(int(top == 0), int(y2 + pad >= height)), (int(left == 0), int(x2 + pad >= width))]
    labels = np.pad(labels, rim)
    hidden = np.pad(hidden, rim, constant_values=True)
    corner = left - rim[1][0] * step, top - rim[0][0] * step
    return Body(labels, table[labels], hidden, *corner, step, side / step)
