"""`peopleparse validate`: score a network on the validation people."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from peopleparse.cli.engines import build_any_engine
from peopleparse.cli.parse_options import ENGINES, PRECISIONS
from peopleparse.cli.views import view_options, view_words


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder with ccp/ and backgrounds/.",
)
@click.option("--model", default="gpsnet_mobilenet_v2", show_default=True, help="Name or folder.")
@click.option(
    "--engine", default="onnxruntime", show_default=True, type=click.Choice(ENGINES),
    help="What runs the network.",
)  # fmt: skip
@click.option(
    "--precision", default="auto", show_default=True, type=click.Choice(PRECISIONS),
    help="Numbers that the engine calculates with.",
)  # fmt: skip
@click.option("--detail", default="normal", show_default=True, help="fast, normal or fine.")
@click.option("--threshold", default=0.2, show_default=True, help="Lowest score of a person.")
@view_options
@click.option(
    "--photos",
    default=None,
    type=click.IntRange(min=0),
    help="Single photos; all where not given.",
)
@click.option(
    "--scenes",
    default=300,
    show_default=True,
    type=click.IntRange(min=0),
    help="Scenes of each preset.",
)
@click.option(
    "--split",
    default="val",
    show_default=True,
    type=click.Choice(["val", "train"]),
    help="People to score on; choose settings on train, report val.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON file to write.")
def validate(
    data: Path,
    model: str,
    engine: str,
    precision: str,
    detail: str,
    threshold: float,
    scales: tuple[float, ...],
    flip: bool,
    photos: int | None,
    scenes: int,
    split: str,
    out: Path,
) -> None:
    """Score a network on the validation people and write a JSON with seed and hashes.

    Needs the extra: pip install peopleparse[train]
    """
    from rich.console import Console
    from rich.progress import track

    import peopleparse
    from peopleparse.cli.extras import need_extra

    need_extra("train", "scipy")
    from peopleparse.data.files import write_file
    from peopleparse.inference.exported import as_passport
    from peopleparse.inference.pipeline import Options
    from peopleparse.training.validate import ValidationSet, flat_scores
    from peopleparse.training.validate import validate as score

    built = build_any_engine(engine, model, precision=precision)
    passport = getattr(built, "passport", None) or as_passport(model)  # torch has none
    options = Options(detail=detail, threshold=threshold, scales=scales, flip=flip)
    found = ValidationSet.read(data, photos, scenes, split)

    def show(items: Iterable[Any]) -> Iterable[Any]:
        return track(items, "scoring", transient=True, console=Console(stderr=True))

    started = time.time()
    scores = score(built, found, options, show).to_dict()
    report = {
        "command": f"peopleparse validate --model {built.name} --detail {detail} "
        f"--threshold {threshold} --scenes {scenes} --split {split}"
        + (f" --photos {photos}" if photos is not None else "")
        + (f" --engine {engine} --precision {precision}" if engine != "onnxruntime" else "")
        + view_words(scales, flip),
        "engine": built.description,
        "peopleparse": peopleparse.__version__,
        "weights": dict(passport.sha256),
        "machine": {"processor": platform.machine(), "python": platform.python_version()},
        "seconds": round(time.time() - started, 1),
        **scores,
    }
    for name, value in flat_scores(scores).items():
        click.echo(f"{name:32} {value:.4f}")
    write_file(out, (json.dumps(report, indent=2) + "\n").encode())
