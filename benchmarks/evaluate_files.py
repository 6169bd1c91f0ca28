"""Scoring from PNG files for benchmarks/evaluate.py: what decoding takes, memory, processes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluate_scenes import NUM_IDS, make_scene, make_single
from benchmarks.harness import BenchmarkError, peak_memory
from peopleparse.data.png import read_label_png, write_label_png
from peopleparse.metrics import ConfusionMatrix, LambdaAP, make_tally

_PALETTE = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
_GROUP = ("truth", "truth_instances", "prediction", "prediction_instances")
# Decoding alone and scoring take turns after so many images.
_BLOCK = 50


def write_singles(folder: Path, count: int, size: tuple[int, int], seed: int) -> None:
    """Write label maps of one person, truth and prediction."""
    for number in range(count):
        truth, prediction = make_single(seed + number, size)
        write_label_png(folder / "truth" / f"{number:05d}.png", truth, _PALETTE)
        write_label_png(folder / "prediction" / f"{number:05d}.png", prediction, _PALETTE)


def write_groups(folder: Path, count: int, size: tuple[int, int], seed: int) -> None:
    """Write scenes as four PNGs each: parsing and instances of both sides."""
    for number in range(count):
        scene = make_scene(seed + number, size)
        maps = (*scene.truth_pair, *scene.prediction_pair)
        for name, part in zip(_GROUP, maps, strict=True):
            path = folder / name / f"{number:05d}.png"
            write_label_png(path, part.astype(np.uint8), _PALETTE)
        np.save(folder / f"{number:05d}.npy", scene.scores)


class Side:
    """Label maps from PNG in a process of its own; see `benchmarks.harness`."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.folder, self.images = Path(settings["folder"]), int(settings["images"])

    def versions(self) -> dict[str, Any]:
        """Nothing to tell."""
        return {}

    def score(self) -> dict[str, Any]:
        """Decode all images, and decode and score them, in turns; the files are read in a circle.

        Both give processor seconds; decoding has the first turn and the second by turns.
        """
        names = sorted(path.name for path in (self.folder / "truth").iterdir())
        queue = list(islice(cycle(names), self.images))
        matrix, seconds = ConfusionMatrix(NUM_IDS), [0.0, 0.0]
        for start in range(0, self.images, _BLOCK):
            block = queue[start : start + _BLOCK]
            first = start // _BLOCK % 2
            for turn in (first, 1 - first):
                before = time.process_time()
                for name in block:
                    maps = [read_label_png(self.folder / s / name) for s in ("truth", "prediction")]
                    if turn:
                        options = {"truth_parsing": maps[0], "parsing": maps[1]}
                        matrix.add(make_tally(name, None, None, num_ids=NUM_IDS, **options))
                seconds[turn] += time.process_time() - before
        pixels = matrix.compute().pixels
        if pixels != self.images * maps[0].size:
            raise BenchmarkError(f"pixels counted must be all, got {pixels}. Look for lost images.")
        return {"decode": seconds[0], "score": seconds[1], "peak_bytes": peak_memory()}


def build(settings: Mapping[str, Any]) -> Side:
    """Make the side."""
    return Side(settings)


def score_groups(folder: str, names: Sequence[str]) -> tuple[ConfusionMatrix, LambdaAP, float]:
    """Score scenes from their PNGs; also return the share of processor time that decoding took."""
    matrix, parts, decoding, begin = ConfusionMatrix(NUM_IDS), LambdaAP(NUM_IDS), 0.0, 0.0
    begin = time.process_time()
    for name in names:
        before = time.process_time()
        maps = [read_label_png(Path(folder) / part / f"{name}.png") for part in _GROUP]
        decoding += time.process_time() - before
        scores = np.load(Path(folder) / f"{name}.npy")
        pairs = (maps[0], maps[1]), (maps[2], maps[3])
        tally = make_tally(name, *pairs, scores, num_ids=NUM_IDS)
        matrix.add(tally)
        parts.add(tally)
    return matrix, parts, decoding / (time.process_time() - begin)


def time_processes(folder: Path, workers: int, repetitions: int) -> list[float]:
    """Return wall seconds of scoring a folder with so many processes, merged and checked."""
    names = sorted(path.stem for path in folder.glob("*.npy"))
    whole, parts, _ = score_groups(str(folder), names)
    seconds = []
    with ProcessPoolExecutor(workers) as pool:
        shards = [names[start::workers] for start in range(workers)]
        list(pool.map(score_groups, [str(folder)] * workers, shards))  # every process is up
        for _ in range(repetitions):
            before = time.perf_counter()
            done = list(pool.map(score_groups, [str(folder)] * workers, shards))
            for matrix, other, _ in done[1:]:
                done[0][0].merge(matrix)
                done[0][1].merge(other)
            seconds.append(time.perf_counter() - before)
            same = (done[0][0].value() == whole.value()).all()
            if not same or done[0][1].compute() != parts.compute():
                raise BenchmarkError(
                    f"{workers} processes must give the scores of one, got others. "
                    "Look at merge of the metrics."
                )
    return seconds
