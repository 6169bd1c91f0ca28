"""Maps drawn by a network that is told the tags: what may be worn, where two looks agree."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from peopleparse.data.ccp import CcpDataset
from peopleparse.data.people import Portrait
from peopleparse.data.pseudo_labels import (
    ABOUT,
    agree,
    label_shares,
    main_person,
    read_pseudo_portraits,
    tag_logits,
    worn_labels,
    write_pseudo_labels,
)
from peopleparse.errors import DataError, SchemeError
from peopleparse.labels import get_scheme
from peopleparse.structures import ParsedPeople
from tests.datasets import write_ccp_folder

SIZE = (60, 80)
HAIR, UPPER, PANTS, FACE = 2, 4, 6, 11


def person(columns: tuple[int, int], trousers: int = PANTS) -> np.ndarray:
    parsing = np.zeros(SIZE, np.uint8)
    for rows, label in (((0, 5), HAIR), ((5, 15), FACE), ((15, 35), UPPER), ((35, 60), trousers)):
        parsing[slice(*rows), slice(*columns)] = label
    return parsing


def people(*maps: np.ndarray, scores: list[float] | None = None) -> ParsedPeople:
    parsing, instances = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint16)
    for number, one in enumerate(maps, 1):
        parsing, instances = np.where(one, one, parsing), np.where(one, number, instances)
    return ParsedPeople.from_maps(
        parsing.astype(np.uint8), instances.astype(np.uint16), scores or [0.9] * len(maps)
    )


def test_what_can_be_worn() -> None:
    gps = get_scheme("gps")
    body = {"background", "hair", "face", "left arm", "right arm", "left leg", "right leg"}
    assert {gps.names[i] for i in worn_labels([])} == body
    found = {
        gps.names[i] for i in worn_labels(["skin", "hair", "boots", "cape", "ring", "glasses"])
    }
    assert found == body | {"left shoe", "right shoe", "upper clothes", "sunglasses"}
    for tags in (["tights"], ["gloves"], ["accessories"], ["earrings"]):
        assert {gps.names[i] for i in worn_labels(tags)} == body
    with pytest.raises(SchemeError, match="trouserz"):
        worn_labels(["trouserz"])


def test_every_tag_leads_somewhere_and_partners_go_together() -> None:
    gps, flip = get_scheme("gps"), get_scheme("gps").flip_table()
    for name in get_scheme("ccp").names[1:]:
        worn = worn_labels([name])
        assert {int(flip[i]) for i in worn} == worn, name
        assert max(worn) < gps.num_ids


def test_tags_move_logits_by_bayes_rule() -> None:
    shares = np.full(20, 0.5)
    shares[1], shares[UPPER] = 0.001, 1.0
    added = tag_logits({0, 1, HAIR, UPPER}, shares)
    assert added.dtype == np.float32 and added.shape == (20,)
    assert added[0] == 0 and added[UPPER] == 0
    assert added[HAIR] == pytest.approx(np.log(2)) and added[1] == pytest.approx(np.log(10))
    assert (added[[3, 5, 6, 19]] == -1e4).all()
    # A network that gives a hat 2 % where one person in ten wears one: 17 % for who is known to.
    shares[1], chance = 0.1, np.array([0.02, 0.98])
    told = chance * np.exp([tag_logits({1}, shares)[1], 0])
    assert (told / told.sum())[0] == pytest.approx(0.2 / 1.18)


def test_shares_of_people() -> None:
    box = np.zeros(4, np.float32)
    made = [Portrait(str(i), np.zeros((*SIZE, 3), np.uint8), person((0, 9), t), box)
            for i, t in enumerate((PANTS, PANTS, 5, 255))]  # fmt: skip
    shares = label_shares(made)
    assert shares[[0, HAIR, PANTS, 5, 7]].tolist() == [1, 1, 0.5, 0.25, 0]


def test_the_main_person_fills_most() -> None:
    found = people(person((0, 10)), person((20, 45)))
    main = main_person(found)
    assert main is not None and main.box.tolist() == [20, 0, 45, 60]
    assert main_person(people(person((0, 10)), person((20, 45)), scores=[0.9, 0.3])) is None
    assert main_person(people(person((0, 1)))) is None  # a far one
    assert main_person(people()) is None


def test_two_looks_agree() -> None:
    one, other = person((20, 45)), person((20, 45))
    other[50:, 20:30] = 9
    other[20:30, 45:47] = UPPER
    found = agree(people(one, person((0, 5))), people(other))
    assert found is not None
    unsure = found == 255
    assert (unsure == (one != other)).all() and unsure.any()
    assert (found[~unsure] == one[~unsure]).all() and not found[:, :5].any()


def test_two_looks_that_differ_on_most_or_see_no_head() -> None:
    assert agree(people(person((20, 45))), people(person((20, 45), trousers=5))) is None
    headless = person((20, 45))
    headless[:15] = 0
    assert agree(people(headless), people(headless)) is None
    assert agree(people(person((20, 45))), people()) is None


def test_written_and_read(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path / "ccp", parsed=1, tagged=2)
    dataset = CcpDataset(root)
    shape = dataset.read_photo(dataset.tagged_ids[0]).shape[:2]
    parsing = np.zeros(shape, np.uint8)
    parsing[10:50, 10:30], parsing[50:60, 10:30] = UPPER, 255
    instances = (np.arange(shape[1])[None] // (shape[1] // 2)).astype(np.uint16).repeat(shape[0], 0)
    beside = ParsedPeople.from_maps((instances > 0).astype(np.uint8) * 4, instances, [0.9])
    labels = [(dataset.tagged_ids[0], parsing, beside)]
    path = write_pseudo_labels(tmp_path / "out", labels, {"detail": "fine"})
    about = json.loads(path.read_text())
    assert (path.name, about) == (ABOUT, {"detail": "fine", "photos": dataset.tagged_ids[:1]})
    listed = json.loads((tmp_path / "out" / "bystanders.json").read_text())["photos"]
    assert [len(listed[i]) for i in listed] == [1]
    [found] = read_pseudo_portraits(root, tmp_path / "out")
    assert (found.parsing == parsing).all() and found.box.tolist() == [10, 10, 30, 50]
    assert found.present() == {UPPER}
    assert (found.image == dataset.read_photo(found.photo_id)).all()


def test_what_cannot_be_read(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path / "ccp", parsed=1, tagged=1)
    [photo_id], out = CcpDataset(root).tagged_ids, tmp_path / "out"
    with pytest.raises(DataError, match="must be listed in a JSON file, got FileNotFoundError"):
        read_pseudo_portraits(root, out)
    nobody = people()
    write_pseudo_labels(out, [(photo_id, np.ones((5, 4), np.uint8), nobody)], {})
    with pytest.raises(DataError, match=r"in \(\d+, \d+\) pixels as the photo has, got \(5, 4\)"):
        read_pseudo_portraits(root, out)
    (out / ABOUT).write_text("[]")
    with pytest.raises(DataError, match="got TypeError, at .*Make them by peopleparse data"):
        read_pseudo_portraits(root, out)
