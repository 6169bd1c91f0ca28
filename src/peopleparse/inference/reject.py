"""Parts of which a network is not sure, left out."""

from __future__ import annotations

import numpy as np

from peopleparse.errors import InputError
from peopleparse.structures import ParsedPeople


def reject_parts(people: ParsedPeople, least: float) -> ParsedPeople:
    """Leave out each person's parts whose mean confidence is too low.

    Their pixels are nobody's, as if the network had seen nothing there. A person who keeps no part
    is left out; scores stay.

    Args:
        people: a result with a confidence map.
        least: mean confidence from which on a part stays, 0 to 1; 0 keeps all.

    Raises:
        InputError: the result has no confidence map, or `least` is out of its range.
    """
    if not 0 <= least <= 1:
        raise InputError(f"reject must be from 0 to 1, got {least}. Leave it out to keep all.")
    if people.confidence is None:
        raise InputError(
            "a result must have a confidence map to reject parts, got none. Parse the photo again."
        )
    ids = people.instances.astype(np.int64) * 256 + people.parsing
    counts = np.bincount(ids.ravel())
    sums = np.bincount(ids.ravel(), people.confidence.ravel())
    unsure = sums < 255 * least * counts
    unsure[:256] = False  # nobody's pixels
    gone = unsure[ids]
    if not gone.any():
        return people
    return people.with_maps(
        np.where(gone, 0, people.parsing).astype(np.uint8),
        np.where(gone, 0, people.instances).astype(np.uint16),
        np.where(gone, 0, people.confidence).astype(np.uint8),
    )
