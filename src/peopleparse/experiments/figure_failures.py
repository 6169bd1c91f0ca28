"""What became of every person, as a picture: truth and predictions outlined by their fate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.experiments.figure_inputs import Image, check_pairs, find_fates
from peopleparse.metrics.failures import Fates
from peopleparse.structures import Annotation, ParsedPeople, mask_box
from peopleparse.viz.palette import blend
from peopleparse.viz.panels import (
    Color,
    Panel,
    draw_outline,
    draw_panels,
    fit_labels,
    fit_panel,
    frame,
)
from peopleparse.viz.text import make_tag, paste

# Okabe and Ito, apart for colour-blind eyes; matched and right are two sides of one thing.
FATE_COLORS: dict[str, Color] = {
    "matched": (0, 158, 115),
    "bad parts": (240, 228, 66),
    "missed": (213, 94, 0),
    "merged": (204, 121, 167),
    "right": (0, 158, 115),
    "duplicate": (86, 180, 233),
    "split": (0, 114, 178),
    "background": (17, 17, 17),
}
_ORDER = (
    ("matched", "bad parts", "missed", "merged"),
    ("right", "bad parts", "duplicate", "split", "background"),
)
_WIDTH = 480
_FOOTER = (
    "Equal numbers: a truth person and the prediction that was matched with it. Letters: "
    "predictions that were matched with nobody."
)


def draw_failures(
    images: Sequence[Image], truths: Sequence[Annotation], results: Sequence[ParsedPeople]
) -> Image:
    """Draw truth and predicted persons, each in the colour of its fate, with all counts.

    Fates are those of `metrics.FailureCounts`; predictions that were matched with bad parts, which
    it counts as right, are shown as "bad parts".

    Args:
        images: (H, W, 3) uint8 RGB photos, a row each.
        truths: of the images, in a scheme of GPS.
        results: what a method made of the images.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        InputError: truths or results are not those of the images.
    """
    check_pairs(images, truths)
    if len(results) != len(images):
        raise InputError(
            f"results must be one an image, got {len(results)} for {len(images)} images. "
            "Give a result without persons where nobody was found."
        )
    rows = []
    totals: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for image, truth, result in zip(images, truths, results, strict=True):
        fates = find_fates(truth, result)
        kinds = _kinds(fates)
        tags = _tags(fates)
        masks = list(truth.masks), [person.mask for person in result.people]
        row = [Panel(frame(fit_panel(image, _WIDTH).copy()))]
        for side, total in enumerate(totals):
            total.update(kinds[side])
            picture = _draw_people(image, masks[side], kinds[side], tags[side])
            row.append(Panel(picture, _summary(kinds[side], _ORDER[side])))
        rows.append(row)
    keys = [
        (f"{title}:", [(f"{name} {total[name]}", FATE_COLORS[name]) for name in names])
        for title, names, total in zip(("truth", "predictions"), _ORDER, totals, strict=True)
    ]
    return draw_panels(rows, ("image", "truth", "predictions"), keys, _FOOTER, _WIDTH)


def _kinds(fates: Fates) -> tuple[list[str], list[str]]:
    truth = [fate.replace("_", " ") for fate in fates.truth]
    prediction = list(fates.prediction)
    for t, p in fates.pairs:
        if truth[t] == "bad parts":
            prediction[p] = "bad parts"
    return truth, prediction


def _tags(fates: Fates) -> tuple[list[str], list[str]]:
    """Return a short text a person: numbers for the truth, the same for those matched with it."""
    owner = {p: t for t, p in fates.pairs}
    found, free = [], 0
    for p in range(len(fates.prediction)):
        found.append(str(owner[p] + 1) if p in owner else _letters(free))
        free += p not in owner
    return [str(t + 1) for t in range(len(fates.truth))], found


def _letters(number: int) -> str:
    """Return a, b, ..., z, aa, ab, ...; 0 is the first."""
    text = chr(97 + number % 26)
    return text if number < 26 else _letters(number // 26 - 1) + text


def _draw_people(
    image: Image, masks: Sequence[NDArray[np.bool_]], kinds: Sequence[str], tags: Sequence[str]
) -> Image:
    photo = fit_panel(image, _WIDTH)
    grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
    # Paler than the photo: colours must stand out from it.
    picture = blend(np.repeat(grey[..., None], 3, axis=2), (255, 255, 255), 0.45)
    size = (picture.shape[0], picture.shape[1])
    places = []
    for mask, kind, tag in zip(masks, kinds, tags, strict=True):
        small = fit_labels(mask.astype(np.uint8), size).astype(bool)
        if kind == "dropped" or not small.any():
            continue
        color = FATE_COLORS[kind]
        picture[small] = blend(picture[small], color, 0.3)
        places.append((small, color, tag))
    for small, color, _ in places:
        draw_outline(picture, small, color, 3, rim=1)
    taken: list[tuple[int, int, int, int]] = []
    for small, color, tag in places:
        _draw_tag(picture, small, color, tag, taken)
    return frame(picture)


def _draw_tag(
    picture: Image,
    mask: NDArray[np.bool_],
    color: Color,
    tag: str,
    taken: list[tuple[int, int, int, int]],
) -> None:
    colors, alpha = make_tag(tag, 15, color)
    high, wide = alpha.shape
    box = mask_box(mask)
    assert box is not None
    # Over the person's topmost pixels, not over the middle of a box that an arm widens.
    middle = int(np.median(np.flatnonzero(mask[int(box[1]) : int(box[1]) + 12].any(axis=0))))
    left = int(np.clip(middle - wide // 2, 2, picture.shape[1] - wide - 2))
    wish = int(np.clip(box[1] - 4, 2, picture.shape[0] - high - 2))
    # The nearest place above or below that no other tag has.
    for step in sorted(range(-len(taken), len(taken) + 1), key=lambda n: (abs(n), n)):
        top = wish + step * (high + 1)
        inside = 0 <= top <= picture.shape[0] - high
        if inside and not any(
            left < x2 and left + wide > x1 and top < y2 and top + high > y1
            for x1, y1, x2, y2 in taken
        ):
            break
    else:
        top = wish
    taken.append((left, top, left + wide, top + high))
    paste(picture, colors, alpha, left, top)


def _summary(kinds: Sequence[str], names: Sequence[str]) -> str:
    counts = Counter(kinds)
    return ", ".join(f"{counts[name]} {name}" for name in names if counts[name]) or "nobody"
