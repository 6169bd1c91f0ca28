from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peopleparse.data import label_files
from peopleparse.data.image_labels import ImageLabels, RegionMap, check_size, size_of
from peopleparse.data.label_decode import decode_labels, decode_numbers, find_stray, renumber
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.png import read_label_png
from peopleparse.errors import DataError
from peopleparse.labels import get_scheme
from tests.data.label_folders import pack, write_lines


def _zip(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def test_names_are_sorted_and_junk_is_left_out(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", ".hidden", "sub/c.txt", "__MACOSX/a.png", "sub/Thumbs.db"):
        write_lines(tmp_path / "set" / name, [name])
    for path in (tmp_path / "set", pack(tmp_path / "set", tmp_path / "a.zip")):
        files = LabelFiles(path)
        assert files.names == ("a.png", "b.png", "sub/c.txt") and files.inner == ""
        assert files.folders() == ["sub"]
        assert files.files_in("", ".png") == {"a": "a.png", "b": "b.png"}
        assert files.read("sub/c.txt") == b"sub/c.txt\n"
        assert files.place("a.png") == str(path / "a.png")
        assert "a.png" in files and "c.txt" not in files


@pytest.mark.parametrize(
    ("names", "inner"),
    [
        (("a.png",), ""),
        (("x/a.png", "x/b.png"), "x"),
        (("x/y/a.png", "x/y/b.png"), "x/y"),
        (("x/y/a.png", "x/b.png"), "x"),
        (("global_parsing/a.png",), ""),
        (("x/global_parsing/a.png", "readme.txt"), "x"),
        (("annotations/annotations/annotations.json",), ""),
    ],
)
def test_the_folder_in_which_the_layout_begins(
    tmp_path: Path, names: tuple[str, ...], inner: str
) -> None:
    files = LabelFiles(_zip(tmp_path / "a.zip", *names))
    assert files.inner == inner
    assert all(files.read(name).decode().endswith(name) for name in files.names)


def test_two_data_sets(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", "Training/Human_ids/a.png", "Validation/Human_ids/b.png")
    with pytest.raises(
        DataError,
        match=r"labels must be of one data set, got 2 folders \['Training', 'Validation'\], at .*a",
    ):
        LabelFiles(path)


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "a/../../b.png", "a\\b.png", "c:/a.png"])
def test_names_that_lead_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="names in an archive must lie inside it .+, got '.+', at"):
        LabelFiles(_zip(tmp_path / "a.zip", "ok.png", name))


def test_links_in_an_archive(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("a.png")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/hosts")
    with pytest.raises(DataError, match="an archive must hold files, got the link 'a.png', at"):
        LabelFiles(tmp_path / "a.zip")


def test_one_name_twice(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        _zip(tmp_path / "a.zip", "a.png", "a.png")
    with pytest.raises(DataError, match=r"files must be in an archive once, got \['a.png'\] more"):
        LabelFiles(tmp_path / "a.zip")


def test_one_image_twice(tmp_path: Path) -> None:
    files = LabelFiles(_zip(tmp_path / "a.zip", "a.PNG", "a.png"))
    with pytest.raises(DataError, match="image must have one file, got 'a.PNG' and 'a.png', at"):
        files.files_in("", ".png")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be a folder, zip archive or JSON file, got none, at"):
        LabelFiles(tmp_path / "no")
    with pytest.raises(DataError, match="must be files in a folder or zip archive, got none, at"):
        LabelFiles(tmp_path)
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(DataError, match="zip archive or JSON file, got 'File is not a zip file'"):
        LabelFiles(tmp_path / "a.zip")


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _zip(tmp_path / "a.zip", "a.png", "b.png")
    files = LabelFiles(path)
    with pytest.raises(DataError, match="labels must be a file, got none, at .*a.zip/c.png. Check"):
        files.read("c.png")
    monkeypatch.setattr(label_files, "_MAX_BYTES", 4)
    with pytest.raises(DataError, match="a readable file, got '5 bytes unpacked, more than 4', at"):
        files.read("a.png")
    monkeypatch.undo()
    data = path.read_bytes()
    path.write_bytes(data.replace(b"a.pnga.png", b"a.pngX.png"))
    with pytest.raises(
        DataError, match="must be a readable file, got 'Bad CRC-32.*, at .*a.png. W"
    ):
        LabelFiles(path).read("a.png")
    locked = bytearray(data)
    for at in (6, data.index(b"PK\x01\x02") + 8):
        locked[at] |= 1  # says that it is encrypted
    path.write_bytes(locked)
    with pytest.raises(DataError, match="a readable file, got '.*encrypted, password required"):
        LabelFiles(path).read("a.png")


def test_links_between_folders_end(tmp_path: Path) -> None:
    write_lines(tmp_path / "set" / "a.png", ["x"])
    (tmp_path / "set" / "loop").symlink_to(tmp_path / "set")
    (tmp_path / "other").symlink_to(tmp_path / "set")
    assert LabelFiles(tmp_path / "other").names == ("a.png",)


def test_a_child_process_opens_its_own_archive(tmp_path: Path) -> None:
    names = [f"{n}.png" for n in range(50)]
    files = LabelFiles(_zip(tmp_path / "a.zip", *names))
    assert files.read(names[0]) == b"0.png"
    mine = files._archive
    child = os.fork()
    if child == 0:
        ok = all(files.read(name).decode() == name for name in names)
        os._exit(0 if ok and files._archive is not mine else 1)
    assert all(files.read(name).decode() == name for name in names)
    assert os.waitpid(child, 0)[1] == 0 and files._archive is mine


# PNGs


def _png(depth: int, color_type: int, row: bytes, width: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    header = struct.pack(">IIBBBBB", width, 1, depth, color_type, 0, 0, 0)
    colors = chunk(b"PLTE", bytes(3 * 2**depth)) if color_type == 3 else b""
    body = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + colors + body + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("depth", "color_type", "row"),
    [(8, 0, bytes([0, 7, 255])), (8, 3, bytes([0, 7, 255])), (2, 3, bytes([0b00011011]))],
)
def test_ids_are_those_of_the_reader_of_files(
    tmp_path: Path, depth: int, color_type: int, row: bytes
) -> None:
    data = _png(depth, color_type, row, 3)
    (tmp_path / "a.png").write_bytes(data)
    expected = read_label_png(tmp_path / "a.png")
    assert decode_labels(data, "").tolist() == expected.tolist()
    assert decode_numbers(data, "").tolist() == expected.tolist()
    assert decode_numbers(data, "").dtype == np.uint16


def test_sixteen_bits_are_for_numbers_only() -> None:
    data = _png(16, 0, struct.pack(">3H", 0, 300, 65535), 3)
    assert decode_numbers(data, "").tolist() == [[0, 300, 65535]]
    with pytest.raises(DataError, match="must be 8-bit indexed or grey, got 16-bit grey, at x. Sa"):
        decode_labels(data, "x")


@pytest.mark.parametrize(
    ("depth", "color_type", "row", "kind"),
    [
        (8, 2, bytes(9), "8-bit RGB"),
        (8, 6, bytes(12), "8-bit RGBA"),
        (16, 2, bytes(18), "16-bit RGB"),
        (4, 0, bytes(2), "4-bit grey"),
    ],
)
def test_pixels_that_are_no_ids(depth: int, color_type: int, row: bytes, kind: str) -> None:
    data = _png(depth, color_type, row, 3)
    with pytest.raises(DataError, match=f"must be 8-bit indexed or grey, got {kind}, at x. Save"):
        decode_labels(data, "x")
    with pytest.raises(DataError, match=f"numbers must be indexed, or .+, got {kind}, at x. Save"):
        decode_numbers(data, "x")
    if depth == 8:
        assert decode_labels(data, "x", first_channel=True).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("decode", [decode_labels, decode_numbers])
def test_broken_pngs(decode: type[decode_labels]) -> None:  # type: ignore[valid-type]
    for data in (b"", b"GIF89a" + bytes(40)):
        with pytest.raises(
            DataError, match=r"must be a PNG file, got \d+ bytes that begin .+ at x"
        ):
            decode(data, "x")
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    for length in (26, 60, 200):
        with pytest.raises(DataError, match="label PNG must be readable, got '.+', at x. Write or"):
            decode(buffer.getvalue()[:length], "x")


def test_stray_ids() -> None:
    gps, outdoor = get_scheme("gps"), get_scheme("gps-outdoor")
    labels = np.array([[0, 19, 20, 255]], np.uint8)
    assert find_stray(labels, gps, truth=True) == [20]
    assert find_stray(labels, gps, truth=False) == [20, 255]
    assert find_stray(labels, outdoor, truth=True) == [19, 20]
    assert find_stray(labels, outdoor, truth=False) == [20, 255]
    assert find_stray(labels[:, :2], gps, truth=True) == []
    assert find_stray(labels[:, :0], gps, truth=True) == []


def test_renumber() -> None:
    numbers, kept = renumber(np.array([[0, 65535, 3]], np.uint16))
    assert numbers.tolist() == [[0, 2, 1]] and kept == [3, 65535]
    assert renumber(np.zeros((1, 2), np.uint16))[1] == []


def test_sizes() -> None:
    maps, numbers = np.zeros((3, 4), np.uint8), np.zeros((3, 4), np.uint16)
    regions = RegionMap(numbers, np.zeros(0, np.intp), None)
    for labels in (
        ImageLabels(None, parsing=maps),
        ImageLabels((maps, numbers)),
        ImageLabels(np.zeros((0, 3, 4), np.uint8)),
        ImageLabels(None, regions=regions),
    ):
        assert size_of(labels) == (3, 4)
        check_size(labels, (3, 4), "x")
        with pytest.raises(DataError, match="must be 4 x 2 like its photo, got 4 x 3, at x. Write"):
            check_size(labels, (2, 4), "x")
    with pytest.raises(DataError, match="labels must hold a map, got none. Read them"):
        size_of(ImageLabels(None))
