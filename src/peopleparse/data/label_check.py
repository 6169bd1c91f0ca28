"""Tell what is wrong with an archive of predictions, without any truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from peopleparse.data.files import read_image_size
from peopleparse.data.formats import open_labels, read_ids
from peopleparse.data.image_labels import check_size
from peopleparse.data.label_source import FileLabels
from peopleparse.errors import DataError, InputError
from peopleparse.labels import Scheme

Size = tuple[int, int]
_PHOTOS = (".jpg", ".jpeg", ".png")


def check_predictions(
    path: str | Path | FileLabels,
    images: str | Path | Iterable[str] | Mapping[str, Size | None] | None = None,
    format: str | None = None,
    scheme: str | Scheme | None = None,
    track: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> list[str]:
    """Return every fault of a folder or archive of predictions, one line each; none for a good one.

    Args:
        path: what would be scored, or the opened source.
        images: the photos that it must be of: a folder of photos, a text file or a sequence of
            ids, or (height, width) by id; None asks for no images and no sizes.
        format: as `open_labels`.
        scheme: as `open_labels`.
        track: wraps the image ids, for a progress bar.

    Raises:
        InputError: the images cannot be read, or a format does not exist.
        SchemeError: no scheme has that name.
    """
    expected = None if images is None else expect_images(images)
    try:
        source = (
            path
            if isinstance(path, FileLabels)
            else open_labels(path, format, scheme, side="prediction")
        )
    except DataError as error:
        return [str(error)]
    faults = []
    if source.files.inner:
        faults.append(
            f"predictions must lie at the top of what is handed in, got them in the folder "
            f"'{source.files.inner}', at {source.name}. Pack its contents, not the folder."
        )
    if expected is not None:
        faults += _compare_ids(source, expected)
    for image_id in track(source.ids):
        found = source.faults_of(image_id)
        size = (expected or {}).get(image_id)
        if not found and size is not None:
            try:
                check_size(source.read(image_id), size, source.place_of(image_id))
            except DataError as error:
                found = [str(error)]
        faults += found
    return faults


def expect_images(
    images: str | Path | Iterable[str] | Mapping[str, Size | None],
) -> dict[str, Size | None]:
    """Return the (height, width) of each photo by id, None where it is not known.

    Raises:
        InputError: a list cannot be read, or a folder has no photo or a broken one.
    """
    if isinstance(images, Mapping):
        return dict(images)
    if not isinstance(images, str | Path) or not Path(images).is_dir():
        return dict.fromkeys(read_ids(images))
    photos = [path for path in sorted(Path(images).iterdir()) if path.suffix.lower() in _PHOTOS]
    if not photos:
        raise InputError(
            f"images must be a folder of photos or a list of ids, got none, at {images}. "
            "Name the folder of the photos."
        )
    try:
        return {path.stem: read_image_size(path) for path in photos}
    except DataError as error:
        raise InputError(str(error)) from error


def _compare_ids(source: FileLabels, expected: Mapping[str, Size | None]) -> list[str]:
    missing = sorted(set(expected) - set(source.ids))
    extra = sorted(set(source.ids) - set(expected))
    return [
        f"image '{image_id}' must have a prediction, got none, at {source.name}. "
        "It counts as one in which nobody was found."
        for image_id in missing
    ] + [
        f"prediction must be of one of the {len(expected)} images, got '{image_id}', "
        f"at {source.place_of(image_id)}. Remove it or correct its name."
        for image_id in extra
    ]
