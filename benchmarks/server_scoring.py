"""Time from a whole upload to its scores: a submission of the size of Look into Person's test set.

    python benchmarks/server_scoring.py             # 10,000 label maps; results/server_scoring.json
    python benchmarks/server_scoring.py --images 500 --out FILE

Label maps are people with ragged outlines, of sizes drawn around Look into Person's mean of 0.149
megapixels; truth and archive are made first and not timed. A run is what the server does for one
submission, in its two processes. The truth is packed once and timed apart. For the ratio, the same
archive is scored by `peopleparse evaluate` from the same folder, in one process.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# What is measured is this checkout, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
import PIL

from benchmarks.harness import RESULTS, BenchmarkError, describe_machine, spread
from peopleparse.data.files import write_file
from peopleparse.data.png import encode_label_png
from peopleparse.errors import PeopleparseError
from peopleparse.evaluation import Options, evaluate
from peopleparse.labels import get_scheme
from peopleparse.server.benchmark_folder import BenchmarkFolder
from peopleparse.server.benchmark_make import Plan, make_benchmark
from peopleparse.server.child import run_job
from peopleparse.server.settings import Settings
from peopleparse.server.truth import cache_path, pack_truth
from tests.datasets import draw_person

MEAN_PIXELS = 149_000
DIFFERENT = 250  # maps that are drawn; the others are these, shifted
TARGET_SECONDS, TARGET_BYTES = 8.0, 300 * (1 << 20)


def draw_maps(seed: int, count: int) -> list[np.ndarray]:
    """Return label maps of one person each, with ragged outlines."""
    rng, scheme = np.random.default_rng(seed), get_scheme("gps")
    maps = []
    for _ in range(count):
        area = MEAN_PIXELS * rng.uniform(0.5, 1.5)
        aspect = rng.uniform(0.5, 1.1)
        height = round((area / aspect) ** 0.5)
        size = (height, round(area / height))
        person = draw_person(
            size,
            x=size[1] * rng.uniform(0.35, 0.65),
            top=size[0] * rng.uniform(0.0, 0.1),
            height=size[0] * rng.uniform(0.75, 0.95),
            scheme=scheme,
        )
        maps.append(warp(person, rng))
    return maps


def warp(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a map whose outlines are bent by a few pixels, as those of a system are."""
    height, width = labels.shape
    moves = [
        4 * cv2.resize(rng.normal(0, 1, (40, 30)).astype(np.float32), (width, height))
        for _ in range(2)
    ]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return cv2.remap(labels, columns + moves[0], rows + moves[1], cv2.INTER_NEAREST)


def write_files(folder: Path, images: int, seed: int) -> tuple[BenchmarkFolder, Path]:
    """Write truth, benchmark and archive."""
    palette = get_scheme("lip").palette
    truth, archive = folder / "truth", folder / "archive.zip"
    truth.mkdir()
    drawn = draw_maps(seed, min(images, DIFFERENT))
    rng = np.random.default_rng(seed + 1)
    bent = [warp(labels, rng) for labels in drawn]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out:
        for n in range(images):
            turn, place = divmod(n, len(drawn))
            pair = (np.roll(maps[place], turn, axis=1) for maps in (drawn, bent))
            first, second = (encode_label_png(labels, palette) for labels in pair)
            (truth / f"{n:06d}.png").write_bytes(first)
            out.writestr(f"{n:06d}.png", second)
    now = datetime.now(UTC)
    plan = Plan("lip-size", "LIP size", now, now + timedelta(days=1), metrics=("mean_accuracy",))
    return make_benchmark(truth, folder / "benchmark", plan), archive


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the whole result.

    Raises:
        BenchmarkError: the server's score is not that of the offline evaluation.
    """
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        benchmark, archive = write_files(folder, options.images, options.seed)
        packing = timed(lambda: pack_truth(benchmark))
        settings = Settings(home=folder)
        runs: list[float] = []
        for _ in range(options.repetitions):
            start = time.perf_counter()
            outcome = run_job(archive, benchmark.folder, settings, lambda: True)
            runs.append(time.perf_counter() - start)
            if outcome.state != "scored":
                raise BenchmarkError(f"archive must be scored, got {outcome.state}.")
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        offline, values = check_offline(benchmark, archive)
        if values != outcome.public_scores:
            raise BenchmarkError(f"scores must be {values}, got {outcome.public_scores}.")
        pixels = sum(width * height for width, height, _ in benchmark.images.values())
        found = {
            "images": options.images,
            "mean_pixels": pixels / options.images,
            "archive_bytes": archive.stat().st_size,
            "packed_truth_bytes": cache_path(benchmark).stat().st_size,
        }
    return {
        "benchmark": "server_scoring",
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": options.seed,
        "machine": machine,
        "versions": {"numpy": np.__version__, "pillow": PIL.__version__},
        **found,
        "target": {"seconds": TARGET_SECONDS, "bytes": TARGET_BYTES, "images": 10_000},
        "score_seconds": spread(runs),
        "largest_process_bytes": memory,
        "pack_truth_seconds": packing,
        "offline_seconds_of_the_public_part": offline,
        "public_images": len(benchmark.split[0]),
        "equal_to_offline": True,
    }


def check_offline(benchmark: BenchmarkFolder, archive: Path) -> tuple[float, dict[str, Any]]:
    """Return seconds and scores of the public part, as `peopleparse evaluate` computes them."""
    start = time.perf_counter()
    result = evaluate(
        benchmark.truth,
        {"archive": archive},
        options=Options(metrics=["pixels"]),
        scheme=benchmark.scheme,
        ids=sorted(benchmark.split[0]),
    )
    values = result.headlines("archive")
    return time.perf_counter() - start, {key: values[key] for key in benchmark.metrics}


def timed(function: Any) -> float:
    """Return the seconds that a function takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS / "server_scoring.json")
    options = parser.parse_args(argv)
    try:
        result = measure(options)
    except (BenchmarkError, PeopleparseError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    seconds, memory = result["score_seconds"], result["largest_process_bytes"] / (1 << 20)
    print(
        f"{options.images} images: {seconds['median']:.2f} s ({seconds['low']:.2f} to "
        f"{seconds['high']:.2f}), largest process {memory:.0f} MiB, "
        f"truth packed once in {result['pack_truth_seconds']:.2f} s"
    )
    print(f"Wrote {write_file(options.out, (json.dumps(result, indent=1) + chr(10)).encode())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
