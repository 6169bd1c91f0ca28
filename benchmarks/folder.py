"""A folder of photos: throughput against the engine alone, memory, and runs that are killed.

    python benchmarks/folder.py               # measure, print, write benchmarks/results/folder.json
    python benchmarks/folder.py --write-docs  # bring the table of docs/folders.md up to date
    python benchmarks/folder.py --quick       # smoke test: few photos, one turn, nothing written

The engine alone parses decoded photos, fitted and all, one after the other. `parse_folder` also
decodes them and draws, encodes and writes what is found, on the same cores. Both take turns in one
process; the fraction is of the medians. How much it can be at most follows from processor time:
what decoding and encoding take, the engine does not get.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

# What is measured is this checkout, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import folder_kill, folder_report
from benchmarks.command import add_output_options, add_photo_options, make_parser, run_command
from benchmarks.harness import REPO, RESULTS, BenchmarkError, Child, describe_machine, spread
from benchmarks.photo_scene import HEIGHT, JPEG_QUALITY, WIDTH, make_photo
from benchmarks.report import begin_result, keep_result, write_docs
from peopleparse.viz.save import encode_image

PAGE = REPO / "docs" / "folders.md"
ENGINES = ("onnxruntime", "openvino")
_SCENES = 50


def write_photos(options: argparse.Namespace, folder: Path) -> Path:
    """Write the photos: scenes of people of the val split of --data, or drawn ones, repeated."""
    count = min(_SCENES, options.photos)
    if options.data:
        files = _composed_scenes(options.data, options.seed, count)
    else:
        files = [make_photo(None, options.seed + n).jpeg for n in range(count)]
    folder.mkdir()
    for number in range(options.photos):
        (folder / f"{number:05}.jpg").write_bytes(files[number % len(files)])
    return folder


def _composed_scenes(data: Path, seed: int, count: int) -> list[bytes]:
    from peopleparse.data.people import read_backgrounds, read_portraits
    from peopleparse.data.scenes import INDOOR, SceneMaker

    maker = SceneMaker(
        read_portraits(data / "ccp", "val"), read_backgrounds(data / "backgrounds", "val")
    )
    images = (maker.make((seed, n), INDOOR, WIDTH, HEIGHT).image for n in range(count))
    return [encode_image(Image.fromarray(i), "JPEG", quality=JPEG_QUALITY) for i in images]


def measure_engine(options: argparse.Namespace, engine: str, photos: Path) -> dict[str, Any]:
    """Return throughput and memory with one engine."""
    settings = {"photos": str(photos), "model": options.model, "engine": engine}
    with Child("benchmarks.folder_side", settings) as side:
        turns = [(side.ask("alone"), side.ask("folder")) for _ in range(options.repetitions)]
        rest = side.ask("rest")
        about = side.versions
    with Child("benchmarks.folder_side", settings) as side:
        memory = side.ask("memory")
    return about | summarize(turns, rest, options.photos, describe_machine()["cores"]) | memory


def summarize(
    turns: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    rest: dict[str, Any],
    photos: int,
    cores: int,
) -> dict[str, Any]:
    """Return the fraction that was reached, and the one that processor time allows.

    Args:
        turns: of the engine alone and of the folder, for all photos.
        rest: of decoding and encoding one photo.
        photos: how many.
        cores: of the machine.
    """
    alone, folder = (spread([turn[n]["seconds"] / photos for turn in turns]) for n in (0, 1))
    cpu, whole = (spread([turn[n]["cpu_seconds"] / photos for turn in turns]) for n in (0, 1))
    busy = (cpu["median"] + rest["cpu_seconds"]) / cores
    pairs = [turn[0]["seconds"] / turn[1]["seconds"] for turn in turns]
    return {
        "alone_seconds": alone,
        "folder_seconds": folder,
        "fraction": {
            "median": alone["median"] / folder["median"],
            "low": min(pairs),
            "high": max(pairs),
        },
        "bound": alone["median"] / max(alone["median"], busy),
        "alone_cpu_seconds": cpu["median"],
        "folder_cpu_seconds": whole["median"],
        "rest_cpu_seconds": rest["cpu_seconds"],
        "alone_busy_cores": cpu["median"] / alone["median"],
    }


def measure_kills(options: argparse.Namespace, photos: Path, folder: Path) -> dict[str, Any]:
    """Return how a run goes that is killed again and again."""
    command = ["-m", "peopleparse", "parse", str(photos)]
    command += ["--model", options.model] if options.model else []
    seconds = folder_kill.timed_run(command, folder / "plain")
    found = folder_kill.kill_and_resume(
        command, folder / "killed", options.kills, seconds, options.seed
    )
    return found | folder_kill.compare_runs(folder / "plain", folder / "killed", options.photos)


def check_kills(found: dict[str, Any]) -> None:
    """Check that every photo is there once and no file differs.

    Raises:
        BenchmarkError: one is not.
    """
    wrong = [name for name in ("missing", "besides", "different") if found[name]]
    once = found["photos_finished_once"]
    if wrong or once != found["photos"] or found["photos_finished_more_than_once"]:
        raise BenchmarkError(
            f"killed runs must finish {found['photos']} photos once each, got {once} and files "
            f"{', '.join(f'{name} {found[name][:3]}' for name in wrong) or 'as wanted'}. "
            "Look at the journal."
        )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything and return the result."""
    result = begin_result(
        "folder",
        options.quick,
        describe_machine(),
        seed=options.seed,
        repetitions=options.repetitions,
        photos=options.photos,
        kind="composed val scenes" if options.data else "drawn scenes",
    )
    with tempfile.TemporaryDirectory() as name:
        photos = write_photos(options, Path(name) / "photos")
        result["engines"] = {
            engine: measure_engine(options, engine, photos)
            for engine in options.engines
            if find_spec(engine)
        }
        result["kill"] = measure_kills(options, photos, Path(name))
    check_kills(result["kill"])
    return result


def read_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    add_photo_options(parser)
    add_output_options(parser)
    add = parser.add_argument
    add("--photos", type=int, default=500)
    add("--kills", type=int, default=20)
    add("--repetitions", type=int, default=3, help="turns of the engine alone and of the folder")
    add("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    options = parser.parse_args(argv)
    if min(options.photos, options.kills, options.repetitions) < 1:
        parser.error("--photos, --kills and --repetitions must be at least 1")
    if options.quick:
        options.photos, options.kills, options.repetitions = 10, 2, 1
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if options.write_docs:
        write_docs(PAGE, RESULTS, {"folder": folder_report.folder_table})
        return
    result = measure(options)
    keep_result(result, folder_report.folder_table(result), options.out)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; errors are one line."""
    options = read_options(argv)
    return run_command(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
