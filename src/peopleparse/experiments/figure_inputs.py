"""What the figures of the GPS paper have in common: their images, truths and counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.labels import Scheme, get_scheme
from peopleparse.metrics.failures import FailureCounts, Fates
from peopleparse.metrics.tally import make_tally
from peopleparse.structures import Annotation, ParsedPeople

Image = NDArray[np.uint8]


def check_pairs(images: Sequence[Image], truths: Sequence[Annotation]) -> None:
    """Check that there is one truth an image, of its size.

    Raises:
        InputError: it is not so, or there is no image.
    """
    check_images(images)
    if len(truths) != len(images):
        raise InputError(
            f"truths must be one an image, got {len(truths)} for {len(images)} images. "
            "Leave out images without a truth."
        )
    for image, truth in zip(images, truths, strict=True):
        if truth.parsings.shape[1:] != image.shape[:2]:
            raise InputError(
                f"truth must have the size of its image {image.shape[:2]}, got "
                f"{truth.parsings.shape[1:]}, at image '{truth.image_id}'. "
                "Give both in the same order and size."
            )


def check_images(images: Sequence[Image]) -> None:
    """Check that there are images, and that they are photos.

    Raises:
        InputError: there is none, or one is not (H, W, 3) uint8.
    """
    if not images:
        raise InputError("a figure must have at least one image, got none. Give some photos.")
    for number, image in enumerate(images, 1):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise InputError(
                f"image must be (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}, at image "
                f"{number}. Read it with peopleparse.inference.read_image."
            )


def in_truth_labels(parsing: NDArray[np.uint8], scheme: Scheme) -> NDArray[np.uint8]:
    """Return GPS labels with a tie as upper clothes where the truth's scheme has no tie."""
    if "tie" in scheme.names:
        return parsing
    gps = get_scheme("gps")
    tie = parsing == gps.id_of("tie")
    return np.where(tie, gps.id_of("upper clothes"), parsing).astype(np.uint8)


def find_fates(truth: Annotation, result: ParsedPeople) -> Fates:
    """Return what became of the persons of one image; see `metrics.FailureCounts`.

    Raises:
        InputError: the result is in other labels or of another size.
    """
    gps = get_scheme("gps").names
    for what, scheme in (("truth", truth.scheme), ("result", result.scheme)):
        if any(name not in ("", gps[n]) for n, name in enumerate(scheme.names[: len(gps)])):
            raise InputError(
                f"{what} must be in a scheme of GPS, got '{scheme.name}'. Translate it first."
            )
    if truth.parsings.shape[1:] != result.size:
        raise InputError(
            f"result must have the size of its truth {truth.parsings.shape[1:]}, got "
            f"{result.size}. Parse the image that the truth is of."
        )
    tally = make_tally(
        truth.image_id or "image",
        truth.parsings,
        (in_truth_labels(result.parsing, truth.scheme), result.instances),
        [person.score for person in result.people],
        num_ids=len(gps),
    )
    return FailureCounts(len(gps)).fates(tally)
