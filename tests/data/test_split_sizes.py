"""Whole data sets in splits: exact sizes, groups together, the same for any order of the ids."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.data.splits import SHARES, assign_splits, share_out
from peopleparse.errors import InputError


def _ids(count: int) -> list[str]:
    return [f"{number:05d}" for number in range(count)]


@pytest.mark.parametrize(
    ("count", "sizes"), [(7500, (4500, 1500, 1500)), (6500, (3900, 1300, 1300))]
)
def test_the_paper(count: int, sizes: tuple[int, int, int]) -> None:
    found = assign_splits(_ids(count))
    assert Counter(found.values()) == dict(zip(SHARES, sizes, strict=True))
    assert list(found) == _ids(count)


def test_the_paper_whole_with_near_duplicates() -> None:
    ids = _ids(14_000)
    strata = {i: "indoor" if int(i) < 7500 else "outdoor" for i in ids}
    groups = [ids[n : n + 3] for n in range(0, 3000, 30)] + [[ids[7499], ids[7500]]]
    found = assign_splits(ids, groups=groups, strata=strata)
    sizes = Counter((strata[i], split) for i, split in found.items())
    assert sizes == {
        ("indoor", "train"): 4500, ("indoor", "val"): 1500, ("indoor", "test"): 1500,
        ("outdoor", "train"): 3900, ("outdoor", "val"): 1300, ("outdoor", "test"): 1300,
    }  # fmt: skip
    assert all(len({found[i] for i in group}) == 1 for group in groups)
    assert Counter(found[group[0]] for group in groups)["train"] < len(groups)


def test_literal_splits() -> None:
    # Published splits rest on this: an id must never change sides.
    assert assign_splits(_ids(5)) == {
        "00000": "test", "00001": "train", "00002": "train", "00003": "train", "00004": "val",
    }  # fmt: skip


@given(
    count=st.integers(0, 40),
    seed=st.integers(0, 10**6),
    groups=st.lists(st.integers(2, 5), max_size=4),
)
def test_sizes_groups_and_order(count: int, seed: int, groups: list[int]) -> None:
    ids, rng = _ids(count + sum(groups)), random.Random(seed)
    mixed = rng.sample(ids, len(ids))
    ends = [sum(groups[: n + 1]) for n in range(len(groups))]
    together = [mixed[end - size : end] for end, size in zip(ends, groups, strict=True)]
    found = assign_splits(ids, groups=together)
    shuffled = [rng.sample(group, len(group)) for group in together]
    again = assign_splits(mixed, groups=rng.sample(shuffled, len(shuffled)))
    assert found == again and set(found) == set(ids)
    assert all(len({found[i] for i in group}) == 1 for group in together)
    if count >= 10 and not groups:
        assert Counter(found.values()) == share_out(count, SHARES)


@given(total=st.integers(0, 1000), shares=st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_shares_sum_and_are_within_one(total: int, shares: list[int]) -> None:
    named = {str(n): float(share) for n, share in enumerate(shares)}
    if not sum(shares):
        return
    found = share_out(total, named)
    assert sum(found.values()) == total
    assert all(abs(found[n] - total * named[n] / sum(shares)) < 1 for n in named)


def test_exact_counts_with_a_group() -> None:
    found = assign_splits(_ids(10), counts={"a": 4, "b": 6, "c": 0}, groups=[_ids(5)])
    assert Counter(found.values()) == {"a": 4, "b": 6}
    assert {found[i] for i in _ids(5)} == {"b"}


def test_counts_are_of_all_whatever_the_stratum() -> None:
    strata = dict.fromkeys(_ids(4), "indoor")
    found = assign_splits(_ids(6), counts={"a": 5, "b": 1}, strata=strata)
    assert Counter(found.values()) == {"a": 5, "b": 1}


def test_a_group_larger_than_every_share_shifts_the_sizes() -> None:
    found = assign_splits(_ids(6), groups=[_ids(5)])
    assert {found[i] for i in _ids(5)} == {"train"} and found["00005"] != "train"
    assert assign_splits(_ids(3), groups=[_ids(3)]) == dict.fromkeys(_ids(3), "train")


def test_errors() -> None:
    with pytest.raises(InputError, match=r"ids must be there once, got \['a'\] again. Take the"):
        assign_splits(["a", "b", "a"])
    with pytest.raises(InputError, match=r"counts must be 0 or more and sum to the number of imag"):
        assign_splits(_ids(4), counts={"a": 3, "b": 2})
    with pytest.raises(InputError, match=r"of images 4, got \{'a': -1, 'b': 5\}. Give others"):
        assign_splits(_ids(4), counts={"a": -1, "b": 5})
    with pytest.raises(
        InputError,
        match=r"splits must have room for near-duplicates that stay together, got 3 of them with "
        r"'0000\d' for \{'a': 2, 'b': 2\}. Give other counts",
    ):
        assign_splits(_ids(4), counts={"a": 2, "b": 2}, groups=[_ids(3)])
    for shares in ({"a": -1.0, "b": 2.0}, {"a": 0.0}, {}, {"a": float("inf")}, {"a": float("nan")}):
        with pytest.raises(InputError, match="shares must be 0 or more and one above 0, got"):
            share_out(4, shares)
