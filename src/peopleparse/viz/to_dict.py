"""A result as plain values for JSON."""

from __future__ import annotations

from typing import Any

from peopleparse.labels import Label
from peopleparse.structures import ParsedPeople, Person
from peopleparse.viz.part_runs import EncodedMask, encode_parts


def result_to_dict(result: ParsedPeople) -> dict[str, Any]:
    """Return a result as plain values: size, scheme, labels, people and their parts.

    `size` is [H, W]; boxes are x1, y1, x2, y2 in image pixels; `rle` is COCO's compressed form,
    from which the maps can be rebuilt exactly, save for pixels that are marked to be ignored.
    """
    return {
        "source": result.source,
        "size": list(result.size),
        "scheme": result.scheme.name,
        "labels": [
            {"id": label.id, "name": label.name, "color": list(label.color)}
            for label in result.scheme.labels
        ],
        "people": [_person_to_dict(person, parts) for person, parts in encode_parts(result)],
    }


def _person_to_dict(person: Person, parts: list[tuple[Label, EncodedMask]]) -> dict[str, Any]:
    face = person.face_box
    return {
        "index": person.index,
        "score": person.score,
        "box": [float(v) for v in person.box],
        "face_box": None if face is None else [float(v) for v in face],
        "parts": [
            {
                "name": label.name,
                "label_id": label.id,
                "area": mask.area,
                "box": mask.box,
                "rle": mask.rle,
            }
            for label, mask in parts
        ],
    }
