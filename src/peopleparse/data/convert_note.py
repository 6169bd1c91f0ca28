"""The note beside converted labels: their scheme, and what the format itself cannot say.

    <folder>/conversion/note.json

With it a folder that came from the GPS form goes back without loss of what is not in the pixels:
sub-data set, split, and the fields of each person. Other programs pass it over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peopleparse.data.convert_image import Facts
from peopleparse.data.files import write_file
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import parse_json
from peopleparse.errors import DataError

NOTE = "conversion/note.json"
_SCHEMA = "peopleparse-conversion/1"


@dataclass(frozen=True)
class ConversionNote:
    """What a note says.

    Attributes:
        format: the format that was written.
        scheme: name of the labels of the maps.
        facts: what is known of each image.
    """

    format: str
    scheme: str
    facts: Mapping[str, Facts] = field(default_factory=dict)


def write_note(folder: Path, note: ConversionNote, losses: Mapping[str, int]) -> Path:
    """Write the note of a converted folder.

    Raises:
        InputError: the place cannot be written.
    """
    images = {
        image_id: {
            "subset": facts.subset,
            "split": facts.split,
            "persons": [dict(person) for person in facts.persons],
            "extra": dict(facts.extra),
        }
        for image_id, facts in note.facts.items()
    }
    data = {
        "schema": _SCHEMA,
        "format": note.format,
        "scheme": note.scheme,
        "losses": dict(losses),
        "images": images,
    }
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    return write_file(folder / NOTE, text.encode())


def read_note(files: LabelFiles) -> ConversionNote | None:
    """Read the note among the files of a folder or archive, None where there is none.

    Raises:
        DataError: it is broken.
    """
    if NOTE not in files:
        return None
    place = files.place(NOTE)
    data = parse_json(files.read(NOTE), place)
    try:
        if data["schema"] != _SCHEMA:
            raise ValueError(f"schema {data['schema']!r}")
        facts = {image_id: _read_facts(values) for image_id, values in data["images"].items()}
        return ConversionNote(str(data["format"]), str(data["scheme"]), facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"note of a conversion must be of {_SCHEMA}, got '{error}', at {place}. "
            "Convert again, or delete it and name --scheme."
        ) from error


def _read_facts(values: dict[str, Any]) -> Facts:
    persons = [dict(person) for person in values["persons"]]
    return Facts(values["subset"], values["split"], persons, dict(values["extra"]))
