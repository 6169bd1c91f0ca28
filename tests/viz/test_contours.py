from __future__ import annotations

import cv2
import numpy as np

from peopleparse.viz.contours import smooth_contours, svg_path
from peopleparse.viz.regions import Region


def test_an_outline_runs_on_the_edge_of_the_pixels() -> None:
    lines = smooth_contours(Region(10, 20, np.ones((40, 30), bool), 1200))
    assert len(lines) == 1
    low, high = lines[0].min(axis=0), lines[0].max(axis=0)
    assert np.abs(low - [10, 20]).max() < 0.75
    assert np.abs(high - [40, 60]).max() < 0.75
    area = cv2.contourArea(lines[0])
    assert abs(area - 1200) < 80


def test_holes_and_islands_have_lines_of_their_own() -> None:
    crop = np.ones((40, 60), bool)
    crop[10:20, 10:20] = False
    crop[:, 40:45] = False
    assert len(smooth_contours(Region(0, 0, crop, int(crop.sum())))) == 3


def test_one_pixel_and_svg() -> None:
    lines = smooth_contours(Region(3, 4, np.ones((1, 1), bool), 1))
    assert all(np.isfinite(line).all() for line in lines)
    path = svg_path([np.array([[0, 0], [1.25, 0], [1, 1]], np.float32)])
    assert path == "M0.0 0.0 1.2 0.0 1.0 1.0Z"
