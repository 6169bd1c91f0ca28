"""Layers: exact both ways, also through PNG, whoever overlaps."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import DataError, InputError
from peopleparse.structures import ParsedPeople
from peopleparse.studio.layers import decode_layer, decode_layers, encode_layer, make_layers
from tests.studio.site import draw_overlapping, draw_people


@given(st.integers(0, 8), st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.3, 0.9]))
def test_persons_come_back_exactly(count: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(1, 20, 2))
    persons = np.where(
        rng.random((count, *size)) < share, rng.integers(1, 256, (count, *size)), 0
    ).astype(np.uint8)
    layers = [decode_layer(encode_layer(layer)) for layer in make_layers(persons)]
    assert np.array_equal(decode_layers(layers, count), persons)
    taken = np.stack([layer[..., 1] > 0 for layer in layers])
    assert (np.diff(taken.sum(axis=(1, 2))) <= taken[0].size).all()
    assert len(layers) <= max(1, count)


def test_255_persons_fit_in_one_layer_and_256_are_refused() -> None:
    persons = np.zeros((255, 15, 17), np.uint8)
    for number, labels in enumerate(persons):
        labels.ravel()[number] = number % 19 + 1
    layers = make_layers(persons)
    assert len(layers) == 1
    assert np.array_equal(decode_layers(layers), persons)
    with pytest.raises(InputError, match="must have at most 255 persons to be shown, got 256"):
        make_layers(np.zeros((256, 1, 1), np.uint8))


def test_255_persons_who_all_share_a_pixel_have_a_layer_each() -> None:
    persons = np.full((255, 1, 2), 7, np.uint8)
    layers = make_layers(persons)
    assert [int(layer[0, 0, 1]) for layer in layers] == list(range(1, 256))
    assert np.array_equal(decode_layers(layers), persons)


def test_a_person_is_in_the_first_layer_with_room() -> None:
    persons = np.zeros((4, 1, 4), np.uint8)
    persons[0, 0, :2] = persons[1, 0, 1:3] = persons[2, 0, 2:] = persons[3, 0, 3:] = 5
    layers = make_layers(persons)
    assert [layer[0, :, 1].tolist() for layer in layers] == [[1, 1, 3, 3], [0, 2, 2, 4]]


def test_a_result_is_one_layer_with_its_confidence() -> None:
    result = draw_people(4, (60, 90))
    (layer,) = make_layers(result)
    assert np.array_equal(layer[..., 0], result.parsing)
    assert np.array_equal(layer[..., 1], result.instances)
    assert np.array_equal(layer[..., 2], result.confidence)
    assert np.array_equal(decode_layers([layer]), result.person_parsings())


def test_labels_without_a_person_stay_and_confidence_is_255_where_unknown() -> None:
    parsing = np.array([[0, 3, 255]], np.uint8)
    result = ParsedPeople(parsing, np.zeros((1, 3), np.uint16), (), draw_people(0).scheme)
    (layer,) = make_layers(result)
    assert layer.tolist() == [[[0, 0, 255], [3, 0, 255], [255, 0, 255]]]
    assert decode_layers([layer]).shape == (0, 1, 3)


def test_nobody_is_an_empty_layer() -> None:
    (layer,) = make_layers(np.zeros((0, 2, 3), np.uint8))
    assert layer.shape == (2, 3, 3) and not layer[..., :2].any()


def test_the_png_has_nothing_that_shifts_a_value() -> None:
    data = encode_layer(make_layers(draw_overlapping(2))[0])
    kinds, at = [], 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 4 : at + 8 + length]
        assert zlib.crc32(body) == struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0]
        kinds.append(kind)
        at += 12 + length
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}
    assert data[24:26] == bytes((8, 2))  # 8 bit, RGB


@pytest.mark.parametrize(
    ("persons", "confidence", "message"),
    [
        (np.zeros((2, 3), np.uint8), None, r"persons must be \(N, H, W\) uint8, got \(2, 3\)"),
        (np.zeros((1, 2, 3), np.int64), None, "uint8, got .* int64"),
        (
            np.zeros((1, 2, 3), np.uint8),
            np.zeros((3, 2), np.uint8),
            r"confidence must be \(2, 3\) uint8 like the persons, got \(3, 2\) uint8",
        ),
    ],
)
def test_wrong_arrays_are_refused(
    persons: np.ndarray, confidence: np.ndarray | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make_layers(persons, confidence)


def test_what_is_no_layer_is_refused() -> None:
    from tests.studio.site import encode_image

    with pytest.raises(DataError, match="layer must be an 8-bit RGB PNG, got L"):
        decode_layer(encode_image(np.zeros((2, 2), np.uint8)))
    with pytest.raises(DataError, match="layer must be an 8-bit RGB PNG, got 'cannot identify"):
        decode_layer(b"no picture")
    with pytest.raises(InputError, match=r"layer must have pixels, got \(0, 4, 3\)"):
        encode_layer(np.zeros((0, 4, 3), np.uint8))
