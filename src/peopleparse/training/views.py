"""The networks of `models/parsers.py` on an image in several sizes, mirrored too or not."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from peopleparse.errors import InputError
from peopleparse.inference.views import check_scales
from peopleparse.labels import Scheme, get_scheme
from peopleparse.models.parsers import Parser
from peopleparse.nn.resize import rescale, resize_to, upsample


@torch.inference_mode()
def predict_probs(
    parser: Parser,
    image: Tensor,
    scales: Sequence[float] = (1.0,),
    flip: Scheme | str | None = None,
) -> Tensor:
    """Return the probability of each label at each pixel, the mean over all views.

    One view is the softmax of the logits brought to pixels. The parser is put into evaluation mode.

    Args:
        parser: as `build_parser` makes it.
        image: (B, 3, H, W) RGB, 0 to 255.
        scales: sizes at which it is looked at, 1 being its own.
        flip: scheme of the labels, to look at the mirrored image too; None not to.

    Returns:
        (B, labels, H, W) float32.

    Raises:
        InputError: a scale is out of range, or the scheme has other labels than the parser.
        SchemeError: the scheme does not exist or does not name flip partners.

    Source: Chen et al., "DeepLab" (2017), section 4.1, and its followers. Differs: means of
    probabilities, where DeepLab takes the largest logit; for that see `build_parser`.
    """
    check_scales(scales)
    scheme = get_scheme(flip) if isinstance(flip, str) else flip
    partners = None if scheme is None else torch.from_numpy(scheme.flip_table()).long()
    parser.eval()
    sums = []
    for scale in scales:
        seen = rescale(image, scale)
        probs = _probs(parser, seen)
        if scheme is not None and partners is not None:
            _check_labels(probs, scheme)
            probs = probs + _probs(parser, seen.flip(3))[:, partners[: probs.shape[1]]].flip(3)
        sums.append(resize_to(probs, (image.shape[2], image.shape[3])))
    total = sums[0]
    for other in sums[1:]:
        total = total + other
    return total / (len(sums) * (1 if scheme is None else 2))


def _probs(parser: Parser, seen: Tensor) -> Tensor:
    logits = parser(seen)["logits"].float()
    return upsample(logits, parser.stride, (seen.shape[2], seen.shape[3])).softmax(1)


def _check_labels(probs: Tensor, scheme: Scheme) -> None:
    if probs.shape[1] != scheme.num_ids:
        raise InputError(
            f"flip must be the scheme of the parser's {probs.shape[1]} labels, got "
            f"'{scheme.name}' with {scheme.num_ids}. Name the scheme it was trained in."
        )
