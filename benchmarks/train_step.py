"""A training step as `peopleparse train` makes it, against its plain twin.

    python benchmarks/train_step.py               # measure, print, write results/train_step.json
    python benchmarks/train_step.py --write-docs  # bring the tables of the docs up to date
    python benchmarks/train_step.py --quick       # smoke test: one small step, nothing written

The small GPSNet learns with channels last and BF16 autocast. Its twin is what one would write
first: the same model, losses and optimizer in 32-bit floats with channels first. Both learn the
same batch of drawn scenes, in processes of their own that take turns as in photo.py. The first
loss of both must be nearly the same: it is the same network before it has learned anything.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

# What is measured is this checkout, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.command import add_output_options, make_parser, run_command
from benchmarks.harness import BenchmarkError, Child, describe_machine, pair_ratio, spread
from benchmarks.photo import take_turns
from benchmarks.report import begin_result, keep_result, write_docs
from benchmarks.train_step_report import headline, step_table

SIDES = {"trained": False, "plain": True}
_SAME_LOSS = 0.02  # of the loss, between BF16 and 32-bit floats


def summarize(turns: Mapping[str, Any], ends: Mapping[str, Any]) -> dict[str, Any]:
    """Return ratios and, by side, times, memory and the first loss."""

    def column(side: str, key: str) -> list[float]:
        return [turn[1][key] for turn in turns[side]]

    return {
        "ratio": pair_ratio(column("plain", "seconds"), column("trained", "seconds")),
        "ratio_of_processor_time": pair_ratio(
            column("plain", "cpu_seconds"), column("trained", "cpu_seconds")
        ),
        "sides": {
            side: {
                "seconds": spread(column(side, "seconds")) | {"all": column(side, "seconds")},
                "first_loss": turns[side][0][0]["loss"],
                **ends[side],
            }
            for side in turns
        },
    }


def check_losses(result: Mapping[str, Any]) -> None:
    """Check that both sides began with the same loss.

    Raises:
        BenchmarkError: they did not, and so are not the same step.
    """
    ours, plain = (result["sides"][side]["first_loss"] for side in SIDES)
    if not abs(ours - plain) <= _SAME_LOSS * abs(plain):
        raise BenchmarkError(
            f"first loss must be that of the plain twin within {_SAME_LOSS:.0%}, got {ours:.4f} "
            f"and {plain:.4f}. Look for what one of them does besides."
        )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the whole result."""
    machine = describe_machine()
    settings = {"size": options.size, "batch": options.batch}
    with ExitStack() as stack:
        sides = {
            name: stack.enter_context(
                Child("benchmarks.train_step_side", {**settings, "plain": plain})
            )
            for name, plain in SIDES.items()
        }
        turns = take_turns(sides, options.repetitions, warm_up=0)
        ends = {name: {**side.versions, **side.ask("end")} for name, side in sides.items()}
    result = begin_result("train_step", options.quick, machine, repetitions=options.repetitions)
    return result | summarize(turns, ends)


def read_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--batch", type=int, default=8, help="images of a step")
    add("--size", type=int, nargs=2, default=(288, 384), help="height and width of an image")
    add("--repetitions", type=int, default=5, help="turns of each side")
    add_output_options(parser)
    options = parser.parse_args(argv)
    if min(options.batch, options.repetitions, *options.size) < 1:
        parser.error("--batch, --size and --repetitions must be at least 1")
    if options.quick:
        options.batch, options.size, options.repetitions = 2, (128, 160), 1
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if options.write_docs:
        write_docs()
        return
    result = measure(options)
    check_losses(result)
    keep_result(result, f"{headline(result)}\n\n{step_table(result)}", options.out)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return run_command(lambda: run(read_options(argv)))


if __name__ == "__main__":
    sys.exit(main())
