"""The same score from any shards, orders and person numbers."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from peopleparse.metrics import make_tally
from tests.metrics.scenes import Scene


def check_shards(make: Callable[[], Any], scenes: dict[str, Scene], seed: int) -> None:
    """Score a set whole, as tallies, and in two shards, shuffled; all must agree."""
    shuffle, scored = random.Random(seed), "scores" in make().update.__code__.co_varnames
    whole, tallies, shards = make(), make(), [make(), make()]
    for name, (truth, preds, scores) in scenes.items():
        whole.update(name, truth, preds, *([scores] if scored else []))
        tallies.add(make_tally(name, truth, preds, scores, num_ids=make().num_ids))
    for name in shuffle.sample(list(scenes), len(scenes)):
        truth, preds, scores = scenes[name]
        rows = np.array(shuffle.sample(range(len(truth)), len(truth)), int)
        columns = np.array(shuffle.sample(range(len(preds)), len(preds)), int)
        given = [scores[columns]] if scored else []
        shuffle.choice(shards).update(name, truth[rows], preds[columns], *given)
    shards[1].merge(pickle.loads(pickle.dumps(shards[0])))
    wanted = whole.compute().to_dict()
    assert tallies.compute().to_dict() == wanted
    assert shards[1].compute().to_dict() == wanted
