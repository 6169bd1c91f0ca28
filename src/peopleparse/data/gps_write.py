"""Write converted persons in the GPS form; see peopleparse.data.gps."""

from __future__ import annotations

from pathlib import Path

from peopleparse.data.convert_image import PeopleImage
from peopleparse.data.gps import write_annotation
from peopleparse.errors import DataError
from peopleparse.structures import Annotation


class GpsWriter:
    """Writes images one after the other.

    Args:
        folder: the data set.
        subset: sub-data set of images of which none is known.
        split: split of images of which none is known.
    """

    def __init__(self, folder: Path, subset: str | None, split: str) -> None:
        self._folder, self._subset, self._split = folder, subset, split

    def add(self, image: PeopleImage) -> None:
        """Write one image.

        Raises:
            DataError: it has no photo.
            InputError: as `write_annotation`.
        """
        if image.photo is None:
            raise DataError(
                f"image must have a photo in the GPS form, got none for '{image.image_id}'. "
                "Name the folder of the photos with --images."
            )
        facts = image.facts
        write_annotation(
            self._folder,
            Annotation(image.persons, image.scheme, image.image_id),
            image.photo,
            facts.subset or self._subset,
            facts.split or self._split,
            extra=facts.extra,
            persons=facts.persons or None,
        )

    def finish(self) -> None:
        """Nothing is left to write."""
