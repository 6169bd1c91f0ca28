"""Many photos: find them, parse each, save each whole or not at all, and go on past broken ones."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from peopleparse.errors import InputError, PeopleparseError, suggest
from peopleparse.inference.scheme import add_losses, translate_people
from peopleparse.labels import LossReport
from peopleparse.structures import ParsedPeople
from peopleparse.viz import FORMATS

IMAGE_ENDINGS = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .avif .bmp .gif .tif .tiff .ppm .pgm .jp2 .tga".split()
)
RESULT_ENDINGS = ("_overlay.jpg", "_parsing.png", "_instances.png")
DEFAULT_FORMATS = ("overlay", "png", "json")


@dataclass
class FolderReport:
    """What a run over many photos did.

    Attributes:
        written: photo to the files that were written for it.
        failed: photo to the reason it was skipped.
        people: persons found in all.
        losses: what translation to another scheme lost, one entry a photo.
    """

    written: dict[Path, list[Path]] = field(default_factory=dict)
    failed: dict[Path, str] = field(default_factory=dict)
    people: int = 0
    losses: list[LossReport] = field(default_factory=list, repr=False)

    @property
    def loss(self) -> LossReport | None:
        """What translation lost in all, None where nothing was translated."""
        return add_losses(self.losses) if self.losses else None


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


def parse_folder(
    parse: Callable[[Path], ParsedPeople],
    photos: Sequence[Path],
    folder: str | Path,
    formats: Sequence[str] = DEFAULT_FORMATS,
    scheme: str | None = None,
    on_photo: Callable[[Path], None] | None = None,
) -> FolderReport:
    """Parse photos and save what is found; a photo that cannot be parsed is skipped and reported.

    The files of a photo appear all at once when they are complete. Two photos of one name get
    different names: `a`, `a-2`.

    Args:
        parse: a `Parser`.
        photos: see `find_photos`.
        folder: where to write; made where missing.
        formats: what to write; see `ParsedPeople.save`.
        scheme: translate results to this scheme first.
        on_photo: called with each photo when it is done, for a progress bar.

    Raises:
        InputError: a format is unknown, or the folder cannot be written to. What was written
            before stays.
    """
    check_formats(formats)
    folder, report = Path(folder), FolderReport()
    made = _make_folder(folder)
    for photo, stem in zip(photos, unique_stems(photos), strict=True):
        try:
            result = parse(photo)
            if scheme and scheme != result.scheme.name:
                result, loss = translate_people(result, scheme)
                report.losses.append(loss)
        except PeopleparseError as error:
            report.failed[photo] = str(error)
        except Exception as error:  # one strange photo must not end a run over thousands
            report.failed[photo] = f"unexpected {type(error).__name__}: {error}"
        else:
            report.written[photo] = save_whole(result, folder, stem, formats)
            report.people += len(result)
        if on_photo:
            on_photo(photo)
    if made and not report.written:
        folder.rmdir()
    return report


def save_whole(result: ParsedPeople, folder: Path, stem: str, formats: Sequence[str]) -> list[Path]:
    """Save a result so that either all its files appear in the folder or none.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".peopleparse-", dir=folder) as name:
            made = [Path(path) for path in result.save(name, stem=stem, formats=formats)]
            written = [folder / path.relative_to(name) for path in made]
            for path, target in zip(made, written, strict=True):
                os.replace(path, target)
            return written
    except OSError as error:
        raise _not_writable(folder, error) from error
    except InputError as error:
        if isinstance(error.__cause__, OSError):  # name the user's folder, not the passing one
            raise _not_writable(folder, error.__cause__) from error
        raise


def check_formats(formats: Sequence[str]) -> None:
    """Check that results can be written in all of these formats.

    Raises:
        InputError: one is unknown.
    """
    for name in formats:
        if name not in FORMATS:
            raise InputError(f"format must be known, got '{name}'.{suggest(name, FORMATS)}")


def unique_stems(photos: Sequence[Path]) -> list[str]:
    """Return one output name a photo: its own name, with a number where another has it already.

    Names that differ by case only count as equal, because some file systems think so.

    >>> unique_stems([Path("a/x.jpg"), Path("b/X.png"), Path("x-2.jpg")])
    ['x', 'X-3', 'x-2']
    """
    own = {photo.stem.casefold() for photo in photos}
    taken: set[str] = set()
    stems = []
    for photo in photos:
        stem, number = photo.stem, 2
        while stem.casefold() in taken or (number > 2 and stem.casefold() in own):
            stem, number = f"{photo.stem}-{number}", number + 1
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


def _expand(source: str | Path, skipped: Path | None) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if not _is_hidden(p.relative_to(path)))
        found = [p for p in found if _is_photo(p, path.resolve(), skipped)]
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
    found = [Path(name) for name in sorted(glob.glob(str(source), recursive=True))]
    found = [p for p in found if _is_photo(p, p.parent.resolve(), skipped)]
    if not found:
        raise InputError(f"glob must match images, got none for '{source}'. Check the pattern.")
    return found


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _is_photo(path: Path, searched: Path, skipped: Path | None) -> bool:
    """Tell whether a file found while searching is a photo and no result of an earlier run."""
    if path.suffix.lower() not in IMAGE_ENDINGS or not path.is_file():
        return False
    if skipped is None or not path.resolve().is_relative_to(skipped):
        return True
    # Where results go into the very folder that is searched, only their names tell them apart.
    return searched.is_relative_to(skipped) and not path.name.endswith(RESULT_ENDINGS)


def _make_folder(folder: Path) -> bool:
    """Make the output folder, check that files can be made in it, and tell whether it is new."""
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return new
    except OSError as error:
        raise _not_writable(folder, error) from error


def _not_writable(folder: Path, error: OSError) -> InputError:
    reason = error.strerror or type(error).__name__
    return InputError(
        f"output folder must be one that can be written to, got '{folder}' ({reason}). "
        "Choose another folder or free space."
    )
