"""Data sets of one label map an image, as published: maps, photos and lists of ids in folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.label_decode import renumber
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import FileLabels, Side, split_lines
from peopleparse.errors import DataError
from peopleparse.labels import Scheme

_PHOTO_SUFFIXES = (".jpg", ".jpeg")


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk, and how many images it was published with.

    Folders and lists are found by the end of their path, wherever they lie: archives were unpacked
    into folders of their own name, or not.

    Attributes:
        format: name of the format.
        title: name of the data set, as printed.
        maps: folders of label maps, `<id>.png`.
        photos: folders of photos, `<id>.jpg`.
        lists: split to the paths that its list of ids may have; the first that is there counts.
        counts: split to images, as published.
        total: maps of the released files, all splits together.
        bare: splits whose annotation is not published.
        owners: folder of person numbers, `<id>.png`, which may be absent; "" for none.
    """

    format: str
    title: str
    maps: tuple[str, ...]
    photos: tuple[str, ...]
    lists: Mapping[str, tuple[str, ...]]
    counts: Mapping[str, int]
    total: int
    bare: tuple[str, ...] = ()
    owners: str = field(default="")


class MapLabels(FileLabels):
    """One label map an image; persons where a folder of person numbers is there.

    PNGs may also lie at the top, without folder, photos or lists: predictions do.

    Attributes:
        layout: how the data set lies on disk.
        splits: split to its image ids, in the order of its list; only splits whose list is there.
        photos: image id to the name of its photo.

    Raises:
        DataError: there is no map, or two maps, photos or lists stand for the same.
    """

    def __init__(self, files: LabelFiles, scheme: Scheme, side: Side, layout: Layout) -> None:
        self.layout, self.format = layout, layout.format
        self._maps = find_files(files, layout.maps, (".png",)) or files.files_in("", ".png")
        if not self._maps:
            raise DataError(
                f"{layout.title} must hold label maps {_list_folders(layout.maps)}, got none, "
                f"at {files.path}. Name the folder that holds them."
            )
        self._owners = find_files(files, (layout.owners,), (".png",)) if layout.owners else {}
        self.photos = find_files(files, layout.photos, _PHOTO_SUFFIXES)
        self.splits = _read_lists(files, layout) if side == "truth" else {}
        listed = [ids for split, ids in self.splits.items() if split not in layout.bare]
        super().__init__(files, scheme, side, {*self._maps, *(i for ids in listed for i in ids)})

    def split_of(self, image_id: str) -> str | None:
        """Return the split whose list has the image, None where none has."""
        return next((split for split, ids in self.splits.items() if image_id in ids), None)

    def names_of(self, image_id: str) -> list[str]:
        """Return the names of the image's PNGs."""
        return [found[image_id] for found in (self._maps, self._owners) if image_id in found]

    def read_photo(self, image_id: str) -> bytes | None:
        """Return the image's photo as it is in its file, None where there is none.

        Raises:
            DataError: the file cannot be read.
        """
        name = self.photos.get(image_id)
        return None if name is None else self.files.read(name)

    def _read(self, image_id: str, faults: list[str]) -> ImageLabels | None:
        if image_id not in self._maps:
            faults.append(
                f"label map must be {_list_folders(self.layout.maps, image_id)}, got none for the "
                f"list of split '{self.split_of(image_id)}', at {self.name}. Fetch it, or correct "
                "the list."
            )
            return None
        parsing = self._labels(self._maps[image_id], faults)
        if not self._owners:
            return None if parsing is None else ImageLabels(persons=None, parsing=parsing)
        name = self._owners.get(image_id, f"{self.layout.owners}/{image_id}.png")
        owners = self._numbers(name, faults)
        if parsing is None or owners is None:
            return None
        self._check_sizes([(self._maps[image_id], parsing), (name, owners)], faults)
        return ImageLabels(persons=(parsing, renumber(owners)[0]), parsing=parsing)


def find_files(
    files: LabelFiles, folders: tuple[str, ...], suffixes: tuple[str, ...]
) -> dict[str, str]:
    """Return the files of the folders of these names, wherever they lie: name by stem, sorted.

    Raises:
        DataError: two files have the same stem.
    """
    found: dict[str, str] = {}
    for name in files.names:
        path = PurePosixPath(name)
        if path.suffix.lower() not in suffixes or path.parent.name not in folders:
            continue
        if path.stem in found:
            raise DataError(
                f"image must have one file, got '{found[path.stem]}' and '{name}', "
                f"at {files.path}. Remove one."
            )
        found[path.stem] = name
    return found


def _read_lists(files: LabelFiles, layout: Layout) -> dict[str, tuple[str, ...]]:
    """Return the ids of each split whose list is there."""
    splits: dict[str, tuple[str, ...]] = {}
    for split, endings in layout.lists.items():
        for ending in endings:
            found = [n for n in files.names if n == ending or n.endswith(f"/{ending}")]
            if len(found) > 1:
                raise DataError(
                    f"list of split '{split}' must be one file, got {found}, at {files.path}. "
                    "Remove all but one."
                )
            if found:
                lines = split_lines(files.read(found[0]))
                splits[split] = tuple(_cut_path(words[0]) for words in lines if words)
                break
    return splits


def _cut_path(word: str) -> str:
    """Return the id of what a line names: a file by its path, or the id itself."""
    path = PurePosixPath(word)
    return path.stem if path.suffix.lower() in (*_PHOTO_SUFFIXES, ".png") else path.name


def _list_folders(folders: tuple[str, ...], image_id: str = "<id>") -> str:
    return " or ".join(f"{folder}/{image_id}.png" for folder in folders)
