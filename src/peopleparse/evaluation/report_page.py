"""An evaluation as one HTML page: everything inside, nothing loaded from anywhere."""

from __future__ import annotations

import shlex
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from peopleparse.data.files import write_file
from peopleparse.evaluation.report_html import Html, join, section, table, tag, wide
from peopleparse.evaluation.report_images import Overlays, make_gaps, make_worst
from peopleparse.evaluation.report_mistakes import make_confusion, make_failures, make_groups
from peopleparse.evaluation.report_scores import (
    make_curves,
    make_headline,
    make_key,
    make_labels,
    make_spread,
    make_thresholds,
    names_of,
)
from peopleparse.evaluation.report_values import check_report
from peopleparse.evaluation.report_words import one_line

PAGE = "report.html"


def write_report_page(
    report: Mapping[str, Any], folder: str | Path, overlays: Overlays | None = None
) -> Path:
    """Write `report.html`: scores, labels, curves, mistakes, groups, worst images, provenance.

    The page needs no server, makes no request and is read without a script; its script sorts
    tables and shows values under the pointer. The same input gives the same bytes.

    Args:
        report: an evaluation, as its JSON holds it; what it does not have is left out.
        folder: made where it is not there.
        overlays: pictures of the worst images by system, in the order of its "worst": a PNG or
            JPEG file, its bytes, or (H, W, 3) uint8.

    Returns:
        The file.

    Raises:
        InputError: it is no evaluation, overlays do not fit, or the folder cannot be written to.
    """
    check_report(report)
    html = make_page(report, overlays or {})
    return write_file(Path(folder) / PAGE, html.encode("utf-8"))


def make_page(report: Mapping[str, Any], overlays: Overlays) -> str:
    """Return the page."""
    sections = [
        make_headline(report),
        make_thresholds(report),
        make_labels(report),
        make_curves(report),
        make_spread(report),
        make_failures(report),
        make_confusion(report),
        make_groups(report),
        make_worst(report, overlays),
        make_gaps(report),
        _make_origin(report),
    ]
    page, style, script = (_read_asset(name) for name in ("html", "css", "js"))
    return Template(page).substitute(
        title=join(_title(report)),
        facts=join(_facts(report)),
        key=make_key(report),
        links=join(*(_link(part) for part in sections if part)),
        sections="\n".join(part for part in sections if part),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
    )


def _title(report: Mapping[str, Any]) -> str:
    names = names_of(report)
    shown = names[:3] + ([f"{len(names) - 3} more"] if len(names) > 3 else [])
    return "Evaluation" if not shown else f"Evaluation of {_and(shown)}"


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _facts(report: Mapping[str, Any]) -> str:
    truth, facts = report.get("truth", {}), []
    if truth.get("images") is not None:
        one = "image" if truth["images"] == 1 else "images"
        facts.append(f"{truth['images']:,} {one} of {truth.get('name', 'truth')}")
    facts += [f"scheme {report['scheme']}"] if report.get("scheme") else []
    facts += [f"mode {report['mode']}"] if report.get("mode") else []
    return " \u00b7 ".join(facts)


def _link(part: Html) -> Html:
    key = part.split('id="', 1)[1].split('"', 1)[0]
    title = part.split("</h2>", 1)[0].rsplit(">", 1)[1]
    return tag("a", Html(title), href=f"#{key}")


def _make_origin(report: Mapping[str, Any]) -> Html:
    facts = {
        "definition": report.get("definition"),
        "peopleparse": report.get("peopleparse"),
        "mode": report.get("mode"),
        "scheme": report.get("scheme"),
        "seed": report.get("seed"),
        "time": None if report.get("seconds") is None else f"{report['seconds']:.1f} s",
        "command": _command(report.get("command")),
    }
    items = [
        join(tag("dt", name), tag("dd", tag("code", value)))
        for name, value in facts.items()
        if value is not None
    ]
    head: list[object] = ["what", "name", "format", "images", "sha256"]
    rows: list[list[object]] = []
    sides = [("truth", report.get("truth"))]
    sides += [("prediction", system) for system in report.get("systems", [])]
    for what, side in sides:
        if side:
            digest = tag("code", side.get("sha256") or "\u2013")
            images = f"{side['images']:,}" if side.get("images") is not None else "\u2013"
            cells = [side.get("name", "\u2013"), side.get("format", "\u2013"), images]
            rows.append([what, *cells, tag("td", digest, class_="hash")])
    files = wide("Files", table(head, rows)) if rows else None
    return section("origin", "Provenance", tag("dl", *items), files)


def _command(command: object) -> str | None:
    if command is None or isinstance(command, str):
        return command
    return shlex.join(one_line(word) for word in command)  # type: ignore[attr-defined]


def _read_asset(ending: str) -> str:
    name = f"report.{ending}"
    return files("peopleparse.evaluation").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()
