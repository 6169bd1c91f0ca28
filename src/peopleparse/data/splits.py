"""Splits by a hash of the id: the same on every machine, whatever else is in the folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

VAL_SHARE = 0.1156


def split_of(photo_id: str, val_share: float = VAL_SHARE) -> str:
    """Return "val" or "train" for a photo id.

    The first 8 hex digits of the id's SHA-256, as a share of 16^8, are compared with `val_share`.

    >>> split_of("0003"), split_of("0001")
    ('train', 'train')
    """
    digest = hashlib.sha256(photo_id.encode()).hexdigest()
    return "val" if int(digest[:8], 16) / 16**8 < val_share else "train"


def select_split(ids: Iterable[str], split: str) -> list[str]:
    """Return the ids of one split, sorted."""
    return sorted(i for i in ids if split_of(i) == split)
