"""What a person's labels were before the last save, and those of persons who were taken out.

    <project>/.studio/history/<photo>/<hash of the uid>.png and .json

One revision back and no more: the page undoes strokes; this is for the save that was a mistake.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peopleparse.data.files import hash_bytes, part_path, write_file
from peopleparse.studio.journal import link, saying_full, studio_folder
from peopleparse.studio.person_masks import mask_path


def file_key(uid: str) -> str:
    """Return a name that a file can have for a uid, which others may have chosen."""
    return hash_bytes(uid.encode())[:20]


class History:
    """The labels before the last save, by photo and uid."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _place(self, photo_id: str, uid: str) -> Path:
        return studio_folder(self._folder) / "history" / photo_id / file_key(uid)

    def keep(self, photo_id: str, record: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
        """Keep the labels that a person has on disk, in place of those kept before.

        Raises:
            Problem: the disk is full or must not be written (507).
        """
        index = record["persons"].index(entry) + 1
        source = mask_path(self._folder, photo_id, record, index)
        if not source.exists():  # a fault that the page shows; there is nothing to keep
            return
        place = self._place(photo_id, entry["uid"])
        with saying_full(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            part = part_path(place)
            link(source, part)
            os.replace(part, place.with_suffix(".png"))
            part.unlink(missing_ok=True)  # renaming a link over its own file does nothing
            write_file(place.with_suffix(".json"), json.dumps(entry, ensure_ascii=False).encode())

    def find(self, photo_id: str, uid: str) -> tuple[dict[str, Any], Path] | None:
        """Return the entry and the PNG that are kept of a person, or None."""
        place = self._place(photo_id, uid)
        try:
            entry = json.loads(place.with_suffix(".json").read_bytes())
        except (OSError, ValueError):
            return None
        png = place.with_suffix(".png")
        good = isinstance(entry, dict) and entry.get("uid") == uid and png.exists()
        return (entry, png) if good else None
