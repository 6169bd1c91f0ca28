"""One photo with five people: peopleparse against what one would assemble from torchvision.

    python benchmarks/photo.py                # measure, print, write benchmarks/results/photo.json
    python benchmarks/photo.py --profile      # import time, and whether idle threads should spin
    python benchmarks/photo.py --write-docs   # bring the tables of docs/performance.md up to date
    python benchmarks/photo.py --quick        # smoke test: tiny networks, one turn, nothing written

Both sides live in processes of their own and take turns, so that both see the same machine. A turn
is one photo that is not counted (the other side has had the caches since) and one that is. A ratio
is of the medians of one run, with the lowest and highest of its pairs of turns.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# What is measured is this checkout, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import photo_profile, photo_report
from benchmarks.harness import (
    REPO,
    RESULTS,
    BenchmarkError,
    Child,
    describe_machine,
    pair_ratio,
    spread,
)
from benchmarks.photo_scene import HEIGHT, PERSONS, WIDTH, Photo, make_photo
from peopleparse.data.files import write_file
from peopleparse.errors import PeopleparseError

OURS, THEIRS = "peopleparse", "torch"
MODULES = {OURS: "benchmarks.photo_peopleparse", THEIRS: "benchmarks.photo_torch"}
PAGE = REPO / "docs" / "performance.md"
_PROPOSALS = 1000


def take_turns(
    sides: Mapping[str, Any], repetitions: int, warm_up: int
) -> dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]:
    """Have each side parse the photo in turn.

    Args:
        sides: by name; each answers `ask("photo")`.
        repetitions: turns of each side.
        warm_up: photos of each side before the first turn.

    Returns:
        By side, for each turn: its first photo, which is not counted, and its second, which is.
    """
    for side in sides.values():
        for _ in range(warm_up):
            side.ask("photo")
    turns: dict[str, list[Any]] = {name: [] for name in sides}
    for _ in range(repetitions):
        for name, side in sides.items():
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
        "sides": {side: _side([turn[1] for turn in turns[side]]) | ends[side] for side in turns},
    }


def _side(photos: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
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
    """Check that the comparison is one: enough people on both sides, and no torch on ours.

    Raises:
        BenchmarkError: it is not.
    """
    sides = result["sides"]
    for name in (OURS, THEIRS):
        parsed = sides[name]["persons_parsed"]
        if parsed < PERSONS:
            raise BenchmarkError(
                f"people parsed by {name} must be at least {PERSONS}, got {parsed}. "
                "Choose another --seed."
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
    return {
        "benchmark": "photo",
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": options.quick,
        "seed": options.seed,
        "repetitions": options.repetitions,
        "warm_up": options.warm_up,
        "machine": machine,
        "photo": _describe(photo),
        **summarize(turns, ends),
    }


@contextmanager
def _settings(options: argparse.Namespace, photo: Photo) -> Iterator[dict[str, Any]]:
    """Give what the sides are told; the photo lies in a file while they live."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(photo.jpeg)
        settings = {"photo": str(path), "boxes": photo.boxes, "seed": options.seed}
        settings |= {"model": options.model, "detail": options.detail}
        yield settings | ({"min_size": 96, "crop": 65} if options.quick else {})


def _describe(photo: Photo) -> dict[str, Any]:
    return {
        "kind": photo.kind,
        "width": WIDTH,
        "height": HEIGHT,
        "persons": len(photo.boxes),
        "bytes": len(photo.jpeg),
        "sha256": hashlib.sha256(photo.jpeg).hexdigest(),
        "source_photos": list(photo.photo_ids),
    }


def read_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--data",
        type=Path,
        default=os.environ.get("PEOPLEPARSE_DATA") or None,
        help="folder with ccp/ and backgrounds/ for a composed photo; without it one is drawn",
    )
    add("--model", help="name, folder or passport of a network; default: the shipped one")
    add("--detail", choices=["fast", "normal", "fine"], default="normal")
    add("--seed", type=int, default=0)
    add("--repetitions", type=int, default=9, help="turns of each side")
    add("--warm-up", type=int, default=2, help="photos of each side before the first turn")
    add("--out", type=Path, help="where to write the result")
    add("--quick", action="store_true", help="smoke test; its figures mean nothing")
    add("--profile", action="store_true", help="measure import time and spinning instead")
    add("--write-docs", action="store_true", help="write the tables of the docs; measure nothing")
    options = parser.parse_args(argv)
    if options.repetitions < 1 or options.warm_up < 0:
        parser.error("--repetitions must be at least 1 and --warm-up at least 0")
    if options.quick:
        options.repetitions, options.warm_up = 1, 0
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if options.write_docs:
        photo_report.write_docs(PAGE, RESULTS)
        print(f"Wrote the tables of {PAGE}")
        return
    photo = make_photo(options.data, options.seed)
    name = "photo_profile.json" if options.profile else "photo.json"
    if options.profile:
        with _settings(options, photo) as settings:
            result = photo_profile.measure(settings, options.repetitions, options.quick)
        text = photo_report.profile_table(result)
    else:
        result = measure(options, photo)
        check_result(result)
        text = f"{photo_report.headline(result)}\n\n{photo_report.photo_table(result)}"
    print(text)
    out = options.out or (None if options.quick else RESULTS / name)
    if out is not None:
        print(f"\nWrote {write_file(out, (json.dumps(result, indent=1) + chr(10)).encode())}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    try:
        run(read_options(argv))
    except (BenchmarkError, PeopleparseError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
