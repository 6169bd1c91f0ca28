"""The Ladder: a team learns its public score only where it is a clear step better than before.

Source: A. Blum and M. Hardt, "The Ladder: A Reliable Leaderboard for Machine Learning
Competitions", ICML 2015, algorithm 1. Differs: the first score is shown without a step to take.
"""

from __future__ import annotations

import math

_TINY = 1e-12  # 0.602 - 0.6 is a step of 0.002, whatever binary fractions say


def next_shown(best: float | None, score: float, step: float) -> float | None:
    """Return the score to show, rounded to the step, or None where the best one stays.

    Args:
        best: highest score shown to this team in this phase, or None before the first.
        score: of the public part, in [0, 1].
        step: least gain that is shown, in [0, 1]; 0 shows every gain as it is.

    >>> next_shown(None, 0.6013, 0.002), next_shown(0.602, 0.6039, 0.002)
    (0.602, None)
    """
    if best is not None and (score <= best or score < best + step - _TINY):
        return None
    return round_to_step(score, step)


def suggest_step(images: int) -> float:
    """Return a step for a public part of so many images, at least .001 and at most .02.

    What can be learnt by asking falls with the root of the images. At 1,500 a step of .002 leaves
    many attackers of the simulation in the tests above half a point, .005 few.

    >>> suggest_step(450), suggest_step(1500), suggest_step(10_000)
    (0.01, 0.005, 0.002)
    """
    thousandths = math.ceil(5 * math.sqrt(1500 / max(images, 1)) - _TINY)
    return min(max(thousandths, 1), 20) / 1000


def round_to_step(score: float, step: float) -> float:
    """Return the multiple of the step nearest to a score, in [0, 1]; halves go up.

    >>> round_to_step(0.6013, 0.002)
    0.602
    """
    if step <= 0:
        return score
    # Decimal places beyond the step are noise of the product.
    return min(1.0, max(0.0, round(math.floor(score / step + 0.5 + _TINY) * step, 10)))
