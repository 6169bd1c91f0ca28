"""Check a data set of label maps before it is trained on: all faults, and the published counts."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from PIL import Image

from peopleparse.data.image_labels import size_of
from peopleparse.data.map_labels import MapLabels
from peopleparse.errors import DataError

_LEAST_USED = 4  # with fewer numbers in use a foreign palette may look like the scheme's own


def check_maps(
    source: MapLabels, track: Callable[[Sequence[str]], Iterable[str]] = iter
) -> list[str]:
    """Return every fault of a data set, one line each; none for a good one.

    Beside what is wrong in a map, faults are: listed images without map or photo, images in two
    lists or twice in one, maps in no list, photos that cannot be read or are of another size, and
    PNGs whose palette has the colours of the scheme, but at other numbers than the labels'.

    Args:
        source: the opened data set.
        track: wraps the image ids, for a progress bar.
    """
    faults = _check_lists(source)
    for image_id in track(source.ids):
        found = source.faults_of(image_id)
        faults += found + _check_palette(source, image_id)
        if not found and source.photos:
            faults += _check_photo(source, image_id)
    bare = [i for split in source.layout.bare for i in source.splits.get(split, ())]
    return faults + [_no_photo(source, image_id) for image_id in bare if _lacks(source, image_id)]


def check_counts(source: MapLabels) -> None:
    """Check that every split has as many images as were published.

    Without any list all maps are counted against the released files.

    Raises:
        DataError: a list is missing, or a number differs.
    """
    title = source.layout.title
    if not source.splits:
        if len(source.ids) != source.layout.total:
            raise DataError(
                f"{title} must have {source.layout.total:,} maps, got {len(source.ids):,}, "
                f"at {source.name}. Fetch it again, or put its lists of ids there."
            )
        return
    for split, count in source.layout.counts.items():
        found = len(source.splits.get(split, ()))
        if found != count:
            raise DataError(
                f"{title} must have {count:,} images in split '{split}', got {found:,}, "
                f"at {source.name}. Fetch its list of ids again."
            )


def _check_lists(source: MapLabels) -> list[str]:
    faults: list[str] = []
    where: dict[str, list[str]] = {}
    for split, ids in source.splits.items():
        for image_id, count in Counter(ids).items():
            where.setdefault(image_id, []).extend([split] * count)
    for image_id, splits in sorted(where.items()):
        if len(splits) > 1:
            faults.append(
                f"image must be in one list once, got '{image_id}' in {splits}, "
                f"at {source.name}. Correct the lists."
            )
    if not set(source.layout.lists) <= set(source.splits):
        return faults  # a map may belong to a split whose list is not there
    for image_id in source.ids:
        if image_id not in where:
            faults.append(
                f"label map must be of an image of a list, got '{image_id}' of none, "
                f"at {source.place_of(image_id)}. Remove it or correct the lists."
            )
    return faults


def _check_palette(source: MapLabels, image_id: str) -> list[str]:
    """Return the fault of an indexed PNG that was made from colours: its numbers are no ids."""
    faults = list[str]()
    for name in source.names_of(image_id)[:1]:
        try:
            with Image.open(io.BytesIO(source.files.read(name)), formats=["PNG"]) as image:
                if image.mode != "P":
                    continue
                used = np.unique(np.asarray(image)).tolist()
                flat = image.getpalette("RGB") or []
        except (DataError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            continue  # told with the map
        own = {label.color: label.id for label in source.scheme.labels}
        colors = np.reshape(np.array(flat, np.uint8), (-1, 3)).tolist()
        meant = {n: own.get((r, g, b)) for n in used if n < len(colors) for r, g, b in [colors[n]]}
        if len(meant) < max(_LEAST_USED, len(used)) or None in meant.values():
            continue  # a palette of its own says nothing about the numbers
        wrong = {n: label_id for n, label_id in sorted(meant.items()) if n != label_id}
        if wrong:
            number, label_id = next(iter(wrong.items()))
            faults.append(
                f"palette PNG must hold label ids, got number {number} in the colour of "
                f"'{source.scheme.names[label_id or 0]}' (id {label_id}) and {len(wrong) - 1} more "
                f"like it, at {source.files.place(name)}. Save the ids; a PNG made from colours "
                "numbers them as they come."
            )
    return faults


def _check_photo(source: MapLabels, image_id: str) -> list[str]:
    if _lacks(source, image_id):
        return [_no_photo(source, image_id)]
    place = source.files.place(source.photos[image_id])
    try:
        with Image.open(io.BytesIO(source.read_photo(image_id) or b"")) as photo:
            width, height = photo.size
    except (DataError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return [f"photo must be a readable JPEG, got '{error}', at {place}. Fetch it again."]
    size = size_of(source.read(image_id))
    if (height, width) == size:
        return []
    return [
        f"label map must be {width} x {height} like its photo, got {size[1]} x {size[0]}, "
        f"at {source.place_of(image_id)}. Fetch both again; never resize a map smoothly."
    ]


def _lacks(source: MapLabels, image_id: str) -> bool:
    return bool(source.photos) and image_id not in source.photos


def _no_photo(source: MapLabels, image_id: str) -> str:
    folders = " or ".join(f"{folder}/{image_id}.jpg" for folder in source.layout.photos)
    return f"photo must be {folders}, got none, at {source.name}. Fetch it, or correct the list."
