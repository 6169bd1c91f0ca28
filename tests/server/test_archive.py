"""Archives: hostile ones are refused for the right reason and cheaply, right ones are taken."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from peopleparse.server.archive import Archive, check_archive, read_images
from peopleparse.server.outcome import MOST_FAULTS
from tests.server.hostile import Entry, build, change, png
from tests.server.hostile_cases import LIP, SIZES, all_cases, good_entries, labels_of, writers

CASES = all_cases()
MEBIBYTE = 1 << 20


def check(data: bytes) -> list[str]:
    return [fault.code for fault in check_archive(io.BytesIO(data), LIP)]


def test_there_are_many_hostile_archives() -> None:
    assert sum(bool(code) for _, _, code in CASES) >= 100
    assert not [name for name, count in Counter(name for name, _, _ in CASES).items() if count > 1]


@pytest.mark.parametrize(("name", "data", "code"), CASES, ids=[case[0] for case in CASES])
def test_a_hostile_archive_is_refused_for_its_reason(name: str, data: bytes, code: str) -> None:
    found = check_archive(io.BytesIO(data), LIP)
    assert [fault.code for fault in found][:1] == [code][: bool(code)], [str(f) for f in found]
    for fault in found:
        text = str(fault)
        assert fault.expected and fault.found and text.isascii() and text.isprintable()
        assert len(text) < 2000
    assert len(found) <= MOST_FAULTS


def test_hostile_archives_cost_little() -> None:
    """What is inflated and held is bounded by the public sizes, whatever an archive says."""
    honest = sum(width * height for width, height in SIZES.values())
    worst = 0
    for name, data, _ in CASES:
        tracemalloc.start()
        archive = Archive(io.BytesIO(data), LIP)
        for _ in read_images(archive):
            pass
        worst = max(worst, tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        # Each file may be as large as the worst encoder makes it: its pixels and 64 KiB.
        assert archive.inflated <= honest * 1.1 + len(SIZES) * (MEBIBYTE // 8), name
    assert worst < 16 * MEBIBYTE


WRITERS = list(writers(good_entries()))


@pytest.mark.parametrize(("name", "data"), WRITERS, ids=[name for name, _ in WRITERS])
def test_archives_of_all_writers_are_taken(name: str, data: bytes) -> None:
    archive = Archive(io.BytesIO(data), LIP)
    found = dict(read_images(archive))
    assert archive.faults.listed == []
    assert list(found) == list(SIZES)
    for image_id, labels in found.items():
        assert labels is not None and labels.parsing is not None
        assert np.array_equal(labels.parsing, labels_of(image_id))


PROGRAMS = {
    "zip": (["zip", "-q", "-r", "out.zip", "."], ["zip", "-q", "-0", "out.zip", "a.png"]),
    "zip -D": (["zip", "-q", "-r", "-D", "-9", "out.zip", "."],),
    "7z": (["7z", "a", "-bd", "-tzip", "out.zip", "."],),
    "bsdtar": (["bsdtar", "-a", "-cf", "out.zip", "."],),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_archives_of_programs_are_taken(program: str, tmp_path: Path) -> None:
    if shutil.which(program.split()[0]) is None:
        pytest.skip(f"{program} is not installed")
    for entry in good_entries():
        (tmp_path / entry.name.decode()).write_bytes(entry.data)
    for command in PROGRAMS[program]:
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    if program != "bsdtar":  # writes './a.png'
        assert check_archive(tmp_path / "out.zip", LIP) == []


def test_the_zip_program_may_write_to_a_pipe(tmp_path: Path) -> None:
    if shutil.which("zip") is None:
        pytest.skip("zip is not installed")
    for entry in good_entries():
        (tmp_path / entry.name.decode()).write_bytes(entry.data)
    done = subprocess.run(
        ["zip", "-q", "-r", "-", "."], cwd=tmp_path, check=True, capture_output=True
    )
    assert check(done.stdout) == []


def test_an_image_may_be_missing() -> None:
    archive = Archive(io.BytesIO(build(good_entries()[1:])), LIP)
    found = dict(read_images(archive))
    assert archive.faults.listed == [] and found["a"] is None and found["b"] is not None


def test_every_faulty_file_is_counted_and_few_are_listed() -> None:
    sizes = {f"{n:03d}": (4, 3) for n in range(30)}
    manifest = type(LIP)("lip", "lip", 1, "map", sizes)
    bad = png(np.full((3, 4), 99, np.uint8))
    archive = Archive(io.BytesIO(build([Entry(f"{n}.png".encode(), bad) for n in sizes])), manifest)
    assert list(read_images(archive)) == []
    assert archive.faults.count == 30 and len(archive.faults.listed) == MOST_FAULTS


def test_messages_say_what_to_do() -> None:
    inside = build([change(entry, name=b"out/" + entry.name) for entry in good_entries()])
    (fault,) = check_archive(io.BytesIO(inside), LIP)
    assert fault.file == "out/" and "pack the contents of the folder" in fault.expected
    mac = build([*good_entries(), Entry(b"__MACOSX/._a.png", b"x"), Entry(b".DS_Store", b"x")])
    (fault,) = check_archive(io.BytesIO(mac), LIP)
    assert "zip -d ARCHIVE" in fault.expected and "2 files" in fault.found
    (fault,) = check_archive(io.BytesIO(b"<!DOCTYPE html><title>Sign in</title>"), LIP)
    assert str(fault) == "not-a-zip: expected a zip archive, found an HTML page"


def test_mutated_archives_never_break_the_check() -> None:
    """Two thousand archives with changed, cut, doubled or inserted bytes, PNGs among them."""
    rng = random.Random(0)
    seeds = [data for _, data in WRITERS]
    taken = 0
    for _ in range(2000):
        data = bytearray(rng.choice(seeds))
        if rng.random() < 0.5:
            entries = good_entries()
            picked = rng.randrange(len(entries))
            entries[picked] = change(entries[picked], data=mutate(entries[picked].data, rng))
            data = bytearray(build(entries))
        else:
            data = bytearray(mutate(bytes(data), rng))
        taken += not check(bytes(data))
    # Times, comments, versions and the like may change: nobody reads them.
    assert taken < 1000


def mutate(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(len(changed))
        kind = rng.randrange(5)
        if kind == 0:
            changed[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 2:
            del changed[place : place + rng.choice((1, 4, 50))]
        elif kind == 3:
            changed[place:place] = changed[place : place + rng.choice((1, 4, 50))]
        else:
            changed[place : place + 4] = rng.randbytes(4)
        if not changed:
            return b""
    return bytes(changed)
