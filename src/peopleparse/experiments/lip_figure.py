"""Figure 2 of the LIP paper: people whose left and right structure learning put right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from peopleparse.data.people import read_portraits
from peopleparse.errors import InputError
from peopleparse.experiments.lip_rows import ALL_ROWS, SUBSET, plain_row, recipe_of
from peopleparse.experiments.packed_people import pack_people
from peopleparse.experiments.runs import run_name
from peopleparse.experiments.stress import Views, plain_views, stress_views
from peopleparse.labels import get_scheme
from peopleparse.metrics.left_right import count_swapped
from peopleparse.training.loop import CHECKPOINT
from peopleparse.training.parser_task import predict_labels
from peopleparse.training.tasks import load_trained
from peopleparse.viz.panels import Panel, draw_panels, fit_panel, frame, paint_parts, parts_key

FEWEST = 20  # pixels of a view that must be repaired for it to be shown
_WIDTH = 220
_TOGETHER = 8


@dataclass(frozen=True, eq=False)
class Repair:
    """One view, parsed without and with structure learning.

    Attributes:
        name: photo, kind and number of the view.
        image, truth: of the view.
        without, with_it: label ids that were found.
        swapped: truth pixels that were taken for the other side, without and with it.
    """

    name: str
    image: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    without: NDArray[np.uint8]
    with_it: NDArray[np.uint8]
    swapped: tuple[int, int]

    @property
    def repaired(self) -> int:
        """Pixels by which fewer are taken for the other side; below 0 where more are."""
        return self.swapped[0] - self.swapped[1]


def load_pair(runs: Path, row: str, seed: int, data: Path) -> tuple[nn.Module, nn.Module]:
    """Return the networks of a row without and with structure learning, from `lip-tables`' runs.

    Raises:
        InputError: the row has no structure learning, or a run is missing; the text is then the
            command that trains what is missing.
    """
    if ALL_ROWS[row].structure is None:
        raise InputError(
            f"row must be one with structure learning, got '{row}'. Take '{row}_ssl': the row "
            "without is drawn beside it."
        )
    names = (plain_row(row), row)
    places = {
        name: runs / "runs" / run_name(SUBSET, name, seed, recipe_of(name, seed)) / CHECKPOINT
        for name in names
    }
    missing = [name for name, place in places.items() if not place.is_file()]
    if missing:
        raise InputError(
            f"runs must have a checkpoint of {' and '.join(names)}, got none of "
            f"{', '.join(missing)}, at {places[missing[0]]}. Train what is missing: peopleparse "
            f"experiment lip-tables --data {data} --out {runs} --rows {','.join(missing)} "
            f"--seeds {seed}"
        )
    without, with_it = (load_trained(place)[0] for place in places.values())
    return without, with_it


def read_views(data: Path, runs: Path, stress: bool) -> dict[str, Views]:
    """Return the plain views of the people that are scored, or their stress set."""
    people = pack_people(lambda: read_portraits(data / "ccp", SUBSET), runs / "people", SUBSET)
    return stress_views(people) if stress else {"plain": plain_views(people)}


def compare(without: Any, with_it: Any, views: Mapping[str, Views]) -> list[Repair]:
    """Return every view parsed by both networks, the most repaired pixels first."""
    gps, found = get_scheme("gps"), []
    for some in views.values():
        for first in range(0, len(some), _TOGETHER):
            images = np.stack(some.images[first : first + _TOGETHER])
            both = predict_labels(without, images), predict_labels(with_it, images)
            for n, image in enumerate(images):
                truth, old, new = some.parsings[first + n], both[0][n], both[1][n]
                swapped = (count_swapped(truth, old, gps), count_swapped(truth, new, gps))
                found.append(Repair(some.names[first + n], image, truth, old, new, swapped))
    return sorted(found, key=lambda repair: (-repair.repaired, repair.name))


def choose(found: list[Repair], count: int) -> list[Repair]:
    """Return the best repaired views, one a photo; those with `FEWEST` pixels repaired at least."""
    chosen: dict[str, Repair] = {}
    for repair in found:
        if repair.repaired >= FEWEST:
            chosen.setdefault(repair.name.split(" ")[0], repair)
    return list(chosen.values())[:count]


def summarise(found: list[Repair]) -> str:
    """Return how many views were repaired, and how many were made worse."""
    better = sum(repair.repaired >= FEWEST for repair in found)
    worse = sum(repair.repaired <= -FEWEST for repair in found)
    return (
        f"Of {len(found)} views {better} have {FEWEST} or more pixels fewer taken for the other "
        f"side, {worse} as many more."
    )


def draw_repairs(chosen: list[Repair], footer: str) -> NDArray[np.uint8]:
    """Draw photo, truth, and what was found without and with structure learning, a row a view.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        InputError: there is no view.
    """
    gps, rows = get_scheme("gps"), []
    shown: list[NDArray[np.uint8]] = []
    for repair in chosen:
        maps = (repair.truth, repair.without, repair.with_it)
        notes = (repair.name, *(f"{count} pixels swapped" for count in repair.swapped))
        photo = Panel(frame(fit_panel(repair.image, _WIDTH).copy()))
        painted = [paint_parts(labels, gps, None, _WIDTH) for labels in maps]
        rows.append([photo, *(Panel(p, note) for p, note in zip(painted, notes, strict=True))])
        shown.extend(maps)
    columns = ("image", "truth", "without SSL", "with SSL")
    return draw_panels(rows, columns, [parts_key(shown, gps)], footer, _WIDTH)
