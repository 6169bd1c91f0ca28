"""The figures of the GPS paper that need trained networks, and its failures as a picture."""

from peopleparse.experiments.figure_6 import draw_figure_6
from peopleparse.experiments.figure_7 import draw_figure_7
from peopleparse.experiments.figure_8 import draw_figure_8
from peopleparse.experiments.figure_failures import draw_failures

__all__ = ["draw_failures", "draw_figure_6", "draw_figure_7", "draw_figure_8"]
