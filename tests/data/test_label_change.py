"""Tables between schemes, alone and through gps, and the run lengths that converters write."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from peopleparse.data.label_change import LabelChange, join_tables
from peopleparse.data.rle import decode_segmentation, decompress
from peopleparse.data.rle_encode import compress, encode_mask
from peopleparse.labels import LossReport, get_scheme, translate
from peopleparse.viz.rle import encode_rle

SIDED = ("gps", "lip", "cihp", "mhp-v1", "mhp-v2")
PAIRS = [(a, b) for a in SIDED for b in SIDED if a != b]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_tables_and_mirroring_go_in_any_order(source: str, target: str) -> None:
    table = join_tables(get_scheme(source), get_scheme(target)).lookup()
    first, second = get_scheme(source).flip_table(), get_scheme(target).flip_table()
    ids = np.array([*get_scheme(source).ids, 255])
    np.testing.assert_array_equal(table[first[ids]], second[table[ids]])


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_tables_give_ids_of_the_target(source: str, target: str) -> None:
    table = join_tables(get_scheme(source), get_scheme(target))
    assert sorted(table.targets) == list(get_scheme(source).ids)
    assert set(table.targets.values()) <= {*get_scheme(target).ids, 255}


def test_two_tables_are_one_after_the_other() -> None:
    change = LabelChange(get_scheme("cihp"), get_scheme("mhp-v2"))
    ids = np.append(np.arange(20), 255).astype(np.uint8)[None, None]
    middle, _ = translate(ids[0], "cihp", "gps")
    np.testing.assert_array_equal(change.apply(ids)[0], translate(middle, "gps", "mhp-v2")[0])


def test_losses_add_up_over_images() -> None:
    change = LabelChange(get_scheme("gps-outdoor"), get_scheme("lip"))
    change.count(np.array([[[0, 16, 4, 255]]], np.uint8))
    change.count(np.array([[[16, 2, 0, 0]]], np.uint8))
    assert change.report() == LossReport(5, 2, {"upper clothes": 1}, {"bag": 2}, {})


@given(mask=hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_run_lengths_are_those_of_coco(mask: np.ndarray) -> None:
    found = encode_mask(mask)
    expected = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert found["counts"] == expected["counts"].decode()
    assert found["size"] == list(expected["size"])
    assert found == encode_rle(mask)
    np.testing.assert_array_equal(decode_segmentation(found, mask.shape, "here"), mask)


@given(counts=st.lists(st.integers(0, 10**9), min_size=1, max_size=12))
def test_any_run_lengths_come_back(counts: list[int]) -> None:
    assert decompress(compress(counts)).tolist() == counts
