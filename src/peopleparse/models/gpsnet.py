"""GPSNet: shared features, adjusted single-person parsing, global parsing, fusion.

Source: GPS paper, figure 4 and sections 4.1, 4.2. The four rows of its ablation are the four
settings of `adjust` and `fuse`: Loc. (False, False), Ad. Loc. (True, False), Fuse (False, True) and
Ad. Fuse (True, True), which is GPSNet.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from peopleparse.nn.adjusted_roi_align import adjust_back, adjust_boxes
from peopleparse.nn.backbones import FeatureNetwork
from peopleparse.nn.blocks import ConvBlock, DenseDetector, ParsingNetwork
from peopleparse.nn.presence import PresenceHead, add_presence

Outputs = dict[str, Tensor]


class GPSNet(nn.Module):
    """Every person of a photo and every part of every person, in one network.

    Args:
        backbone: maps images to shared features (and finer ones, or None); tells `channels`,
            `fine`, `stride`, `fine_stride`.
        detector: maps shared features to person and face scores and boxes.
        local_parser: parses one person on a fixed grid.
        global_parser: parses the whole image; same structure as the local one, own weights.
        labels: number of label ids.
        grid: rows and columns of a person's grid (41 x 41 in the paper).
        anchor: where the centre of the face lies in an adjusted box, x and y.
        hidden: channels between the two convolutions of the fusion network.
        adjust: pad person RoIs to put faces at the anchor.
        fuse: fuse local with global parsing; otherwise the local parsing is the result.
        presence: tells which labels a person shows; what is not there is not drawn. None leaves
            it out, as the paper does.
    """

    def __init__(
        self,
        backbone: FeatureNetwork,
        detector: DenseDetector,
        local_parser: ParsingNetwork,
        global_parser: ParsingNetwork,
        labels: int,
        grid: tuple[int, int] = (41, 41),
        anchor: tuple[float, float] = (0.5, 0.2),
        hidden: int = 64,
        adjust: bool = True,
        fuse: bool = True,
        presence: PresenceHead | None = None,
    ) -> None:
        super().__init__()
        self.backbone, self.detector = backbone, detector
        self.stride, self.fine_stride = int(backbone.stride), int(backbone.fine_stride)
        self.local_parser, self.global_parser = local_parser, global_parser
        self.grid, self.anchor, self.adjust, self.fuse = grid, anchor, adjust, fuse
        self.presence = presence
        if fuse:
            self.fusion = nn.Sequential(
                ConvBlock(labels * 2, hidden, norm=False), nn.Conv2d(hidden, labels, 1)
            )

    def forward(
        self, image: Tensor, batch: Tensor, boxes: Tensor, faces: Tensor, has_face: Tensor
    ) -> Outputs:
        """Run `trunk` and `rois` on given persons, as training does; all their outputs."""
        outputs = self.trunk(image)
        return outputs | self.rois(outputs, batch, boxes, faces, has_face)

    def trunk(self, image: Tensor) -> Outputs:
        """Compute everything that belongs to the whole image.

        Args:
            image: (B, 3, H, W) RGB, 0 to 255; H and W multiples of 32.

        Returns:
            features, fine (where the backbone has it), global_logits (B, labels, h, w),
            person_heat and face_heat (B, 1, h, w) logits, person_boxes and face_boxes (B, 4, h, w)
            in image pixels.
        """
        features, fine = self.backbone(image)
        person_heat, person_boxes, face_heat, face_boxes = self.detector(features)
        outputs = {
            "features": features,
            "global_logits": self.global_parser(features),
            "person_heat": person_heat,
            "person_boxes": person_boxes,
            "face_heat": face_heat,
            "face_boxes": face_boxes,
        }
        if fine is not None:
            outputs["fine"] = fine
        return outputs

    def rois(
        self, outputs: Outputs, batch: Tensor, boxes: Tensor, faces: Tensor, has_face: Tensor
    ) -> Outputs:
        """Parse persons inside their boxes.

        Args:
            outputs: of `trunk`.
            batch: (K,) image index of each person.
            boxes: (K, 4) person boxes; faces: (K, 4); has_face: (K,) bool; image pixels.

        Returns:
            logits (K, labels, rows, columns) on the grid of the real boxes; local_logits the same
            on the grid of the adjusted boxes; adjusted (K, 4); presence (K, labels) where the
            network has that head.
        """
        adjusted = adjust_boxes(boxes, faces, has_face, self.anchor) if self.adjust else boxes
        pooled = self._pool(outputs, batch, adjusted)
        local = self.local_parser(pooled)
        back = adjust_back(local, adjusted, boxes) if self.adjust else local
        if self.fuse:
            aligned = self._align(outputs["global_logits"], batch, boxes, self.stride)
            logits = self.fusion(torch.cat([back, aligned], dim=1))
        else:
            logits = back
        found = {"local_logits": local, "adjusted": adjusted}
        if self.presence is not None:
            found["presence"] = self.presence(pooled, logits)
            logits = add_presence(logits, found["presence"])
        return found | {"logits": logits}

    def _pool(self, outputs: Outputs, batch: Tensor, boxes: Tensor) -> Tensor:
        pooled = [self._align(outputs["features"], batch, boxes, self.stride)]
        if "fine" in outputs:
            pooled.append(self._align(outputs["fine"], batch, boxes, self.fine_stride))
        return torch.cat(pooled, dim=1)

    def _align(self, maps: Tensor, batch: Tensor, boxes: Tensor, stride: int) -> Tensor:
        # One kind of number throughout: the operator takes no mixture, and boxes need float32.
        rois = torch.cat([batch[:, None].to(boxes.dtype), boxes], dim=1)
        return roi_align(maps.float(), rois, self.grid, 1 / stride, sampling_ratio=1, aligned=True)
