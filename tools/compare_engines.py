"""What BF16 and INT8 cost: part maps and scores of each engine against ONNX Runtime in f32.

    python tools/compare_engines.py quantize DATA FOLDER       # INT8, calibrated on people to train
    python tools/compare_engines.py score DATA --int8 FOLDER   # hours on all photos and scenes
    python tools/compare_engines.py score DATA --photos 40 --scenes 10
    python tools/compare_engines.py write-docs

`score` writes benchmarks/results/engines_accuracy.json and may be stopped: photos and scenes are
done in shares, a finished share is kept beside the result until the end and not done again.
`write-docs` writes the table of docs/engines.md from it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness import describe_machine
from peopleparse.data.files import write_file
from peopleparse.inference.engine import Engine
from peopleparse.inference.engines import build_engine
from peopleparse.inference.exported import DEFAULT_MODEL, as_passport
from peopleparse.inference.pipeline import parse_image
from peopleparse.inference.quantize import quantize_model
from peopleparse.structures import ParsedPeople
from peopleparse.training.validate import Scores, ValidationSet, flat_scores, validate_parse

REPO = Path(__file__).resolve().parent.parent
OUT = REPO / "benchmarks" / "results" / "engines_accuracy.json"
PAGE = REPO / "docs" / "engines.md"
BEGIN, END = "<!-- engines_accuracy:begin -->", "<!-- engines_accuracy:end -->"
REFERENCE = "onnxruntime f32"
SHARE = 20  # photos, and scenes of each preset, between two savings
TOLERATED = 0.005  # lost by what is on without being asked for
# Scenes to calibrate with are none of those that anything is scored on.
CALIBRATION_SEED = 50_000
COLUMNS = {
    "val/photo_iou": "photo part IoU",
    "val/outdoor_strict": "outdoor AP, strict",
    "val/outdoor_literal": "outdoor AP, literal",
    "val/indoor_strict": "indoor AP, strict",
    "val/indoor_literal": "indoor AP, literal",
    "val/outdoor_mask_ap": "outdoor mask AP",
}


@dataclass
class Compared:
    """What one engine did on a share: its scores, and its pixels beside the reference's."""

    scores: Scores
    same: int
    pixels: int

    def merge(self, other: Compared) -> None:
        """Add another share."""
        self.scores.merge(other.scores)
        self.same, self.pixels = self.same + other.same, self.pixels + other.pixels


def build_engines(model: str, int8: Path | None, threads: int) -> dict[str, Engine]:
    """Return every engine that can be had here, the reference first."""
    from peopleparse.inference.openvino_engine import has_bf16

    wanted = [("onnxruntime", model, "f32"), ("openvino", model, "f32")]
    if has_bf16():
        wanted.append(("openvino", model, "bf16"))
    if int8:
        wanted += [(name, str(int8), "int8") for name in ("onnxruntime", "openvino")]
    return {
        f"{name} {precision}": build_engine(name, source, threads, precision)
        for name, source, precision in wanted
    }


def compare_share(
    engines: Mapping[str, Engine], found: ValidationSet, share: slice
) -> dict[str, Compared]:
    """Score every engine on a share and count pixels with the same part as the first one's."""
    compared, reference = {}, list[np.ndarray]()
    for name, engine in engines.items():
        maps: list[np.ndarray] = []

        def parse(image: np.ndarray, engine: Engine = engine, maps: Any = maps) -> ParsedPeople:
            people = parse_image(engine, image)
            maps.append(people.parsing)
            return people

        scores = validate_parse(parse, found, share=share)
        reference = reference or maps
        same = sum(int((a == b).sum()) for a, b in zip(reference, maps, strict=True))
        compared[name] = Compared(scores, same, sum(parsing.size for parsing in maps))
    return compared


def compare(
    engines: Mapping[str, Engine], found: ValidationSet, parts: Path
) -> dict[str, Compared]:
    """Score every engine on everything; shares that lie in `parts` are taken from there."""
    total: dict[str, Compared] = {}
    last = max(len(found.portraits), found.scenes)
    for first in range(0, last, SHARE):
        path = parts / f"{first:06d}.pickle"
        if path.is_file():
            share = pickle.loads(path.read_bytes())
        else:
            share = compare_share(engines, found, slice(first, first + SHARE))
            write_file(path, pickle.dumps(share))
        for name, compared in share.items():
            if name in total:
                total[name].merge(compared)
            else:
                total[name] = compared
        print(f"{min(first + SHARE, last)} of {last}", flush=True)
    return total


def make_report(
    engines: Mapping[str, Engine], total: Mapping[str, Compared], found: ValidationSet
) -> dict[str, Any]:
    """Return scores, and differences to the reference, of each engine."""
    flat = {name: flat_scores(compared.scores.to_dict()) for name, compared in total.items()}
    return {
        "seed": found.seed,
        "photos": len(found.portraits),
        "scenes_of_each_preset": found.scenes,
        "sha256": {
            "photos": total[REFERENCE].scores.to_dict()["photos"]["sha256"],
            **{k: s.to_dict()["sha256"] for k, s in total[REFERENCE].scores.presets.items()},
        },
        "engines": {
            name: {
                "description": engine.description,
                "weights": dict(engine.passport.sha256),
                "quantised": engine.passport.fields.get("quantised"),
                "same_part": total[name].same / max(total[name].pixels, 1),
                "scores": flat[name],
                "difference": {k: v - flat[REFERENCE][k] for k, v in flat[name].items()},
            }
            for name, engine in engines.items()
        },
    }


def table_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the Markdown of docs/engines.md."""
    if report["subset"]:
        yield "**A part of the photos and scenes only: differences of a point are chance.**"
        yield ""
    columns = {k: t for k, t in COLUMNS.items() if k in report["engines"][REFERENCE]["scores"]}
    yield f"| engine | pixels with the same part | {' | '.join(columns.values())} |"
    yield "|---" * (len(columns) + 2) + "|"
    for name, entry in report["engines"].items():
        kind = "scores" if name == REFERENCE else "difference"
        sign = "" if name == REFERENCE else "+"
        cells = [f"{100 * entry[kind][key]:{sign}.2f}" for key in columns]
        yield f"| {name} | {entry['same_part']:.2%} | {' | '.join(cells)} |"
    yield ""
    yield "* First row: scores in per cent; other rows: points more or less than it."
    yield f"* {_size(report)}"
    for name, entry in report["engines"].items():
        if name == REFERENCE:
            continue
        worst = min((entry["difference"][key], title) for key, title in columns.items())
        met = "within" if worst[0] >= -TOLERATED else "**more than**"
        yield (
            f"* {name}: worst column {100 * worst[0]:+.2f} ({worst[1]}), {met} the "
            f"{100 * TOLERATED:.1f} points that may be lost."
        )
    libraries = sorted({e["description"].split(",")[0] for e in report["engines"].values()})
    where = f"{report['machine']['cpu']}, Python {report['machine']['python']}"
    yield f"* {', '.join(libraries)}; {where}, {report['written']}."
    hashes = report["engines"][REFERENCE]["weights"]
    yield "* " + ", ".join(f"`{name}` sha256 `{h[:16]}`" for name, h in hashes.items()) + "."


def _size(report: Mapping[str, Any]) -> str:
    return (
        f"{report['photos']} photos and {report['scenes_of_each_preset']} scenes of each preset, "
        f"seed {report['seed']}, of people that were never trained on."
    )


def fill(page: str, lines: Iterator[str]) -> str:
    """Return a page with the table between its markers."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.S)
    if len(pattern.findall(page)) != 1:
        raise SystemExit(f"page must hold '{BEGIN}' and '{END}' once, got another number.")
    return pattern.sub("\n".join([BEGIN, *lines, END]).replace("\\", r"\\"), page)


def calibration_photos(data: Path, count: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield hash and image: a third photos, two thirds scenes, all of people to train with."""
    found = ValidationSet.read(data, None, 0, "train")
    for index in range(count):
        kind, number = index % 3, index // 3
        if kind == 0:
            image = found.portraits[number % len(found.portraits)].image
        else:
            preset = ("outdoor", "indoor")[kind - 1]
            image = found.make_scene(preset, CALIBRATION_SEED + number).image
        yield hashlib.sha256(image.tobytes()).hexdigest(), image


def score(options: argparse.Namespace) -> None:
    """Compare and write the result."""
    engines = build_engines(options.model, options.int8, options.threads)
    found = ValidationSet.read(options.data, options.photos, options.scenes)
    identity = {n: [e.precision, dict(e.passport.sha256)] for n, e in engines.items()}
    key = json.dumps([identity, found.scenes, len(found.portraits)], sort_keys=True)
    parts = options.out.with_name(
        f".{options.out.stem}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    )
    total = compare(engines, found, parts)
    everyone = len(ValidationSet.read(options.data, None, 0).portraits)
    report = {
        "command": f"python tools/compare_engines.py score DATA --photos {len(found.portraits)} "
        f"--scenes {found.scenes}" + (" --int8 FOLDER" if options.int8 else ""),
        "written": time.strftime("%Y-%m-%d"),
        "subset": len(found.portraits) < everyone or found.scenes < 300,
        "machine": describe_machine(),
        **make_report(engines, total, found),
    }
    write_file(options.out, (json.dumps(report, indent=2) + "\n").encode())
    shutil.rmtree(parts, ignore_errors=True)
    print("\n".join(table_lines(report)))


def main() -> None:
    """Run one of the three commands."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("quantize")
    make.add_argument("data", type=Path)
    make.add_argument("folder", type=Path)
    make.add_argument("--count", type=int, default=300)
    run = commands.add_parser("score")
    run.add_argument("data", type=Path)
    run.add_argument("--int8", type=Path, help="folder of the quantised network")
    run.add_argument("--photos", type=int, help="single photos; all where not given")
    run.add_argument("--scenes", type=int, default=300, help="of each preset")
    run.add_argument("--threads", type=int, default=1)
    run.add_argument("--out", type=Path, default=OUT)
    for command in (make, run):
        command.add_argument("--model", default=DEFAULT_MODEL)
    commands.add_parser("write-docs")
    options = parser.parse_args()
    if options.command == "quantize":
        photos = calibration_photos(options.data, options.count)
        print(quantize_model(as_passport(options.model), photos, options.folder))
    elif options.command == "score":
        score(options)
    else:
        report = json.loads(OUT.read_text(encoding="utf-8"))
        write_file(PAGE, fill(PAGE.read_text(encoding="utf-8"), table_lines(report)).encode())


if __name__ == "__main__":
    main()
