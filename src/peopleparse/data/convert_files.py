"""What the writers of formats share: photos beside the labels, and lists of ids by split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from peopleparse.data.convert_image import NO_PHOTO, PeopleImage
from peopleparse.data.files import read_image_size, write_file
from peopleparse.data.gps import IMAGE_SUFFIXES
from peopleparse.errors import DataError, InputError

PHOTO_FOLDERS = ("images", "Images")
_NO_SPLIT = "all"


def find_photos(source: str | Path, images: str | Path | None) -> dict[str, Path]:
    """Return the photos by id: those of the folder named, else of images/ in the source.

    Raises:
        InputError: the folder named is none, or two photos of it have the same id.
    """
    if images is not None and not Path(images).is_dir():
        raise InputError(
            f"photos must be in a folder, got none, at {images}. Name the folder that holds them."
        )
    near = [Path(source) / name for name in PHOTO_FOLDERS if (Path(source) / name).is_dir()]
    found: dict[str, Path] = {}
    for folder in [Path(images)] if images is not None else near[:1]:
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
                twin = found.setdefault(path.stem, path)
                if twin != path:
                    raise InputError(
                        f"photo must be the only one of its id, got '{twin.name}' and "
                        f"'{path.name}', at {folder}. Take one out."
                    )
    return found


def check_photo(image: PeopleImage) -> None:
    """Raise unless the photo, if there is one, has the size of the maps.

    Raises:
        DataError: it has another, or cannot be read.
    """
    height, width = image.persons.shape[1:]
    size = (height, width) if image.photo is None else read_image_size(image.photo)
    if size != (height, width):
        raise DataError(
            f"photo must be {width} x {height} like its maps, got {size[1]} x {size[0]}, "
            f"at {image.photo}. Name the folder of the photos that were annotated."
        )


def copy_photo(image: PeopleImage, folder: Path, losses: Counter[str]) -> str:
    """Copy the photo as it is, if there is one, and return its name or the likely one."""
    if image.photo is None:
        losses[NO_PHOTO] += 1
        return f"{image.image_id}.jpg"
    name = f"{image.image_id}{image.photo.suffix.lower()}"
    write_file(folder / name, image.photo.read_bytes())
    return name


def write_lists(folder: Path, pattern: str, splits: Mapping[str, str | None]) -> None:
    """Write the ids of each split, one a line, into files named by it."""
    by_split: dict[str, list[str]] = {}
    for image_id, split in sorted(splits.items()):
        by_split.setdefault(split or _NO_SPLIT, []).append(image_id)
    for split, ids in by_split.items():
        text = "".join(f"{image_id}\n" for image_id in ids)
        write_file(folder / pattern.format(split), text.encode())
