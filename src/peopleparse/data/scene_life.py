"""What brings scenes closer to photos of daily life, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_APART = 7001  # keeps these sources of chance apart from the scene's own


@dataclass(frozen=True)
class Life:
    """Shares of the scenes, 0 to 1, in which something happens.

    Attributes:
        cuts: framed so that people are cut off, in a crowd, or near and far; see `scene_places`.
        occluders: with one to three things in front of people; see `scene_occluders`.
        blended: people pasted with clean rims, in one light and with shadows; see `scene_blend`.
    """

    cuts: float = 0.0
    occluders: float = 0.0
    blended: float = 0.0

    def draw(self, seed: Sequence[int]) -> list[np.random.Generator | None]:
        """Return for each, in this order, a source of chance of its own, or None.

        So one that is switched on leaves the others, and whatever else is drawn, as they are.
        """
        return [
            _draw([*seed, _APART, number], share)
            for number, share in enumerate((self.cuts, self.occluders, self.blended))
        ]


PLAIN = Life()


def _draw(seed: Sequence[int], share: float) -> np.random.Generator | None:
    rng = np.random.default_rng(list(seed))
    return rng if rng.random() < share else None
