"""Which files an archive of a format may have, and what each of them is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from peopleparse.server.fault_list import FaultList
from peopleparse.server.manifest import Manifest

# What a file holds.
LABELS, PERSONS, REGIONS, LINES, RECORD, SCORES = (
    "labels", "persons", "regions", "lines", "record", "scores",
)  # fmt: skip
# Layout: what a file of an image is called, by where it lies and how it ends.
_PER_IMAGE: dict[str, dict[tuple[str, str], str]] = {
    "lip": {("", ".png"): LABELS},
    "cihp": {
        ("global_parsing/", ".png"): LABELS,
        ("instance_parsing/", ".png"): REGIONS,
        ("instance_parsing/", ".txt"): LINES,
        ("instance_segmentation/", ".png"): PERSONS,
        ("instance_segmentation/", ".txt"): LINES,
    },
    "submission": {("global_seg/", ".png"): LABELS, ("global_tag/", ".png"): PERSONS},
    "peopleparse": {
        ("", "_parsing.png"): LABELS,
        ("", "_instances.png"): PERSONS,
        ("", ".json"): RECORD,
    },
    "gps": {},
    "persons": {},
}
_WHOLE = {"submission": "results.txt", "persons": "scores.txt"}
_PERSON_FOLDERS = ("parsing_annos/", "annotations/", "")
_PERSON = re.compile(r"(.+)_(\d{2,5})_(\d{2,5})\.png")
# What systems add by themselves; it is named as one fault, with the way out.
_SYSTEM_FILES = re.compile(r"(?:^|/)(?:__MACOSX(?:/|$)|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)")
_DEEPEST = 4


@dataclass(frozen=True)
class Role:
    """What a file of an archive is.

    Attributes:
        kind: one of the words above.
        image_id: its image, "" for a file of all images.
        person: number of persons and of this one, as the name says.
    """

    kind: str
    image_id: str = ""
    person: tuple[int, int] | None = None


def layouts_of(format: str) -> tuple[str, ...]:
    """Return the layouts that archives of a format may have."""
    if format == "gps":
        return "gps", "persons"
    return ("submission", "persons") if format.startswith("mhp") else (format,)


def reader_of(format: str, layout: str) -> str:
    """Return the format by which `open_labels` reads a layout."""
    return "mhp-v2" if (format, layout) == ("gps", "persons") else format


def most_files(manifest: Manifest) -> int:
    """Return the most files and folders that an archive may have."""
    persons = 2 + manifest.persons  # a folder, a JSON and the persons' PNGs
    per_image = {layout: len(files) for layout, files in _PER_IMAGE.items()}
    per_image |= {"gps": persons, "persons": persons}
    return 8 + len(manifest.sizes) * max(per_image[i] for i in layouts_of(manifest.format))


def role_of(name: str, layout: str, manifest: Manifest) -> Role | None:
    """Return what a file is in a layout; None for a file that does not belong there."""
    if name == _WHOLE.get(layout):
        return Role(SCORES)
    for (folder, ending), kind in _PER_IMAGE[layout].items():
        if name.startswith(folder) and name.endswith(ending):
            image_id = name[len(folder) : -len(ending)]
            if image_id in manifest.sizes:
                return Role(kind, image_id)
    return _role_of_person(name, layout, manifest) if layout in ("gps", "persons") else None


def _role_of_person(name: str, layout: str, manifest: Manifest) -> Role | None:
    folder, _, file = name.rpartition("/")
    folder = f"{folder}/" if folder else ""
    image_id = folder.removeprefix("annotations/").removesuffix("/")
    if layout == "gps" and (folder != f"annotations/{image_id}/" or image_id not in manifest.sizes):
        return None
    if layout == "gps" and file == f"{image_id}.json":
        return Role(RECORD, image_id)
    match = _PERSON.fullmatch(file)
    if match is None or (layout == "persons" and folder not in _PERSON_FOLDERS):
        return None
    if match[1] not in manifest.sizes or (layout == "gps" and match[1] != image_id):
        return None
    return Role(LABELS, match[1], (int(match[2]), int(match[3])))


def find_layout(names: Iterable[str], manifest: Manifest) -> str:
    """Return the layout to which most of the files belong."""
    names = list(names)
    choices = layouts_of(manifest.format)
    if len(choices) == 1:
        return choices[0]
    return max(choices, key=lambda i: sum(role_of(name, i, manifest) is not None for name in names))


def example_of(manifest: Manifest) -> str:
    """Return what a file may be called, for faults."""
    image_id = next(iter(manifest.sizes))
    return {
        "lip": f"{image_id}.png",
        "gps": f"annotations/{image_id}/{image_id}.json or {image_id}_02_01.png",
        "cihp": f"global_parsing/{image_id}.png",
        "peopleparse": f"{image_id}_parsing.png",
    }.get(manifest.format, f"global_seg/{image_id}.png")


def assign_roles(names: list[str], manifest: Manifest, faults: FaultList) -> dict[str, Role]:
    """Return what each file is; files that do not belong there become faults.

    Args:
        names: files and folders of the archive; folders end with '/'.
        manifest: what the archive must be like.
        faults: takes what is wrong.
    """
    added = [name for name in names if _SYSTEM_FILES.search(name)]
    if added:
        faults.add(
            "system-files",
            added[0],
            "predictions only (remove with: zip -d ARCHIVE '__MACOSX/*' '*.DS_Store')",
            f"{len(added)} files that a file manager added",
        )
    left = set(added)
    names = [name for name in names if name not in left]
    inner = _find_inner(names, manifest)
    if inner:
        faults.add(
            "folder-inside",
            inner,
            f"files at the top of the archive, such as {example_of(manifest)} "
            "(pack the contents of the folder, not the folder)",
            f"all of them inside the folder {inner}",
        )
        return {}
    layout = find_layout(names, manifest)
    roles = {name: role_of(name, layout, manifest) for name in names if not name.endswith("/")}
    folders = {name[: at + 1] for name in roles for at, one in enumerate(name) if one == "/"}
    for name in names:
        if name.endswith("/") and name not in folders:
            faults.add("name", name, "folders of predictions only", "an empty one")
    found = {}
    for name, role in roles.items():
        if role is None:
            expected = f"files of the {len(manifest.sizes)} images, such as {example_of(manifest)}"
            faults.add("name", name, expected, "another name")
        elif _fits(name, role, manifest, faults):
            found[name] = role
    return found


def _fits(name: str, role: Role, manifest: Manifest, faults: FaultList) -> bool:
    if role.person is None:
        return True
    count, number = role.person
    if count > manifest.persons:
        faults.add("persons", name, f"at most {manifest.persons} persons in an image", f"{count}")
    elif not 1 <= number <= count:
        faults.add("name", name, f"person 1 to {count} of {count}", f"person {number}")
    else:
        return True
    return False


def _find_inner(names: list[str], manifest: Manifest) -> str:
    """Return the folder that holds everything though it should not, "" where there is none."""
    files = [name for name in names if not name.endswith("/")]
    if not files or any(_belongs(name, manifest) for name in files):
        return ""
    parts = files[0].split("/")[:-1]
    for depth in range(1, min(len(parts), _DEEPEST) + 1):
        inner = "/".join(parts[:depth]) + "/"
        if not all(name.startswith(inner) for name in files):
            return ""
        if any(_belongs(name[len(inner) :], manifest) for name in files):
            return inner
    return ""


def _belongs(name: str, manifest: Manifest) -> bool:
    return any(role_of(name, i, manifest) is not None for i in layouts_of(manifest.format))
