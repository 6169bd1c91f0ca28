"""Write persons as a COCO data set of parts: one annotation a part, linked to its person.

    <folder>/coco.json, images/<photo>

`person_id` and `attributes.person` hold the person's number. There is no `group_id`: programs
that join the annotations of a group would make one mask of a person's parts.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.convert_files import copy_photo
from peopleparse.data.convert_image import PeopleImage
from peopleparse.data.files import write_file
from peopleparse.data.rle_encode import encode_mask
from peopleparse.labels import Scheme
from peopleparse.structures import mask_box

FILE_NAME = "coco.json"
_SAID = ("occluded", "truncated")


class CocoWriter:
    """Gathers images one after the other, then writes them as one JSON."""

    def __init__(self, folder: Path, losses: Counter[str], scheme: Scheme) -> None:
        self._folder, self._losses = folder, losses
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._categories = [
            {"id": label.id, "name": label.name, "supercategory": "part"}
            for label in scheme.labels
            if label.id
        ]
        self._info = {"description": "Parts of persons", "scheme": scheme.name}

    def add(self, image: PeopleImage) -> None:
        """Add one image."""
        height, width = image.persons.shape[1:]
        number, facts = len(self._images) + 1, image.facts
        name = copy_photo(image, self._folder / "images", self._losses)
        known = {"subset": facts.subset, "split": facts.split}
        self._images.append(
            {"id": number, "file_name": name, "width": width, "height": height}
            | {"n_persons": len(image.persons)}
            | {key: value for key, value in known.items() if value is not None}
        )
        for index, person in enumerate(image.persons):
            fields = facts.persons[index] if facts.persons else {}
            said = {key: fields[key] for key in _SAID if fields.get(key) is not None}
            for label in np.flatnonzero(np.bincount(person.ravel(), minlength=256)).tolist():
                if label:
                    entry = describe_part(person == label)
                    self._annotations.append(
                        {"id": len(self._annotations) + 1, "image_id": number}
                        | {"category_id": label, **entry, "iscrowd": 0, "person_id": index + 1}
                        | {"attributes": {"person": index + 1, **said}}
                    )

    def finish(self) -> None:
        """Write the JSON."""
        data = {
            "info": self._info,
            "images": self._images,
            "categories": self._categories,
            "annotations": self._annotations,
        }
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False) + "\n"
        write_file(self._folder / FILE_NAME, text.encode())


def describe_part(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return segmentation, area and bbox (x, y, width, height) of a mask with a pixel."""
    box = mask_box(mask)
    assert box is not None
    x1, y1, x2, y2 = (int(edge) for edge in box)
    return {
        "segmentation": encode_mask(mask),
        "area": int(mask.sum()),
        "bbox": [x1, y1, x2 - x1, y2 - y1],
    }
