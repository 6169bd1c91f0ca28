"""Label maps alone, as Look into Person stores and scores them: one PNG an image.

    <folder>/<id>.png, or <folder>/val_segmentations/<id>.png

and the whole data set (`LIP`, format lip-trainval), whose test images have no annotation:

    TrainVal_images/train_images/<id>.jpg, TrainVal_images/val_images/<id>.jpg
    TrainVal_parsing_annotations/train_segmentations/<id>.png, val_segmentations/<id>.png
    Testing_images/testing_images/<id>.jpg
    train_id.txt, val_id.txt (in TrainVal_images), test_id.txt (in Testing_images)

Source: LIP paper; Engineering-Course/LIP_SSL test_human.py reads truth and predictions so.
"""

from __future__ import annotations

from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import FileLabels, Side
from peopleparse.data.map_labels import Layout
from peopleparse.errors import DataError
from peopleparse.labels import Scheme

_FOLDER = "val_segmentations"

LIP = Layout(
    format="lip-trainval",
    title="LIP",
    maps=("train_segmentations", _FOLDER),
    photos=("train_images", "val_images", "testing_images", "test_images"),
    lists={split: (f"{split}_id.txt",) for split in ("train", "val", "test")},
    counts={"train": 30_462, "val": 10_000, "test": 10_000},
    total=40_462,
    bare=("test",),
)


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
