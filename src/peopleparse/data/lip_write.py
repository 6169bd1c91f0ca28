"""Write label maps as Look into Person has them: one PNG an image, for images of one person.

<folder>/<id>.png, images/<photo>, <split>_id.txt
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from peopleparse.data.convert_files import copy_photo, write_lists
from peopleparse.data.convert_image import PeopleImage
from peopleparse.data.files import write_file
from peopleparse.data.grey_png import encode_grey_png


class LipWriter:
    """Writes images of at most one person, one after the other, then the lists."""

    def __init__(self, folder: Path, losses: Counter[str]) -> None:
        self._folder, self._losses = folder, losses
        self._splits: dict[str, str | None] = {}

    def add(self, image: PeopleImage) -> None:
        """Write one image; nobody gives a map of background."""
        assert len(image.persons) <= 1
        parsing = np.asarray(image.persons.max(axis=0, initial=0))
        write_file(self._folder / f"{image.image_id}.png", encode_grey_png(parsing))
        copy_photo(image, self._folder / "images", self._losses)
        self._splits[image.image_id] = image.facts.split

    def finish(self) -> None:
        """Write the lists of ids."""
        write_lists(self._folder, "{}_id.txt", self._splits)
