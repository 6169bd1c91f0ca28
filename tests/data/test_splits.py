from __future__ import annotations

from pathlib import Path

import pytest

from peopleparse.data.ccp import CcpDataset
from peopleparse.data.splits import VAL_SHARE, select_split, split_of


@pytest.mark.parametrize(
    ("photo_id", "split"),
    [("0001", "train"), ("0003", "train"), ("0015", "train"), ("0064", "val"), ("0234", "val")],
)
def test_literal_ids(photo_id: str, split: str) -> None:
    # A model was trained on this split: an id must never change sides.
    assert split_of(photo_id) == split


def test_the_share_of_val_is_as_named() -> None:
    ids = [f"{number:05d}" for number in range(5000)]
    val = select_split(ids, "val")
    assert len(val) / 5000 == pytest.approx(VAL_SHARE, abs=0.01)
    assert sorted(val + select_split(ids, "train")) == ids


@pytest.mark.parametrize(("share", "split"), [(0.0, "train"), (1.0, "val")])
def test_the_ends_of_the_share(share: float, split: str) -> None:
    assert {split_of(str(number), share) for number in range(50)} == {split}


def test_other_ids_do_not_matter() -> None:
    assert select_split(["0234", "0003", "0064"], "val") == ["0064", "0234"]
    assert select_split(["0064"], "val") == ["0064"]


def test_sizes_on_the_published_data(data_root: Path) -> None:
    ids = CcpDataset(data_root / "ccp").parsed_ids
    # Of all photos with a garment map; that of 0536, in train, shows nobody.
    shown = [photo_id for photo_id in ids if photo_id != "0536"]
    assert len(select_split(shown, "train")) == 753
    assert len(select_split(shown, "val")) == 111
