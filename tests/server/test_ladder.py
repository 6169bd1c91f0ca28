"""The Ladder: what it shows, and what 700 questions can learn from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from peopleparse.server.ladder import next_shown, round_to_step, suggest_step

STEP = 0.002
IMAGES, QUESTIONS, DIFFERENCE = 1500, 700, 0.1
Show = Callable[[float | None, float], float | None]


@pytest.mark.parametrize(
    ("best", "score", "step", "shown"),
    [
        (None, 0.6013, STEP, 0.602),
        (0.6, 0.6019, STEP, None),
        (0.6, 0.602, STEP, 0.602),
        (0.6, 0.6034, STEP, 0.604),
        (0.6, 0.5, STEP, None),
        (0.6, 0.6, 0.0, None),
        (0.6, 0.6001, 0.0, 0.6001),
        (None, 1.0, 0.03, 0.99),
        (None, 1.0, 0.65, 1.0),
        (None, 0.0, STEP, 0.0),
    ],
)
def test_what_is_shown(best: float | None, score: float, step: float, shown: float | None) -> None:
    assert next_shown(best, score, step) == shown


@given(
    scores=st.lists(st.floats(0, 1), min_size=1, max_size=30),
    step=st.sampled_from([0, 0.002, 0.01]),
)
def test_it_only_goes_up_and_stays_near(scores: list[float], step: float) -> None:
    best = None
    for score in scores:
        shown = next_shown(best, score, step)
        if shown is None:
            assert best is not None and score < best + step + 1e-9
            continue
        assert best is None or shown > best
        assert 0 <= shown <= 1 and abs(shown - score) <= step / 2 + 1e-9
        assert shown == round_to_step(score, step)
        best = shown


@pytest.mark.parametrize("difference", [0.1, 0.1 * 2**0.5])
@pytest.mark.parametrize("flips", [0.05, 0.1, 0.3])
def test_the_suggested_step_keeps_attackers_below_half_a_point(
    flips: float, difference: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where each prediction, not their difference, deviates by 10 points an image."""
    monkeypatch.setitem(globals(), "DIFFERENCE", difference)
    step = suggest_step(IMAGES)
    gains = [
        _climb(seed, lambda best, now: next_shown(best, now, step), flips) for seed in range(10)
    ]
    assert np.mean(gains) <= 0.5


@pytest.mark.parametrize("flips", [0.05, 0.1, 0.3])
def test_700_adaptive_questions_gain_at_most_half_a_point(flips: float) -> None:
    """Two equally good predictions of each image are mixed; what the board likes is kept.

    1,500 images; on one image the two differ with a standard deviation of 10 points; step 0.2
    points; mean of ten attackers. The true gain is zero: what the shown score gains is learnt from
    the hidden images.
    """
    ladder, raw = (
        np.mean([_climb(seed, show, flips) for seed in range(10)]) for show in (_ladder, _raw_best)
    )
    assert ladder <= 0.5
    assert raw > ladder + 0.1


def test_a_vote_of_700_mixtures_gains_at_most_half_a_point() -> None:
    ladder, raw = (np.mean([_vote(seed, show) for seed in range(10)]) for show in (_ladder, _raw))
    assert ladder <= 0.5
    assert raw >= 1.5  # a whole row of an ablation table


class _Board:
    """Answers for one hidden set of images."""

    def __init__(self, generator: np.random.Generator, show: Show) -> None:
        # The two are equally good as a whole.
        self.scores = generator.normal(0, DIFFERENCE / 2**0.5, (2, IMAGES))
        self.scores += 0.6 - self.scores.mean(axis=1, keepdims=True)
        self._show = show
        self.best: float | None = None

    def ask(self, chosen: NDArray[np.int64]) -> float | None:
        """Return the score shown for this mixture, or None where the best one stays."""
        score = float(self.scores[chosen, np.arange(IMAGES)].mean())
        shown = self._show(self.best, score)
        if shown is not None:
            self.best = shown
        return shown


def _climb(seed: int, show: Show, flips: float) -> float:
    """Change some images of the best mixture, and keep the change where it is liked."""
    generator = np.random.default_rng(seed)
    board = _Board(generator, show)
    chosen = generator.integers(0, 2, IMAGES)
    first = board.ask(chosen)
    for _ in range(QUESTIONS - 1):
        tried = np.where(generator.random(IMAGES) < flips, 1 - chosen, chosen)
        if board.ask(tried) is not None:
            chosen = tried
    return 100 * (board.best - first)


def _vote(seed: int, show: Show) -> float:
    """Ask for random mixtures; take for each image what most of the liked ones took."""
    generator = np.random.default_rng(seed)
    board = _Board(generator, show)
    first, votes = board.ask(np.zeros(IMAGES, int)), np.zeros(IMAGES)
    for _ in range(QUESTIONS - 2):
        mixture = generator.integers(0, 2, IMAGES)
        shown = board.ask(mixture)
        if show is _raw:  # it tells the score of each, also of those below the best
            votes += (2 * mixture - 1) * (1 if shown > first else -1)
        elif shown is not None:
            votes += 2 * mixture - 1
    last = board.ask((votes > 0).astype(int))
    return 100 * ((last if show is _raw else board.best) - first)


def _ladder(best: float | None, score: float) -> float | None:
    return next_shown(best, score, STEP)


def _raw(best: float | None, score: float) -> float | None:
    return score


def _raw_best(best: float | None, score: float) -> float | None:
    return score if best is None or score > best else None
