from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.data.collection_log import (
    COLUMNS,
    LogRow,
    check_log,
    log_path,
    read_log,
    write_log,
)
from peopleparse.data.gps_check import check_dataset
from peopleparse.errors import DataError, InputError
from tests.datasets import write_gps_folder

ROWS = [
    LogRow(f"{name}.jpg", "family, indoors", "https://example.org/1", "CC BY 4.0")
    for name in "abcde"
] + [LogRow("f.jpg", "", "own camera", "own", kept=False, reason='too "dark"\nand blurred')]
HEADER = ",".join(COLUMNS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write_gps_folder(tmp_path / "set")
    write_log(folder, ROWS)
    return folder


def test_a_good_log(folder: Path) -> None:
    assert read_log(folder) == ROWS
    assert check_log(folder) == [] and check_dataset(folder) == []
    assert log_path(folder).read_text().splitlines()[0] == HEADER


def test_a_spreadsheet_may_have_saved_it(folder: Path) -> None:
    text = log_path(folder).read_text()  # with one character a line end
    log_path(folder).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [row.image for row in read_log(folder)] == [row.image for row in ROWS]


_words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
_named = _words.filter(str.strip)


@given(
    rows=st.lists(
        st.builds(LogRow, _named, _words | st.just(""), _named, _named, st.booleans(), _named),
        unique_by=lambda row: row.image,
        max_size=4,
    )
)
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[LogRow]) -> None:
    folder = tmp_path_factory.mktemp("log")
    write_log(folder, rows)
    assert read_log(folder) == rows


def _replace(old: str, new: str) -> Callable[[Path], None]:
    def break_it(folder: Path) -> None:
        text = log_path(folder).read_text()
        assert old in text
        log_path(folder).write_text(text.replace(old, new, 1))

    return break_it


A_ROW = 'a.jpg,"family, indoors",https://example.org/1,CC BY 4.0,yes,'
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "image without row": (
        _replace(f"{A_ROW}\n", ""),
        "image must have a row in the collection log, got none for 'a.jpg', at {}. Add its",
    ),
    "kept row without image": (
        lambda f: (f / "images" / "b.jpg").unlink(),
        "image of a kept row must be a file in images/, got none for 'b.jpg', at line 3 of {}. Put",
    ),
    "filtered image that is there": (
        _replace(A_ROW, "a.jpg,x,y,z,no,blurred"),
        "image of a row that was not kept must not be in images/, got 'a.jpg', at line 2 of {}. ",
    ),
    "no licence": (
        _replace("CC BY 4.0", " "),
        "licence must be given, got none, at line 2 of {}. Fill it in.",
    ),
    "no source": (
        _replace("https://example.org/1", ""),
        "source must be given, got none, at line 2 of {}. Fill it in.",
    ),
    "no image": (
        _replace(A_ROW, A_ROW.replace("a.jpg", "")),
        "image must be given, got none, at line 2 of {}. Fill it in.",
    ),
    "no reason": (
        _replace(A_ROW, "z.jpg,x,y,z,no,"),
        "reason must be given, got none, at line 2 of {}. Fill it in.",
    ),
    "kept": (
        _replace(",yes,", ",maybe,"),
        "kept must be yes or no, got 'maybe', at line 2 of {}. Correct it.",
    ),
    "twice": (
        _replace(A_ROW, f"{A_ROW}\n{A_ROW}"),
        "image must have one row, got 'a.jpg' at line 2 too, at line 3 of {}. Remove one.",
    ),
    "columns": (
        _replace("licence", "license"),
        "collection log must have the columns image, keyword, source, licence, kept, reason, got ",
    ),
    "empty": (
        lambda f: log_path(f).write_text(""),
        "collection log must have the columns image, keyword, source, licence, kept, reason, got "
        "none, at {}. ",
    ),
    "too many values": (
        _replace(A_ROW, f"{A_ROW},more"),
        "row must have 6 values, got more, at line 2 of {}. Put values that hold a comma into",
    ),
    "no text": (
        lambda f: log_path(f).write_bytes(b"\xff\xfe"),
        "collection log must be a readable CSV in UTF-8, got '",
    ),
    "open quote": (
        _replace(A_ROW, '"a.jpg'),
        "collection log must be a readable CSV in UTF-8, got '",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_each_fault_is_found(folder: Path, case: str) -> None:
    break_it, text = BROKEN[case]
    break_it(folder)
    text = text.replace("{}", str(log_path(folder)))
    faults = check_log(folder)
    assert any(line.startswith(text) for line in faults), faults
    assert all("\n" not in line for line in faults)
    assert set(faults) <= set(check_dataset(folder))


def test_all_faults_are_listed(folder: Path) -> None:
    text = log_path(folder).read_text().replace("CC BY 4.0", "")
    log_path(folder).write_text(text)
    assert [line.split(",")[0] for line in check_log(folder)] == ["licence must be given"] * 5


def test_reading_raises_the_first_fault(folder: Path) -> None:
    _replace("CC BY 4.0", "")(folder)
    with pytest.raises(DataError, match="licence must be given, got none, at line 2 of"):
        read_log(folder)
    log_path(folder).unlink()
    with pytest.raises(DataError, match="collection log must be a file, got none, at"):
        read_log(folder)
    assert check_log(folder) == []


def test_writing_refuses_what_the_check_would_find(folder: Path) -> None:
    with pytest.raises(InputError, match="image must have one row, got 'a.jpg' at line 2 too"):
        write_log(folder, [ROWS[0], ROWS[0]])
    with pytest.raises(InputError, match="reason must be given, got none"):
        write_log(folder, [LogRow("a.jpg", "", "x", "y", kept=False)])
    assert read_log(folder) == ROWS
