"""`peopleparse export`: a trained run as a network for inference."""

from __future__ import annotations

import json
from pathlib import Path

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
    from peopleparse.errors import InputError

    need_extra("train", "torch", "torchvision", "onnx")
    from peopleparse.models.build import build_model
    from peopleparse.training.checkpoint import load_checkpoint
    from peopleparse.training.export import export_model

    state = load_checkpoint(checkpoint)
    recipe = json.loads(state["recipe"])
    model = build_model(recipe["model"], adjust=recipe["adjust"], fuse=recipe["fuse"])
    model.load_state_dict(state["average"])
    fields: dict[str, object] = {}
    if passport is not None:
        try:
            fields = json.loads(passport.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"passport must be a JSON file, got {error}, at {passport}. Mend or leave it out."
            ) from error
    fields |= {"recipe": recipe, "step": state["step"]}
    click.echo(export_model(model, folder, name or recipe["model"], fields))
