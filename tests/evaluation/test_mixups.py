"""Which labels are taken for which, and the sentences on it."""

from __future__ import annotations

import numpy as np

from peopleparse.evaluation.mixups import find_mixups
from peopleparse.evaluation.report_words import say_mixups
from peopleparse.metrics.bootstrap import bootstrap_images

LABELS = ["background", "left arm", "right arm", ""]


def test_intervals_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 9, (6, 4, 4))
    images[:, 3] = images[:, :, 3] = 0  # a label that nobody has
    draws = bootstrap_images(6, 40, 1)
    found = find_mixups(images.sum(0), [1, 2, 3], iter(images), draws)
    for one in found["mixups"]:
        shares = []
        for draw in draws:
            total = sum(int(n) * image for n, image in zip(draw, images, strict=True))
            shares.append(total[one["truth"], one["predicted"]] / total[one["truth"]].sum())
        assert (one["low"], one["high"]) == tuple(
            np.quantile(shares, [(1 - 0.95) / 2, (1 + 0.95) / 2])
        )
    total = images.sum(0)
    ious = {i: total[i, i] / (total[i].sum() + total[:, i].sum() - total[i, i]) for i in (1, 2)}
    assert found["hardest"]["label"] == min(ious, key=ious.__getitem__)
    assert found["easiest"]["iou"] == max(ious.values())
    pixels = [one["pixels"] for one in found["mixups"]]
    assert pixels == sorted(pixels, reverse=True) and len(pixels) == 6


def test_sentences_say_what_the_numbers_say() -> None:
    lines = say_mixups(
        {
            "mixups": [
                {"truth": 1, "predicted": 2, "share": 0.25, "low": 0.2, "high": 0.31, "level": 0.95}
            ],
            "hardest": {"label": 2, "iou": 0.3, "low": 0.2, "high": 0.6, "level": 0.95},
            "easiest": {"label": 3, "iou": 0.5, "low": 0.4, "high": 0.7, "level": 0.95},
        },
        LABELS,
    )
    assert lines == [
        "The hardest label is right arm: IoU 30.0 (95 % interval 20.0 to 60.0). The easiest is "
        "label 3: IoU 50.0 (95 % interval 40.0 to 70.0).",
        "Their intervals overlap: which is harder is not sure.",
        "left arm is taken for right arm on 25.0 % of its pixels (95 % interval 20.0 to 31.0).",
    ]


def test_nothing_wrong_says_nothing() -> None:
    found = find_mixups(np.diag([3, 4]), [1])
    assert found["mixups"] == [] and say_mixups(found, LABELS) == []
    assert say_mixups({}, LABELS) == [] and find_mixups(np.zeros((2, 2)), [1]) == {"mixups": []}
