"""`peopleparse train`: run a recipe, or fine-tune a network on one's own photos."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress

_OF_RECIPE = ("recipe", "run", "validate_every", "photos", "scenes")
_OF_FINETUNE = ("out", "steps", "val_share", "report")


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path), required=False, metavar="RECIPE")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder with ccp/, backgrounds/ and backbones/; with --finetune a GPS folder.",
)
@click.option("--run", type=click.Path(path_type=Path), help="Folder of the run.")
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
@click.option("--finetune", help="Network to fine-tune, in place of RECIPE: base, name or folder.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the fine-tuned network.")
@click.option("--steps", default=150, show_default=True, type=click.IntRange(min=1))
@click.option("--val-share", default=0.2, show_default=True, help="Share of photos to score on.")
@click.option("--report", type=click.Path(path_type=Path), help="JSON of the scores to write.")
@click.pass_context
def train(
    context: click.Context,
    recipe: Path | None,
    data: Path,
    run: Path | None,
    settings: tuple[str, ...],
    validate_every: int,
    photos: int,
    scenes: int,
    workers: int,
    finetune: str | None,
    out: Path | None,
    steps: int,
    val_share: float,
    report: Path | None,
) -> None:
    r"""Train RECIPE, or fine-tune a network on a GPS folder; an interrupted run goes on.

    \b
    peopleparse train RECIPE --data DATA --run RUN
    peopleparse train --finetune base --data MY_GPS_FOLDER --out MY_MODEL

    Needs the extra: pip install peopleparse[train]
    """
    from peopleparse.cli.extras import need_extra

    _check_words(context, finetune)
    need_extra("train", "torch", "torchvision", "scipy", "safetensors", "tensorboard")
    if finetune is not None:
        assert out is not None
        need_extra("train", "onnx")
        _finetune(context, data, out, finetune, steps, val_share, settings, workers, report)
    else:
        assert recipe is not None and run is not None
        _train(recipe, data, run, settings, validate_every, photos, scenes, workers)


def _check_words(context: click.Context, finetune: str | None) -> None:
    """Check that what only RECIPE takes does not stand beside --finetune, and the other way."""
    plain = finetune is None
    needed, foreign = (("recipe", "run"), _OF_FINETUNE) if plain else (("out",), _OF_RECIPE)
    parameters = {parameter.name: parameter for parameter in context.command.params}
    for name in foreign:
        source = context.get_parameter_source(name)
        if source is not click.core.ParameterSource.DEFAULT and context.params[name] is not None:
            place = "without" if plain else "beside"
            hint = parameters[name].get_error_hint(context)
            raise click.UsageError(f"{hint} must not stand {place} --finetune.", context)
    for name in needed:
        if context.params[name] is None:
            raise click.MissingParameter(ctx=context, param=parameters[name])


def _make_progress(speaks: bool = True) -> Progress:
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeRemainingColumn

    columns = (
        *Progress.get_default_columns()[:3],
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}"),
    )
    return Progress(*columns, console=Console(stderr=True), disable=not speaks)


def _train(
    recipe: Path,
    data: Path,
    run: Path,
    settings: tuple[str, ...],
    validate_every: int,
    photos: int,
    scenes: int,
    workers: int,
) -> None:
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
    with _make_progress(speaks) as progress:
        task = progress.add_task("training", total=chosen.steps, loss="")

        def report(step: int, values: dict[str, float]) -> None:
            progress.update(task, completed=step, loss=f"loss {values['loss']:.3f}")

        trainer = run_training(chosen, data, run, validator, validate_every, workers, report)
    if speaks:
        click.echo(f"Step {trainer.step} of {chosen.steps}. Checkpoint: {checkpoint}")


def _finetune(
    context: click.Context,
    data: Path,
    out: Path,
    start: str,
    steps: int,
    val_share: float,
    settings: tuple[str, ...],
    workers: int,
    report: Path | None,
) -> None:
    import json
    import platform

    import peopleparse
    from peopleparse.data.files import write_file
    from peopleparse.training.finetune import finetune

    try:
        with _make_progress() as progress:
            task = progress.add_task("fine-tuning", total=None, loss="scoring the start")

            def show(step: int, values: dict[str, float]) -> None:
                loss = f"loss {values['loss']:.3f}"
                progress.update(task, total=steps, completed=step, loss=loss)

            done = finetune(data, out, start, steps, val_share, settings, workers, show)
    except KeyboardInterrupt as stop:
        again = "Stopped before the first step. Start the same command again."
        click.echo(str(stop) or again, err=True)
        context.exit(130)
    click.echo(done)
    if report:
        facts = {
            "command": f"peopleparse train --finetune {start} --steps {steps} "
            f"--val-share {val_share}" + "".join(f" --set {setting}" for setting in settings),
            "peopleparse": peopleparse.__version__,
            "machine": {"processor": platform.machine(), "python": platform.python_version()},
        }
        text = json.dumps(facts | done.to_dict(), indent=2) + "\n"
        write_file(report, text.encode())
