"""Which photos paths, folders and globs stand for, and the name that each one's results get."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from peopleparse.errors import InputError

IMAGE_ENDINGS = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .avif .bmp .gif .tif .tiff .ppm .pgm .jp2 .tga".split()
)
RESULT_ENDINGS = ("_overlay.jpg", "_parsing.png", "_instances.png")


def find_photos(sources: Iterable[str | Path], skip: str | Path | None = None) -> list[Path]:
    """Return the photos that files, folders and globs stand for, each once, in order.

    A folder is searched with its subfolders for files with the ending of an image, in the order
    of their names; hidden files and folders are left out. A file that is named is always taken.

    Args:
        sources: paths or glob patterns (`*`, `?`, `[]`, `**`).
        skip: a folder whose files are not photos: where results are written.

    Raises:
        InputError: a source stands for nothing.
    """
    skipped = None if skip is None else Path(skip).resolve()
    photos: dict[Path, None] = {}
    for source in sources:
        photos.update(dict.fromkeys(_expand(source, skipped)))
    return list(photos)


def unique_stems(photos: Sequence[Path]) -> list[str]:
    """Return one output name a photo: its own name, with a number where another has it already.

    Names that differ by case only count as equal, because some file systems think so.

    >>> unique_stems([Path("a/x.jpg"), Path("b/X.png"), Path("x-2.jpg")])
    ['x', 'X-3', 'x-2']
    """
    own = {photo.stem.casefold() for photo in photos}
    taken: set[str] = set()
    next_numbers: dict[str, int] = {}  # thousands of `image.jpg` in folders of their own
    stems = []
    for photo in photos:
        stem, key = photo.stem, photo.stem.casefold()
        number = next_numbers.get(key, 2)
        if key in taken:
            while (wish := f"{key}-{number}") in taken or wish in own:
                number += 1
            stem = f"{photo.stem}-{number}"
            next_numbers[key] = number + 1
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


def _expand(source: str | Path, skipped: Path | None) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        resolved = path.resolve()
        found = list(_walk(path, resolved, resolved, skipped))
        if not found:
            raise InputError(
                f"folder must hold images, got none, at {path}. "
                f"Endings looked for: {' '.join(sorted(IMAGE_ENDINGS))}."
            )
        return found
    if path.exists():
        return [path]
    if not glob.has_magic(str(source)):
        raise InputError(
            f"source must be an existing file, folder or glob, got {path}. Check the path."
        )
    folders: dict[Path, Path] = {}
    found = []
    for name in sorted(glob.glob(str(source), recursive=True)):
        file = Path(name)
        if _has_ending(file.name) and file.is_file():
            if file.parent not in folders:  # resolving costs more than all the rest
                folders[file.parent] = file.parent.resolve()
            folder = folders[file.parent]
            if _is_photo(file.name, folder, folder, skipped, file if file.is_symlink() else None):
                found.append(file)
    if not found:
        raise InputError(f"glob must match images, got none for '{source}'. Check the pattern.")
    return found


def _walk(folder: Path, resolved: Path, searched: Path, skipped: Path | None) -> Iterator[Path]:
    """Yield the photos of a folder in the order of their names, folders in between.

    Only directories are read: what is a file is asked of the system for links alone, so that a
    million photos cost seconds.
    """
    if _is_skipped(resolved, searched, skipped):
        return
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: os.path.normcase(entry.name))
    except PermissionError:
        return
    for entry in entries:
        name = entry.name
        if name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / name, resolved / name, searched, skipped)
        elif _has_ending(name) and entry.is_file():
            link = folder / name if entry.is_symlink() else None
            if _is_photo(name, resolved, searched, skipped, link):
                yield folder / name


def _has_ending(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_ENDINGS


def _is_skipped(folder: Path, searched: Path, skipped: Path | None) -> bool:
    """Tell whether a resolved folder holds only results: it is not the one that is searched."""
    return (
        skipped is not None
        and folder.is_relative_to(skipped)
        and not searched.is_relative_to(skipped)
    )


def _is_photo(
    name: str, folder: Path, searched: Path, skipped: Path | None, link: Path | None
) -> bool:
    """Tell whether a file found while searching is a photo and no result of an earlier run."""
    if skipped is None:
        return True
    if link is not None:
        folder = link.resolve().parent
    if not folder.is_relative_to(skipped):
        return True
    # Where results go into the very folder that is searched, only their names tell them apart.
    return searched.is_relative_to(skipped) and not name.endswith(RESULT_ENDINGS)
