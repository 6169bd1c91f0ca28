"""Calmer labels: each pixel's label is a vote of this frame and of the past along the motion.

What is remembered of a pixel is one claim, a label of one person, and its weight: the mean over
the past in which a frame counts less the longer ago it was. It is moved by the optical flow
between the two pictures. A frame that agrees strengthens the claim; one that does not weakens it,
and takes its place once it weighs more. Only the past is used: a live camera waits for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.structures import ParsedPeople

FLOW_SIDE = 320  # long side at which motion is looked for
CHANGED = 24.0  # difference of colours, 0 to 255, at which the flow is not believed
CUT = 40.0  # mean difference after motion at which the frame belongs to another shot
FAR = 0.08  # of the long side: what moves farther from frame to frame is not followed
GROUND = 0.75  # weight of background, of which the network gives no confidence
_LEAST = 0.25


class Smoother:
    """Votes over time on the labels of one video; give it every frame, in order."""

    def __init__(self, strength: float = 0.7) -> None:
        """Start with nothing remembered.

        Args:
            strength: weight of the past, 0 to below 1: 0 changes nothing. A sure claim of long
                standing gives way after 1 frame up to .5, after 2 at .7, after 4 at .8.

        Raises:
            InputError: `strength` is out of range.
        """
        if not 0 <= strength < 1:
            raise InputError(
                f"strength must be from 0 to below 1, got {strength}. 0 switches smoothing off."
            )
        self.strength = strength
        library: Any = cv2  # its type hints leave the flow out
        # Finer presets cost more and smear more: they follow the person beyond the outline.
        self._flow = library.DISOpticalFlow_create(library.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self.reset()

    def reset(self) -> None:
        """Forget the past, as at a cut."""
        self._picture: NDArray[np.uint8] | None = None
        self._labels = np.zeros((0, 0), np.uint8)
        self._owners = np.zeros((0, 0), np.uint16)
        self._weights = np.zeros((0, 0), np.float32)
        self._ids: tuple[int, ...] = ()

    def update(
        self, people: ParsedPeople, ids: Sequence[int]
    ) -> tuple[ParsedPeople, tuple[int, ...]]:
        """Take the next frame and return it with calmer labels.

        A person without an id, one who was not there in the frame before, and one who is no longer
        there are left to this frame alone: nobody appears late or lingers.

        Args:
            people: the frame; without its picture nothing is moved.
            ids: the id of each person, 0 for none; see `Tracker`.

        Returns:
            The frame and its ids; persons are numbered anew where their order changes.
        """
        if not self.strength:
            return people, tuple(ids)
        weights = _weigh(people) * np.float32(1 - self.strength)
        labels, owners = people.parsing, people.instances
        past = self._move(people)
        if past is not None:
            old_labels, old_owners, old_weights = past
            old_weights = _believe(old_owners, old_weights, owners, self._ids, ids)
            claimed = _renumber(self._ids, ids)[old_owners]  # (H, W) person of this frame
            same = (claimed == owners) & (old_labels == labels)
            stays = ~same & (old_weights > weights)
            weights = np.where(same, old_weights + weights, np.abs(old_weights - weights))
            labels, owners = np.where(stays, old_labels, labels), np.where(stays, claimed, owners)
        smooth, kept = _rebuild(people, labels, owners, past is not None)
        self._ids = tuple(ids[n - 1] for n in kept)
        self._labels, self._owners, self._weights = smooth.parsing, smooth.instances, weights
        return smooth, self._ids

    def _move(
        self, people: ParsedPeople
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint16], NDArray[np.float32]] | None:
        """Return labels, owners and weights of the past where they are now; None where cut."""
        height, width = people.size
        before, self._picture = self._picture, None
        fresh = self._labels.shape != people.size
        if people.image is None:
            return None if fresh else (self._labels, self._owners, self._weights * self.strength)
        scale = min(1.0, FLOW_SIDE / max(height, width))
        size = max(16, round(width * scale)), max(16, round(height * scale))
        small = np.asarray(cv2.resize(people.image, size, interpolation=cv2.INTER_AREA), np.uint8)
        self._picture = small
        if fresh or before is None:
            return None
        back, sure = _find_motion(self._flow, small, before)
        if sure is None:
            return None
        # Where each pixel was in the frame before, at full size.
        field = cv2.resize(back, (width, height), interpolation=cv2.INTER_LINEAR)
        columns = np.arange(width, dtype=np.float32) + field[..., 0] * (width / size[0])
        rows = np.arange(height, dtype=np.float32)[:, None] + field[..., 1] * (height / size[1])
        trust = cv2.resize(sure, (width, height), interpolation=cv2.INTER_LINEAR)
        moved = [
            cv2.remap(values, columns, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
            for values in (self._labels, self._owners, self._weights)
        ]
        labels, owners, weights = (np.asarray(values) for values in moved)
        kept = (weights * trust * np.float32(self.strength)).astype(np.float32)
        return labels.astype(np.uint8), owners.astype(np.uint16), kept


def _believe(
    old_owners: NDArray[np.uint16],
    weights: NDArray[np.float32],
    owners: NDArray[np.uint16],
    before: Sequence[int],
    now: Sequence[int],
) -> NDArray[np.float32]:
    """Take the weight from claims of persons who are gone, and on the pixels of new ones."""
    old, new = set(before) - {0}, set(now) - {0}
    gone = np.array([False, *(who not in new for who in before)])
    fresh = np.array([False, *(who not in old for who in now)])
    return np.where(gone[old_owners] | fresh[owners], np.float32(0), weights)


def _find_motion(
    flow: Any, now: NDArray[np.uint8], before: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return where each pixel of `now` was, (h, w, 2) x and y steps, and how sure that is, 0 to 1.

    Sureness is None at a cut.
    """
    greys = [np.asarray(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY)) for seen in (now, before)]
    back = np.asarray(flow.calc(*greys, None), np.float32)
    height, width = now.shape[:2]
    columns = np.arange(width, dtype=np.float32) + back[..., 0]
    rows = np.arange(height, dtype=np.float32)[:, None] + back[..., 1]
    moved = cv2.remap(before, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    difference = np.asarray(cv2.absdiff(now, moved)).max(axis=2).astype(np.float32)
    if difference.mean() > CUT:
        return back, None
    trust = np.clip(2 - difference / (CHANGED / 2), 0, 1)
    trust[np.hypot(back[..., 0], back[..., 1]) > FAR * max(height, width)] = 0
    return back, trust.astype(np.float32)


def _weigh(people: ParsedPeople) -> NDArray[np.float32]:
    """Return how sure each pixel of a frame is, (H, W) from .25 to 1."""
    if people.confidence is None:
        return np.where(people.instances > 0, np.float32(1), np.float32(GROUND))
    table = np.clip(np.arange(256, dtype=np.float32) / 127.5 - 1, _LEAST, 1)
    return np.where(people.instances > 0, table[people.confidence], np.float32(GROUND))


def _renumber(before: Sequence[int], now: Sequence[int]) -> NDArray[np.uint16]:
    """Return the person of this frame by the person number of the frame before, 0 for nobody."""
    numbers = {who: n for n, who in enumerate(now, 1) if who}
    return np.array([0, *(numbers.get(who, 0) for who in before)], np.uint16)


def _rebuild(
    people: ParsedPeople,
    labels: NDArray[np.uint8],
    owners: NDArray[np.uint16],
    changed: bool,
) -> tuple[ParsedPeople, list[int]]:
    """Return the frame with new maps, and the number that each person had before."""
    if not changed:
        return people, list(range(1, len(people) + 1))
    confidence = people.confidence
    if confidence is not None:
        grown = (people.instances == 0) & (owners > 0)
        filled = np.where(grown, np.uint8(128), confidence)
        confidence = np.where(owners > 0, filled, np.uint8(0)).astype(np.uint8)
    smooth = people.with_maps(labels.astype(np.uint8), owners.astype(np.uint16), confidence)
    given = np.zeros(len(smooth) + 1, np.intp)
    given[smooth.instances.ravel()] = owners.ravel()
    return smooth, given[1:].tolist()
