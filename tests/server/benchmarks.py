"""Small benchmarks with their truth, and archives for them."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from peopleparse.data.gps import mask_name
from peopleparse.data.grey_png import encode_grey_png
from peopleparse.data.label_decode import decode_labels
from peopleparse.server.benchmark_folder import BenchmarkFolder
from peopleparse.server.benchmark_make import Plan, make_benchmark
from tests.datasets import write_gps_folder

OPENS, CLOSES = datetime(2030, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
SIZE = (30, 24)  # (height, width)


def plan(**values: Any) -> Plan:
    """Return a plan of a benchmark."""
    return Plan(**{"slug": "small", "title": "Small", "opens": OPENS, "closes": CLOSES, **values})


def make_lip(folder: Path, images: int = 12, **values: Any) -> BenchmarkFolder:
    """Write truth of label maps and a benchmark of it, in two folders side by side."""
    truth = folder / "secret"
    truth.mkdir(parents=True)
    for n in range(images):
        (truth / f"{n:03d}.png").write_bytes(encode_grey_png(lip_map(n)))
    return make_benchmark(truth, folder / "benchmark", plan(**values))


def lip_map(seed: int) -> np.ndarray:
    """Return blocks of labels, some ignored."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 6, (SIZE[0] // 6, SIZE[1] // 6), np.uint8)
    labels = blocks.repeat(6, 0).repeat(6, 1)
    labels[0, :3] = 255
    return labels


def guess(seed: int, wrong: float, system: int = 0) -> np.ndarray:
    """Return a prediction of `lip_map`, wrong in a share of its pixels."""
    rng = np.random.default_rng([seed, system])
    labels = lip_map(seed)
    labels[labels == 255] = 0
    return np.where(rng.random(SIZE) < wrong, rng.integers(0, 20, SIZE), labels).astype(np.uint8)


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    """Write an archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def lip_zip(path: Path, images: int = 12, wrong: float = 0.3, system: int = 0) -> Path:
    """Write an archive for `make_lip`."""
    names = range(images)
    files = {f"{n:03d}.png": encode_grey_png(guess(n, wrong, system)) for n in names}
    return write_zip(path, files)


def make_gps(folder: Path, **values: Any) -> BenchmarkFolder:
    """Write truth in the GPS form, five images with up to four persons, and a benchmark of it."""
    truth = write_gps_folder(folder / "secret")
    metrics = ("ap_p_50", "ap_h_vol", "mean_iou")
    return make_benchmark(truth, folder / "benchmark", plan(persons=6, metrics=metrics, **values))


def gps_files(truth: Path, image_id: str) -> tuple[dict[str, Any], list[bytes]]:
    """Return the JSON and the PNGs of an image of the truth."""
    place = truth / "annotations" / image_id
    record = json.loads((place / f"{image_id}.json").read_text(encoding="utf-8"))
    count = record["n_persons"]
    names = [mask_name(image_id, count, n) for n in range(1, count + 1)]
    return record, [(place / name).read_bytes() for name in names]


def gps_zip(path: Path, truth: Path, flat: bool = False, drop: str = "") -> Path:
    """Write the truth as predictions, persons shifted a little and with scores."""
    files: dict[str, bytes] = {}
    lines = []
    for image_id in "abcde":
        record, pngs = gps_files(truth, image_id)
        for n, data in enumerate(pngs, 1):
            labels = np.roll(decode_labels(data, ""), 2 * n - 3, axis=1)
            name = mask_name(image_id, len(pngs), n)
            score = 1 / (n + len(pngs))
            record["persons"][n - 1]["score"] = score
            lines.append(f"{name.removesuffix('.png')} {score!r}\n")
            files[name if flat else f"annotations/{image_id}/{name}"] = encode_grey_png(labels)
        if not flat:
            files[f"annotations/{image_id}/{image_id}.json"] = json.dumps(record).encode()
    if flat:
        files["scores.txt"] = "".join(lines).encode()
    return write_zip(path, {name: data for name, data in files.items() if name != drop})
