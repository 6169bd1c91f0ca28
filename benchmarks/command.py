"""What the command lines of the benchmarks share: options, and errors in one line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import BenchmarkError
from peopleparse.errors import PeopleparseError


def make_parser(text: str | None) -> argparse.ArgumentParser:
    """Return a command line whose help is the text of its file."""
    kind = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(description=text, formatter_class=kind)


def add_photo_options(parser: argparse.ArgumentParser, model: bool = True) -> None:
    """Add what decides the photo and, where it can be chosen, the network."""
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("PEOPLEPARSE_DATA") or None,
        help="folder with ccp/ and backgrounds/ for composed photos; without it they are drawn",
    )
    if model:
        parser.add_argument(
            "--model", help="name, folder or passport of a network; default: the shipped one"
        )
    parser.add_argument("--seed", type=int, default=0)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add what every benchmark can: a file of its own, a smoke test, the tables of the docs."""
    add = parser.add_argument
    add("--out", type=Path, help="where to write the result")
    add("--quick", action="store_true", help="smoke test; its figures mean nothing")
    add("--write-docs", action="store_true", help="write the tables of the docs; measure nothing")


def run_command(command: Callable[[], None]) -> int:
    """Run a command; return its exit status, with an error in one line on stderr."""
    try:
        command()
    except (BenchmarkError, PeopleparseError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0
