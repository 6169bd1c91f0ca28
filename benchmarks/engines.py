"""One photo with 1, 5 and 20 people, by engine and precision, beside what else could be used.

    python benchmarks/engines.py                # measure, print, write results/engines.json
    python benchmarks/engines.py --int8 FOLDER  # with a network that `peopleparse quantize` made
    python benchmarks/engines.py --peer PYTHON  # with MediaPipe, of an environment that has it
    python benchmarks/engines.py --write-docs   # bring the tables of the docs up to date
    python benchmarks/engines.py --quick        # smoke test: tiny networks, nothing written

Everything is end to end, from JPEG bytes to `ParsedPeople`. Each side lives in a process of its own
for each number of people, so that it has a peak memory of its own; sides take turns as in photo.py.
The slow sides (the pipeline assembled in torch, see photo_torch.py) stop after a few turns. A side
that cannot be built here is left out, and the result says why.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

# What is measured is this checkout, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import engines_report
from benchmarks.command import add_output_options, add_photo_options, make_parser, run_command
from benchmarks.engines_report import ASSEMBLED, DEFAULT, PEER, TARGET_PERSONS
from benchmarks.harness import BenchmarkError, Child, describe_machine, pair_ratio
from benchmarks.photo import summarize_side, take_turns
from benchmarks.photo_scene import Photo, describe_photo, make_photo
from benchmarks.report import begin_result, keep_result, write_docs

PERSONS = (1, TARGET_PERSONS, 20)
OURS = "benchmarks.photo_peopleparse"
# Name of a side: what it is told. Only the first, the default engine, must be there.
ENGINES: Mapping[str, Mapping[str, str]] = {
    DEFAULT: {"engine": "onnxruntime", "precision": "f32"},
    "OpenVINO f32": {"engine": "openvino", "precision": "f32"},
    "OpenVINO bf16": {"engine": "openvino", "precision": "bf16"},
    "ONNX Runtime int8": {"engine": "onnxruntime", "precision": "int8"},
    "OpenVINO int8": {"engine": "openvino", "precision": "int8"},
    "torch f32": {"engine": "torch"},
}
_NEEDED = (DEFAULT, ASSEMBLED)


def list_sides(options: argparse.Namespace) -> dict[str, tuple[str, dict[str, Any], str]]:
    """Return the module, the settings and the Python of each side, by its name."""
    sides: dict[str, tuple[str, dict[str, Any], str]] = {}
    for name, about in ENGINES.items():
        model = options.int8 if about.get("precision") == "int8" else None
        settings = {**about, "model": str(model or options.model or "")}
        sides[name] = (OURS, settings, sys.executable)
    if options.peer is not None:
        sides[PEER] = ("benchmarks.engines_mediapipe", {}, str(options.peer))
    small = {"min_size": 96, "crop": 65} if options.quick else {}
    sides[ASSEMBLED] = ("benchmarks.photo_torch", small, sys.executable)
    return sides


def open_sides(
    stack: ExitStack, wanted: Mapping[str, Any], photo: Mapping[str, Any]
) -> tuple[dict[str, Child], dict[str, str]]:
    """Start the sides; return those that run, and why the others do not.

    Args:
        stack: ends them.
        wanted: see `list_sides`.
        photo: file, boxes and seed, for every side.

    Raises:
        BenchmarkError: a side that must be there is not.
    """
    sides: dict[str, Child] = {}
    absent: dict[str, str] = {}
    for name, (module, settings, python) in wanted.items():
        try:
            sides[name] = stack.enter_context(Child(module, {**photo, **settings}, python))
        except BenchmarkError as error:
            if name in _NEEDED:
                raise
            reason = re.sub(r"^\w+Error: ", "", str(error))
            absent[name] = " ".join(reason.split())
    return sides, absent


def measure_persons(options: argparse.Namespace, photo: Photo) -> dict[str, Any]:
    """Have every side parse one photo in turn.

    Returns:
        photo: what it is; absent: sides that could not be built, with the reason; sides: by name,
        times, shares, people and memory, and `against_default` and `against_assembled`, how many
        times as long as the default engine it takes, and how many times as fast as the pipeline
        assembled in torch it is.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(photo.jpeg)
        about = {"photo": str(path), "boxes": photo.boxes, "seed": options.seed}
        sides, absent = open_sides(stack, list_sides(options), about)
        rounds = dict.fromkeys(sides, options.repetitions)
        rounds[ASSEMBLED] = min(options.repetitions, options.slow_repetitions)
        turns = take_turns(sides, rounds, options.warm_up)
        found = {
            name: summarize_side(turns[name]) | side.versions | side.ask("end")
            for name, side in sides.items()
        }
    for name, side in found.items():
        side["against_default"] = _compare(found, name, DEFAULT)
        side["against_assembled"] = _compare(found, ASSEMBLED, name)
    return {"photo": describe_photo(photo), "absent": absent, "sides": found}


def _compare(found: Mapping[str, Any], slow: str, quick: str) -> dict[str, float]:
    """Return how many times as long one side takes as another, of the turns that both took."""
    one, other = (found[name]["seconds"]["all"] for name in (slow, quick))
    both = min(len(one), len(other))
    return pair_ratio(one[:both], other[:both])


def check_persons(result: Mapping[str, Any]) -> None:
    """Check that every parser parsed every person, and that only those with torch imported it.

    Raises:
        BenchmarkError: one did not.
    """
    for persons, row in result["persons"].items():
        for name, side in row["sides"].items():
            parsed = side.get("persons_parsed", int(persons))
            if parsed != int(persons):
                raise BenchmarkError(
                    f"people parsed by {name} must be {persons}, got {parsed}. "
                    "Choose another --seed."
                )
            if side.get("torch_imported") and name not in (ASSEMBLED, "torch f32"):
                raise BenchmarkError(
                    f"{name} must work without torch, got a process that imported it. "
                    "Look for the import with `python -X importtime`."
                )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the whole result."""
    machine = describe_machine()
    more = {key: getattr(options, key) for key in ("seed", "repetitions", "slow_repetitions")}
    result = begin_result("engines", options.quick, machine, **more)
    persons = PERSONS[1:2] if options.quick else PERSONS
    result["persons"] = {
        str(count): measure_persons(options, make_photo(options.data, options.seed, persons=count))
        for count in persons
    }
    check_persons(result)
    return result | {"targets": engines_report.judge(result)}


def read_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add_photo_options(parser)
    add("--int8", type=Path, help="folder of a quantised network; default: beside the other")
    add("--peer", type=Path, help="a Python that has mediapipe 0.10, for its row")
    add("--repetitions", type=int, default=15, help="turns of each side")
    add("--slow-repetitions", type=int, default=4, help="turns of the pipeline assembled in torch")
    add("--warm-up", type=int, default=1, help="photos of each side before the first turn")
    add_output_options(parser)
    options = parser.parse_args(argv)
    if min(options.repetitions, options.slow_repetitions) < 1 or options.warm_up < 0:
        parser.error("repetitions must be at least 1 and --warm-up at least 0")
    if options.quick:
        options.repetitions, options.slow_repetitions, options.warm_up = 1, 1, 0
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if options.write_docs:
        write_docs()
        return
    result = measure(options)
    text = f"{engines_report.headline(result)}\n\n{engines_report.engines_table(result)}"
    keep_result(result, text, options.out)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return run_command(lambda: run(read_options(argv)))


if __name__ == "__main__":
    sys.exit(main())
