"""The files of a folder or of a zip archive, which is read where it is and never unpacked."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath

from peopleparse.errors import DataError

# Folders by which a layout is known: their parent is where a data set or submission begins.
LAYOUT_FOLDERS = frozenset(
    "annotations parsing_annos val_segmentations Category_ids Human_ids Instance_ids "
    "global_parsing instance_parsing instance_segmentation global_seg global_tag".split()
)
_JUNK = ("__MACOSX", "Thumbs.db", "desktop.ini")
_MAX_BYTES = 1 << 30
_SINGLE = (".json", ".mat")  # one file that holds all labels


class LabelFiles:
    """The files under a path, by their name from the folder where the layout begins.

    Args:
        path: as `path` below.
        whole: keep all files; a data set whose photos and lists lie beside its maps needs them.

    Attributes:
        path: a folder, a zip archive, or one file.
        inner: folder inside the path in which the files were found, "" for the path itself.
        names: names of the files, sorted, with '/' between folders; hidden files are left out.
    """

    def __init__(self, path: str | Path, whole: bool = False) -> None:
        self.path = Path(path)
        self._archive: tuple[int, zipfile.ZipFile] | None = None
        found = self._list()
        kept = sorted(name for name in found if not _is_junk(name))
        if not kept:
            raise DataError(
                f"labels must be files in a folder or zip archive, got none, at {path}. "
                "Name the folder that holds them."
            )
        self.inner = "" if whole or self._is_file else _find_inner(kept, self.path)
        start = len(self.inner) + 1 if self.inner else 0
        self.names = tuple(
            name[start:] for name in kept if not start or name.startswith(f"{self.inner}/")
        )
        self._known = frozenset(self.names)
        self._by_folder: dict[str, list[str]] = {}
        for name in self.names:
            self._by_folder.setdefault(name.rpartition("/")[0], []).append(name)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def __getstate__(self) -> dict[str, object]:
        # An open archive goes to no other process: each opens its own.
        return self.__dict__ | {"_archive": None}

    def place(self, name: str) -> str:
        """Return where a file is, for errors: the archive's path counts as a folder."""
        return str(self.path) if self._is_file else str(self.path / self.inner / name)

    def files_in(self, folder: str, suffix: str) -> dict[str, str]:
        """Return the files that lie directly in a folder, "" for the top: name by stem, sorted.

        Raises:
            DataError: two files have the same stem.
        """
        found: dict[str, str] = {}
        for name in self._by_folder.get(folder, []):
            place = PurePosixPath(name)
            if place.suffix.lower() != suffix:
                continue
            twin = found.setdefault(place.stem, name)
            if twin != name:
                raise DataError(
                    f"image must have one file, got '{twin}' and '{name}', at {self.path}. "
                    "Remove one."
                )
        return found

    def folders(self) -> list[str]:
        """Return the folders at the top, sorted."""
        return sorted({name.split("/")[0] for name in self.names if "/" in name})

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            DataError: the file is missing or cannot be read.
        """
        place = self.place(name)
        try:
            if self._is_file:
                return self.path.read_bytes()
            if self.path.is_dir():
                return (self.path / self.inner / name).read_bytes()
            return self._read_member(f"{self.inner}/{name}" if self.inner else name)
        except (FileNotFoundError, KeyError):
            raise DataError(
                f"labels must be a file, got none, at {place}. Check the folder's layout."
            ) from None
        except (OSError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(
                f"labels must be a readable file, got '{error}', at {place}. "
                "Write or fetch it again, without a password."
            ) from error

    def _read_member(self, name: str) -> bytes:
        # A child process shares the parent's file position, so it must not share its archive.
        if self._archive is None or self._archive[0] != os.getpid():
            self._archive = (os.getpid(), zipfile.ZipFile(self.path))
        archive = self._archive[1]
        size = archive.getinfo(name).file_size
        if size > _MAX_BYTES:
            raise OSError(f"{size} bytes unpacked, more than {_MAX_BYTES}")
        return archive.read(name)

    @property
    def _is_file(self) -> bool:
        return self.path.suffix.lower() in _SINGLE and not self.path.is_dir()

    def _list(self) -> list[str]:
        if self.path.is_dir():
            return _list_folder(self.path)
        if not self.path.is_file():
            raise DataError(
                f"labels must be a folder, zip archive or JSON file, got none, at {self.path}. "
                "Check the path."
            )
        if self._is_file:
            return [self.path.name]
        try:
            with zipfile.ZipFile(self.path) as archive:
                return _list_archive(archive, self.path)
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(
                f"labels must be a folder, zip archive or JSON file, got '{error}', "
                f"at {self.path}. Pack the folder as a zip."
            ) from error


def _list_folder(folder: Path) -> list[str]:
    names, seen = [], set[str]()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:  # a link to a folder above it
            folders.clear()
            continue
        seen.add(real)
        base = Path(root).relative_to(folder)
        names += [(base / name).as_posix() for name in files]
    return names


def _list_archive(archive: zipfile.ZipFile, path: Path) -> list[str]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    for member in members:
        parts = PurePosixPath(member.filename).parts
        if "\\" in member.filename or ":" in member.filename or {"..", "/"} & set(parts):
            raise DataError(
                "names in an archive must lie inside it and be parted by '/', got "
                f"'{member.filename}', at {path}. Pack the folder again."
            )
        if stat.S_ISLNK(member.external_attr >> 16):
            raise DataError(
                f"an archive must hold files, got the link '{member.filename}', at {path}. "
                "Pack the file that it leads to."
            )
    names = [member.filename for member in members]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DataError(
            f"files must be in an archive once, got {twice} more than once, at {path}. "
            "Pack the folder again."
        )
    return names


def _is_junk(name: str) -> bool:
    return any(part.startswith(".") or part in _JUNK for part in name.split("/"))


def _find_inner(names: list[str], path: Path) -> str:
    """Return the folder in which the layout begins, "" for the top."""
    parents = set[str]()
    for name in names:
        parts = name.split("/")[:-1]
        at = next((i for i, part in enumerate(parts) if part in LAYOUT_FOLDERS), None)
        if at is not None:
            parents.add("/".join(parts[:at]))
    if parents:
        depth = min(_depth(parent) for parent in parents)
        first = sorted(parent for parent in parents if _depth(parent) == depth)
        if len(first) > 1:
            raise DataError(
                f"labels must be of one data set, got {len(first)} folders {first}, at {path}. "
                "Name one of them."
            )
        return first[0]
    shared = os.path.commonpath([str(PurePosixPath(name).parent) for name in names])
    return "" if shared == "." else shared


def _depth(folder: str) -> int:
    return len(folder.split("/")) if folder else 0
