"""Pictures of the worst images: truth, prediction and mistakes side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import read_image
from peopleparse.data.image_labels import LabelSource
from peopleparse.errors import PeopleparseError
from peopleparse.evaluation.pairs import flat_labels
from peopleparse.evaluation.report_worst import draw_worst

_SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")


def draw_images(
    truth: LabelSource,
    prediction: LabelSource,
    image_ids: Sequence[str],
    photos: str | Path | None = None,
) -> list[NDArray[np.uint8]]:
    """Draw images that were scored; where no photo is found, or it has another size, labels alone.

    Args:
        truth, prediction: what was scored.
        image_ids: which images; a missing or broken prediction is drawn as background.
        photos: folder that holds <id>.jpg or <id>.png.

    Raises:
        DataError: the truth of an image cannot be read.
    """
    found = []
    for image_id in image_ids:
        labels = flat_labels(truth.read(image_id), truth.scheme)
        predicted = np.zeros_like(labels)
        try:
            given = flat_labels(prediction.read(image_id), truth.scheme)
            predicted = given if given.shape == labels.shape else predicted
        except PeopleparseError:
            pass  # its fault is in the report
        photo = _find_photo(photos, image_id, labels.shape)
        found.append(draw_worst(labels, predicted, photo, truth.scheme, truth.scheme.ignore_id))
    return found


def _find_photo(
    photos: str | Path | None, image_id: str, size: tuple[int, ...]
) -> NDArray[np.uint8] | None:
    for suffix in _SUFFIXES if photos is not None else ():
        path = Path(str(photos)) / f"{image_id}{suffix}"
        if path.is_file():
            photo = read_image(path)
            return photo if photo.shape[:2] == size else None
    return None
