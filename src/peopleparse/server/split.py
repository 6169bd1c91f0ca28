"""Which images are public and which are private: by a keyed hash, so that nobody can tell."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping


def split_images(
    subsets: Mapping[str, str], fraction: float, seed: str
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the public and the private images, the same ones for the same seed.

    Each sub-data set is split alike; where it has two images or more, both halves have one.

    Args:
        subsets: sub-data set by image id, "" where there is none.
        fraction: share of the public half, above 0 and below 1.
        seed: secret; who knows it knows the split.

    >>> public, private = split_images(dict.fromkeys("abcdefghij", ""), 0.3, "seed")
    >>> len(public), len(private), public & private
    (3, 7, frozenset())
    """
    groups: dict[str, list[str]] = {}
    for image_id, subset in subsets.items():
        groups.setdefault(subset, []).append(image_id)
    public = set[str]()
    for names in groups.values():
        ordered = sorted(names, key=lambda name: _draw(seed, name))
        count = round(fraction * len(ordered))
        public.update(ordered[: min(max(count, 1), max(len(ordered) - 1, 1))])
    return frozenset(public), frozenset(subsets) - public


def _draw(seed: str, image_id: str) -> bytes:
    return hmac.digest(seed.encode(), image_id.encode(), hashlib.sha256)
