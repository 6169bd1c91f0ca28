"""Label maps alone, as Look into Person stores and scores them: one PNG an image.

    <folder>/<id>.png, or <folder>/val_segmentations/<id>.png

Source: LIP paper; Engineering-Course/LIP_SSL test_human.py reads truth and predictions so.
"""

from __future__ import annotations

from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import FileLabels, Side
from peopleparse.errors import DataError
from peopleparse.labels import Scheme

_FOLDER = "val_segmentations"


class LipLabels(FileLabels):
    """One label map an image and no persons, in any scheme.

    Raises:
        DataError: there is no PNG.
    """

    format = "lip"

    def __init__(self, files: LabelFiles, scheme: Scheme, side: Side) -> None:
        self._names = files.files_in(_FOLDER, ".png") or files.files_in("", ".png")
        if not self._names:
            raise DataError(
                f"label maps must be PNGs <id>.png in one folder, got none, at {files.path}. "
                "Name the folder that holds them."
            )
        super().__init__(files, scheme, side, self._names)

    def names_of(self, image_id: str) -> list[str]:
        """Return the name of the image's PNG."""
        return [self._names[image_id]] if image_id in self._names else []

    def _read(self, image_id: str, faults: list[str]) -> ImageLabels | None:
        labels = self._labels(self._names[image_id], faults)
        return None if labels is None else ImageLabels(persons=None, parsing=labels)
