"""A dense CRF over the labels of a photo: parts that end where colours do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.inference.engine import Floats


def refine_with_crf(
    probs: Floats,
    image: NDArray[np.uint8],
    steps: int = 10,
    near_weight: float = 3.0,
    near_pixels: float = 1.0,
    color_weight: float = 4.0,
    color_pixels: float = 67.0,
    color_levels: float = 3.0,
) -> Floats:
    """Return label probabilities after mean-field steps in a fully connected CRF.

    Neighbours should have the same label; so should pixels of the same colour that lie further
    apart. It needs the extra: pip install 'peopleparse[crf]'

    Args:
        probs: (C, H, W) float, as `training.views.predict_probs` gives for an image.
        image: (H, W, 3) uint8 RGB.
        steps: of mean field.
        near_weight, near_pixels: weight and deviation of the kernel of places.
        color_weight, color_pixels, color_levels: weight of the kernel of places and colours, its
            deviation in pixels and in levels of a channel.

    Returns:
        (C, H, W) float32 that sums to 1 over labels.

    Raises:
        InputError: the library is not installed, or the sizes do not fit.

    Source: Krähenbühl and Koltun, "Fully connected CRFs" (2011); the numbers are those of DeepLab
    v2 on ResNet-101 for PASCAL VOC (kazuto1011/deeplab-pytorch, configs/voc12.yaml). They were
    chosen there by cross-validation, not for parts of people.
    """
    if probs.ndim != 3 or image.shape != (*probs.shape[1:], 3) or image.dtype != np.uint8:
        raise InputError(
            f"image must be (H, W, 3) uint8 for probs (C, H, W), got {image.shape} {image.dtype} "
            f"and {probs.shape}. Bring the probabilities to the pixels of the image."
        )
    try:
        from pydensecrf.densecrf import DenseCRF2D
    except ImportError as error:
        raise InputError(
            "a CRF must have pydensecrf2, got none installed. "
            "Install it, with a C++ compiler: pip install 'peopleparse[crf]'"
        ) from error
    labels, height, width = probs.shape
    field = DenseCRF2D(width, height, labels)
    energy = -np.log(np.maximum(probs, 1e-5, dtype=np.float32))
    field.setUnaryEnergy(np.ascontiguousarray(energy.reshape(labels, -1)))
    field.addPairwiseGaussian(sxy=near_pixels, compat=near_weight)
    field.addPairwiseBilateral(
        sxy=color_pixels,
        srgb=color_levels,
        rgbim=np.ascontiguousarray(image),
        compat=color_weight,
    )
    return np.asarray(field.inference(steps), np.float32).reshape(labels, height, width)
