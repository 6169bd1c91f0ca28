"""Mirror and warp; a mirrored label map swaps left and right ids or refuses."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.labels import Scheme


def flip_image(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mirror an (H, W, ...) image left to right."""
    return np.ascontiguousarray(image[:, ::-1])


def flip_parsing(parsing: NDArray[np.uint8], scheme: Scheme) -> NDArray[np.uint8]:
    """Mirror a (..., H, W) label map and swap its left and right labels.

    Raises:
        SchemeError: the scheme does not name flip partners.
    """
    return np.ascontiguousarray(scheme.flip_table()[parsing[..., ::-1]])


def warp_image(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], width: int, height: int
) -> NDArray[np.uint8]:
    """Warp an image by an affine matrix, interpolated; its edge pixels go on outside.

    Args:
        image: (h, w, 3) uint8.
        matrix: (2, 3), from pixel edges of the image to pixel edges of the output.
        width, height: size of the output.
    """
    mode = cv2.BORDER_REPLICATE
    size, centred = (width, height), _centred(matrix)
    warped = cv2.warpAffine(image, centred, size, flags=cv2.INTER_LINEAR, borderMode=mode)
    return warped.astype(np.uint8)


def warp_labels(
    parsing: NDArray[np.uint8], matrix: NDArray[np.float64], width: int, height: int
) -> NDArray[np.uint8]:
    """Warp a (h, w) label map by an affine matrix, nearest pixel; background outside."""
    size, centred = (width, height), _centred(matrix)
    return cv2.warpAffine(parsing, centred, size, flags=cv2.INTER_NEAREST).astype(np.uint8)


def _centred(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    # OpenCV counts from pixel centres; pixel edges are half a pixel off.
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    return shifted
