"""One photo with five people: peopleparse against what one would assemble from torchvision.

    python benchmarks/photo.py                # measure, print, write benchmarks/results/photo.json
    python benchmarks/photo.py --spinning     # whether idle threads should spin: spinning.json
    python benchmarks/photo.py --write-docs   # bring the tables of docs/performance.md up to date
    python benchmarks/photo.py --quick        # smoke test: tiny networks, one turn, nothing written

Both sides live in processes of their own and take turns, so that both see the same machine. A turn
is one photo that is not counted (the other side has had the caches since) and one that is. A ratio
is of the medians of one run, with the lowest and highest of its pairs of turns.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

# What is measured is this checkout, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import photo_report, photo_spinning
from benchmarks.command import add_output_options, add_photo_options, make_parser, run_command
from benchmarks.harness import BenchmarkError, Child, describe_machine, pair_ratio, spread
from benchmarks.photo_scene import PERSONS, Photo, describe_photo, make_photo
from benchmarks.report import begin_result, keep_result, write_docs

OURS, THEIRS = "peopleparse", "torch"
MODULES = {OURS: "benchmarks.photo_peopleparse", THEIRS: "benchmarks.photo_torch"}
_PROPOSALS = 1000


def take_turns(
    sides: Mapping[str, Any], repetitions: int | Mapping[str, int], warm_up: int
) -> dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]:
    """Have each side parse the photo in turn.

    Args:
        sides: by name; each answers `ask("photo")`.
        repetitions: turns of each side, or of each by its name: a slow one may stop earlier.
        warm_up: photos of each side before the first turn.

    Returns:
        By side, for each turn: its first photo, which is not counted, and its second, which is.
    """
    for side in sides.values():
        for _ in range(warm_up):
            side.ask("photo")
    turns: dict[str, list[Any]] = {name: [] for name in sides}
    rounds = repetitions if isinstance(repetitions, Mapping) else dict.fromkeys(sides, repetitions)
    for number in range(max(rounds.values())):
        for name, side in sides.items():
            if number < rounds[name]:
                turns[name].append((side.ask("photo"), side.ask("photo")))
    return turns


def summarize(turns: Mapping[str, Any], ends: Mapping[str, Any]) -> dict[str, Any]:
    """Return ratios and, by side, times, shares, memory and people.

    Args:
        turns: see `take_turns`.
        ends: by side, what its `end` answered.
    """

    def column(side: str, photo: int, key: str) -> list[float]:
        return [turn[photo][key] for turn in turns[side]]

    def ratio(photo: int, key: str) -> dict[str, float]:
        return pair_ratio(column(THEIRS, photo, key), column(OURS, photo, key))

    peaks = [ends[side]["peak_bytes"] for side in (THEIRS, OURS)]
    return {
        "ratio": ratio(1, "seconds"),
        "ratio_of_uncounted": ratio(0, "seconds"),
        "ratio_of_processor_time": ratio(1, "cpu_seconds"),
        "memory_ratio": peaks[0] / peaks[1] if all(peaks) else None,
        "sides": {side: summarize_side(turns[side]) | ends[side] for side in turns},
    }


def summarize_side(turns: Sequence[Any]) -> dict[str, Any]:
    """Return times, shares and counts of the photos of one side that count."""
    photos = [turn[1] for turn in turns]
    seconds = [photo["seconds"] for photo in photos]
    counts = {
        key: min(photo[key] for photo in photos)
        for key in ("persons_parsed", "proposals", "passing")
        if key in photos[0]
    }
    return {
        "seconds": spread(seconds) | {"all": seconds},
        "cpu_seconds": spread([photo["cpu_seconds"] for photo in photos]),
        "kind_shares": _shares(photos, "kinds"),
        "step_shares": _shares(photos, "steps"),
        **counts,
    }


def _shares(photos: Sequence[Mapping[str, Any]], key: str) -> dict[str, float]:
    whole = sum(photo["seconds"] for photo in photos)
    return {name: sum(p[key].get(name, 0) for p in photos) / whole for name in photos[0][key]}


def check_result(result: Mapping[str, Any]) -> None:
    """Check that the comparison is one: the same people on both sides, and no torch on ours.

    Raises:
        BenchmarkError: it is not.
    """
    sides = result["sides"]
    for name in (OURS, THEIRS):
        parsed = sides[name]["persons_parsed"]
        if parsed != PERSONS:
            raise BenchmarkError(
                f"people parsed by {name} must be {PERSONS}, got {parsed}. Choose another --seed."
            )
    if sides[OURS]["torch_imported"]:
        raise BenchmarkError(
            "peopleparse must work without torch, got a process that imported it. "
            "Look for the import with `python -X importtime`."
        )
    if not result["quick"] and sides[THEIRS]["proposals"] < _PROPOSALS:
        raise BenchmarkError(
            f"proposals of the detector must be {_PROPOSALS} as with trained weights, got "
            f"{sides[THEIRS]['proposals']}. Choose another --seed."
        )


def measure(options: argparse.Namespace, photo: Photo) -> dict[str, Any]:
    """Run both sides and return the whole result."""
    machine = describe_machine()
    with ExitStack() as stack:
        settings = stack.enter_context(_settings(options, photo))
        sides = {
            name: stack.enter_context(Child(module, settings)) for name, module in MODULES.items()
        }
        turns = take_turns(sides, options.repetitions, options.warm_up)
        ends = {name: {**side.versions, **side.ask("end")} for name, side in sides.items()}
    more = {"seed": options.seed, "repetitions": options.repetitions, "warm_up": options.warm_up}
    result = begin_result("photo", options.quick, machine, **more)
    return result | {"photo": describe_photo(photo), **summarize(turns, ends)}


@contextmanager
def _settings(options: argparse.Namespace, photo: Photo) -> Iterator[dict[str, Any]]:
    """Give what the sides are told; the photo lies in a file while they live."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(photo.jpeg)
        settings = {"photo": str(path), "boxes": photo.boxes, "seed": options.seed}
        settings |= {"model": options.model, "detail": options.detail}
        yield settings | ({"min_size": 96, "crop": 65} if options.quick else {})


def read_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add_photo_options(parser)
    add("--detail", choices=["fast", "normal", "fine"], default="normal")
    add("--repetitions", type=int, default=9, help="turns of each side")
    add("--warm-up", type=int, default=2, help="photos of each side before the first turn")
    add("--spinning", action="store_true", help="measure what idle threads that spin cost instead")
    add_output_options(parser)
    options = parser.parse_args(argv)
    if options.repetitions < 1 or options.warm_up < 0:
        parser.error("--repetitions must be at least 1 and --warm-up at least 0")
    if options.quick:
        options.repetitions, options.warm_up = 1, 0
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if options.write_docs:
        write_docs()
        return
    photo = make_photo(options.data, options.seed)
    if options.spinning:
        with _settings(options, photo) as settings:
            result = photo_spinning.measure(settings, options.repetitions, options.quick)
        text = photo_report.spinning_table(result)
    else:
        result = measure(options, photo)
        check_result(result)
        text = f"{photo_report.headline(result)}\n\n{photo_report.photo_table(result)}"
    keep_result(result, text, options.out)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return run_command(lambda: run(read_options(argv)))


if __name__ == "__main__":
    sys.exit(main())
