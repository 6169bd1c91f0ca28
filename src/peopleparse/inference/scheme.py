"""A result in the labels of another scheme, with the count of what that loses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from peopleparse.labels import LossReport, translate
from peopleparse.structures import ParsedPeople


def translate_people(result: ParsedPeople, scheme: str) -> tuple[ParsedPeople, LossReport]:
    """Return a result in another scheme, and what was lost.

    A person left without any pixel (all of whose parts the other scheme lacks) is left out.

    Raises:
        SchemeError: the scheme is unknown or no table leads to it.
    """
    parsing, report = translate(result.parsing, result.scheme.name, scheme)
    return result.with_maps(parsing, result.instances, result.confidence, scheme), report


def add_losses(reports: Iterable[LossReport]) -> LossReport:
    """Return the loss of many photos as one report."""
    reports = list(reports)
    sums = [
        dict(sum((Counter(getattr(report, kind)) for report in reports), Counter()))
        for kind in ("merged", "dropped", "unknown")
    ]
    pixels, kept = (sum(getattr(r, name) for r in reports) for name in ("pixels", "kept"))
    return LossReport(pixels, kept, *sums)
