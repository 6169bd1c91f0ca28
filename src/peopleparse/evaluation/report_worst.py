"""Truth, prediction and wrong pixels of one image, side by side."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.labels import Scheme, get_scheme
from peopleparse.labels.scheme import IGNORE_ID
from peopleparse.viz.legend import draw_chips
from peopleparse.viz.overlay import NO_PHOTO
from peopleparse.viz.palette import PERSON_COLORS, blend
from peopleparse.viz.text import draw_text, shorten

_ALPHA = 0.6
_SIDE = 400  # longest side of one panel; larger images are reduced, label ids are not mixed
_PAPER, _INK, _GAP = 250, (34, 34, 34), 6
# Okabe and Ito, apart for red-blind and green-blind eyes: kind of mistake and its colour.
_MISTAKES = (
    ("missed part", (230, 159, 0)),
    ("part on background", (86, 180, 233)),
    ("other label", (204, 121, 167)),
)


def draw_worst(
    truth_labels: NDArray[np.uint8],
    prediction_labels: NDArray[np.uint8],
    image: NDArray[np.uint8] | None = None,
    scheme: str | Scheme | None = None,
    ignore_id: int = IGNORE_ID,
) -> NDArray[np.uint8]:
    """Draw truth, prediction and wrong pixels of one image side by side.

    Wrong pixels are missed (truth has a part, the prediction background), on background (the
    other way round) or of another label; ignored ones are never wrong. A legend names the labels
    and kinds of mistakes that are present.

    Args:
        truth_labels: (H, W) label ids, or `ignore_id`.
        prediction_labels: (H, W) label ids.
        image: (H, W, 3) uint8 RGB, or None: labels are then drawn on dark grey.
        scheme: gives colours and names; None numbers the labels, in repeating colours.
        ignore_id: the truth's value for pixels that do not count.

    Returns:
        (h, w, 3) uint8; panels are reduced to at most 400 pixels a side.

    Raises:
        InputError: the maps or the image differ in size, or are not uint8.
    """
    _check(truth_labels, prediction_labels, image)
    if isinstance(scheme, str):
        scheme = get_scheme(scheme)
    mistakes = find_mistakes(truth_labels, prediction_labels, ignore_id)
    wrong, counted = np.count_nonzero(mistakes), np.count_nonzero(truth_labels != ignore_id)
    share = 100 * wrong / counted if counted else 0.0
    size = _panel_size(truth_labels.shape)
    photo = _make_photo(image, size)
    palette = _make_palette(scheme, ignore_id)
    found = np.where(prediction_labels == ignore_id, 0, prediction_labels)
    pictures = [
        _paint(photo, _shrink(labels, size), palette, image is None)
        for labels in (truth_labels, found)
    ]
    grey = np.repeat((photo.mean(axis=2, keepdims=True) * 0.45).astype(np.uint8), 3, axis=2)
    colors = np.zeros((256, 3), np.uint8)
    colors[1 : len(_MISTAKES) + 1] = [color for _, color in _MISTAKES]
    pictures.append(_paint(grey, _shrink(mistakes, size), colors, True))
    captions = ("truth", "prediction", f"wrong pixels: {share:.1f} %")
    picture = _join(pictures, captions)
    present = np.union1d(truth_labels, prediction_labels)
    entries = [
        (_name(scheme, int(i)), _color(palette, int(i))) for i in present if 0 < i != ignore_id
    ]
    entries += [kind for n, kind in enumerate(_MISTAKES, 1) if (mistakes == n).any()]
    return np.concatenate([picture, draw_chips(entries, picture.shape[1], _text_size(size))])


def find_mistakes(
    truth: NDArray[np.uint8], prediction: NDArray[np.uint8], ignore_id: int = IGNORE_ID
) -> NDArray[np.uint8]:
    """Return (H, W) uint8: 0 right or ignored, 1 missed, 2 on background, 3 another label.

    >>> find_mistakes(np.array([0, 1, 1, 0, 255]), np.array([0, 2, 0, 1, 1])).tolist()
    [0, 3, 1, 2, 0]
    """
    kinds = np.where(prediction == 0, 1, np.where(truth == 0, 2, 3))
    return np.where((truth == prediction) | (truth == ignore_id), 0, kinds).astype(np.uint8)


def _check(
    truth: NDArray[np.uint8], prediction: NDArray[np.uint8], image: NDArray[np.uint8] | None
) -> None:
    if truth.ndim != 2 or truth.dtype != np.uint8 or 0 in truth.shape:
        raise InputError(
            f"truth_labels must be (H, W) uint8 label ids, got {truth.shape} {truth.dtype}. "
            "Give one label map."
        )
    given = [("prediction_labels", prediction, truth.shape)]
    if image is not None:
        given.append(("image", image, (*truth.shape, 3)))
    for what, array, shape in given:
        if array.shape != shape or array.dtype != np.uint8:
            raise InputError(
                f"{what} must be {shape} uint8 like the truth, got {array.shape} {array.dtype}. "
                "Resize it to the size of the photo."
            )


def _panel_size(shape: tuple[int, ...]) -> tuple[int, int]:
    scale = min(1.0, _SIDE / max(shape))
    # Small images are drawn larger, by a whole number, so that their pixels stay square.
    whole = max(1, _SIDE // 2 // max(shape))
    return max(1, round(shape[0] * scale)) * whole, max(1, round(shape[1] * scale)) * whole


def _shrink(labels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    rows, columns = (
        ((np.arange(small) + 0.5) * full / small).astype(int)
        for small, full in zip(size, labels.shape, strict=True)
    )
    return labels[np.ix_(rows, columns)]


def _make_photo(image: NDArray[np.uint8] | None, size: tuple[int, int]) -> NDArray[np.uint8]:
    if image is None:
        return np.full((*size, 3), NO_PHOTO, np.uint8)
    how = cv2.INTER_AREA if size[0] <= image.shape[0] else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(image, size[::-1], interpolation=how), np.uint8)


def _make_palette(scheme: Scheme | None, ignore_id: int) -> NDArray[np.uint8]:
    if scheme is not None:
        palette = scheme.palette.copy()
    else:
        palette = np.array([PERSON_COLORS[n % len(PERSON_COLORS)] for n in range(256)], np.uint8)
    palette[ignore_id] = 255
    return palette


def _paint(
    photo: NDArray[np.uint8], labels: NDArray[np.uint8], palette: NDArray[np.uint8], opaque: bool
) -> NDArray[np.uint8]:
    picture, shown = photo.copy(), labels > 0
    picture[shown] = blend(photo[shown], palette[labels[shown]], 1.0 if opaque else _ALPHA)
    return picture


def _text_size(size: tuple[int, int]) -> int:
    return int(np.clip(size[1] / 18, 9, 22))


def _join(pictures: list[NDArray[np.uint8]], captions: tuple[str, ...]) -> NDArray[np.uint8]:
    height, width = pictures[0].shape[:2]
    text = _text_size((height, width))
    line = 2 * text
    shape = (line + height, len(pictures) * width + (len(pictures) - 1) * _GAP, 3)
    joined = np.full(shape, _PAPER, np.uint8)
    for n, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left = n * (width + _GAP)
        joined[line:, left : left + width] = picture
        draw_text(joined, shorten(caption, text, width), left + 2, line // 2, text, _INK)
    return joined


def _name(scheme: Scheme | None, label_id: int) -> str:
    names = () if scheme is None else scheme.names
    return names[label_id] if label_id < len(names) and names[label_id] else f"label {label_id}"


def _color(palette: NDArray[np.uint8], label_id: int) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in palette[label_id])
    return red, green, blue
