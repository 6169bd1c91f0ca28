"""Scoring parsed people: peopleparse against plain numpy and against the published scripts.

    python benchmarks/evaluate.py               # measure, print, write results/evaluate.json
    python benchmarks/evaluate.py --write-docs  # bring docs/evaluation_speed.md up to date
    python benchmarks/evaluate.py --quick       # smoke test: a few small images, nothing written

Everything is one run, on one core but for the second process. Images are made a few at a time, more
than caches hold; our side counts all of them, the slow sides one of each few, and all counts must
be equal. Ratios are of medians of processor time; the gain of a second process is of wall time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# What is measured is this checkout, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import PIL

from benchmarks import evaluate_files, evaluate_report
from benchmarks.evaluate_baselines import BASELINES, as_maps
from benchmarks.evaluate_scenes import (
    HEIGHT,
    NUM_IDS,
    PREDICTIONS,
    TRUTH,
    WIDTH,
    EvaluateScene,
    make_scene,
)
from benchmarks.harness import (
    REPO,
    RESULTS,
    BenchmarkError,
    Child,
    describe_machine,
    pair_ratio,
    spread,
)
from peopleparse.data.files import write_file
from peopleparse.errors import PeopleparseError
from peopleparse.metrics import ConfusionMatrix, LambdaAP, PersonAP, make_tally, part_overlap

PAGE = REPO / "docs" / "evaluation_speed.md"
LIP_SIZE = (500, 400)
# Both sides as (parsing, instances), as one map a person, or the truth as the one and the
# predictions as the other.
FORMS: dict[str, Callable[[EvaluateScene], tuple[Any, Any]]] = {
    "pairs": lambda scene: (scene.truth_pair, scene.prediction_pair),
    "pair and stack": lambda scene: (scene.truth_pair, scene.predictions),
    "stacks": lambda scene: (scene.truth, scene.predictions),
}


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return processor seconds and what the function returned."""
    before = time.process_time()
    answer = function()
    return time.process_time() - before, answer


def count_bytes(sides: tuple[Any, Any]) -> int:
    """Return the bytes of the maps of both sides."""
    parts = [part for side in sides for part in (side if isinstance(side, tuple) else (side,))]
    return sum(part.nbytes for part in parts)


class Scoring:
    """Metrics that take every image, as an evaluation does."""

    def __init__(self) -> None:
        self.metrics = [
            ConfusionMatrix(NUM_IDS),
            LambdaAP(NUM_IDS),
            PersonAP("mask"),
            PersonAP("box"),
        ]
        self.images = 0

    def add(self, sides: tuple[Any, Any], scores: Any) -> None:
        """Score one image."""
        tally = make_tally(str(self.images), *sides, scores, num_ids=NUM_IDS)
        self.images += 1
        for metric in self.metrics:
            metric.add(tally)


def measure_forms(images: int, batch: int, size: tuple[int, int], seed: int) -> dict[str, Any]:
    """Time every form of every image, and the slow sides on one image a batch.

    Raises:
        BenchmarkError: a slow side counts otherwise than we do.
    """
    times: dict[str, dict[str, list[float]]] = {
        form: {key: [] for key in ("counts", "scoring", *BASELINES)} for form in FORMS
    }
    scorings = {form: Scoring() for form in FORMS}
    nbytes = {}
    for start in range(0, images, batch):
        scenes = [make_scene(seed + n, size) for n in range(start, min(start + batch, images))]
        for form, take in FORMS.items():
            for scene in scenes:
                sides = take(scene)
                seconds, _ = timed(lambda: part_overlap(*sides, NUM_IDS))  # noqa: B023
                times[form]["counts"].append(seconds)
            for scene in scenes:
                sides, scores = take(scene), scene.scores
                seconds, _ = timed(lambda: scorings[form].add(sides, scores))  # noqa: B023
                times[form]["scoring"].append(seconds)
            slow = _time_baselines(take(scenes[0]))
            for name, seconds in slow.items():
                times[form][name].append(seconds)
            nbytes[form] = count_bytes(take(scenes[0]))
    return {form: _describe(times[form], nbytes[form]) for form in FORMS}


def _time_baselines(sides: tuple[Any, Any]) -> dict[str, float]:
    overlap = part_overlap(*sides, NUM_IDS, count=PREDICTIONS)
    ours = overlap.intersections, overlap.unions
    found = {}
    for name, count in BASELINES.items():
        seconds, theirs = timed(
            lambda: count(as_maps(sides[0], TRUTH), as_maps(sides[1], PREDICTIONS), NUM_IDS)  # noqa: B023
        )
        difference = max(int(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))
        if difference:
            raise BenchmarkError(
                f"counts must equal those of the {name}, got a difference of {difference} pixels. "
                "One of them is wrong."
            )
        found[name] = seconds
    return found


def _describe(times: dict[str, list[float]], nbytes: int) -> dict[str, Any]:
    def ratios(key: str) -> dict[str, dict[str, float]]:
        # Each slow image stands beside our median: ours are many, theirs are few.
        ours = spread(times[key])["median"]
        return {name: pair_ratio(times[name], [ours] * len(times[name])) for name in BASELINES}

    return {
        "bytes": nbytes,
        "images": len(times["counts"]),
        "slow_images": len(times["loop"]),
        "seconds": {key: spread(values) for key, values in times.items()},
        "counts": ratios("counts"),
        "scoring": ratios("scoring"),
        "difference": 0,
    }


def measure_bandwidth(megabytes: int) -> float:
    """Return bytes a second that one core reads from memory, the best of five."""
    data = np.ones(megabytes * 125_000, np.uint64)
    best = min(timed(data.sum)[0] for _ in range(5))
    return data.nbytes / best


def measure_files(options: argparse.Namespace) -> dict[str, Any]:
    """Score PNG files: against decoding alone, with memory, and in two processes."""
    with tempfile.TemporaryDirectory() as name:
        singles, groups = Path(name) / "singles", Path(name) / "groups"
        evaluate_files.write_singles(singles, options.files, options.single_size, options.seed)
        evaluate_files.write_groups(groups, options.group_files, options.size, options.seed)
        runs = {}
        for images in options.label_maps:
            settings = {"folder": str(singles), "images": images}
            with Child("benchmarks.evaluate_files", settings) as child:
                runs[str(images)] = child.ask("score")
        names = sorted(path.stem for path in groups.glob("*.npy"))
        share = evaluate_files.score_groups(str(groups), names)[2]
        one = evaluate_files.time_processes(groups, 1, options.repetitions)
        two = evaluate_files.time_processes(groups, 2, options.repetitions)
    last = runs[str(options.label_maps[-1])]
    return {
        "label_maps": {
            "size": list(options.single_size),
            "files": options.files,
            "runs": runs,
            "ratio": last["score"] / last["decode"],
            "decode_share": last["decode"] / last["score"],
        },
        "groups": {"images": len(names), "decode_share": share},
        "second_process": pair_ratio(one, two),
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the whole result."""
    machine = describe_machine()
    forms = measure_forms(options.images, options.batch, options.size, options.seed)
    bandwidth = measure_bandwidth(options.bandwidth_megabytes)
    for form in forms.values():
        for key in ("counts", "scoring"):
            rate = form["bytes"] / form["seconds"][key]["median"]
            form[f"{key}_from_bandwidth"] = bandwidth / rate
    return {
        "benchmark": "evaluate",
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": options.quick,
        "seed": options.seed,
        "machine": machine,
        "versions": {"numpy": np.__version__, "pillow": PIL.__version__},
        "image": {
            "size": list(options.size),
            "truth": TRUTH,
            "predictions": PREDICTIONS,
            "labels": NUM_IDS,
        },
        "bandwidth_bytes": bandwidth,
        "forms": forms,
        **measure_files(options),
    }


def read_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--seed", type=int, default=0)
    add("--images", type=int, default=300, help="group images")
    add("--batch", type=int, default=20, help="images made at a time; one of them for slow sides")
    add("--files", type=int, default=200, help="different label maps on disk, read in a circle")
    add("--group-files", type=int, default=60, help="group images on disk")
    add("--repetitions", type=int, default=5, help="turns of one and of two processes")
    add("--out", type=Path, help="where to write the result")
    add("--write-docs", action="store_true", help="only write the tables of the page")
    add("--quick", action="store_true", help="smoke test; its figures mean nothing")
    options = parser.parse_args(argv)
    options.size, options.single_size = (HEIGHT, WIDTH), LIP_SIZE
    options.label_maps, options.bandwidth_megabytes = (1_000, 10_000), 512
    if options.quick:
        options.images = options.batch = options.files = options.group_files = 2
        options.repetitions, options.bandwidth_megabytes = 1, 1
        options.size, options.single_size, options.label_maps = (60, 80), (50, 40), (2, 4)
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if options.write_docs:
        evaluate_report.write_docs(PAGE, RESULTS)
        print(f"Wrote the tables of {PAGE}")
        return
    result = measure(options)
    print(f"{evaluate_report.headline(result)}\n\n{evaluate_report.evaluate_table(result)}")
    out = options.out or (None if options.quick else RESULTS / "evaluate.json")
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
