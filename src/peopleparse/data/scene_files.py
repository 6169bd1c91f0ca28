"""Composed scenes on disk: the GPS form, with what is known of each person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from peopleparse.data.gps import write_annotation
from peopleparse.data.scenes import Scene


def write_scene(
    folder: Path, scene: Scene, image_id: str, subset: str, split: str, about: Mapping[str, Any]
) -> int:
    """Write a scene into a GPS folder and return its number of persons.

    Args:
        folder: the data set.
        scene: picture and truth.
        image_id: name of the image.
        subset: "indoor" or "outdoor".
        split: written into the record.
        about: how the scene was made, for the field `scene` of the record.
    """
    annotation = replace(scene.annotation, image_id=image_id)
    facts = zip(scene.photo_ids, scene.truncated, scene.occluded, strict=True)
    persons = [{"photo_id": i, "truncated": cut, "occluded": hid} for i, cut, hid in facts]
    extra = {"scene": dict(about)}
    write_annotation(folder, annotation, scene.image, subset, split, extra, persons)
    return len(annotation)
