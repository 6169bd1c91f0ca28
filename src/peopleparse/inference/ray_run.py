"""Shards of photos on the workers of a Ray cluster: every photo once, whatever dies on the way.

A shard is the unit of work. Its file appears whole or not at all and holds the same bytes whoever
wrote it, so a shard that is done twice, after a worker's death, is still there once.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peopleparse import __version__
from peopleparse.errors import InputError
from peopleparse.inference.folder import make_folder
from peopleparse.inference.journal import locked
from peopleparse.inference.ray_cluster import check_installed, connected, first_line
from peopleparse.inference.ray_worker import ShardWorker
from peopleparse.inference.remote_files import (
    StoreError,
    is_remote,
    join_path,
    list_names,
    read_bytes,
    remove_file,
    show_path,
    write_whole,
)
from peopleparse.inference.shard_run import ShardReport
from peopleparse.inference.shards import (
    PLAN_NAME,
    Shard,
    check_plan,
    check_shard_format,
    make_plan,
    shard_name,
)

# A worker that dies this often over one shard is killed by it: a photo that eats all memory.
TASK_RETRIES = 3
# So many shards in a row that cannot be written: the store or the disk is gone.
FAULTS_IN_A_ROW = 3
# Shards that wait in an actor while it works at one.
_IN_FLIGHT = 2
_SHARD_FILE = re.compile(r"people-\d+-of-\d+\.\w+")


RayReport = ShardReport


def parse_shards(
    shards: Sequence[Shard],
    out: str | Path,
    *,
    address: str = "local",
    workers: int | None = None,
    parser_options: Mapping[str, Any] | None = None,
    format: str = "parquet",
    identity: Mapping[str, Any] | None = None,
    on_shard: Callable[[Shard], None] | None = None,
    scheme: str | None = None,
    again: bool = False,
) -> RayReport:
    """Parse shards of photos on Ray; shards that are there already are not done again.

    Args:
        shards: what to do; see `plan_shards`.
        out: folder or URL that every worker can write to.
        address: "local" starts Ray on this machine for this run, "auto" finds the cluster that
            this machine is part of; else host:port or ray://host:port.
        workers: actors, each with an engine of its own; None for one on each free core.
        parser_options: of `Parser`; `threads`, 1 where it is not given, is also the number of
            cores that an actor takes.
        format: see `encode_shard`.
        identity: what the results depend on; shards of another identity are refused.
        on_shard: called with each shard of this run when its file is there.
        scheme: translate results to this scheme first.
        again: do finished shards again, and take the place of those of another identity.

    Raises:
        InputError: Ray is not installed or does not answer, the folder cannot be used or holds
            other shards, or a shard was not finished. All shards that were finished stay.
    """
    check_installed()
    check_shard_format(format)
    if workers is not None and workers < 1:
        raise InputError(f"ray workers must be at least 1, got {workers}. Leave it out for all.")
    options = dict(parser_options or {})
    options["threads"] = int(options.get("threads") or 1)
    folder = str(out) if is_remote(out) else os.path.abspath(out)
    settings: dict[str, Any] = {"out": folder, "format": format, "scheme": scheme}
    settings |= {"version": __version__, "cwd": os.getcwd(), "parser": options}
    with _alone(folder):
        there = _open_folder(folder, make_plan(shards, format, identity), again)
        report = RayReport(skipped=[s for s in shards if shard_name(s, format) in there])
        waiting = {s.index: s for s in shards if shard_name(s, format) not in there}
        if waiting:
            with connected(address, workers, options["threads"]) as actors:
                _run(waiting, settings, min(actors, len(waiting)), report, on_shard)
    return report


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Keep a second run out of a folder of this machine, and clear away what a killed one left."""
    if is_remote(folder):
        yield
        return
    path = Path(folder)
    make_folder(path)
    with locked(path):
        for part in path.glob(".people*.part"):
            part.unlink(missing_ok=True)
        yield


def _open_folder(folder: str, plan: Mapping[str, Any], again: bool) -> set[str]:
    """Check or write the plan beside the shards; return the names of the files that count."""
    path, names = join_path(folder, PLAN_NAME), list_names(folder)
    if PLAN_NAME in names and not again:
        try:
            found = json.loads(read_bytes(path))
        except ValueError as error:
            raise InputError(
                f"plan of shards must be JSON, got '{error}', at {show_path(path)}. "
                "Choose another folder, or do all of it again with --again."
            ) from error
        check_plan(found, plan, show_path(folder))
    if again:  # before the plan is written: what is there must never pass for the new plan's
        for name in sorted(filter(_SHARD_FILE.fullmatch, names)):
            remove_file(join_path(folder, name))
        names = set()
    # Written even where it is the same: who cannot write must know before an hour of work.
    write_whole(path, json.dumps(plan, indent=1).encode() + b"\n")
    return names


def _run(
    waiting: dict[int, Shard],
    settings: Mapping[str, Any],
    actors: int,
    report: RayReport,
    on_shard: Callable[[Shard], None] | None,
) -> None:
    """Do the shards that wait; take each out when its file is there."""
    faults: dict[int, str] = {}
    in_a_row = 0
    for answer in _answers(list(waiting.values()), settings, actors):
        index = int(answer["index"])
        if answer["fault"]:
            faults[index], in_a_row = answer["fault"], in_a_row + 1
            if in_a_row >= FAULTS_IN_A_ROW:
                break
            continue
        in_a_row, shard = 0, waiting.pop(index)
        report.written.append(shard)
        report.photos += len(shard.photos)
        report.people += int(answer["people"])
        report.failed.update(json.loads(answer["failed"]))
        if on_shard:
            on_shard(shard)
    if waiting:
        _raise_unfinished(waiting, faults, len(waiting) + len(report.written))


def _answers(
    shards: Sequence[Shard], settings: Mapping[str, Any], actors: int
) -> Iterator[dict[str, Any]]:
    """Yield what the workers say of each shard, as they finish; nothing of one that kills them."""
    import ray
    import ray.data

    _be_quiet()
    rows = [
        {"index": shard.index, "count": shard.count, "photos": json.dumps(shard.photos)}
        for shard in shards
    ]
    try:
        # One block a shard: a block is what Ray hands out, and what it hands out again.
        work = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            ShardWorker,
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(
                size=actors, max_tasks_in_flight_per_actor=_IN_FLIGHT
            ),
            fn_constructor_args=(dict(settings),),
            num_cpus=settings["parser"]["threads"],
            max_restarts=-1,
            max_task_retries=TASK_RETRIES,
        )
        yield from work.iter_rows()
    except (ray.exceptions.RayError, ConnectionError, RuntimeError) as error:
        raise InputError(
            f"Ray must stay up until all shards are done, got '{first_line(error)}'. "
            "What was finished is kept: start the cluster again and run the same command."
        ) from error


def _raise_unfinished(waiting: Mapping[int, Shard], faults: Mapping[int, str], total: int) -> None:
    kept = f"{total - len(waiting)} of {total} shards were written and are kept"
    if faults:
        reason = faults[min(faults)]
        raise StoreError(f"{reason} {kept}; the same command does the rest.")
    first = waiting[min(waiting)]
    raise InputError(
        f"worker must live until its shard is done, got {TASK_RETRIES + 1} that died over "
        f"{first.stem}, photos {show_path(first.photos[0])} to {show_path(first.photos[-1])}. "
        f"Give workers more memory or take the photo out that kills them. {kept}."
    )


def _be_quiet() -> None:
    """Leave standard error to the one line that says what was wrong."""
    import logging
    import warnings

    import ray.data
    from ray.util.annotations import RayDeprecationWarning

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = -1  # a shard that kills its workers is named at the end
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=RayDeprecationWarning)
