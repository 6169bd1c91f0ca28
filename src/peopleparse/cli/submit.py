"""`peopleparse submit`: send an archive to a benchmark server and say what became of it."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peopleparse.errors import InputError

if TYPE_CHECKING:
    from peopleparse.server.client import Server

_FILE = click.Path(path_type=Path)
_VARIABLE = "PEOPLEPARSE_TOKEN"
_ENDS = ("scored", "rejected", "failed", "withdrawn")
_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
_PATIENCE = 5  # answers in a row that never came


@click.command()
@click.argument("archive", type=_FILE)
@click.option("--server", "url", required=True, metavar="URL", help="Such as https://example.org.")
@click.option("--phase", required=True, metavar="BENCH/PHASE", help="Where to hand in.")
@click.option("--method", required=True, metavar="NAME", help="Name of the method.")
@click.option("--description", default="", metavar="TEXT", help="A few words about it.")
@click.option("--link", default="", metavar="URL", help="Of a paper or of code.")
@click.option(
    "--visibility", default="public", show_default=True, metavar="WHO",
    help="Of the entry on the board: public, anonymous or hidden.",
)  # fmt: skip
@click.option(
    "--token-file", type=_FILE, metavar="FILE",
    help=f"File that holds the token; otherwise the variable {_VARIABLE}.",
)  # fmt: skip
@click.option("--wait", is_flag=True, help="Until it is scored.")
@click.option(
    "--check", type=_FILE, metavar="FOLDER", help="First check it against this benchmark folder."
)
@click.pass_context
def submit(ctx: click.Context, archive: Path, **given: Any) -> None:
    """Submit ARCHIVE to a benchmark.

    The exit code is 0 when it was taken, with --wait when it was scored, and 1 otherwise. A broken
    connection is tried once more; the server never counts an archive twice.
    """
    if given["phase"].count("/") != 1 or not all(given["phase"].split("/")):
        raise click.UsageError(f"phase must be BENCH/PHASE, got '{given['phase']}'.", ctx)
    from peopleparse.server.client import is_private, open_server

    server = open_server(given["url"], _read_token(given["token_file"]))
    if not is_private(server):
        click.echo("Warning: the token goes over the network as plain text.", err=True)
    if given["check"] is not None and not _check(archive, given["check"]):
        ctx.exit(1)
    names = ("method", "description", "link", "visibility")
    words = {name: given[name] for name in names if given[name]}
    found = _upload(server, given["phase"], archive, words)
    if given["wait"]:
        found = _wait(server, found)
    _print(found)
    good = ("scored",) if given["wait"] else ("scored", "running", "queued")
    ctx.exit(0 if found["state"] in good else 1)


def _read_token(file: Path | None) -> str:
    if file is None:
        token = os.environ.get(_VARIABLE, "")
        if not token:
            raise InputError(
                f"token must be in the variable {_VARIABLE} or in --token-file, got none. "
                "Make one on the page of your account."
            )
        return token.strip()
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"--token-file must be a text file, got '{file}'.") from None


def _check(archive: Path, folder: Path) -> bool:
    from peopleparse.server.archive import check_archive
    from peopleparse.server.benchmark_folder import read_benchmark

    if not archive.is_file():
        raise InputError(f"archive must be a file that can be read, got '{archive}'.")
    faults = check_archive(archive, read_benchmark(folder, secret=False).manifest)
    for fault in faults:
        click.echo(str(fault), err=True)
    if faults:
        click.echo("Error: the archive is not as the rules ask; nothing was sent.", err=True)
    return not faults


def _upload(server: Server, phase: str, archive: Path, words: dict[str, str]) -> dict[str, Any]:
    from peopleparse.server.client import Lost, upload

    key = secrets.token_hex(16)
    with _progress() as show:
        try:
            return upload(server, phase, archive, words, key, show)
        except Lost as lost:
            click.echo(f"Warning: {lost}", err=True)
            return upload(server, phase, archive, words, key, show)


def _wait(server: Server, found: dict[str, Any]) -> dict[str, Any]:
    from peopleparse.server.client import Lost, Refused, ask

    pause, lost, told = _PAUSE, 0, ""
    while found["state"] not in _ENDS:
        state = found["state"]
        state += f", number {found['position']} in the queue" if found.get("position") else ""
        if state != told:
            click.echo(f"{found['key']} is {state}", err=True)
            told = state
        _sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 1.5)
        try:
            found = ask(server, "GET", f"/submissions/{found['key']}")
            lost = 0
        except Refused as refused:
            if refused.status not in (429, 502, 503, 504):
                raise
            pause = max(_PAUSE, min(float(refused.retry_after or pause), 300.0))
        except Lost:
            lost += 1
            if lost >= _PATIENCE:
                raise
    return found


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _print(found: dict[str, Any]) -> None:
    click.echo(f"submission {found['key']}")
    click.echo(f"state      {found['state']}")
    scores = found.get("scores") or {}
    if scores.get("score") is not None:
        kind = "" if found.get("is_new_best", True) else " (your best; this one is no better)"
        click.echo(f"score      {100 * scores['score']:.6g}{kind}")
    if found.get("message"):
        click.echo(f"message    {found['message']}")
    for fault in found.get("faults", []):
        place = f", at {fault['file']}" if fault["file"] else ""
        text = f"expected {fault['expected']}, found {fault['found']}{place}"
        click.echo(f"{fault['code']}: {text}", err=True)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("sending"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("sending", total=None)
        yield lambda sent, size: bar.update(task, completed=sent, total=size)
