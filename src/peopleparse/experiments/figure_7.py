"""Figure 7 of the GPS paper: what the local parser, the global one and their fusion make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.experiments.figure_inputs import Image, check_pairs, in_truth_labels
from peopleparse.experiments.figure_people import FoundPeople, find_photo_people
from peopleparse.inference.paste import paste_people
from peopleparse.inference.pipeline import ROIS_A_CALL, Options
from peopleparse.labels import get_scheme
from peopleparse.metrics import ConfusionMatrix
from peopleparse.models.gpsnet import GPSNet
from peopleparse.nn.adjusted_roi_align import adjust_back
from peopleparse.structures import Annotation
from peopleparse.training.export import as_engine
from peopleparse.viz.panels import Panel, draw_panels, fit_panel, frame, paint_parts, parts_key

_WIDTH = 320
_PERSON_WIDTH = 200
_MARGIN = 0.08  # shown around a person, in sides of its box
_FOOTER = (
    "Below each panel: mean IoU of the labels there, background included, in %. A dark line is "
    "drawn around each person; the global parser does not tell persons apart."
)


@dataclass(frozen=True, eq=False)
class Branches:
    """What each branch of GPSNet makes of one photo, all (H, W).

    Attributes:
        global_parsing: label ids of the whole photo, uint8.
        local_parsing, local_instances: of the single-person parser alone, laid over the photo.
        fused_parsing, fused_instances: the result.
    """

    global_parsing: NDArray[np.uint8]
    local_parsing: NDArray[np.uint8]
    local_instances: NDArray[np.uint16]
    fused_parsing: NDArray[np.uint8]
    fused_instances: NDArray[np.uint16]


def draw_figure_7(
    model: GPSNet,
    images: Sequence[Image],
    truths: Sequence[Annotation],
    *,
    persons: bool = False,
    options: Options | None = None,
    long_side: int | None = None,
) -> Image:
    """Draw image, local parsing, global parsing, fused parsing and truth side by side.

    Args:
        model: a network that fuses.
        images: (H, W, 3) uint8 RGB photos, a row each.
        truths: of the images, in a scheme of GPS.
        persons: show only the largest truth person of each photo, and what is around.
        options: thresholds of detection; None for the defaults.
        long_side: pixels that photos are scaled to; None for what the options say.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        InputError: the model does not fuse, or the truths are not those of the images.

    Source: GPS paper, figure 7 and section 5.3.
    """
    check_pairs(images, truths)
    width = _PERSON_WIDTH if persons else _WIDTH
    gps, rows, shown = get_scheme("gps"), [], []
    for image, truth in zip(images, truths, strict=True):
        found = parse_branches(model, image, options, long_side)
        parsing, instances, _ = truth.flatten()
        window = _largest_person(truth) if persons else np.s_[:, :]
        maps = [
            (found.local_parsing, found.local_instances),
            (found.global_parsing, None),
            (found.fused_parsing, found.fused_instances),
        ]
        row = [Panel(frame(fit_panel(image[window], width).copy()))]
        for labels, owners in maps:
            labels = in_truth_labels(labels, truth.scheme)[window]
            owners = None if owners is None else owners[window]
            note = f"mean IoU {100 * _mean_iou(parsing[window], labels):.1f}"
            row.append(Panel(paint_parts(labels, gps, owners, width), note))
            shown.append(labels)
        painted = paint_parts(parsing[window], gps, instances[window], width)
        rows.append([*row, Panel(painted)])
        shown.append(parsing[window])
    columns = ("image", "local parsing", "global parsing", "fused parsing", "truth")
    return draw_panels(rows, columns, [parts_key(shown, gps)], _FOOTER, width)


@torch.inference_mode()
def parse_branches(
    model: GPSNet,
    image: Image,
    options: Options | None = None,
    long_side: int | None = None,
) -> Branches:
    """Parse a photo with each branch of a network that fuses; see `inference.parse_image`.

    Raises:
        InputError: the model does not fuse.
    """
    if not model.fuse:
        raise InputError(
            "model must fuse local with global parsing, got one that does not. "
            "Give one that was trained with fuse=True."
        )
    found = find_photo_people(as_engine(model), image, options, long_side)
    size = (image.shape[0], image.shape[1])
    local, fused = _parse_people(model, found)
    boxes = found.boxes * found.scale(image)
    alone, together = (paste_people(some, boxes, found.scores, size) for some in (local, fused))
    return Branches(
        _parse_whole(found, size),
        alone.parsing,
        alone.instances,
        together.parsing,
        together.instances,
    )


def _parse_people(
    model: GPSNet, found: FoundPeople
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Return local and fused logits of each person on the grid of its box."""
    device = next(model.parameters()).device
    local: list[NDArray[np.float32]] = []
    fused: list[NDArray[np.float32]] = []
    for first in range(0, len(found.boxes), ROIS_A_CALL):
        some = slice(first, first + ROIS_A_CALL)
        people = (found.boxes[some], found.faces[some], found.has_face[some])
        boxes, faces, has_face = (torch.from_numpy(array).to(device) for array in people)
        batch = torch.zeros(len(boxes), dtype=torch.long, device=device)
        outputs = model.rois(dict(found.trunk.tensors), batch, boxes, faces, has_face)
        back = outputs["local_logits"]
        if model.adjust:
            back = adjust_back(back, outputs["adjusted"], boxes)
        local.extend(back.float().cpu().numpy())
        fused.extend(outputs["logits"].float().cpu().numpy())
    return local, fused


def _parse_whole(found: FoundPeople, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the label of the largest global logit at each pixel of the photo."""
    logits = torch.from_numpy(found.trunk.global_logits)[None]
    resize = torch.nn.functional.interpolate
    whole = resize(logits, found.seen, mode="bilinear", align_corners=False)
    photo = whole[:, :, : found.size[0], : found.size[1]]
    # The label first: twenty maps at the size of the photo may not fit into memory.
    labels = photo.argmax(dim=1, keepdim=True).float()
    return resize(labels, size, mode="nearest-exact")[0, 0].byte().numpy()


def _largest_person(truth: Annotation) -> tuple[slice, slice]:
    """Return a window around the truth person of the largest box; everything without persons."""
    boxes = truth.boxes
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    if not areas.any():
        return np.s_[:, :]
    box = boxes[areas.argmax()]
    rim = _MARGIN * np.tile(box[2:] - box[:2], 2) * [-1, -1, 1, 1]
    height, width = truth.parsings.shape[1:]
    x1, y1, x2, y2 = np.clip(np.rint(box + rim), 0, [width, height] * 2).astype(int).tolist()
    return np.s_[y1:y2, x1:x2]


def _mean_iou(truth: NDArray[np.uint8], labels: NDArray[np.uint8]) -> float:
    matrix = ConfusionMatrix(get_scheme("gps").num_ids)
    matrix.update(truth, labels)
    return matrix.compute().mean_iou
