"""Label maps of a few pixels, logits for them, and the forms of the structure loss."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from peopleparse.labels import get_scheme

IGNORED = 255
LIP, GPS = get_scheme("lip"), get_scheme("gps")
# Labels of the nine joints, in LIP's order: one of each.
NINE = [1, 5, 9, 14, 15, 16, 17, 18, 19]
FORMS = [(m, s) for m in ("paper", "released", "soft") for s in ("centers", "heatmaps")]
every_form = pytest.mark.parametrize(("mode", "measure"), FORMS)


def dots(points: dict[int, tuple[int, int]], side: int = 41):
    """One person's map (1, side, side) with one pixel a label, at x, y."""
    parsing = torch.zeros(1, side, side, dtype=torch.int64)
    for label, (x, y) in points.items():
        parsing[0, y, x] = label
    return parsing


def sure(parsing, labels: int = 20, score: float = 100.0):
    """Logits whose arg-max is the map."""
    return functional.one_hot(parsing, labels).movedim(-1, 1).float() * score


def make_case(seed: int, persons: int = 3, grid: tuple[int, int] = (6, 5), ignored: float = 0.2):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(persons, 20, *grid, generator=generator) * 3
    truth = torch.randint(0, 20, (persons, *grid), generator=generator)
    # Few labels a person, so that joints are absent on either side.
    truth = truth.where(torch.rand(truth.shape, generator=generator) < 0.4, 0)
    truth[torch.rand(truth.shape, generator=generator) < ignored] = IGNORED
    logits[:, 0] += 4
    return logits, truth
