"""What became of persons and parts, by the definition: loops over pixels and exact fractions."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from tests.oracles.metrics_oracle import (
    Map,
    mean_of_parts,
    part_counts,
    person_iou,
    pixels,
    place,
)

HALF = Fraction(1, 2)


class Account:
    """Fates of the persons and parts of one image, by the numbers they were given."""

    def __init__(
        self, truth: list[Map], predictions: list[Map], scores: list[float], num_ids: int
    ) -> None:
        self.num_ids, self.truth_maps, self.pred_maps = num_ids, truth, predictions
        self.t = sorted((t for t in range(len(truth)) if labelled(truth[t])), key=self._truth_place)
        self.p = sorted(range(len(predictions)), key=lambda p: (-scores[p], place(predictions[p])))
        self.mean, self.iou, self.shared = {}, {}, {}
        for t in self.t:
            for p in self.p:
                pair = truth[t], predictions[p]
                self.mean[t, p] = mean_of_parts(*pair, num_ids, "strict")
                self.iou[t, p] = person_iou(*pair)
                self.shared[t, p] = sum(
                    a not in (0, 255) and b > 0 for a, b in zip(*map(pixels, pair), strict=True)
                )
        self.owner: dict[int, int] = {}
        self._round(self.mean, self.iou, strict=True)
        good = set(self.owner)
        self._round(self.iou, self.mean, strict=False)
        self.truth = {t: self._truth_fate(t, good) for t in self.t}
        self.prediction = {p: self._prediction_fate(p) for p in self.p}

    def _truth_place(self, t: int) -> tuple:
        return place(self.truth_maps[t])

    def _round(self, first: dict, second: dict, strict: bool) -> None:
        for p in self.p:
            if p in self.owner.values():
                continue
            best = None
            for t in self.t:
                enough = first[t, p] > HALF if strict else first[t, p] >= HALF
                if t in self.owner or not enough:
                    continue
                value = (first[t, p], second[t, p])
                if best is None or value > (first[best, p], second[best, p]):
                    best = t
            if best is not None:
                self.owner[best] = p

    def _truth_fate(self, t: int, good: set[int]) -> str:
        if t in self.owner:
            return "matched" if t in good else "bad_parts"
        most = None
        for p in self.p:
            if most is None or self.shared[t, p] > self.shared[t, most]:
                most = p
        if most is not None and self._covers(t, most):
            if any(self._covers(u, most) for u in self.t if u != t):
                return "merged"
        return "missed"

    def _covers(self, t: int, p: int) -> bool:
        return Fraction(self.shared[t, p], labelled(self.truth_maps[t])) >= HALF

    def _prediction_fate(self, p: int) -> str:
        if p in self.owner.values():
            return "right"
        if any(self.mean[t, p] > HALF or self.iou[t, p] >= HALF for t in self.t):
            return "duplicate"
        for t in self.t:
            pair = zip(pixels(self.truth_maps[t]), pixels(self.pred_maps[p]), strict=True)
            counted = sum(a != 255 and b > 0 for a, b in pair)
            if counted and Fraction(self.shared[t, p], counted) >= HALF:
                return "split"
        return "background"

    def parts(self) -> tuple[Counter, Counter, Counter]:
        """(label, fate) of truth parts and of predicted parts, and truth pixels by fate."""
        truth, found, area = Counter(), Counter(), Counter()
        for t in self.t:
            for label in range(1, self.num_ids):
                if label in pixels(self.truth_maps[t]):
                    truth[label, self._part_fate(t, label, "missed")] += 1
            self._count_pixels(t, area)
        holders = {p: t for t, p in self.owner.items()}
        for p in self.p:
            for label in range(1, self.num_ids):
                if label not in pixels(self.pred_maps[p]):
                    continue
                if p not in holders:
                    found[label, self.prediction[p]] += 1
                    continue
                t = holders[p]
                pair = zip(pixels(self.truth_maps[t]), pixels(self.pred_maps[p]), strict=True)
                if any(a != 255 and b == label for a, b in pair):
                    fate = self._part_fate(t, label, "wrong")
                    found[label, "right" if fate == "matched" else fate] += 1
        return truth, found, area

    def _part_fate(self, t: int, label: int, none: str) -> str:
        if t not in self.owner:
            return "lost"
        shared, either = part_counts(self.truth_maps[t], self.pred_maps[self.owner[t]], label)
        if not shared:
            return none
        return "matched" if Fraction(shared, either) >= HALF else "bad"

    def _count_pixels(self, t: int, area: Counter) -> None:
        truth = pixels(self.truth_maps[t])
        owner = self.owner.get(t)
        found = [0] * len(truth) if owner is None else pixels(self.pred_maps[owner])
        for a, b in zip(truth, found, strict=True):
            if a not in (0, 255):
                area["right" if a == b else "confused" if b else "missed"] += 1


def labelled(person: Map) -> int:
    return sum(label not in (0, 255) for label in pixels(person))
