"""Geometry and colour on numpy images and label maps."""

from peopleparse.transforms.color import jitter_color, match_color
from peopleparse.transforms.geometry import flip_image, flip_parsing, warp_image, warp_labels

__all__ = ["flip_image", "flip_parsing", "jitter_color", "match_color", "warp_image", "warp_labels"]
