from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from peopleparse.data.ccp import CcpDataset
from peopleparse.data.people import (
    Portrait,
    rarity_weights,
    read_backgrounds,
    read_portraits,
    select_split_of_backgrounds,
    street_corner,
)
from peopleparse.data.splits import LEFT_OUT, split_of
from peopleparse.errors import DataError
from peopleparse.structures import mask_box
from tests.datasets import write_ccp_folder

GPS_FACE = 11


def make_portrait(parsing: np.ndarray, photo_id: str = "0001") -> Portrait:
    """Return a portrait whose photo says in red which column a pixel comes from."""
    image = np.zeros((*parsing.shape, 3), np.uint8)
    image[..., 0] = np.arange(parsing.shape[1])
    box = mask_box(parsing > 0)
    assert box is not None
    return Portrait(photo_id, image, parsing, box)


def test_portraits_of_a_split_are_converted_people(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path, parsed=20, size=(60, 40))
    found = {split: read_portraits(root, split) for split in ("train", "val")}
    ids = {split: [p.photo_id for p in people] for split, people in found.items()}
    assert sorted(ids["train"] + ids["val"]) == CcpDataset(root).parsed_ids
    for split, people in found.items():
        assert ids[split] == sorted(ids[split]) and people
        for portrait in people:
            assert split_of(portrait.photo_id) == split
            assert portrait.image.shape == (60, 40, 3)
            assert {2, 4, 9, 10, 11} <= portrait.present()
            assert np.array_equal(portrait.box, mask_box(portrait.parsing > 0))


def test_a_map_of_nobody_is_left_out_and_a_limit_counts_photos(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path, parsed=4, size=(60, 40))
    nobody = root / "annotations/pixel-level/0001.mat"
    savemat(nobody, {"groundtruth": np.zeros((60, 40), np.uint8)})
    ids = [i for i in CcpDataset(root).parsed_ids if split_of(i) == "train"]
    assert ids[0] == "0001"
    assert [p.photo_id for p in read_portraits(root, "train")] == ids[1:]
    assert [p.photo_id for p in read_portraits(root, "train", limit=2)] == ids[1:2]


def test_present_leaves_out_background_and_ignored() -> None:
    assert make_portrait(np.array([[0, 4, 255, 9]], np.uint8)).present() == {4, 9}


def test_backgrounds_are_split_by_place_in_the_order(tmp_path: Path) -> None:
    for number in range(10):
        Image.fromarray(np.full((8, 8, 3), (20 * number, 0, 200), np.uint8)).save(
            tmp_path / f"{number}.jpg", quality=100
        )
    ids = [str(number) for number in range(10)]
    assert select_split_of_backgrounds(reversed(ids), "val") == ["2", "7"]
    assert select_split_of_backgrounds(ids, "train") == ["0", "1", "3", "4", "5", "6", "8", "9"]
    val = read_backgrounds(tmp_path, "val")
    assert [image.shape for image in val] == [(8, 8, 3)] * 2
    colors = [image.mean(axis=(0, 1)) for image in val]
    np.testing.assert_allclose(colors, [[40, 0, 200], [140, 0, 200]], atol=4)
    assert len(read_backgrounds(tmp_path, "train")) == 8


def test_a_folder_without_backgrounds(tmp_path: Path) -> None:
    text = "background folder must hold JPEG photos of split 'val', got none, at .* Put photos"
    with pytest.raises(DataError, match=text):
        read_backgrounds(tmp_path, "val")


def test_a_broken_background(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"no photo")
    with pytest.raises(DataError, match=r"background must be a readable JPEG, got none, at .*2\.j"):
        read_backgrounds(tmp_path, "val")


def test_a_street_corner_is_the_wider_side_without_the_person() -> None:
    parsing = np.zeros((30, 200), np.uint8)
    parsing[5:25, 60:90] = 4
    corner = street_corner(make_portrait(parsing))
    assert corner.shape == (30, 104, 3)  # 6 pixels beside the person are left out
    assert corner[..., 0].min() == 96 and corner[..., 0].max() == 199
    other = street_corner(make_portrait(parsing[:, ::-1]))
    assert other[..., 0].min() == 0 and other[..., 0].max() == 103


def test_a_person_as_wide_as_the_photo_leaves_an_empty_corner() -> None:
    assert street_corner(make_portrait(np.ones((9, 9), np.uint8))).shape[1] == 0


def test_rare_labels_weigh_more() -> None:
    maps = [[[4, 6]], [[4, 6]], [[4, 6]], [[4, 19]]]
    people = [make_portrait(np.array(rows, np.uint8)) for rows in maps]
    # Worn by 3 of 4 and by 1 of 4: (4/3) ** .5 and 4 ** .5 before they are made to sum to 1.
    weights = rarity_weights(people)
    expected = np.array([(4 / 3) ** 0.5] * 3 + [2.0])
    np.testing.assert_allclose(weights, expected / expected.sum())
    np.testing.assert_allclose(rarity_weights(people, power=0), 0.25)


def test_published_people(data_root: Path) -> None:
    people = read_portraits(data_root / "ccp", "val", limit=4)
    assert [person.photo_id for person in people] == ["0010", "0013", "0014", "0017"]
    assert all(GPS_FACE in person.present() for person in people)


def test_published_backgrounds_are_in_one_split_only(data_root: Path) -> None:
    ids = [path.stem for path in (data_root / "backgrounds").glob("*.jpg")]
    train, val = (select_split_of_backgrounds(ids, split) for split in ("train", "val"))
    assert len(train) == 52 and len(val) == 13 and not set(train) & set(val)


def test_no_photo_to_validate_shows_a_picture_to_train_on(data_root: Path) -> None:
    ids = [person.photo_id for person in read_portraits(data_root / "ccp", "val")]
    assert len(ids) == 109 and not set(ids) & LEFT_OUT
