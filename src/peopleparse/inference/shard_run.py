"""Shards on this machine: photos in, files of a thousand results each out, resumable."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peopleparse.errors import InputError, PeopleparseError
from peopleparse.inference.folder import make_folder, not_writable, steps_of
from peopleparse.inference.journal import locked
from peopleparse.inference.overlap import Outcome, overlap
from peopleparse.inference.scheme import translate_people
from peopleparse.inference.shards import (
    PLAN_NAME,
    Shard,
    check_plan,
    check_shard_format,
    encode_shard,
    make_plan,
    make_row,
    shard_name,
)
from peopleparse.structures import ParsedPeople

_SHARD_FILE = re.compile(r"people-\d+-of-\d+\.\w+")


@dataclass
class ShardReport:
    """What a run did.

    Attributes:
        written: shards written by this run.
        skipped: shards that were there before.
        photos: photos in the shards of this run.
        people: persons found in them.
        failed: photo to the reason why its row has no result.
    """

    written: list[Shard] = field(default_factory=list)
    skipped: list[Shard] = field(default_factory=list)
    photos: int = 0
    people: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def parse_to_shards(
    parse: Callable[[Path], ParsedPeople],
    shards: Sequence[Shard],
    folder: str | Path,
    format: str = "parquet",
    *,
    identity: Mapping[str, Any] | None = None,
    scheme: str | None = None,
    again: bool = False,
    on_photo: Callable[[str], None] | None = None,
    on_skipped: Callable[[int], None] | None = None,
    ahead: int = 2,
    encoders: int = 1,
) -> ShardReport:
    """Parse shards of photos; shards that are there already are not done again.

    A shard's file appears whole or not at all, and holds the same bytes whoever wrote it.

    Args:
        parse: a `Parser`, or any function.
        shards: what to do; see `plan_shards`.
        folder: where to write; made where missing.
        format: see `encode_shard`.
        identity: what the results depend on; shards of another identity are refused.
        scheme: translate results to this scheme first.
        again: do finished shards again, and take the place of those of another identity.
        on_photo: called with each photo when it is done, for a progress bar.
        on_skipped: called once, before the first photo, with the photos in finished shards.
        ahead: photos read in advance.
        encoders: threads that make rows.

    Raises:
        InputError: the folder cannot be written, is in use by another run, or holds other shards.
            All shards that were finished stay.
    """
    check_shard_format(format)
    folder, report = Path(folder), ShardReport()
    make_folder(folder)
    try:
        with locked(folder):
            _open(folder, make_plan(shards, format, identity), again)
            there = [(folder / shard_name(shard, format)).is_file() for shard in shards]
            report.skipped = [s for s, is_there in zip(shards, there, strict=True) if is_there]
            todo = [s for s, is_there in zip(shards, there, strict=True) if not is_there]
            if on_skipped:
                on_skipped(sum(len(shard.photos) for shard in report.skipped))
            run = _Run(folder, format, scheme, report, on_photo)
            tasks = ((shard, photo) for shard in todo for photo in shard.photos)
            read, work = steps_of(parse)
            overlap(
                tasks,
                lambda task: read(Path(task[1])),
                lambda task, image: work(Path(task[1]), image),
                run.finish,
                run.done,
                ahead,
                encoders,
            )
    except OSError as error:
        finished = len(report.written) + len(report.skipped)
        kept = f" {finished} finished shards are kept: run again to go on." if finished else ""
        raise InputError(f"{not_writable(folder, error)}{kept}") from error
    return report


_Task = tuple[Shard, str]


@dataclass
class _Run:
    """The last two steps for `overlap`; each task is a photo and its shard."""

    folder: Path
    format: str
    scheme: str | None
    report: ShardReport
    on_photo: Callable[[str], None] | None
    rows: list[dict[str, Any]] = field(default_factory=list)

    def finish(self, task: _Task, result: ParsedPeople) -> dict[str, Any]:
        if self.scheme and self.scheme != result.scheme.name:
            result = translate_people(result, self.scheme)[0]
        return make_row(result, task[1], None)

    def done(self, task: _Task, outcome: Outcome[dict[str, Any]]) -> None:
        (shard, photo), error = task, outcome.error
        if error is None:
            self.rows.append(outcome.value)
        else:
            known = isinstance(error, PeopleparseError)
            reason = str(error) if known else f"unexpected {type(error).__name__}: {error}"
            self.rows.append(make_row(None, photo, reason))
        if len(self.rows) == len(shard.photos):
            self._write(shard)
        if self.on_photo:
            self.on_photo(photo)

    def _write(self, shard: Shard) -> None:
        path = self.folder / shard_name(shard, self.format)
        _write_whole(path, encode_shard(self.rows, self.format))
        self.report.written.append(shard)
        self.report.photos += len(self.rows)
        self.report.people += sum(len(row["persons"]) for row in self.rows)
        self.report.failed.update({r["photo"]: r["error"] for r in self.rows if r["error"]})
        self.rows = []


def _open(folder: Path, plan: Mapping[str, Any], again: bool) -> None:
    """Check or write the plan beside the shards; with `again`, delete the shards there are."""
    path = folder / PLAN_NAME
    for part in folder.glob(".people*.part"):  # of a run that was killed
        part.unlink(missing_ok=True)
    if again:  # before the plan is written: what is there must never pass for the new plan's
        for old in sorted(p for p in folder.iterdir() if _SHARD_FILE.fullmatch(p.name)):
            old.unlink()
    elif path.exists():
        try:
            found = json.loads(path.read_bytes())
        except ValueError as error:
            raise InputError(
                f"plan of shards must be JSON, got '{error}', at {path}. "
                "Choose another folder, or do all of it again with --again."
            ) from error
        check_plan(found, plan, str(folder))
    _write_whole(path, json.dumps(plan, indent=1).encode() + b"\n")


def _write_whole(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")  # one run a folder: the name is free
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
