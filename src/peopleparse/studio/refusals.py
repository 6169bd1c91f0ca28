"""What a project refuses, each as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peopleparse.errors import DataError
from peopleparse.web.problems import Problem


def missing(what: str, name: str, remedy: str) -> Problem:
    """There is no such photo, person or review."""
    return Problem(
        404, f"no-{what}", f"{what} must be one of the project's, got '{name}'. {remedy}"
    )


def no_person(photo_id: str, uid: str) -> Problem:
    """A photo has no person of that uid."""
    return missing("person", uid, f"Load photo '{photo_id}' again: the person was taken out.")


def read_only(folder: Path) -> Problem:
    """A project is open for reading only."""
    return Problem(
        403,
        "read-only",
        f"project must be one that can be written to save, got one open for reading only, at "
        f"{folder}. Change its permissions, or copy it to a folder of your own.",
    )


def unusable(error: DataError) -> Problem:
    """A file of a photo cannot be used; the sentence is the reader's."""
    return Problem(422, "unusable-file", str(error))


def conflict(what: str, saved: Mapping[str, Any], got: int) -> Problem:
    """Somebody saved another revision.

    Args:
        what: who or what was saved.
        saved: `revision`, `annotator` and `saved_at` of what is there.
        got: the revision that the refused save was made from.
    """
    who = saved.get("annotator") or "somebody"
    when = f" at {saved['saved_at']}" if saved.get("saved_at") else ""
    revision = saved.get("revision", 0)
    return Problem(
        409,
        "revision-conflict",
        f"revision must be {revision}, got {got}, at {what}: {who} saved it{when}. "
        "Load it again; nothing was overwritten.",
        revision=revision,
        annotator=saved.get("annotator"),
        saved_at=saved.get("saved_at"),
    )
