"""The report of an evaluation, from the tallies of its systems."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse import __version__
from peopleparse.errors import InputError
from peopleparse.evaluation.grouping import TagsOf, check_groupings, group_scores
from peopleparse.evaluation.headlines import headline_values
from peopleparse.evaluation.mixups import find_mixups
from peopleparse.evaluation.options import Options
from peopleparse.evaluation.scorecard import Scorecard
from peopleparse.evaluation.shards import SystemTallies, check_systems
from peopleparse.metrics.ap_lambda import LambdaAP
from peopleparse.metrics.bootstrap import bootstrap_images, interval_of
from peopleparse.metrics.checks import plain
from peopleparse.metrics.confusion import ConfusionMatrix
from peopleparse.metrics.paired import paired_test
from peopleparse.metrics.spread import spread_of_pixels, spread_of_readings

DEFINITION = "evaluation/1"
_Draws = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Evaluation:
    """The report of an evaluation.

    Attributes:
        report: what `to_dict` returns.
    """

    report: dict[str, Any]

    @property
    def faults(self) -> list[str]:
        """What was wrong with files, one line each; a fault of the truth stands there once."""
        lines = (
            fault["message"] for system in self.report["systems"] for fault in system["faults"]
        )
        return list(dict.fromkeys(lines))

    def headlines(self, system: str) -> dict[str, float | None]:
        """Return the headline scores of a system by key; None where nothing was there to score.

        Raises:
            InputError: there is no such system.
        """
        for entry in self.report["systems"]:
            if entry["name"] == system:
                return headline_values(entry["scores"])
        names = [entry["name"] for entry in self.report["systems"]]
        raise InputError(f"system must be one of {names}, got '{system}'. Name one of them.")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return self.report


def make_report(
    systems: Sequence[SystemTallies],
    options: Options,
    started: float,
    tags_of: TagsOf | None = None,
) -> Evaluation:
    """Return the report of systems.

    Args:
        systems: their tallies, of one truth.
        options: what is computed.
        started: `time.monotonic()` when the work began.
        tags_of: what the shape of the truth says, for groups by it; see `evaluation.tags`.

    Raises:
        InputError: systems were counted on other truth files or with other labels, or have not
            what the options ask for.
    """
    systems = check_systems(systems)
    cards, parts = {}, []
    for system in systems:
        cards[system.name], part = _score(system, options, tags_of)
        parts.append(part)
    header, truth_hash = systems[0].header, parts[0].pop("truth_sha256")
    for part in parts[1:]:
        if part.pop("truth_sha256") != truth_hash:
            raise InputError(
                f"systems must be counted on the same truth files, got others for "
                f"'{part['name']}' than for '{parts[0]['name']}'. Count one of them again."
            )
    draws = _draw(systems, cards, parts, options)
    truth = header["truth"]
    return Evaluation(
        {
            "definition": DEFINITION,
            "peopleparse": __version__,
            "command": None,
            "mode": options.mode,
            "seed": options.seed,
            "seconds": round(time.monotonic() - started, 3),
            "scheme": header["scheme"],
            "labels": header["labels"],
            "truth": {
                **{key: truth[key] for key in ("name", "format", "images")},
                "sha256": truth_hash,
            },
            "systems": parts,
            "spread": _spread(cards) if options.all_readings else {},
            "comparisons": _compare(parts, draws),
        }
    )


def _score(
    system: SystemTallies, options: Options, tags_of: TagsOf | None
) -> tuple[Scorecard, dict[str, Any]]:
    """Return the scores of one system, and its part of the report."""
    card = Scorecard(
        system.labels, options.mode, options.metrics, options.all_readings, options.worst
    )
    digests = hashlib.sha256(), hashlib.sha256()
    missing, faults, subset_of, images = list[str](), list[dict[str, str]](), {}, 0
    for record in system.records():
        hashes = (record.truth_sha256, record.prediction_sha256)
        for digest, value in zip(digests, hashes, strict=True):
            digest.update(f"{record.image_id}\n{value}\n".encode() if value else b"")
        images += bool(record.prediction_sha256)
        subset_of[record.image_id] = record.subset
        if record.fault:
            faults.append({"image_id": record.image_id, "message": record.fault})
        if record.tally is not None:
            card.add(record.tally)
            missing += [record.image_id] if not record.prediction_sha256 else []
    entry = system.header["system"]
    failures = card.failures()
    return card, {
        "name": system.name,
        "format": entry["format"],
        "images": images,
        "extra_images": entry["extra_images"],
        "sha256": digests[1].hexdigest(),
        "truth_sha256": digests[0].hexdigest(),
        "missing": missing,
        "faults": faults,
        "scores": card.scores(),
        "curves": card.curves(),
        **({} if failures is None else {"failures": failures}),
        "groups": group_scores(
            system, card, check_groupings(options.by), subset_of, tags_of, options.bootstrap,
            options.seed,
        ),
        "worst": card.worst(),
    }  # fmt: skip


def _draw(
    systems: Sequence[SystemTallies],
    cards: Mapping[str, Scorecard],
    parts: Sequence[dict[str, Any]],
    options: Options,
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Add intervals to the systems' parts; return the values in each draw by system."""
    found: dict[str, dict[str, NDArray[np.float64]]] = {}
    for system, part in zip(systems, parts, strict=True):
        part["intervals"] = {}
        matrix, parts_of = (
            (part["scores"].get("pixels") or {}).get("confusion"),
            system.labels.parts,
        )
        if matrix:
            part["mixups"] = find_mixups(matrix, parts_of)
        count = sum(1 for _ in system.tallies()) if options.bootstrap else 0
        if not count:
            continue
        weights = bootstrap_images(count, options.bootstrap, options.seed)
        if matrix:
            counted = (tally.confusion for tally in system.tallies())
            part["mixups"] = find_mixups(matrix, parts_of, counted, weights)
        confusions = (tally.confusion for tally in system.tallies())
        found[system.name] = cards[system.name].draw(confusions, weights)
        values = headline_values(part["scores"])
        for key, drawn in found[system.name].items():
            value = values[key]
            interval = interval_of(drawn, float("nan") if value is None else value)
            part["intervals"][key] = interval.to_dict()
    return found


def _compare(
    parts: Sequence[dict[str, Any]], draws: Mapping[str, Mapping[str, NDArray[np.float64]]]
) -> list[dict[str, Any]]:
    found = []
    for first, second in combinations(parts, 2):
        values = headline_values(first["scores"]), headline_values(second["scores"])
        names = first["name"], second["name"]
        drawn = draws.get(names[0], {}), draws.get(names[1], {})
        for key in (key for key in drawn[0] if key in drawn[1]):
            one, two = values[0][key], values[1][key]
            if one is None or two is None:
                continue
            test = paired_test(drawn[0][key], drawn[1][key], one - two)
            pair = {"first": names[0], "second": names[1], "headline": key}
            found.append({**pair, **plain(vars(test))})
    return found


def _spread(cards: Mapping[str, Scorecard]) -> dict[str, Any]:
    readings, matrices = {}, {}
    for name, card in cards.items():
        persons, pixels = card.metrics.get("ap_lambda"), card.metrics.get("pixels")
        if isinstance(persons, LambdaAP):
            readings[name] = persons
        if isinstance(pixels, ConfusionMatrix):
            matrices[name] = pixels
    made = [spread_of_readings(readings)] if len(readings) == len(cards) else []
    made += [spread_of_pixels(matrices)] if len(matrices) == len(cards) else []
    return {one.metric: one.to_dict() for one in made}
