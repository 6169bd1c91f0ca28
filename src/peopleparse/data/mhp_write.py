"""Write persons as Multi-Human Parsing has them: one PNG a person.

version 1   annotations/<id>_<NN>_<KK>.png, images/<photo>, <split>_list.txt
version 2   parsing_annos/<id>_<NN>_<KK>.png, images/<photo>, list/<split>.txt
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from peopleparse.data.convert_files import copy_photo, write_lists
from peopleparse.data.convert_image import PeopleImage
from peopleparse.data.files import write_file
from peopleparse.data.gps import mask_name
from peopleparse.data.grey_png import encode_grey_png

_FOLDERS = {1: "annotations", 2: "parsing_annos"}
_LISTS = {1: "{}_list.txt", 2: "list/{}.txt"}


class MhpWriter:
    """Writes images of at least one person, one after the other, then the lists."""

    def __init__(self, folder: Path, losses: Counter[str], version: int) -> None:
        self._folder, self._losses, self._version = folder, losses, version
        self._splits: dict[str, str | None] = {}

    def add(self, image: PeopleImage) -> None:
        """Write one image."""
        assert len(image.persons)
        inner = self._folder / _FOLDERS[self._version]
        for number, person in enumerate(image.persons, 1):
            name = mask_name(image.image_id, len(image.persons), number)
            write_file(inner / name, encode_grey_png(person))
        copy_photo(image, self._folder / "images", self._losses)
        self._splits[image.image_id] = image.facts.split

    def finish(self) -> None:
        """Write the lists of ids."""
        write_lists(self._folder, _LISTS[self._version], self._splits)
