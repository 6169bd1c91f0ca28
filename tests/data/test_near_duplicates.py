from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from peopleparse.data.files import read_image
from peopleparse.data.near_duplicates import (
    BITS,
    MAX_DISTANCE,
    count_differences,
    find_near_duplicates,
    hash_photo,
    join_pairs,
)
from peopleparse.errors import InputError

# Pairs of Clothing Co-Parsing that show one photo twice, by eye.
TWICE = "0025 1707 0343 1083 0403 1074 1671 1790 0594 0722 0183 0730 0078 0984".split() + (
    "1029 1341 0538 1715 0907 0990 0197 0671 0220 1691 0719 1611".split()
)


def _photo(seed: int, size: tuple[int, int] = (120, 90)) -> np.ndarray:
    """Return a picture of soft shapes, as photos are: a few random waves and a disc."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return np.array(Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC))


def _jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def _resize(image: np.ndarray, share: float) -> np.ndarray:
    size = (round(image.shape[1] * share), round(image.shape[0] * share))
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


COPIES = {
    "recompressed": lambda i: _jpeg(i, 30),
    "half the size": lambda i: _resize(i, 0.5),
    "twice the size": lambda i: _resize(i, 2.0),
    "brighter": lambda i: np.clip(i * 1.1 + 8, 0, 255).astype(np.uint8),
    "cropped all round": lambda i: i[4:-4, 3:-3],
    "cropped at two sides": lambda i: i[3:, :-2],
    "all of it": lambda i: _jpeg(_resize(i[3:-2, 2:-3], 0.6), 50),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_near_and_others_are_not(kind: str) -> None:
    photos = {f"photo {n}": _photo(n) for n in range(12)}
    copies = {f"copy {n}": COPIES[kind](photos[f"photo {n}"]) for n in range(12)}
    groups = find_near_duplicates({i: hash_photo(p) for i, p in (photos | copies).items()})
    assert groups == sorted([[f"copy {n}", f"photo {n}"] for n in range(12)])


def test_street_photos(data_root: Path) -> None:
    photos = data_root / "ccp" / "photos"
    ids = [*TWICE, *(path.stem for path in sorted(photos.glob("*.jpg"))[:60])]
    hashes = {i: hash_photo(read_image(photos / f"{i}.jpg")) for i in ids}
    found = find_near_duplicates(hashes)
    assert found == sorted(map(list, zip(TWICE[::2], TWICE[1::2], strict=True)))
    rng = np.random.default_rng(0)
    for image_id in ids[-20:]:
        image = read_image(photos / f"{image_id}.jpg")
        top, bottom, left, right = (rng.uniform(0, 0.04, 4) * np.repeat(image.shape[:2], 2)).astype(
            int
        )
        copy = _jpeg(image[top : len(image) - bottom, left : image.shape[1] - right], 60)
        distance = count_differences(hash_photo(copy)[None], hashes[image_id][None])
        assert distance[0, 0] <= MAX_DISTANCE


def test_differences_by_hand() -> None:
    none = np.zeros((1, 3, BITS), bool)
    some = none.copy()
    some[0, :, :10] = True
    some[0, 2, 4:10] = False  # the inner cut is nearest
    assert count_differences(none, some).tolist() == [[4]]
    assert count_differences(some, none).tolist() == [[4]]
    assert count_differences(none, ~none).tolist() == [[BITS]]


@given(seed=st.integers(0, 2**31), distance=st.integers(0, 12))
def test_groups_are_those_that_plain_loops_find(seed: int, distance: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.random((3, 3, BITS)) < 0.5
    hashes = {}
    for number in range(9):
        bits = base[number % 3].copy()
        bits[:, rng.integers(0, BITS, 6)] ^= True
        hashes[f"{rng.integers(10**6)}-{number}"] = bits
    group = {i: {i} for i in hashes}
    for a in hashes:
        for b in hashes:
            cuts = [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0)]
            if min((hashes[a][x] != hashes[b][y]).sum() for x, y in cuts) <= distance:
                joined = group[a] | group[b]
                for member in joined:
                    group[member] = joined
    expected = sorted({tuple(sorted(g)) for g in group.values() if len(g) > 1})
    assert [tuple(g) for g in find_near_duplicates(hashes, distance)] == expected


def test_chains_join() -> None:
    assert join_pairs("abcd", [("a", "b"), ("c", "b")]) == [["a", "b", "c"], ["d"]]
    assert find_near_duplicates({}) == []


def test_many_photos_are_compared_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = {f"{n}": hash_photo(_photo(n % 5)) for n in range(11)}
    whole = find_near_duplicates(hashes)
    monkeypatch.setattr("peopleparse.data.near_duplicates._ROWS", 3)
    assert find_near_duplicates(hashes) == whole
    assert [len(group) for group in whole] == [3, 2, 2, 2, 2]


@pytest.mark.parametrize("distance", [-1, 256])
def test_a_distance_out_of_range(distance: int) -> None:
    with pytest.raises(InputError, match=f"distance must be 0 to 255 bits, got {distance}. Give"):
        find_near_duplicates({}, distance)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_image(image: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"image must be \(H, W, 3\) uint8 RGB, got"):
        hash_photo(image)
