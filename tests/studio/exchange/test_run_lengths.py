"""Run lengths of CVAT and Label Studio: by hand, there and back, and broken."""

from __future__ import annotations

import numpy as np
import pytest

from peopleparse.errors import DataError
from peopleparse.studio.exchange.run_lengths import (
    decode_rows,
    encode_rows,
    pack_mask,
    unpack_mask,
)


def random_mask(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 60, 2)
    return rng.random(size) < rng.choice([0.0, 0.02, 0.5, 0.98, 1.0])


@pytest.mark.parametrize("seed", range(60))
def test_there_and_back(seed: int) -> None:
    mask = random_mask(seed)
    assert (decode_rows(encode_rows(mask), mask.shape, "here") == mask).all()
    found, soft = unpack_mask(pack_mask(mask), mask.shape, "here")
    assert (found == mask).all() and soft == 0


def test_long_runs_are_cut() -> None:
    mask = np.zeros((300, 400), bool)  # 480,000 values in one run
    mask[150, 7] = True
    found, _ = unpack_mask(pack_mask(mask), mask.shape, "here")
    assert (found == mask).all()
    assert len(pack_mask(mask)) < 60


def test_bytes_by_hand() -> None:
    """Two pixels, the second inside: 8 values; "4 times 0" and "4 times 255"."""
    head = f"{8:032b}" + f"{7:05b}" + "0010" + "0011" + "0111" + "1111"
    blocks = "1" + "00" + "011" + "00000000" + "1" + "00" + "011" + "11111111"
    bits = head + blocks
    bits += "0" * (-len(bits) % 8)
    expected = [int(bits[n : n + 8], 2) for n in range(0, len(bits), 8)]
    assert pack_mask(np.array([[False, True]])) == expected


def test_values_that_do_not_repeat_and_are_soft() -> None:
    head = f"{8:032b}" + f"{7:05b}" + "0010" + "0011" + "0111" + "1111"
    values = (9, 9, 9, 127, 9, 9, 9, 128)
    bits = head + "0" + "00" + "111" + "".join(f"{value:08b}" for value in values)
    bits += "0" * (-len(bits) % 8)
    data = [int(bits[n : n + 8], 2) for n in range(0, len(bits), 8)]
    mask, soft = unpack_mask(data, (1, 2), "here")
    assert mask.tolist() == [[False, True]] and soft == 2


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda rle: rle[:-1], "got fewer bytes than it announces, at here"),
        (lambda rle: [], "got fewer bytes than it announces"),
        (lambda rle: ["x"], "got other values than bytes"),
        (lambda rle: [256], "got other values than bytes"),
        (lambda rle: [0, 0, 0, 12, *rle[4:]], r"must have the 8 values of its picture \(2 x 1\)"),
        (lambda rle: [*rle[:4], 0xFF, *rle[5:]], "got values of 32 bits"),
    ],
)
def test_broken_bytes(change: object, text: str) -> None:
    rle = pack_mask(np.array([[False, True]]))
    with pytest.raises(DataError, match=text):
        unpack_mask(change(rle), (1, 2), "here")  # type: ignore[operator]


def test_more_values_than_announced() -> None:
    rle = pack_mask(np.zeros((1, 4), bool))
    rle[3] = 8  # two pixels, but a run of four
    with pytest.raises(DataError, match="got more values than it announces"):
        unpack_mask(rle, (1, 2), "here")


@pytest.mark.parametrize("counts", [[3], [5, -1], [2, 1], [1 << 62, 1 << 62]])
def test_wrong_sums(counts: list[int]) -> None:
    with pytest.raises(DataError, match=r"run lengths must sum to 4 pixels \(2 x 2\), got"):
        decode_rows(counts, (2, 2), "here")
