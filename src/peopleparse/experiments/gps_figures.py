"""Figures 6, 7 and 8 of the GPS paper, and the failures, from runs of the table experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from peopleparse.data.gps_like import COUNTS, SceneName, StandIn
from peopleparse.data.scenes import Scene
from peopleparse.errors import InputError
from peopleparse.experiments.figure_inputs import Image
from peopleparse.experiments.figures import (
    draw_failures,
    draw_figure_6,
    draw_figure_7,
    draw_figure_8,
)
from peopleparse.experiments.gps_rows import ROWS, recipe_of
from peopleparse.experiments.runs import run_name
from peopleparse.inference.pipeline import Options
from peopleparse.models.gpsnet import GPSNet
from peopleparse.structures import ParsedPeople
from peopleparse.training.checkpoint import load_checkpoint
from peopleparse.training.loop import CHECKPOINT
from peopleparse.training.recipe import Recipe
from peopleparse.training.tasks import find_task, load_trained

FIGURES = ("6", "7", "8", "failures")


@dataclass(frozen=True, eq=False)
class Method:
    """A trained network as the figures use it.

    Attributes:
        title: what to call it; says how far a run has come that has not ended.
        model: with averaged weights.
        recipe: it was trained by.
        options: of parsing; photos are seen at the size of the recipe's last phase.
    """

    title: str
    model: nn.Module
    recipe: Recipe
    options: Options

    def parse(self, image: Image) -> ParsedPeople:
        """Parse a photo, (H, W, 3) uint8 RGB."""
        return find_task(self.recipe.model).parse(self.model, image, self.options)


def load_method(checkpoint: Path, title: str, options: Options | None = None) -> Method:
    """Return the network of a run.

    Args:
        checkpoint: the run's last.pt.
        title: what to call it.
        options: thresholds; None for the defaults.

    Raises:
        ModelError: the checkpoint is missing, broken, or not of a training run.
    """
    model, recipe = load_trained(checkpoint)
    step = int(load_checkpoint(checkpoint).get("step", recipe.steps))
    if step < recipe.steps:
        title += f" (step {step} of {recipe.steps})"
    options = replace(options or Options(), long_side=max(recipe.phases[-1].scene))
    return Method(title, model, recipe, options)


def find_checkpoint(runs: Path, row: str, subset: str, seed: int) -> Path:
    """Return where the table experiment keeps the network of a row; it need not be there."""
    return runs / "runs" / run_name(subset, row, seed, recipe_of(row, seed)) / CHECKPOINT


def load_rows(
    runs: Path,
    rows: Sequence[str],
    subset: str,
    seed: int,
    options: Options | None = None,
    data: Path = Path("DIR"),
) -> list[Method]:
    """Return the networks of rows that the table experiment left in the folder `runs`.

    Raises:
        InputError: a run is missing; the text is the command that trains what is missing.
    """
    places = {row: find_checkpoint(runs, row, subset, seed) for row in rows}
    missing = [row for row, place in places.items() if not place.is_file()]
    if missing:
        raise InputError(
            f"runs must have a checkpoint of {', '.join(rows)}, got none of {', '.join(missing)}, "
            f"at {places[missing[0]]}. Train what is missing: peopleparse experiment gps-tables "
            f"--data {data} --out {runs} --rows {','.join(missing)} --subsets {subset} "
            f"--seeds {seed}"
        )
    return [load_method(place, ROWS[row].title, options) for row, place in places.items()]


def make_test_scenes(ccp_root: Path, subset: str, numbers: Sequence[int]) -> list[Scene]:
    """Compose scenes of a stand-in test split, by their numbers from 0.

    Raises:
        InputError: the split has no scene of that number.
        DataError: Clothing Co-Parsing is not there.
    """
    last = COUNTS[subset]["test"] - 1
    for number in numbers:
        if not 0 <= number <= last:
            raise InputError(
                f"image must be from 0 to {last}, the test scenes of {subset}, got {number}. "
                "Give other numbers."
            )
    maker = StandIn(ccp_root, ("test",))
    return [maker.make(SceneName(subset, "test", number)) for number in numbers]


def draw_gps_figure(
    figure: str, methods: Sequence[Method], scenes: Sequence[Scene], persons: bool = False
) -> Image:
    """Draw one of `FIGURES`; all but figure 8 take the first method alone.

    Args:
        figure: "6", "7", "8" or "failures".
        methods: trained networks, in the order of the columns of figure 8.
        scenes: a row each.
        persons: in figure 7 show only the largest person of each scene.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        InputError: the method cannot have this figure, or there is no scene.
    """
    images = [scene.image for scene in scenes]
    truths = [scene.annotation for scene in scenes]
    first = methods[0]
    if figure == "8":
        return draw_figure_8({m.title: m.parse for m in methods}, images, truths)
    if figure == "failures":
        return draw_failures(images, truths, [first.parse(image) for image in images])
    if not isinstance(first.model, GPSNet):
        raise InputError(
            f"model must be a GPSNet for figure {figure}, got {type(first.model).__name__}. "
            "Give the run of another row."
        )
    if figure == "6":
        return draw_figure_6(first.model, images, options=first.options)
    return draw_figure_7(first.model, images, truths, persons=persons, options=first.options)
