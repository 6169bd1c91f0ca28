"""Open a folder, archive or file of labels in any of the formats of the field."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from peopleparse.data.atr import ATR
from peopleparse.data.cihp import PREDICTION_FOLDERS, TRUTH_FOLDERS, CihpLabels
from peopleparse.data.coco_parsing import CocoLabels
from peopleparse.data.fashionista import FASHIONISTA, FashionistaMat, find_mat
from peopleparse.data.gps_labels import GpsLabels, is_annotation
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import FileLabels, Side
from peopleparse.data.lip import LIP, LipLabels
from peopleparse.data.map_labels import MapLabels
from peopleparse.data.mhp import MhpPersonLabels, MhpSubmission, find_person_files
from peopleparse.data.pascal_person_part import PASCAL_PERSON_PART, PascalPersonPartLabels
from peopleparse.data.saved_labels import INSTANCES, PARSING, SavedLabels
from peopleparse.errors import DataError, InputError, suggest
from peopleparse.labels import Label, Scheme, get_scheme

# Data sets whose photos and lists of ids are read with their maps.
LAYOUTS = {layout.format: layout for layout in (LIP, ATR, FASHIONISTA, PASCAL_PERSON_PART)}
FORMATS = ("gps", "peopleparse", "lip", "cihp", "mhp-v1", "mhp-v2", *LAYOUTS, "coco")
SIDES = ("truth", "prediction")
_IDS = "ids:"


def open_labels(
    path: str | Path,
    format: str | None = None,
    scheme: str | Scheme | None = None,
    side: str = "truth",
    ids: str | Path | Iterable[str] | None = None,
) -> FileLabels:
    """Open labels for reading; nothing is unpacked or written.

    Args:
        path: a folder, a zip archive, a COCO JSON file, or Fashionista's MATLAB file.
        format: one of `FORMATS`; None finds it from the names of the files.
        scheme: labels of the maps, by name, or "ids:<number>" for that many unnamed ids; None
            takes the format's own.
        side: "truth" or "prediction".
        ids: only these images: ids, or a text file with one id a line.

    Raises:
        InputError: format, scheme or side does not exist, or the list cannot be read.
        DataError: the path holds no labels of the format, or truth lacks an image of the list.
        SchemeError: no scheme has that name.
    """
    if side not in SIDES:
        raise InputError(f"side must be known, got '{side}'.{suggest(side, SIDES)}")
    if format is not None and format not in FORMATS:
        raise InputError(f"format must be known, got '{format}'.{suggest(format, FORMATS)}")
    wanted = find_scheme(scheme) if isinstance(scheme, str) else scheme
    files = LabelFiles(path)
    format = format or find_format(files, wanted)
    if format in LAYOUTS:
        files = LabelFiles(path, whole=True)
    source = open_files(files, format, wanted, side)  # type: ignore[arg-type]
    if ids is not None:
        listed = read_ids(ids)
        missing = sorted(set(listed) - set(source.ids))
        if side == "truth" and missing:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            raise DataError(
                f"truth must have every image of the list, got none for {missing[:5]}{more}, "
                f"at {files.path}. Correct the list."
            )
        source.keep(listed)
    return source


def open_files(files: LabelFiles, format: str, scheme: Scheme | None, side: Side) -> FileLabels:
    """Open files that were listed already, in a format that is known.

    Raises:
        DataError: they are not of the format.
    """
    if format == "gps":
        return GpsLabels(files, scheme, side)
    if format == "peopleparse":
        return SavedLabels(files, scheme, side)
    if format == "coco":
        return CocoLabels(files, scheme, side)
    if format in LAYOUTS:
        return _open_maps(files, format, scheme, side)
    labels = scheme or get_scheme(format)
    if format == "lip":
        return LipLabels(files, labels, side)
    if format == "cihp":
        return CihpLabels(files, labels, side)
    version = int(format[-1])
    if side == "prediction" and _is_submission(files):
        return MhpSubmission(files, labels, side, version)
    return MhpPersonLabels(files, labels, side, version)


def _open_maps(files: LabelFiles, format: str, scheme: Scheme | None, side: Side) -> MapLabels:
    labels = scheme or get_scheme("lip" if format == LIP.format else format)
    mat = find_mat(files) if format == FASHIONISTA.format else None
    if mat is not None:
        return FashionistaMat(files, labels, side, mat)
    if format == PASCAL_PERSON_PART.format:
        return PascalPersonPartLabels(files, labels, side)
    return MapLabels(files, labels, side, LAYOUTS[format])


def find_format(files: LabelFiles, scheme: Scheme | None = None) -> str:
    """Return the format that the names of the files show.

    Raises:
        DataError: they show none, or MHP of a version that they do not tell.
    """
    folders, endings = set(files.folders()), {PurePosixPath(name).suffix for name in files.names}
    pngs = files.files_in("", ".png")
    if any(is_annotation(name) and name.endswith(".json") for name in files.names):
        return "gps"
    own = _find_layout(files)
    if own is not None:
        return own
    if folders & {*TRUTH_FOLDERS.values(), *PREDICTION_FOLDERS.values()}:
        return "cihp"
    if _is_submission(files):
        return "mhp-v1" if scheme and scheme.name == "mhp-v1" else "mhp-v2"
    if any(stem.endswith((PARSING, INSTANCES)) for stem in pngs):
        return "peopleparse"
    if find_person_files(files):
        return _find_version(files, folders, scheme)
    if pngs or "val_segmentations" in folders:
        return "lip"
    if files.files_in("", ".json"):
        return "coco"
    raise DataError(
        f"labels must be in one of the formats {', '.join(FORMATS)}, got folders "
        f"{sorted(folders)} and files that end in {sorted(endings)}, at {files.path}. "
        "Compare with docs/formats.md."
    )


def _find_layout(files: LabelFiles) -> str | None:
    """Return the format whose own folder or file is there; LIP's own are the format lip."""
    parents = {part for name in files.names for part in PurePosixPath(name).parts[:-1]}
    for layout in (ATR, PASCAL_PERSON_PART, FASHIONISTA):
        if parents & set(layout.maps):
            return layout.format
    return FASHIONISTA.format if find_mat(files) else None


def _find_version(files: LabelFiles, folders: set[str], scheme: Scheme | None) -> str:
    if scheme and scheme.name in ("mhp-v1", "mhp-v2"):
        return scheme.name
    if "parsing_annos" in folders:
        return "mhp-v2"
    if "annotations" in folders:
        return "mhp-v1"
    raise DataError(
        f"format must be named for MHP files without their folder, got '{files.names[0]}', "
        f"at {files.path}. Name mhp-v1 or mhp-v2."
    )


def _is_submission(files: LabelFiles) -> bool:
    return bool({"global_seg", "global_tag"} & set(files.folders()))


def find_scheme(name: str) -> Scheme:
    """Return a scheme by name; "ids:<number>" stands for ids 0 to number - 1 without names.

    Raises:
        SchemeError: no scheme has that name.
        InputError: the number of ids is not 2 to 255.

    >>> find_scheme("ids:3").names
    ('0', '1', '2')
    """
    if not name.startswith(_IDS):
        return get_scheme(name)
    count = name.removeprefix(_IDS)
    if not count.isdigit() or not 2 <= int(count) <= 255:
        raise InputError(
            f"scheme without names must be 'ids:2' to 'ids:255', got '{name}'. "
            "Count the background, but not the ignored id."
        )
    labels = (
        Label(i, str(i), "clothing" if i else "background", None, "", _color(i))
        for i in range(int(count))
    )
    return Scheme(name, tuple(labels), int(count))


def _color(label_id: int) -> tuple[int, int, int]:
    """Return a colour for an id: its bits, spread so that neighbours look apart; 0 is black."""
    channels = [0, 0, 0]
    for bit in range(8):
        channels[bit % 3] |= ((label_id >> bit) & 1) << (7 - bit // 3)
    return channels[0], channels[1], channels[2]


def read_ids(ids: str | Path | Iterable[str]) -> list[str]:
    """Return image ids; a text file has one a line, with or without folder and ending .jpg, .png.

    Raises:
        InputError: the file cannot be read or is empty.
    """
    if not isinstance(ids, str | Path):
        return list(ids)
    try:
        lines = Path(ids).read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"list of images must be a text file, got '{error}', at {ids}. Name another."
        ) from error
    names = [PurePosixPath(line.strip()).name for line in lines if line.strip()]
    if not names:
        raise InputError(f"list of images must have a line each, got none, at {ids}. Fill it.")
    return [_cut_ending(name) for name in names]


def _cut_ending(name: str) -> str:
    stem, _, ending = name.rpartition(".")
    return stem if stem and ending.lower() in ("jpg", "jpeg", "png") else name
