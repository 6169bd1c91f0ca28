"""`peopleparse export`: a trained run as a network for inference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", default=None, help="Name of the network; the recipe's model by default.")
@click.option(
    "--passport", type=click.Path(path_type=Path), help="JSON with data, licence, scores."
)
def export(checkpoint: Path, folder: Path, name: str | None, passport: Path | None) -> None:
    """Write the averaged weights of CHECKPOINT as ONNX with a passport into FOLDER.

    Needs the extra: pip install peopleparse[train]
    """
    from peopleparse.cli.extras import need_extra

    need_extra("train", "torch", "torchvision", "onnx")
    from peopleparse.training.export import export_model, load_average

    fields = _read_fields(passport) if passport else {}
    model, about = load_average(checkpoint)
    click.echo(export_model(model, folder, name or about["recipe"]["model"], fields | about))


def _read_fields(passport: Path) -> dict[str, Any]:
    from peopleparse.errors import InputError

    try:
        fields = json.loads(passport.read_text(encoding="utf-8"))
        if not isinstance(fields, dict):
            raise ValueError(f"a {type(fields).__name__}")
    except (OSError, ValueError) as error:
        raise InputError(
            f"passport must be a JSON file with an object, got {error}, at {passport}. "
            "Mend it or leave it out."
        ) from error
    return fields
