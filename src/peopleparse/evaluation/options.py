"""What is computed of the tallies of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from peopleparse.errors import InputError
from peopleparse.evaluation.grouping import check_groupings
from peopleparse.evaluation.modes import check_scores


@dataclass(frozen=True)
class Options:
    """What is computed of the tallies.

    Attributes:
        metrics: scores to make; None for all that the mode has and the files allow.
        mode: one of `modes.MODES`.
        all_readings: whether every reading is put side by side.
        by: groupings, of `grouping.GROUPINGS`.
        bootstrap: how often the images are drawn again; 0 for no intervals.
        seed: of the draws.
        worst: how many of the worst images are named.
    """

    metrics: Sequence[str] | None = None
    mode: str = "recommended"
    all_readings: bool = False
    by: Sequence[str] = ()
    bootstrap: int = 0
    seed: int = 0
    worst: int = 12

    def __post_init__(self) -> None:
        """Check them before a pixel is read.

        Raises:
            InputError: one is unknown or outside its range, or the mode does not allow it.
        """
        check_scores(self.mode, self.metrics)
        check_groupings(self.by)
        for what, number in (
            ("bootstrap", self.bootstrap),
            ("seed", self.seed),
            ("worst", self.worst),
        ):
            if number < 0:
                raise InputError(f"{what} must be 0 or more, got {number}. Leave it out for none.")
        if self.mode != "recommended" and (self.bootstrap or self.by or self.all_readings):
            raise InputError(
                "mode must be recommended for intervals, groups and all readings, got "
                f"'{self.mode}'. Leave them out, or the mode."
            )
