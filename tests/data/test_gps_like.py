"""The stand-in sets: fixed, disjoint in people, the same each time they are built."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from peopleparse.data import gps_like
from peopleparse.data.gps_check import check_dataset
from peopleparse.data.gps_like import (
    COUNTS,
    SPLITS,
    SceneName,
    StandIn,
    hash_truth,
    list_scenes,
    person_split,
    write_stand_in,
)
from peopleparse.data.splits import COPIES, LEFT_OUT, split_of
from peopleparse.errors import DataError, InputError
from tests.datasets import write_ccp_folder

SHARE = 0.0006  # one scene a split


@pytest.fixture(scope="module")
def ccp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "ccp"
    write_ccp_folder(folder, parsed=40, tagged=0, size=(240, 360))
    return folder


def test_counts_are_a_third_of_the_papers() -> None:
    assert [sum(counts.values()) for counts in COUNTS.values()] == [2500, 2166]
    assert [len(list_scenes(subset)) for subset in COUNTS] == [2500, 2166]
    names = list_scenes("outdoor", "val", share=0.01)
    assert [name.index for name in names] == [0, 1, 2, 3, 4] and names[0].split == "val"
    assert SceneName("indoor", "test", 7).image_id == "indoor_test_0007"


def test_people_to_test_are_those_of_the_shipped_models_validation() -> None:
    ids = [f"{number:04d}" for number in range(1, 1005)]
    found = {split: {i for i in ids if person_split(i) == split} for split in SPLITS}
    assert found["test"] == {i for i in ids if split_of(i) == "val"}
    assert 60 < len(found["val"]) < 160 and sum(map(len, found.values())) == len(ids)


def test_built_twice_the_sets_are_equal(ccp: Path, tmp_path: Path) -> None:
    first, second = (write_stand_in(ccp, tmp_path / name, SHARE) for name in ("a", "b"))
    assert first == second and len(first["splits"]) == 6
    assert json.loads((tmp_path / "a" / "gps_like.json").read_text()) == first
    for subset in COUNTS:
        assert check_dataset(tmp_path / "a" / subset) == []
        left, right = (sorted((tmp_path / n / subset).rglob("*.*")) for n in ("a", "b"))
        assert [p.read_bytes() for p in left if p.is_file()] == [
            p.read_bytes() for p in right if p.is_file()
        ]


def test_a_scene_is_the_same_alone_and_among_others(ccp: Path) -> None:
    name = SceneName("indoor", "val", 1)
    alone, among = StandIn(ccp, ("val",)), StandIn(ccp)
    among.make(SceneName("indoor", "val", 0))
    assert hash_truth([alone.make(name)]) == hash_truth([among.make(name)])
    assert np.array_equal(alone.make(name).image, among.make(name).image)


def test_no_person_is_in_two_splits(ccp: Path) -> None:
    people = StandIn(ccp).people
    ids = [portrait.photo_id for found in people.values() for portrait in found]
    assert len(ids) == len(set(ids)) == 40


def test_published_hashes_are_compared(ccp: Path, tmp_path: Path, monkeypatch) -> None:
    about = write_stand_in(ccp, tmp_path / "a", SHARE)
    assert not any("as_published" in entry for entry in about["splits"])
    small = {name: dict.fromkeys(SPLITS, 1) for name in COUNTS}
    monkeypatch.setattr(gps_like, "COUNTS", small)
    right = {(e["subset"], e["split"]): e["truth_sha256"] for e in about["splits"]}
    monkeypatch.setattr(gps_like, "SHA256", right | {("indoor", "val"): "0" * 64})
    again = write_stand_in(ccp, tmp_path / "b")["splits"]
    wrong = [(e["subset"], e["split"]) for e in again if not e["as_published"]]
    assert wrong == [("indoor", "val")]


def test_bad_input(ccp: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="subset must be one of indoor, outdoor, got 'indor'"):
        list_scenes("indor")
    with pytest.raises(InputError, match="split must be one of train, val, test, got 'all'"):
        list_scenes("indoor", "all")
    with pytest.raises(InputError, match="share must be above 0 and at most 1, got 0"):
        list_scenes("indoor", share=0)
    write_ccp_folder(tmp_path / "few", parsed=2, tagged=0, size=(240, 360))
    with pytest.raises(DataError, match="must have people and street beside them for split"):
        StandIn(tmp_path / "few")


def test_two_photos_of_one_picture_are_in_one_split() -> None:
    kept = [pair for pair in COPIES if not set(pair) & LEFT_OUT]
    assert len(kept) == 3 and all(person_split(a) == person_split(b) for a, b in kept)
    crossing = [pair for pair in COPIES if len({split_of(photo) for photo in pair}) == 2]
    assert {p for pair in crossing for p in pair if split_of(p) == "val"} == LEFT_OUT
