"""What paths on the command line stand for: photos, folders of photos, folders of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from peopleparse.data.formats import open_labels
from peopleparse.data.gps_labels import GpsLabels
from peopleparse.data.image_labels import size_of
from peopleparse.data.label_source import FileLabels, parse_json
from peopleparse.data.saved_labels import PARSING, SavedLabels
from peopleparse.errors import DataError, InputError, PeopleparseError
from peopleparse.inference.photos import IMAGE_ENDINGS, RESULT_ENDINGS, find_photos
from peopleparse.studio.items import Items, Kind
from peopleparse.studio.photo_bytes import PhotoBytes, read_photo
from peopleparse.studio.session import photo_key
from peopleparse.studio.shown import Shown, show_labels

_LABEL_FILES = (".zip", ".json", ".mat")
_PHOTO_FOLDERS = ("images", "image", "photos", "jpegimages")
ShowPhoto = Callable[[bytes, str], Shown]


def open_paths(
    items: Items, paths: Sequence[Path], truth: Path | None, show_photo: ShowPhoto
) -> None:
    """Add what paths stand for; files are read when somebody looks at them.

    Items of several folders that have the same image id are of the same photo.

    Args:
        items: where to add.
        paths: photos, folders of photos, or labels in any format that `open_labels` reads.
        truth: labels to compare with.
        show_photo: parses the bytes of a photo, which has the name given.

    Raises:
        InputError: a path stands for nothing.
        DataError: labels cannot be read.
    """
    photos: dict[str, Path] = {}
    sources: list[tuple[FileLabels, Kind]] = []
    for path in paths:
        found = _open(path)
        if isinstance(found, FileLabels):
            sources.append((found, "result"))
        else:
            photos.update((photo.stem, photo) for photo in found)
    if truth is not None:
        sources.append((open_labels(truth, side="truth"), "truth"))
    systems = _name_systems([source.files.path for source, _ in sources])
    several = len(sources) > 1 or bool(photos and sources)
    finders = [_PhotoFinder(source, photos) for source, _ in sources]
    for (source, kind), system, finder in zip(sources, systems, finders, strict=True):
        finder.others = [other for other in finders if other is not finder]
        shown_as = "truth" if kind == "truth" else system
        for image_id in source.ids:
            items.add(
                f"{image_id} ({shown_as})" if several else image_id, kind, photo_key(image_id),
                system=shown_as, load=partial(_load_labels, source, image_id, finder),
            )  # fmt: skip
    for photo in photos.values():
        items.add(
            photo.name, "photo", photo_key(photo.stem), load=partial(_load_photo, photo, show_photo)
        )


def _open(path: Path) -> FileLabels | list[Path]:
    if not path.is_dir() and path.suffix.lower() not in _LABEL_FILES:
        return find_photos([path])
    try:
        source = open_labels(path, side="prediction")
    except DataError:
        photos = _find_photos(path)
        if not photos or _is_marked(path):
            raise
        return photos
    # A PNG of any folder may be a label map, but one in colour is a photo.
    if source.format == "lip" and path.is_dir() and not _has_maps(source):
        return _find_photos(path) or source
    return source


def _find_photos(path: Path) -> list[Path]:
    try:
        found = find_photos([path]) if path.is_dir() else []
    except InputError:  # there are none
        return []
    return [photo for photo in found if not photo.name.endswith(RESULT_ENDINGS)]


def _is_marked(path: Path) -> bool:
    """Return whether a folder says itself that it holds labels."""
    return (path / "annotations").is_dir() or any(path.glob(f"*{PARSING}.png"))


def _has_maps(source: FileLabels) -> bool:
    name = next(iter(source.names_of(source.ids[0])), None) if source.ids else None
    if name is None:
        return False
    try:
        with Image.open(source.files.place(name)) as image:
            return image.mode in ("P", "L", "1")
    except (OSError, SyntaxError, ValueError):
        return True  # told when it is read


def _name_systems(paths: Sequence[Path]) -> list[str]:
    """Return a name a folder: its own, with its parent's where two are called the same."""
    whole = [path.resolve() for path in paths]
    names = [path.stem if path.suffix.lower() in _LABEL_FILES else path.name for path in whole]
    return [
        f"{path.parent.name}/{name}" if names.count(name) > 1 else name
        for path, name in zip(whole, names, strict=True)
    ]


def _load_photo(path: Path, show_photo: ShowPhoto) -> Shown:
    return show_photo(_read(path), path.name)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"photo must be a file that can be read, got '{error.strerror}', at {path}. "
            "Check whether it is still there."
        ) from error


def _load_labels(source: FileLabels, image_id: str, finder: _PhotoFinder) -> Shown:
    labels = source.read(image_id)
    photo = finder.find(image_id, size_of(labels))
    return show_labels(labels, source.scheme, image_id, photo)


class _PhotoFinder:
    """Finds the photo of labels: beside them, where it was named or parsed, beside others."""

    def __init__(self, source: FileLabels, photos: dict[str, Path]) -> None:
        self._source, self._photos = source, photos
        self._beside: dict[str, str] | None = None
        self.others: list[_PhotoFinder] = []

    def find(self, image_id: str, size: tuple[int, int]) -> PhotoBytes | None:
        """Return the photo, or None where there is none.

        Raises:
            DataError: it has another size than the labels.
        """
        name = self._name_beside(image_id)
        if name is not None:
            place = self._source.files.place(name)
            return _fit(self._source.files.read(name), name, place, size)
        if image_id in self._photos:
            path = self._photos[image_id]
            return _fit(_read(path), path.name, str(path), size)
        parsed = self._find_parsed(image_id, size)
        return parsed or next(filter(None, (o.lend(image_id, size) for o in self.others)), None)

    def lend(self, image_id: str, size: tuple[int, int]) -> PhotoBytes | None:
        """Return the photo beside these labels where it fits those of another system."""
        try:
            name = self._name_beside(image_id)
            if name is None:
                return None
            return _fit(self._source.files.read(name), name, self._source.files.place(name), size)
        except PeopleparseError:  # it has no such image, or one of another size
            return None

    def _name_beside(self, image_id: str) -> str | None:
        source = self._source
        if isinstance(source, GpsLabels):
            name = str(source.record_of(image_id)["image"]["file"])
            return name if name in source.files else None  # only what was listed is read
        if self._beside is None:
            self._beside = {
                PurePosixPath(name).stem: name for name in source.files.names if _is_photo(name)
            }
        return self._beside.get(image_id)

    def _find_parsed(self, image_id: str, size: tuple[int, int]) -> PhotoBytes | None:
        if not isinstance(self._source, SavedLabels):
            return None
        name = f"{image_id}.json"
        record: Any = parse_json(self._source.files.read(name), self._source.files.place(name))
        where = record.get("source") if isinstance(record, dict) else None
        if not isinstance(where, str) or Path(where).suffix.lower() not in IMAGE_ENDINGS:
            return None
        try:
            return _fit(_read(Path(where)), where, where, size)
        except (PeopleparseError, ValueError):  # moved or another photo by now: only a convenience
            return None


def _is_photo(name: str) -> bool:
    path = PurePosixPath(name)
    if path.suffix.lower() in (".jpg", ".jpeg"):
        return not name.endswith(RESULT_ENDINGS)
    return path.suffix.lower() == ".png" and path.parent.name.lower() in _PHOTO_FOLDERS


def _fit(data: bytes, name: str, place: str, size: tuple[int, int]) -> PhotoBytes:
    image, photo = read_photo(data, name)
    height, width = image.shape[:2]
    if (height, width) != size:
        raise DataError(
            f"masks must be {width} x {height} like their photo, got {size[1]} x {size[0]}, "
            f"at {place}. Put the photo there that they were made of."
        )
    return photo
