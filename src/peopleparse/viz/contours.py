"""Outlines of masks as smooth lines for vector drawing."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.viz.regions import Region


def smooth_contours(
    region: Region, tolerance: float = 0.25, reach: int = 2
) -> list[NDArray[np.float32]]:
    """Return the closed outlines of a mask, holes too, each (K, 2) float32 x, y in image pixels.

    The staircase of the pixels is evened out by a mean over `reach` points to both sides, and
    points that move the line by less than `tolerance` pixels are left out.
    """
    # Twice as large and padded: the line then runs on the edge of the pixels, not their centres.
    fine = np.pad(region.crop, 1).astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    found, _ = cv2.findContours(fine, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    window = np.full(2 * reach + 1, 1 / (2 * reach + 1))
    lines = []
    for contour in found:
        points = contour.reshape(-1, 2).astype(np.float32)
        if len(points) < 8:
            continue
        wrapped = np.concatenate([points[-reach:], points, points[:reach]])
        smooth = np.stack([np.convolve(wrapped[:, n], window, "valid") for n in (0, 1)], axis=1)
        kept = cv2.approxPolyDP(smooth[:, None].astype(np.float32), 2 * tolerance, True).reshape(
            -1, 2
        )
        offset = np.array([region.left, region.top], np.float32)
        lines.append(((kept + 0.5) / 2 - 1 + offset).astype(np.float32))
    return lines


def svg_path(lines: list[NDArray[np.float32]]) -> str:
    """Return closed lines as the `d` of an SVG path, to a tenth of a pixel."""
    parts = []
    for line in lines:
        points = " ".join(f"{x:.1f} {y:.1f}" for x, y in line.tolist())
        parts.append(f"M{points}Z")
    return "".join(parts)
