"""What it costs when photos get larger, hold more people, or are more: time and peak memory.

    python benchmarks/growth.py               # measure, print, write results/growth.json
    python benchmarks/growth.py --write-docs  # bring the tables of the docs up to date
    python benchmarks/growth.py --quick       # smoke test: two points a line, nothing written

One thing grows at a time. Each point lives in a process of its own, so that it has a peak memory of
its own; the points of a line take turns. Beside the times stands the exponent that was fitted to
them: 1 is in proportion, below 1 cheaper than that. The figure is docs/images/growth.png.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

# What is measured is this checkout, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import growth_report
from benchmarks.command import add_output_options, add_photo_options, make_parser, run_command
from benchmarks.growth_report import AXES
from benchmarks.harness import REPO, BenchmarkError, Child, describe_machine, spread
from benchmarks.photo import take_turns
from benchmarks.photo_scene import Photo, enlarge_photo, make_photo
from benchmarks.report import begin_result, keep_result, write_docs
from peopleparse.data.files import write_file

FIGURE = REPO / "docs" / "images" / "growth.png"
POINTS: Mapping[str, Sequence[float]] = {
    "megapixels": (0.1, 0.3, 1, 3, 8, 24),
    "persons": (1, 2, 5, 10, 20, 50, 100),
    "photos": (1, 5, 20, 100, 500),
}
_PERSONS = 5
_CROWD = (960, 1280)  # height and width of the photos whose people grow in number
_DRAWN = (720, 960)  # of the scene that is enlarged
_SEED = 2  # of 0, 1 and 2 the only one in whose crowd of 100 no two share a cell of the detector
_FOLDER = 8  # different photos in the folder; more are the same again


def write_photos(options: argparse.Namespace, folder: Path) -> dict[str, dict[float, Any]]:
    """Write the photos; return the module and settings of each point, by line and point."""
    scene = make_photo(options.data, options.seed, _DRAWN)
    lines: dict[str, dict[float, Any]] = {axis: {} for axis in AXES}
    shared = {"seed": options.seed, "model": options.model}

    def add(axis: str, point: float, photo: Photo) -> None:
        path = folder / f"{axis}{point:g}.jpg"
        path.write_bytes(photo.jpeg)
        settings = {**shared, "photo": str(path), "boxes": photo.boxes}
        lines[axis][point] = ("benchmarks.photo_peopleparse", settings)

    for point in options.points["megapixels"]:
        height = round(math.sqrt(point * 1e6 * _DRAWN[0] / _DRAWN[1]))
        size = height, round(height * _DRAWN[1] / _DRAWN[0])
        add("megapixels", point, enlarge_photo(scene, size, options.seed))
    for point in options.points["persons"]:
        add("persons", point, make_photo(options.data, options.seed, _CROWD, int(point)))
    photos = folder / "photos"
    photos.mkdir()
    for number in range(_FOLDER):
        photo = make_photo(options.data, options.seed + number)
        (photos / f"{number}.jpg").write_bytes(photo.jpeg)
    for point in options.points["photos"]:
        settings = {**shared, "photos": str(photos), "count": point}
        lines["photos"][point] = ("benchmarks.growth_folder", settings)
    return lines


def measure_line(points: Mapping[float, Any], repetitions: Mapping[float, int]) -> dict[str, Any]:
    """Have the points of a line take turns; return seconds and peak memory of each."""
    with ExitStack() as stack:
        sides = {
            point: stack.enter_context(Child(module, settings))
            for point, (module, settings) in points.items()
        }
        names = {f"{point:g}": side for point, side in sides.items()}
        rounds = {f"{point:g}": repetitions[point] for point in points}
        turns = take_turns(names, rounds, warm_up=0)
        ends = {name: side.ask("end") for name, side in names.items()}
    return {
        name: {
            "seconds": spread([turn[1]["seconds"] for turn in turns[name]]),
            "peak_bytes": ends[name]["peak_bytes"],
            "done": turns[name][0][1].get("persons_parsed", turns[name][0][1].get("written")),
        }
        for name in names
    }


def fit_exponent(points: Sequence[float], seconds: Sequence[float]) -> float:
    """Return the exponent k of seconds = a * points^k that fits the logarithms best.

    >>> round(fit_exponent([1, 10, 100], [2, 20, 200]), 3)
    1.0
    """
    return float(np.polyfit(np.log(points), np.log(seconds), 1)[0])


def summarize(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the points of a line with the exponents of all of them and of the last two."""
    points = [float(name) for name in line]
    seconds = [point["seconds"]["median"] for point in line.values()]
    return {
        "points": dict(line),
        "exponent": fit_exponent(points, seconds),
        "exponent_at_end": fit_exponent(points[-2:], seconds[-2:]),
    }


def check_done(lines: Mapping[str, Any]) -> None:
    """Check that each point did the work it stands for.

    Raises:
        BenchmarkError: fewer or more people or photos came out.
    """
    for axis, line in lines.items():
        for name, point in line["points"].items():
            wanted = _PERSONS if axis == "megapixels" else int(float(name))
            if point["done"] != wanted:
                raise BenchmarkError(
                    f"{AXES[axis]} {name} must give {wanted}, got {point['done']}. "
                    "Choose another --seed."
                )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the whole result."""
    machine = describe_machine()
    lines = {}
    with tempfile.TemporaryDirectory() as name:
        for axis, points in write_photos(options, Path(name)).items():
            rounds = dict.fromkeys(points, options.repetitions)
            if axis == "photos":  # a long run is its own mean: each is done once and then counted
                rounds = dict.fromkeys(points, 1)
            lines[axis] = summarize(measure_line(points, rounds))
    check_done(lines)
    more = {"seed": options.seed, "repetitions": options.repetitions}
    result = begin_result("growth", options.quick, machine, **more)
    about = {"drawn": options.data is None, "persons": _PERSONS, "crowd": list(_CROWD)}
    return result | about | {"lines": lines}


def read_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    add_photo_options(parser)
    parser.set_defaults(seed=_SEED)
    parser.add_argument("--repetitions", type=int, default=7, help="turns of each single photo")
    add_output_options(parser)
    options = parser.parse_args(argv)
    if options.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    options.points = POINTS
    if options.quick:
        options.repetitions = 1
        options.points = {"megapixels": (0.1, 1), "persons": (1, 20), "photos": (1, 3)}
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if options.write_docs:
        write_docs()
        return
    result = measure(options)
    keep_result(result, growth_report.growth_table(result), options.out)
    if not options.quick:
        print(f"Drew {write_file(FIGURE, growth_report.draw_growth(result))}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return run_command(lambda: run(read_options(argv)))


if __name__ == "__main__":
    sys.exit(main())
