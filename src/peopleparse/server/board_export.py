"""A board as JSON and as CSV: exactly what its page shows."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

from peopleparse.server.board import HEADLINE, Board, Entry

# A spreadsheet takes a cell that begins so for a formula; full-width twins count as well.
_FORMULA = tuple("=+-@\t\r\n|%＝＋－＠")


def board_json(board: Board) -> dict[str, Any]:
    """Return what JSON can hold; scores are fractions."""
    return {
        "schema": "board/1",
        "phase": board.phase,
        "state": "closed" if board.is_closed else "open",
        "ranked_by": "private score" if board.is_closed else "public score, by the Ladder",
        "step": board.step,
        "subset": board.subset or None,
        "subsets": list(board.subsets),
        "columns": [
            {"key": column.key, "metric": column.metric or None, "subset": column.subset or None}
            for column in board.columns
        ],
        "entries": [_entry_json(entry) for entry in board.entries],
    }


def board_csv(board: Board) -> str:
    """Return the same as text; no cell can be taken for a formula."""
    keys = [column.key for column in board.columns]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(["rank", "team", "method", "date", "entry", "link", *map(defuse, keys)])
    for entry in board.entries:
        cells = [entry.team, entry.method, format_time(entry.at), entry.key, entry.link]
        scores = ["" if entry.scores[key] is None else repr(entry.scores[key]) for key in keys]
        writer.writerow(["" if entry.rank is None else entry.rank, *map(defuse, cells), *scores])
    return file.getvalue()


def defuse(cell: str) -> str:
    """Return a text that no spreadsheet runs.

    >>> defuse("=1+1"), defuse("plain")
    ("'=1+1", 'plain')
    """
    return f"'{cell}" if cell.lstrip(" \u00a0\ufeff").startswith(_FORMULA) else cell


def format_time(seconds: int) -> str:
    """Return a time as `2026-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "rank": entry.rank,
        "entry": entry.key,
        "team": entry.team,
        "visibility": entry.visibility,
        "method": entry.method,
        "description": entry.description,
        "link": entry.link or None,
        "date": format_time(entry.at),
        "score": entry.scores[HEADLINE],
        "scores": dict(entry.scores),
    }
