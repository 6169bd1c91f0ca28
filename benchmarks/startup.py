"""From nothing to a result: imports, and `peopleparse parse PHOTO`, in fresh processes.

    python benchmarks/startup.py               # measure, print, write results/startup.json
    python benchmarks/startup.py --write-docs  # bring the tables of the docs up to date
    python benchmarks/startup.py --quick       # smoke test: one turn, nothing written

Each time is that of a whole process, from its start to its end. The processes take turns; a first
round, which also compiles and fills the file cache, is not counted. Ratios are to a Python that
does nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

# What is measured is this checkout, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.command import add_output_options, add_photo_options, make_parser, run_command
from benchmarks.harness import REPO, BenchmarkError, describe_machine, pair_ratio, spread
from benchmarks.photo_scene import Photo, describe_photo, make_photo
from benchmarks.report import (
    SMOKE,
    Result,
    begin_result,
    format_machine,
    format_ratio,
    format_table,
    format_verdict,
    keep_result,
    write_docs,
)

BARE = "pass"
IMPORT, TORCH = "import peopleparse", "import torch, torchvision"
PARSE = "peopleparse parse PHOTO"
IMPORTS = ("import numpy", IMPORT, "from peopleparse import Parser", TORCH)
# What is asked for: of the command from its start to its result, and of the import over Python.
MOST_PARSE, MOST_IMPORT = 1.5, 0.150


def time_process(words: Sequence[str]) -> float:
    """Return the seconds of `python WORDS`, from its start to its end.

    Raises:
        BenchmarkError: it failed.
    """
    paths = [str(REPO / "src"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    start = perf_counter()
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True)
    spent = perf_counter() - start
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BenchmarkError(
            f"'python {' '.join(words[:3])}' must run, got '{reason}'. "
            "torch comes with pip install 'peopleparse[train]'; else run it by hand."
        )
    return spent


def measure_processes(imports: Sequence[str], photo: Photo, repetitions: int) -> dict[str, Any]:
    """Return seconds of each process that counts, by what it does.

    Args:
        imports: statements.
        photo: what the command parses, into a new folder each time.
        repetitions: turns of each.
    """
    seconds: dict[str, list[float]] = {name: [] for name in (BARE, *imports, PARSE)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(photo.jpeg)
        for turn in range(repetitions + 1):
            out = Path(folder) / f"out{turn}"
            for name, found in seconds.items():
                words = ["-m", "peopleparse", "parse", str(path), "--out", str(out)]
                spent = time_process(words if name == PARSE else ["-c", name])
                if turn:
                    found.append(spent)
            if not any(out.glob("photo*.json")):
                raise BenchmarkError(
                    f"'{PARSE}' must write a result, got none. Run it by hand and look."
                )
    return seconds


def summarize(seconds: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Return the ratios to bare Python, the seconds, and how the targets came out."""
    over = [a - b for a, b in zip(seconds[IMPORT], seconds[BARE], strict=True)]
    parse, added = spread(seconds[PARSE]), spread(over)
    return {
        "ratios": {n: pair_ratio(s, seconds[BARE]) for n, s in seconds.items() if n != BARE},
        "seconds": {n: spread(s) | {"all": list(s)} for n, s in seconds.items()},
        "targets": {
            "parse": parse | {"asked": MOST_PARSE, "met": parse["median"] <= MOST_PARSE},
            "import": added | {"asked": MOST_IMPORT, "met": added["median"] <= MOST_IMPORT},
        },
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the whole result."""
    machine = describe_machine()
    imports = [code for code in IMPORTS if not (options.quick and code == TORCH)]
    photo = make_photo(options.data, options.seed)
    seconds = measure_processes(imports, photo, options.repetitions)
    more = {"seed": options.seed, "repetitions": options.repetitions}
    result = begin_result("startup", options.quick, machine, **more)
    return result | {"photo": describe_photo(photo), **summarize(seconds)}


def headline(result: Result) -> str:
    """Return the one line that may be quoted, and the milliseconds of every process."""
    lines = [
        f"{SMOKE if result['quick'] else ''}A cold `{PARSE}` takes "
        f"{result['ratios'][PARSE]['median']:.1f} times as long as a Python that does nothing, "
        f"`{IMPORT}` {result['ratios'][IMPORT]['median']:.1f} times.",
        "",
    ]
    for name, found in result["seconds"].items():
        low, high = found["low"] * 1e3, found["high"] * 1e3
        lines.append(f"{name}: {found['median'] * 1e3:.0f} ms ({low:.0f} to {high:.0f})")
    return "\n".join(lines)


def startup_table(result: Result) -> str:
    """Return a Markdown table of ratios, and under it how the targets came out."""
    rows = [[f"`{name}`", format_ratio(ratio)] for name, ratio in result["ratios"].items()]
    parse, added = result["targets"]["parse"], result["targets"]["import"]
    return "\n".join(
        [
            format_table(["a process with", "Python alone = 1"], rows),
            "",
            f"* Asked for: from the start of `{PARSE}` to its end at most {parse['asked']} s "
            f"({format_verdict(parse['met'])}: {parse['median']:.2f} s here), `{IMPORT}` at most "
            f"{added['asked'] * 1e3:.0f} ms more than Python alone "
            f"({format_verdict(added['met'])}: {added['median'] * 1e3:.0f} ms here).",
            f"* {result['photo']['kind'].capitalize()} of {result['photo']['width']} x "
            f"{result['photo']['height']} with {result['photo']['persons']} people, seed "
            f"{result['seed']}; {result['repetitions']} turns.",
            f"* {format_machine(result)}",
        ]
    )


def read_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    add_photo_options(parser, model=False)
    parser.add_argument("--repetitions", type=int, default=9, help="turns of each process")
    add_output_options(parser)
    options = parser.parse_args(argv)
    if options.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    if options.quick:
        options.repetitions = 1
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if options.write_docs:
        write_docs()
        return
    result = measure(options)
    keep_result(result, f"{headline(result)}\n\n{startup_table(result)}", options.out)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return run_command(lambda: run(read_options(argv)))


if __name__ == "__main__":
    sys.exit(main())
