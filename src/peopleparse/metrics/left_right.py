"""How often left is taken for right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from peopleparse.labels import Scheme


def side_pairs(scheme: Scheme) -> dict[str, tuple[int, int]]:
    """Return the ids of the left and right label of each part that has sides.

    >>> from peopleparse.labels import get_scheme
    >>> side_pairs(get_scheme("gps"))
    {'shoe': (9, 10), 'leg': (12, 13), 'arm': (14, 15)}
    """
    return {
        label.name.removeprefix("left "): (label.id, label.flip)
        for label in scheme.labels
        if label.flip is not None and label.flip > label.id
    }


def left_right_confusion(confusion: NDArray[np.int64], scheme: Scheme) -> dict[str, float | None]:
    """Return the share of sided pixels that are predicted as the other side.

    Definition: of the truth pixels of labels that have a flip partner, the share that is predicted
    as that partner; under "all" over all such labels, and for each pair by its name. A pixel that
    is missed in another way (a left shoe taken for a left leg) counts among the truth pixels only.
    Absent: None where the truth has no pixel of the labels.
    Source: ours; the LIP paper shows such errors in its figures and does not count them.

    Args:
        confusion: (C, C) pixels by truth (rows) and predicted label; see `ConfusionMatrix.value`.
        scheme: of the labels.

    >>> from peopleparse.labels import get_scheme
    >>> counts = np.zeros((20, 20), np.int64)
    >>> counts[9, 9], counts[9, 10], counts[10, 10], counts[14, 0] = 6, 3, 1, 10
    >>> left_right_confusion(counts, get_scheme("gps"))  # 3 of 20; of 10 shoe pixels
    {'all': 0.15, 'shoe': 0.3, 'leg': None, 'arm': 0.0}
    """
    counts = {
        name: (int(confusion[a, b] + confusion[b, a]), int(confusion[[a, b]].sum()))
        for name, (a, b) in side_pairs(scheme).items()
    }
    swapped, pixels = (sum(values) for values in zip(*counts.values(), strict=True))
    return {
        name: part / whole if whole else None
        for name, (part, whole) in {"all": (swapped, pixels), **counts}.items()
    }


def count_swapped(truth: NDArray[np.uint8], prediction: NDArray[np.uint8], scheme: Scheme) -> int:
    """Return how many pixels of a map are predicted as the other side of their label."""
    other = scheme.flip_table()[truth]
    return int(((prediction == other) & (other != truth)).sum())
