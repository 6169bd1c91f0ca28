"""`peopleparse train`: run a recipe, or go on with a run."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder with ccp/, backgrounds/ and backbones/.",
)
@click.option("--run", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option("--set", "settings", multiple=True, help="Change the recipe: key=value.")
@click.option(
    "--validate-every",
    default=600,
    show_default=True,
    type=click.IntRange(min=1),
    help="Steps between validations and checkpoints.",
)
@click.option(
    "--photos",
    default=109,
    show_default=True,
    type=click.IntRange(min=0),
    help="Single photos to validate on.",
)
@click.option(
    "--scenes",
    default=40,
    show_default=True,
    type=click.IntRange(min=0),
    help="Scenes of each preset to validate on.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(min=0),
    help="Processes that prepare batches.",
)
def train(
    recipe: Path,
    data: Path,
    run: Path,
    settings: tuple[str, ...],
    validate_every: int,
    photos: int,
    scenes: int,
    workers: int,
) -> None:
    """Train RECIPE; an interrupted run goes on where it stopped.

    Needs the extra: pip install peopleparse[train]
    """
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeRemainingColumn

    from peopleparse.cli.extras import need_extra

    need_extra("train", "torch", "torchvision", "scipy", "safetensors", "tensorboard")
    from peopleparse.training.loop import CHECKPOINT
    from peopleparse.training.loop import train as run_training
    from peopleparse.training.recipe import load_recipe
    from peopleparse.training.scoring import make_validator

    chosen = load_recipe(recipe, settings)
    validator = make_validator(data, photos, scenes) if photos or scenes else None
    speaks = os.environ.get("RANK", "0") == "0"  # one of the processes that torchrun starts
    checkpoint = run / CHECKPOINT
    if speaks and checkpoint.is_file():
        click.echo(f"Going on from {checkpoint}", err=True)
    columns = (
        *Progress.get_default_columns()[:3],
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}"),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not speaks) as progress:
        task = progress.add_task("training", total=chosen.steps, loss="")

        def report(step: int, values: dict[str, float]) -> None:
            progress.update(task, completed=step, loss=f"loss {values['loss']:.3f}")

        trainer = run_training(chosen, data, run, validator, validate_every, workers, report)
    if speaks:
        click.echo(f"Step {trainer.step} of {chosen.steps}. Checkpoint: {checkpoint}")
