"""Structure-sensitive loss: a person's cross-entropy counts by how far its joints are displaced.

One line in any training loop, for any network that gives a map a person:

    loss = StructureLoss("lip", offset=1.0)(logits, truth)

Source: Gong et al., "Look into Person" (CVPR 2017), section 4. Engineering-Course/caffe_ssl,
src/caffe/layers: mask_create, pose_evaluate, pose_create, heatmap_error, softmax_loss (.cpp, .cu).
Engineering-Course/LIP_SSL, human/config/attention/train.prototxt.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from peopleparse.errors import InputError, SchemeError, suggest
from peopleparse.labels.scheme import IGNORE_ID, Scheme, get_scheme
from peopleparse.losses.joints import (
    Joints,
    center_errors,
    heatmap_errors,
    joint_centers,
    soft_joint_centers,
)

Mode = Literal["paper", "released", "soft"]
Measure = Literal["centers", "heatmaps"]

RELEASED_SCALE = 0.05


class StructureTerms(NamedTuple):
    """What a structure loss is made of, the last two for logs.

    Attributes:
        loss: scalar.
        cross_entropy: (K,) mean over each person's pixels that count, 0 where none does.
        weight: (K,) offset + scale * w.
    """

    loss: Tensor
    cross_entropy: Tensor
    weight: Tensor


def structure_weight(
    prediction: Joints,
    truth: Joints,
    grid: tuple[int, int],
    mode: Mode = "paper",
    measure: Measure = "centers",
) -> Tensor:
    """Return w, (K,): how far each person's joints are displaced; 0 is a perfect skeleton.

    `released`: .05 / 2 times the sum of `heatmap_errors`, and a joint at cell (0, 0) is lost, as
    there (0, 0) says absent. On 41 x 41 cells a joint displaced by 1, 2, 3 or 4 cells adds .0886,
    .2529, .3579 or .3928, one far away .400, one that only one side has .200; nine at most 3.6.

    `paper` and `soft`: 1 / (2 N) times the sum of `center_errors` or `heatmap_errors`, N being the
    scheme's joints, absent ones too.

    Args:
        prediction, truth: joints of the same people.
        grid: rows and columns of the maps.
        mode: "released" takes heat maps whatever `measure` says.
        measure: "centers" or "heatmaps".

    Raises:
        InputError: no mode or measure has that name.

    Source: the paper's equation of the joint structure loss. Differs: the paper names neither the
    unit of a coordinate nor the shape of a heat map. For centres the unit is the grid's longer
    side and a missing joint is MISSING of it; heat maps are those of the released code.
    """
    _check_choice("mode", mode, get_args(Mode))
    _check_choice("measure", measure, get_args(Measure))
    if mode == "released":
        seen, real = _forget_corner(prediction), _forget_corner(truth)
        return RELEASED_SCALE / 2 * heatmap_errors(seen, real, grid).sum(-1)
    errors = center_errors if measure == "centers" else heatmap_errors
    # The mean over joints is 1 / N times the sum.
    return errors(prediction, truth, grid).mean(-1) / 2


def weighted_cross_entropy(
    logits: Tensor,
    truth: Tensor,
    weight: Tensor,
    weights: Tensor | None = None,
    ignore_id: int = IGNORE_ID,
    scale_gradient: bool = True,
) -> StructureTerms:
    """Return cross-entropy in which each person's pixels count `weight` times.

    The sum over all pixels of weight times cross-entropy, divided by the number of pixels that
    count (by their label weights where given): with all weights 1 it is plain cross-entropy.

    Args:
        logits: (K, C, h, w).
        truth: (K, h, w) int64.
        weight: (K,); a gradient flows into it if it has one.
        weights: (C,) one a label, or None.
        ignore_id: pixels of this id do not count; a batch in which none counts costs 0.
        scale_gradient: False gives the same value with the gradient of plain cross-entropy.
    """
    logits = logits if logits.dtype == torch.float64 else logits.float()
    valid = truth != ignore_id
    if weights is None:
        sizes = valid.flatten(1).sum(1).to(logits.dtype)
    else:
        weights = weights.to(logits.dtype)
        sizes = (weights[truth.where(valid, 0)] * valid).flatten(1).sum(1)
    if sizes.sum() == 0:  # nothing to learn, and nothing to divide by
        return StructureTerms(logits.sum() * 0, sizes, weight.detach())
    log_probs = logits.log_softmax(1)
    each = functional.nll_loss(log_probs, truth, weights, ignore_index=ignore_id, reduction="none")
    sums = each.flatten(1).sum(1)  # (K,)
    loss = (weight * sums).sum() / sizes.sum()
    if not scale_gradient:
        plain = functional.nll_loss(log_probs, truth, weights, ignore_index=ignore_id)
        loss = loss.detach() + (plain - plain.detach())
    means = sums.detach() / sizes.where(sizes > 0, 1)
    return StructureTerms(loss, means, weight.detach())


class StructureLoss(nn.Module):
    """Cross-entropy of each person times offset + scale * w, w its joints' displacement.

    | mode | joints of the prediction | gradient |
    |---|---|---|
    | `paper` | arg-max | of cross-entropy, times the person's weight |
    | `released` | arg-max | of plain cross-entropy: only the value shown changes |
    | `soft` | softmax centroids | through both factors of the product |

    A person whose joints are all in place, or who has none in truth and prediction, has w = 0:
    with offset 0 it teaches nothing, however bad its pixels are. Offset 1 keeps cross-entropy and
    adds to it. A person with no pixel that counts adds 0 to the loss.

    Args:
        scheme: a scheme or its name; it must have joints.
        mode: "paper", "released" or "soft".
        offset: weight of a person whose joints are in place; 0 is the paper's product.
        scale: factor of w. By centres, one of nine joints missing is w = .0139 and a pair of legs
            swapped that stand .15 of the longer side apart is .0025: beside offset 1 that is
            felt only with a scale well above 1, or by heat maps.
        measure: how `paper` and `soft` measure a displacement: "centers" or "heatmaps".
        ignore_id: truth pixels of this id count for nothing, and in `paper` and `soft` not for
            the joints of the prediction either.

    Raises:
        InputError: a mode, measure, offset or scale that does not exist.
        SchemeError: the scheme does not exist or has no joints.

    Source: as for this module; "soft" is ours. Differs: the paper multiplies cross-entropy by w,
    and so `paper` scales its gradient; the released SoftmaxLossBackwardGPU never receives w, and
    `released` does the same. There a batch has one w, that of its first image; here each person
    has its own. Where scores tie, the released arg-max takes the highest id; here any.
    """

    def __init__(
        self,
        scheme: Scheme | str,
        mode: Mode = "paper",
        offset: float = 0.0,
        scale: float = 1.0,
        measure: Measure = "centers",
        ignore_id: int = IGNORE_ID,
    ) -> None:
        super().__init__()
        self.scheme = get_scheme(scheme) if isinstance(scheme, str) else scheme
        if not self.scheme.joints:
            raise SchemeError(
                f"scheme must have joints for the structure loss, got '{self.scheme.name}' "
                "without any. Translate to a scheme with joints (gps, lip) first."
            )
        _check_choice("mode", mode, get_args(Mode))
        _check_choice("measure", measure, get_args(Measure))
        for name, value in (("offset", offset), ("scale", scale)):
            if not (value >= 0 and math.isfinite(value)):
                raise InputError(
                    f"{name} must be 0 or more, got {value}. A negative weight would unlearn."
                )
        self.mode, self.measure = mode, measure
        self.offset, self.scale, self.ignore_id = offset, scale, ignore_id

    def forward(self, logits: Tensor, truth: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the loss, a scalar; see `terms`."""
        return self.terms(logits, truth, weights).loss

    def terms(self, logits: Tensor, truth: Tensor, weights: Tensor | None = None) -> StructureTerms:
        """Return the loss with each person's cross-entropy and weight, for logs.

        Args:
            logits: (K, C, h, w), one person each; half precision is computed in float32.
            truth: (K, h, w) int64 label ids.
            weights: (C,) one a label, or None.

        Raises:
            InputError: shapes that do not fit each other or the scheme.
        """
        weight = self.weight(logits, truth)
        with torch.autocast(logits.device.type, enabled=False):
            through = self.mode != "released"
            return weighted_cross_entropy(logits, truth, weight, weights, self.ignore_id, through)

    def weight(self, logits: Tensor, truth: Tensor) -> Tensor:
        """Return offset + scale * w, (K,).

        For networks with several outputs: the released configuration takes it from the fused
        output and applies it (`weighted_cross_entropy`) to that and to every scale's output.

        Args:
            logits: (K, C, h, w), one person each.
            truth: (K, h, w) int64 label ids.

        Raises:
            InputError: shapes that do not fit each other or the scheme.
        """
        self._check(logits, truth)
        with torch.autocast(logits.device.type, enabled=False):
            found, real = self._joints(logits, truth)
            grid = (truth.shape[1], truth.shape[2])
            w = structure_weight(found, real, grid, self.mode, self.measure)
            return self.offset + self.scale * w

    def _joints(self, logits: Tensor, truth: Tensor) -> tuple[Joints, Joints]:
        soft = self.mode == "soft"
        real = joint_centers(truth, self.scheme, not soft, self.ignore_id)
        valid = truth != self.ignore_id
        if soft:
            logits = logits if logits.dtype == torch.float64 else logits.float()
            return soft_joint_centers(logits.softmax(1), self.scheme, valid), real
        parsing = logits.detach().max(1).indices  # four times faster than argmax on a CPU
        if self.mode == "paper":
            parsing = parsing.where(valid, self.ignore_id)
        return joint_centers(parsing, self.scheme, True, self.ignore_id), real

    def _check(self, logits: Tensor, truth: Tensor) -> None:
        labels = self.scheme.num_ids
        if logits.ndim != 4 or logits.shape[1] != labels:
            raise InputError(
                f"logits must be (K, {labels}, h, w) for scheme '{self.scheme.name}', "
                f"got {tuple(logits.shape)}. Pass one map of scores a label and person."
            )
        expected = (logits.shape[0], *logits.shape[2:])
        if tuple(truth.shape) != expected or truth.dtype != torch.int64:
            raise InputError(
                f"truth must be {expected} int64 like the logits, got {tuple(truth.shape)} "
                f"{str(truth.dtype).removeprefix('torch.')}. "
                "Resize the labels (nearest) or the logits, and pass truth.long()."
            )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{name} must be a known one, got '{value}'.{suggest(value, choices)}")


def _forget_corner(joints: Joints) -> Joints:
    return joints._replace(present=joints.present & (joints.centers != 0).any(-1))
