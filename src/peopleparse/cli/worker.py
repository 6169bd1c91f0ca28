"""`peopleparse worker`: score submissions on this machine for a server."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import click

from peopleparse.cli.server_options import (
    benchmark_options,
    lease_option,
    make_settings,
    open_existing,
)


@click.command()
@benchmark_options
@lease_option
@click.option("--name", default="", metavar="NAME", help="For the log; default: this machine's.")
@click.option("--ends-with-input", is_flag=True, hidden=True, help="End when the input ends.")
def worker(
    home: Path, database: str, benchmarks: tuple[Path, ...], lease: int, name: str,
    ends_with_input: bool,
) -> None:  # fmt: skip
    """Score submissions on this machine.

    Many may run, on one machine or on several that share --database and the folder --home (the
    archives are read from it; a network folder will do). Each machine has the benchmarks, truth
    and all. SQLite is for one machine only.
    """
    settings = make_settings(home, database, benchmarks, lease_ms=lease * 1000)
    import platform

    from peopleparse.server import logs
    from peopleparse.server.worker import run_worker

    engine = open_existing(settings)
    logs.set_up()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if ends_with_input:
        threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    run_worker(settings, engine, name or platform.node() or "worker", stop)


def _wait_for_end(stop: Any) -> None:
    """Stop when the server is gone, however it went: its end of the pipe closes."""
    while os.read(sys.stdin.fileno(), 1):  # a buffered read could not be left at the end
        pass
    stop.set()
