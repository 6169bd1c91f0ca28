"""A board that outlives its server: rules, images and signed entries as files for anyone.

Nothing secret is in it: of an open phase it holds what the page of the board shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from markupsafe import Markup, escape
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from peopleparse.data.files import new_folder
from peopleparse.errors import InputError
from peopleparse.server import signing
from peopleparse.server.benchmark_folder import (
    IMAGES,
    RULES,
    BenchmarkFolder,
    describe,
    read_benchmark,
)
from peopleparse.server.board import HEADLINE, Board, read_board
from peopleparse.server.board_export import board_csv, board_json, format_time
from peopleparse.server.database import now, reading
from peopleparse.server.pages_rules import render_rules
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Benchmark, Phase, Submission

SCHEMA = "export/1"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.3rem .8rem;border-bottom:1px solid #ccc;"
    "text-align:left}td.score{font-variant-numeric:tabular-nums;text-align:right}"
    "div.box{overflow-x:auto}"
)


def write_export(settings: Settings, engine: Engine, folder: Path) -> list[Path]:
    """Write the boards of all benchmarks of `settings` into a new folder; return its files.

    Raises:
        InputError: the folder is there already, or a benchmark was never served.
    """
    if folder.exists():
        raise InputError(f"export must be a new folder, got one that is there, at {folder}.")
    key = signing.load_key(settings.keys)
    with new_folder(folder) as part:
        for path in settings.benchmarks:
            benchmark = read_benchmark(path)
            place = part / benchmark.slug
            place.mkdir()
            with reading(engine) as session:
                for name, data in _files_of(session, benchmark, key):
                    (place / name).write_bytes(data)
        known = {"algorithm": signing.ALGORITHM, "public_key": signing.public_text(key)}
        (part / "key.json").write_bytes(_to_json(known))
        for path in (part, *part.rglob("*")):  # for anyone, whatever the server's own files are
            path.chmod(0o755 if path.is_dir() else 0o644)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def read_signed(document: Any) -> list[dict[str, Any]]:
    """Return the signed results in a file: one result, or a board of an export.

    Raises:
        InputError: it has none, or its board shows other scores than the signed ones.
    """
    if isinstance(document, dict) and "claim" in document:
        return [document]
    try:
        entries, signed = document["board"]["entries"], document["signed"]
        said = {
            result["claim"]["submission"]: result["claim"]["scores"]["score"] for result in signed
        }
        shown = {entry["entry"]: entry["score"] for entry in entries}
    except (KeyError, TypeError):
        raise InputError(
            "file must hold a signed result or an exported board, got neither. "
            "Take a PHASE.json of an export."
        ) from None
    for entry, score in shown.items():
        if entry not in said or said[entry] != score:
            raise InputError(
                f"board must show the scores that are signed, got another of entry {entry}. "
                "The file was changed."
            )
    return list(signed)


def _files_of(
    session: Session, benchmark: BenchmarkFolder, key: Ed25519PrivateKey
) -> Iterator[tuple[str, bytes]]:
    row = session.scalar(select(Benchmark).where(Benchmark.slug == benchmark.slug))
    if row is None:
        raise InputError(
            f"benchmark must be one of the server, got '{benchmark.slug}'. Serve it once first."
        )
    yield RULES, benchmark.rules.encode()
    yield IMAGES, (benchmark.folder / IMAGES).read_bytes()
    about = describe(vars(benchmark)) | {"manifest_sha256": benchmark.manifest_sha256}
    yield "benchmark.json", _to_json(about)
    phases = session.scalars(
        select(Phase).where(Phase.benchmark_id == row.id).order_by(Phase.opens_at)
    ).all()
    parts = []
    for phase in phases:
        board = read_board(session, phase, viewer=None, headline=benchmark.headline)
        document = {
            "schema": SCHEMA,
            "benchmark": benchmark.slug,
            "manifest_sha256": row.manifest_sha256,
            "exported": format_time(now(session) // 1000),
            "opens": format_time(phase.opens_at // 1000),
            "closes": format_time(phase.closes_at // 1000),
            "board": board_json(board),
            "signed": [
                _sign_entry(session, row, phase, board, entry.key, key) for entry in board.entries
            ],
        }
        yield f"{phase.slug}.json", _to_json(document)
        yield f"{phase.slug}.csv", board_csv(board).encode()
        parts.append(_draw_board(board))
    yield "index.html", _draw_page(benchmark, parts, signing.public_text(key)).encode()


def _sign_entry(
    session: Session, benchmark: Benchmark, phase: Phase, board: Board, entry: str,
    key: Ed25519PrivateKey,
) -> dict[str, Any]:  # fmt: skip
    submission = session.scalars(select(Submission).where(Submission.key == entry)).one()
    claim = signing.claim_of(benchmark, phase, submission, is_closed=board.is_closed)
    return signing.sign_result(key, claim)


def _draw_board(board: Board) -> Markup:
    """Return a table of a board; scores times 100, as pages show them."""
    names = [column.key for column in board.columns]
    head = ["Rank", "Team", "Method", "Date", *names]
    rows = []
    for entry in board.entries:
        cells = ["-" if entry.rank is None else entry.rank, entry.team, entry.method]
        cells.append(format_time(entry.at)[:10])
        tds = [Markup("<td>{}</td>").format(cell) for cell in cells]
        tds += [_draw_score(entry.scores, name) for name in names]
        rows.append(Markup("<tr>{}</tr>").format(Markup("").join(tds)))
    state = "closed: the private score decides" if board.is_closed else "open: public scores"
    ths = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in head)
    return Markup(
        '<h2>Phase {}</h2>\n<p>{}. Scores are in %. <a href="{}.json">Signed JSON</a>, '
        '<a href="{}.csv">CSV</a>.</p>\n<div class="box"><table><thead><tr>{}</tr></thead>'
        "<tbody>\n{}\n</tbody></table></div>"
    ).format(board.phase, state.capitalize(), board.phase, board.phase, ths, _join(rows))


def _draw_score(scores: Mapping[str, float | None], name: str) -> Markup:
    score = scores[name]
    text = "-" if score is None else f"{100 * score:.2f}"
    bold = Markup("<strong>{}</strong>") if name == HEADLINE else Markup("{}")
    return Markup('<td class="score">{}</td>').format(bold.format(text))


def _draw_page(benchmark: BenchmarkFolder, boards: list[Markup], key: str) -> str:
    return str(
        Markup(
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            "<title>{}</title><style>{}</style></head><body><main><h1>{}</h1>\n{}\n"
            "<h2>Rules</h2>\n{}\n<h2>Check a score</h2>\n<p>Entries are signed (Ed25519) by "
            "<code>{}</code>: <code>peopleparse admin verify PHASE.json --key ...</code></p>"
            "</main></body></html>\n"
        ).format(
            escape(benchmark.title), Markup(_STYLE), benchmark.title, _join(boards),
            render_rules(benchmark.rules), key,
        )
    )  # fmt: skip


def _join(parts: list[Markup]) -> Markup:
    return Markup("\n").join(parts)


def _to_json(values: Any) -> bytes:
    return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
