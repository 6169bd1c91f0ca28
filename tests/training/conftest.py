"""A data folder of drawn people and the smallest recipe that goes through every branch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.datasets import write_ccp_folder

PARSED = 10  # ids 0001 to 0010: two of them, 0004 and 0008, are for validation


def write_training_data(root: Path) -> Path:
    """Write ccp/ and backgrounds/ and return their folder."""
    write_ccp_folder(root / "ccp", parsed=PARSED, tagged=0)
    folder, rng = root / "backgrounds", np.random.default_rng(1)
    folder.mkdir()
    for number in range(4):
        coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
        photo = Image.fromarray(coarse).resize((120, 90), Image.Resampling.BILINEAR)
        photo.save(folder / f"{number:03d}.jpg")
    return root


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_training_data(tmp_path_factory.mktemp("training"))


def tiny_recipe(**changes):
    """Return a recipe whose step takes a fraction of a second."""
    from peopleparse.training.recipe import Phase, Recipe

    values = {
        "backbone": "",
        "steps": 4,
        "batch": 2,
        "warmup": 2,
        "rois": 2,
        "photo_every": 2,
        "phases": (Phase(1.0, (64, 64), (64, 64)),),
        "bfloat16": False,
    }
    return Recipe(**(values | changes))
