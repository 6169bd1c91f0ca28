"""Score folders of predictions against folders of truth: formats in, runner, reports out."""

from __future__ import annotations

from peopleparse.evaluation.assemble import Evaluation
from peopleparse.evaluation.entry import evaluate, evaluate_tallies
from peopleparse.evaluation.options import Options
from peopleparse.evaluation.runner import count_images

__all__ = ["Evaluation", "Options", "count_images", "evaluate", "evaluate_tallies"]
