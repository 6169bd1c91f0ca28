from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from peopleparse.data.png import encode_label_png, read_label_png, write_label_png
from peopleparse.errors import DataError, InputError
from peopleparse.labels import get_scheme

PALETTE = get_scheme("gps").palette


def _chunks(data: bytes) -> list[str]:
    names, at = [], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        names.append(data[at + 4 : at + 8].decode())
        at += 12 + length
    return names


def _png(depth: int, color_type: int, row: bytes, width: int) -> bytes:
    """Return a PNG of one row made at byte level, so that no writer's habit hides a case."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    header = struct.pack(">IIBBBBB", width, 1, depth, color_type, 0, 0, 0)
    colors = chunk(b"PLTE", bytes(3 * 2**depth)) if color_type == 3 else b""
    body = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + colors + body + chunk(b"IEND", b"")


@given(ids=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20)))
def test_round_trip(ids: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("png") / "a.png"
    assert write_label_png(path, ids, PALETTE) == path
    found = read_label_png(path)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, ids)
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]


def test_file_is_8_bit_indexed_without_gamma_or_profile(tmp_path: Path) -> None:
    data = write_label_png(tmp_path / "a.png", np.ones((3, 4), np.uint8), PALETTE).read_bytes()
    assert _chunks(data) == ["IHDR", "PLTE", "IDAT", "IEND"]
    assert data[24:26] == bytes([8, 3])
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        assert image.getpalette() == PALETTE.ravel().tolist()
        assert np.array(image.convert("RGB"))[0, 0].tolist() == PALETTE[1].tolist()


def test_same_map_same_bytes() -> None:
    ids = np.arange(200, dtype=np.uint8).reshape(10, 20)
    assert encode_label_png(ids, PALETTE) == encode_label_png(ids.T.copy().T, PALETTE)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = write_label_png(tmp_path / "a.png", np.ones((2, 2), np.uint8), PALETTE)
    before = path.read_bytes()
    with pytest.raises(InputError):
        write_label_png(path, np.ones((2, 2)), PALETTE)  # type: ignore[arg-type]
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        InputError, match=r"output must be a place that can be written, got '.+', at"
    ):
        write_label_png(tmp_path / "file" / "a.png", np.ones((2, 2), np.uint8), PALETTE)
    (tmp_path / "a.png").mkdir()
    with pytest.raises(InputError, match="output must be a place that can be written"):
        write_label_png(tmp_path / "a.png", np.ones((2, 2), np.uint8), PALETTE)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "file"]


@pytest.mark.parametrize(
    "ids", [np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.int64), np.zeros((0, 4), np.uint8)]
)
def test_bad_ids(ids: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"label map must be \(H, W\) uint8 with at least one pix"):
        encode_label_png(ids, PALETTE)


@pytest.mark.parametrize("palette", [PALETTE[:20], PALETTE.astype(int)])
def test_bad_palette(palette: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"palette must be \(256, 3\) uint8, got .+ Take the pal"):
        encode_label_png(np.zeros((2, 2), np.uint8), palette)


@pytest.mark.parametrize(
    ("depth", "color_type", "row", "ids"),
    [
        (8, 0, bytes([0, 7, 255]), [0, 7, 255]),
        (8, 3, bytes([0, 7, 255]), [0, 7, 255]),
        (4, 3, bytes([0x1F, 0x20]), [1, 15, 2]),
        (2, 3, bytes([0b00011011]), [0, 1, 2]),
        (1, 3, bytes([0b10100000]), [1, 0, 1]),
    ],
)
def test_other_writers_indexed_and_grey(
    tmp_path: Path, depth: int, color_type: int, row: bytes, ids: list[int]
) -> None:
    (tmp_path / "a.png").write_bytes(_png(depth, color_type, row, 3))
    assert read_label_png(tmp_path / "a.png").tolist() == [ids]


@pytest.mark.parametrize(
    ("depth", "color_type", "row", "kind"),
    [
        (8, 2, bytes(9), "8-bit RGB"),
        (8, 6, bytes(12), "8-bit RGBA"),
        (8, 4, bytes(6), "8-bit grey with alpha"),
        (16, 0, bytes(6), "16-bit grey"),
        (16, 2, bytes(18), "16-bit RGB"),
        (4, 0, bytes(2), "4-bit grey"),
        (1, 0, bytes(1), "1-bit grey"),
        (8, 5, bytes(3), "8-bit colour type 5"),
    ],
)
def test_pixels_that_are_no_ids(
    tmp_path: Path, depth: int, color_type: int, row: bytes, kind: str
) -> None:
    (tmp_path / "a.png").write_bytes(_png(depth, color_type, row, 3))
    with pytest.raises(
        DataError, match=rf"label PNG must be 8-bit indexed or grey, got {kind}, at .*a.png. Save"
    ):
        read_label_png(tmp_path / "a.png")


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"label PNG must be a file, got none, at .*a.png. Check"):
        read_label_png(tmp_path / "a.png")


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="label PNG must be readable, got .*directory"):
        read_label_png(tmp_path)


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(40), b"\xff\xd8\xff" + bytes(40)])
def test_not_a_png(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(DataError, match=r"label map must be a PNG file, got \d+ bytes that begin"):
        read_label_png(tmp_path / "a.png")


@given(length=st.integers(26, 300))
def test_truncated(length: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    data = encode_label_png(np.arange(256, dtype=np.uint8).reshape(16, 16), PALETTE)
    path = tmp_path_factory.mktemp("png") / "a.png"
    path.write_bytes(data[:length])
    with pytest.raises(DataError, match=r"label PNG must be readable, got '.+', at .*a.png. Write"):
        read_label_png(path)


def test_an_area_too_large_to_be_true(tmp_path: Path) -> None:
    data = bytearray(_png(8, 3, bytes(3), 3))
    data[16:24] = struct.pack(">II", 60000, 60000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(DataError, match="label PNG must be readable, got .*60000|decompression"):
        read_label_png(tmp_path / "a.png")
