"""An archive to scores: the counts and metrics of `peopleparse evaluate`, for two halves at once.

Scores of the public and of the private half come from one pass, and equal to the last bit what
`peopleparse.evaluation.evaluate` gives for the images of each. No figure of one image, person or
label leaves this module. The time that scoring takes depends on the sizes of the images and on how
ragged the maps are, hardly on how right they are; who asks is told whole seconds only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from peopleparse import __version__
from peopleparse.data.formats import find_scheme
from peopleparse.data.image_labels import ImageLabels
from peopleparse.errors import InputError, PeopleparseError
from peopleparse.evaluation.headlines import headline_values, score_of
from peopleparse.evaluation.modes import Labels, Metric, make_metrics
from peopleparse.evaluation.pairs import tally_pair
from peopleparse.server.archive import Archive, read_images
from peopleparse.server.benchmark_folder import BenchmarkFolder
from peopleparse.server.fault_list import FaultList
from peopleparse.server.outcome import MOST_FAULTS, Fault, Outcome
from peopleparse.server.probes import Probe
from peopleparse.server.truth import read_truth

SCORER = f"peopleparse {__version__}"
_PUBLIC, _PRIVATE, _ALL = "public", "private", ""
_OURS = "Scoring failed on our side. The attempt is given back, and the organisers were told."


class Grades:
    """Scores of an archive, image by image."""

    def __init__(self, benchmark: BenchmarkFolder) -> None:
        self._benchmark = benchmark
        self._scheme = find_scheme(benchmark.scheme)
        self._public = benchmark.split[0]
        self._metrics: dict[tuple[str, str], dict[str, Metric]] = {}
        self.count = 0

    def add(self, image_id: str, truth: ImageLabels, prediction: ImageLabels | None) -> None:
        """Score one image.

        Args:
            image_id: an image of the benchmark.
            truth: its labels.
            prediction: the system's; None counts as one in which nobody was found.
        """
        tally = tally_pair(image_id, truth, prediction, self._scheme)
        half = _PUBLIC if image_id in self._public else _PRIVATE
        subset = self._benchmark.images[image_id][2]
        for key in {(half, _ALL), (half, subset)}:
            for metric in self._metrics_of(key).values():
                metric.add(tally)
        self.count += 1

    def _metrics_of(self, key: tuple[str, str]) -> dict[str, Metric]:
        if key not in self._metrics:
            labels = Labels(self._scheme.names, self._scheme.ignore_id)
            names = tuple(dict.fromkeys(score_of(one) for one in self._benchmark.metrics))
            self._metrics[key] = make_metrics(labels, "recommended", names)
        return self._metrics[key]

    def outcome(self) -> Outcome:
        """Return the scores of both halves.

        Raises:
            InputError: images are left over, or a half has no score.
        """
        if self.count != len(self._benchmark.images):
            raise InputError(
                f"images must all be scored, got {self.count} of {len(self._benchmark.images)}. "
                "Score the archive again."
            )
        found = {half: self._scores_of(half) for half in (_PUBLIC, _PRIVATE)}
        best = {half: scores.get(self._benchmark.headline) for half, scores in found.items()}
        for value in best.values():
            if value is None or not (math.isfinite(value) and 0 <= value <= 1):
                raise InputError(
                    "headline score must be a number from 0 to 1 in both halves, got another. "
                    "Check that both halves of the truth have labels."
                )
        return Outcome(
            "scored",
            public_scores=found[_PUBLIC],
            private_scores=found[_PRIVATE],
            public_score=best[_PUBLIC],
            private_score=best[_PRIVATE],
            scorer=SCORER,
        )

    def _scores_of(self, half: str) -> dict[str, Any]:
        subsets = sorted({subset for one, subset in self._metrics if one == half and subset})
        found: dict[str, Any] = dict(self._values((half, _ALL)))
        if subsets:
            found["subsets"] = {subset: self._values((half, subset)) for subset in subsets}
        return found

    def _values(self, key: tuple[str, str]) -> dict[str, float]:
        scores = {name: one.compute().to_dict() for name, one in self._metrics_of(key).items()}
        values = headline_values(scores)
        shown = {name: values.get(name) for name in self._benchmark.metrics}
        return {name: value for name, value in shown.items() if value is not None}


def grade_images(
    benchmark: BenchmarkFolder, images: Iterable[tuple[str, ImageLabels | None]]
) -> Grades:
    """Return the scores of images that come in the order of their names.

    Raises:
        DataError: the truth is missing or broken.
        InputError: the images are others than the benchmark's, or in another order.
    """
    grades = Grades(benchmark)
    truths = read_truth(benchmark)
    for image_id, prediction in images:
        name, truth = next(truths, ("", None))
        if name != image_id or truth is None:
            raise InputError("images must come in the order of their names, got another one next.")
        grades.add(image_id, truth, prediction)
    return grades


def score_archive(
    archive: Path, benchmark: BenchmarkFolder, earlier: Iterable[Path] = ()
) -> Outcome:
    """Check and score an archive in this process, as the server does in two that know less.

    Args:
        archive: a zip archive.
        benchmark: what it is for.
        earlier: prints of earlier archives of the team, as `probes.write_prints` wrote them.

    Raises:
        OSError: the archive cannot be read.
    """
    with archive.open("rb") as file:
        opened = Archive(file, benchmark.manifest)
        probe = Probe(tuple(benchmark.images))
        try:
            grades = grade_images(benchmark, _probed(opened, probe))
        except PeopleparseError:
            if not opened.faults:
                return failed()
        if opened.faults:
            return refused(opened.faults)
        found = probe.faults(earlier)
        if found:
            return Outcome("rejected", tuple(found), message=describe_faults(found, len(found)))
        try:
            return grades.outcome()
        except InputError:
            return failed()


def _probed(opened: Archive, probe: Probe) -> Iterator[tuple[str, ImageLabels | None]]:
    for image_id, labels in read_images(opened):
        probe.add(image_id, labels)
        if not opened.faults:  # else it goes on to find the other faults, and nothing is graded
            yield image_id, labels


def refused(faults: FaultList) -> Outcome:
    """Return the outcome of an archive with faults."""
    message = describe_faults(faults.listed, faults.count)
    return Outcome("rejected", tuple(faults.listed), message=message)


def describe_faults(listed: list[Fault], count: int) -> str:
    """Return the sentence above a list of faults."""
    if count == 1:
        return f"The archive has a fault: {listed[0].code}."
    more = f"; the first {MOST_FAULTS} are listed" if count > len(listed) else ""
    return f"The archive has {count} faults{more}."


def failed(message: str = _OURS) -> Outcome:
    """Return the outcome where the fault is ours."""
    return Outcome("failed", message=message)
