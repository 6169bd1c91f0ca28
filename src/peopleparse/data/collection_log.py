"""The collection log: where each photo of a data set comes from, and why some were not kept.

    <folder>/collection_log.csv     image, keyword, source, licence, kept, reason

One row a photo that was looked at, kept or not. Source: GPS paper, section 3.1 (photos found by
keywords, filtered by hand); the file is this project's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from peopleparse.data.files import write_file
from peopleparse.errors import DataError, InputError

LOG_NAME = "collection_log.csv"
COLUMNS = ("image", "keyword", "source", "licence", "kept", "reason")
_KEPT = {"yes": True, "no": False}


@dataclass(frozen=True)
class LogRow:
    """What is known of one photo.

    Attributes:
        image: file name in images/; of a photo that was not kept, any name of its own.
        keyword: what was searched for; may be empty.
        source: where it was found, such as an address or the name of a data set.
        licence: under what terms it may be used.
        kept: whether it is part of the data set.
        reason: why it was not kept; may be empty where it was.
    """

    image: str
    keyword: str
    source: str
    licence: str
    kept: bool = True
    reason: str = ""


def log_path(folder: str | Path) -> Path:
    """Return the path of a data set's log, whether it is there or not."""
    return Path(folder) / LOG_NAME


def write_log(folder: str | Path, rows: Iterable[LogRow]) -> Path:
    """Write the log of a data set, in place of one that is there.

    Raises:
        InputError: a row lacks what it must have, an image is there twice, or the place cannot be
            written.
    """
    lines = [asdict(row) | {"kept": "yes" if row.kept else "no"} for row in rows]
    faults = _find_row_faults(list(enumerate(lines, 2)), log_path(folder))
    if faults:
        raise InputError(faults[0])
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS)
    writer.writeheader()
    writer.writerows(lines)
    return write_file(log_path(folder), buffer.getvalue().encode())


def read_log(folder: str | Path) -> list[LogRow]:
    """Read the log of a data set.

    Raises:
        DataError: the log is missing or broken, or a row lacks what it must have.
    """
    rows = _read_rows(log_path(folder))
    faults = _find_row_faults(rows, log_path(folder))
    if faults:
        raise DataError(faults[0])
    return [_make_row(values) for _, values in rows]


def check_log(folder: str | Path) -> list[str]:
    """Return every fault of a data set's log, one line each; none where there is no log.

    Every image must have a row, every row of a kept photo an image, and each row its licence.
    """
    path = log_path(folder)
    if not path.exists():
        return []
    try:
        rows = _read_rows(path)
    except DataError as error:
        return [str(error)]
    images = Path(folder) / "images"
    there = {i.name for i in images.iterdir() if i.is_file()} if images.is_dir() else set[str]()
    faults = _find_row_faults(rows, path)
    for line, values in rows:
        name = values["image"]
        if _KEPT.get(values["kept"]) is True and name and name not in there:
            faults.append(
                f"image of a kept row must be a file in images/, got none for '{name}', "
                f"at line {line} of {path}. Put it there, or write kept 'no' and the reason."
            )
        if _KEPT.get(values["kept"]) is False and name in there:
            faults.append(
                f"image of a row that was not kept must not be in images/, got '{name}', "
                f"at line {line} of {path}. Take it out, or write kept 'yes'."
            )
    for name in sorted(there - {values["image"] for _, values in rows}):
        faults.append(
            f"image must have a row in the collection log, got none for '{name}', at {path}. "
            "Add its keyword, source and licence."
        )
    return faults


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return each row with the number of its line, values as they are written."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="", strict=True)
        columns = tuple(reader.fieldnames or ())
        if set(columns) != set(COLUMNS) or len(columns) != len(COLUMNS):
            raise DataError(
                f"collection log must have the columns {', '.join(COLUMNS)}, got "
                f"{', '.join(columns) or 'none'}, at {path}. Correct its first line."
            )
        rows = []
        for values in reader:
            line = reader.line_num
            if "" in values:
                raise DataError(
                    f"row must have {len(COLUMNS)} values, got more, at line {line} of {path}. "
                    "Put values that hold a comma into quotes."
                )
            rows.append((line, values))
        return rows
    except FileNotFoundError:
        raise DataError(
            f"collection log must be a file, got none, at {path}. "
            "Write it with peopleparse.data.collection_log.write_log or a spreadsheet."
        ) from None
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            f"collection log must be a readable CSV in UTF-8, got '{error}', at {path}. "
            "Save it again."
        ) from error


def _find_row_faults(rows: Sequence[tuple[int, dict[str, str]]], path: Path) -> list[str]:
    faults, first = [], dict[str, int]()
    for line, values in rows:
        place = f"at line {line} of {path}"
        if values["kept"] not in _KEPT:
            faults.append(f"kept must be yes or no, got '{values['kept']}', {place}. Correct it.")
        needed = ["image", "source", "licence"]
        if values["kept"] == "no":
            needed.append("reason")
        for column in needed:
            if not values[column].strip():
                faults.append(f"{column} must be given, got none, {place}. Fill it in.")
        twin = first.setdefault(values["image"], line)
        if twin != line and values["image"]:
            faults.append(
                f"image must have one row, got '{values['image']}' at line {twin} too, {place}. "
                "Remove one."
            )
    return faults


def _make_row(values: dict[str, str]) -> LogRow:
    return LogRow(**{**values, "kept": _KEPT[values["kept"]]})  # type: ignore[arg-type]
