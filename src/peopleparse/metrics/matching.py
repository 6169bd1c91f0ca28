"""Which prediction belongs to which truth person."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from peopleparse.metrics.checks import DECIMALS


def rank(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the order of falling score; equal scores stay in the order they came in.

    >>> rank(np.array([0.5, 0.9, 0.5])).tolist()
    [1, 0, 2]
    """
    return np.argsort(-scores, kind="stable")


def best_truth(
    similarity: NDArray[np.float64], decimals: int | None = DECIMALS
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return each prediction's best truth person, taken or not, and how good it is.

    Args:
        similarity: (T, P); equal values go to the first truth person.
        decimals: values equal to so many decimals are equal; None: to the last bit.

    Returns:
        (P,) index, -1 where there is no truth person, and (P,) value, -1.0 there.

    >>> index, value = best_truth(np.array([[0.2, 0.7], [0.6, 0.7]]))
    >>> index.tolist(), value.tolist()
    ([1, 0], [0.6, 0.7])
    """
    num_truth, num_pred = similarity.shape
    if not num_truth:
        return np.full(num_pred, -1, np.intp), np.full(num_pred, -1.0)
    if decimals is not None:
        similarity = np.round(similarity, decimals)
    index = similarity.argmax(axis=0)
    return index, similarity[index, np.arange(num_pred)]


def best_prediction(
    similarity: NDArray[np.float64], scores: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the truth person that each prediction serves, where each truth looks for its best.

    Each truth person looks for its most similar prediction: of equal ones for that of the higher
    score, then for the first. A prediction that several look for serves the most similar of them,
    of equal ones the first; the others get no second choice.

    Args:
        similarity: (T, P); values equal to 12 decimals are equal.
        scores: (P,).

    Returns:
        (P,) index of the truth person, -1 where nobody looks for the prediction, and (P,) value,
        -1.0 there.

    >>> index, value = best_prediction(np.array([[0.2, 0.7], [0.6, 0.8]]), np.array([0.5, 0.9]))
    >>> index.tolist(), value.tolist()  # both look for the second prediction
    ([-1, 1], [-1.0, 0.8])
    """
    num_truth, num_pred = similarity.shape
    index, value = np.full(num_pred, -1, np.intp), np.full(num_pred, -1.0)
    if not num_truth or not num_pred:
        return index, value
    similarity = np.round(similarity, DECIMALS)
    order = rank(scores)
    wanted = order[similarity[:, order].argmax(axis=1)]
    found = similarity[np.arange(num_truth), wanted]
    last_wins = rank(found)[::-1]
    index[wanted[last_wins]], value[wanted[last_wins]] = last_wins, found[last_wins]
    return index, value


def first_hits(best: NDArray[np.intp], above: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which ranked predictions are right: the first above the threshold on its truth.

    A later prediction whose best truth person is taken is wrong; it gets no second choice.

    Args:
        best: (P,) best truth person, numbered over the whole set, in order of rank.
        above: (P,) whether the prediction is good enough.

    >>> first_hits(np.array([4, 7, 4, 4]), np.array([False, True, True, True])).tolist()
    [False, True, True, False]
    """
    hits = np.zeros(len(best), bool)
    good = np.flatnonzero(above)
    hits[good[np.unique(best[good], return_index=True)[1]]] = True
    return hits


def match_free(
    iou: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    crowd: NDArray[np.bool_],
) -> NDArray[np.intp]:
    """Match ranked predictions to the best truth that is still free, as COCO does.

    Args:
        iou: (T, P), predictions in order of rank; equal IoUs go to the last truth person.
        thresholds: (K,); an IoU equal to the threshold is enough.
        crowd: (T,) truth that is no single person: never used up, and taken only by predictions
            that reach no free person.

    Returns:
        (K, P) index of the truth person, -1 for none.

    >>> iou = np.array([[0.9, 0.8], [0.1, 0.6]])
    >>> match_free(iou, np.array([0.5, 0.75]), np.zeros(2, bool)).tolist()
    [[0, 1], [0, -1]]
    """
    num_truth, num_pred = iou.shape
    limits = np.minimum(thresholds, 1 - 1e-10)
    matches = np.full((len(limits), num_pred), -1, np.intp)
    if not num_truth:
        return matches
    last = num_truth - 1
    free = np.tile(~crowd, (len(limits), 1))
    rows = np.arange(len(limits))
    for p in range(num_pred):
        candidates = np.where(free, iou[:, p], -1.0)  # (K, T)
        best = last - candidates[:, ::-1].argmax(axis=1)
        hit = candidates[rows, best] >= limits
        matches[hit, p] = best[hit]
        free[rows[hit], best[hit]] = False
        if crowd.any():
            spread = np.where(crowd, iou[:, p], -1.0)
            index = last - spread[::-1].argmax()
            matches[~hit & (spread[index] >= limits), p] = index
    return matches
