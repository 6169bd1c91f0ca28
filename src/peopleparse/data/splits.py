"""Splits by a hash of the id: the same on every machine, in whatever order the ids come."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from peopleparse.errors import InputError

VAL_SHARE = 0.1156
# The GPS paper's: 4,500 / 1,500 / 1,500 of 7,500 photos and 3,900 / 1,300 / 1,300 of 6,500.
SHARES = {"train": 3, "val": 1, "test": 1}

# Photos of Clothing Co-Parsing that show one picture twice, both with garment maps, as
# `near_duplicates` finds them. Two are in val and in train: what val has of them is left out.
COPIES = (("0078", "0984"), ("0183", "0730"), ("0197", "0671"), ("0594", "0722"), ("0907", "0990"))
LEFT_OUT = frozenset({"0730", "0907"})
# Photos with tags only that show the same picture as one with a garment map: the first one to
# validate, which nobody may learn from, the others to train, whose maps are known.
TAGGED_LEFT_OUT = frozenset({"1707", "1074", "1083", "1611", "1691", "1715"})

_Room = dict[tuple[str, str], int]  # by stratum and split


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


def share_out(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Return whole numbers that sum to `total` and stand to each other as the shares do.

    What is left after rounding down goes one each to the largest remainders, the first name first.

    Raises:
        InputError: a share is negative or endless, or none is above 0.

    >>> share_out(7500, SHARES)
    {'train': 4500, 'val': 1500, 'test': 1500}
    >>> share_out(4, SHARES)
    {'train': 2, 'val': 1, 'test': 1}
    """
    whole = sum(shares.values())
    if min(shares.values(), default=0) < 0 or not 0 < whole < math.inf:
        raise InputError(
            f"shares must be 0 or more and one above 0, got {dict(shares)}. Give 3,1,1 or so."
        )
    exact = {name: total * share / whole for name, share in shares.items()}
    counts = {name: int(value) for name, value in exact.items()}
    by_rest = sorted(shares, key=lambda name: counts[name] - exact[name])
    for name in by_rest[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def assign_splits(
    ids: Iterable[str],
    shares: Mapping[str, float] = SHARES,
    counts: Mapping[str, int] | None = None,
    groups: Iterable[Sequence[str]] = (),
    strata: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the split of each id.

    Groups are placed first, the largest first, each into the split that has most of its room
    left; then single ids in the order of the SHA-256 of their id fill the splits, the first split
    first. The same ids and groups give the same splits; another id in the set may move some.

    Args:
        ids: ids, each once.
        shares: split to share; the sizes are those of `share_out`, in each stratum. A group that
            is too large for every split shifts them.
        counts: split to exact number of ids, in place of shares.
        groups: ids that must stay in one split; an id is in one group at most.
        strata: id to stratum, such as indoor and outdoor, whose sizes are shared out apart; ids
            that have none stand together. Counts are of all ids, whatever the stratum.

    Raises:
        InputError: an id is there twice, counts do not sum to the number of ids, shares are wrong,
            or a group has no room.
    """
    ordered = sorted(ids, key=lambda i: (hashlib.sha256(i.encode()).hexdigest(), i))
    _check_ids(ordered, counts)
    place = {i: (strata or {}).get(i, "") if counts is None else "" for i in ordered}
    room: _Room = {}
    for stratum, size in sorted(Counter(place.values()).items()):
        sizes = share_out(size, shares) if counts is None else counts
        room |= {(stratum, split): count for split, count in sizes.items()}
    full, splits = dict(room), list(shares if counts is None else counts)
    found: dict[str, str] = {}
    rank = {i: number for number, i in enumerate(ordered)}
    together = [sorted((i for i in group if i in rank), key=rank.__getitem__) for group in groups]
    for group in sorted((g for g in together if len(g) > 1), key=lambda g: (-len(g), rank[g[0]])):
        sizes = Counter(place[i] for i in group)
        split = _choose_split(sizes, splits, room, full, exact=counts is not None, first=group[0])
        found |= dict.fromkeys(group, split)
        for stratum, size in sizes.items():
            room[stratum, split] -= size
    for stratum in sorted(set(place.values())):
        rest = [i for i in ordered if place[i] == stratum and i not in found]
        left = {split: max(room[stratum, split], 0) for split in splits}
        at = 0
        for split, size in share_out(len(rest), left if any(left.values()) else shares).items():
            found |= dict.fromkeys(rest[at : at + size], split)
            at += size
    return {i: found[i] for i in sorted(found)}


def _check_ids(ids: list[str], counts: Mapping[str, int] | None) -> None:
    twice = sorted(i for i, count in Counter(ids).items() if count > 1)
    if twice:
        raise InputError(f"ids must be there once, got {twice[:5]} again. Take the copies out.")
    if counts is None:
        return
    if min(counts.values(), default=-1) < 0 or sum(counts.values()) != len(ids):
        raise InputError(
            f"counts must be 0 or more and sum to the number of images {len(ids)}, got "
            f"{dict(counts)}. Give others, or shares."
        )


def _choose_split(
    sizes: Mapping[str, int],
    splits: Sequence[str],
    room: _Room,
    full: _Room,
    exact: bool,
    first: str,
) -> str:
    """Return the split for a group, by the number of its ids in each stratum."""

    def left(split: str) -> float:
        return min((room[s, split] - n) / max(full[s, split], 1) for s, n in sizes.items())

    fit = [split for split in splits if all(room[s, split] >= n for s, n in sizes.items())]
    if not fit and exact:
        rooms = {split: room["", split] for split in splits}
        raise InputError(
            f"splits must have room for near-duplicates that stay together, got {sizes['']} of "
            f"them with '{first}' for {rooms}. Give other counts, or shares in place of counts."
        )
    return max(fit or splits, key=left)
