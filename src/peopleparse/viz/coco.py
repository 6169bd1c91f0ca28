"""A result in COCO form: one annotation a part, linked to its person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peopleparse.structures import ParsedPeople
from peopleparse.viz.part_runs import EncodedMask, encode_parts, encode_people
from peopleparse.viz.rle import encode_rle

__all__ = ["encode_rle", "result_to_coco"]


def result_to_coco(result: ParsedPeople, image_id: int = 1) -> dict[str, Any]:
    """Return a result as a COCO data set of one image.

    A part is an annotation of its label's category; a whole person is one of the category
    "person" (its id is the first after the labels'). `attributes.person` and `group_id` hold the
    person's number in both. Annotation ids count from 1; `score` is the person's.

    Args:
        result: what to write.
        image_id: id of the image.
    """
    scheme, (height, width) = result.scheme, result.size
    person_id = scheme.num_ids
    categories = [
        {"id": label.id, "name": label.name, "supercategory": "part"}
        for label in scheme.labels
        if label.id
    ]
    categories.append({"id": person_id, "name": "person", "supercategory": "person"})
    annotations: list[dict[str, Any]] = []
    whole = encode_people(result)
    for person, parts in encode_parts(result):
        found = [(person_id, whole[person.index])]
        found += [(label.id, mask) for label, mask in parts]
        for category_id, mask in found:
            entry = {
                "id": len(annotations) + 1,
                "image_id": image_id,
                "category_id": category_id,
                **_shape(mask),
                "iscrowd": 0,
                "score": person.score,
                "group_id": person.index,
                "attributes": {"person": person.index},
            }
            annotations.append(entry)
    name = Path(result.source).name if result.source else ""
    image = {"id": image_id, "file_name": name, "height": height, "width": width}
    return {"images": [image], "categories": categories, "annotations": annotations}


def _shape(mask: EncodedMask) -> dict[str, Any]:
    x1, y1, x2, y2 = mask.box
    return {"segmentation": mask.rle, "area": mask.area, "bbox": [x1, y1, x2 - x1, y2 - y1]}
