"""Statistics of small data sets, as the figures and tables take them."""

from __future__ import annotations

from typing import Any

import numpy as np

from peopleparse.data.image_facts import facts_of_labels
from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.statistics import Statistics
from peopleparse.labels import get_scheme
from tests.data.label_folders import make_scenes


def make_set(
    name: str, counts: tuple[int, ...] = (2, 3), scheme: str = "gps", persons: bool = True
) -> dict[str, Any]:
    labels = get_scheme(scheme)
    found = Statistics.empty(labels)
    for scene in make_scenes(19, counts).values():
        maps = ImageLabels(scene.persons if persons else None, parsing=scene.parsing)
        found.add_image(facts_of_labels(maps, labels))
    return {"name": name} | found.to_dict()


def make_hand_set() -> dict[str, Any]:
    """Two persons of 40 x 100 and 40 x 50 pixels in 200 x 100, a third of whom overlap."""
    persons = np.zeros((2, 100, 200), np.uint8)
    persons[0, :, :40] = 2
    persons[1, :50, 20:60] = 4
    found = Statistics.empty(get_scheme("gps"))
    found.add_image(facts_of_labels(ImageLabels(persons), get_scheme("gps")))
    found.add_image(facts_of_labels(ImageLabels(persons[:1]), get_scheme("gps")))
    return {"name": "hand"} | found.to_dict()
