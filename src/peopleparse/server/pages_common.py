"""What all pages share: templates, words for values, and what a benchmark is called."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse

from peopleparse.server import csrf
from peopleparse.server.board_export import format_time
from peopleparse.server.deps import STRANGER, Viewer
from peopleparse.server.states import (
    FAILED,
    QUEUED,
    RECEIVING,
    REJECTED,
    RUNNING,
    SCORED,
    WITHDRAWN,
)
from peopleparse.server.tables import Benchmark, Phase

STATE_LOOKS = {
    RECEIVING: "warn", QUEUED: "warn", RUNNING: "", SCORED: "good", REJECTED: "bad",
    FAILED: "bad", WITHDRAWN: "idle",
}  # fmt: skip
STATIC = {
    "server.css": "text/css; charset=utf-8",
    "server.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_METRICS = {
    "mean_iou": "mean IoU",
    "overall_accuracy": "overall accuracy",
    "mean_accuracy": "mean accuracy",
    "frequency_weighted_iou": "weighted IoU",
    "ap_lambda_strict": "AP λ strict",
    "ap_lambda_literal": "AP λ literal",
    "ap_lambda_mhp": "AP λ mhp",
    "ap_p_50": "AP p .5",
    "ap_p_vol": "AP p vol",
    "pcp_50": "PCP .5",
    "ap_r_50": "AP r .5",
    "ap_r_vol": "AP r vol",
    "ap_h_vol": "AP h vol",
    "person_mask_ap": "mask AP",
    "person_mask_ap_50": "mask AP .5",
    "person_box_ap": "box AP",
    "pq": "PQ",
}
_KINDS = {"parsing": "label maps", "instances": "persons and their parts"}


@dataclass(frozen=True)
class PhaseInfo:
    """A phase as pages show it; times are UTC seconds."""

    slug: str
    title: str
    address: str
    state: str
    opens_at: int
    closes_at: int
    attempts_a_day: int
    scores_a_day: int
    scores_in_all: int
    ladder_step: float


@dataclass(frozen=True)
class BenchmarkInfo:
    """A benchmark as pages show it."""

    slug: str
    title: str
    headline: str
    about: str


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page; `viewer`, `form_token` and `path` are there in every template."""
    known = getattr(request.state, "viewer", None)
    viewer: Viewer = known if isinstance(known, Viewer) else STRANGER
    given = {
        "viewer": viewer,
        "path": request.url.path,
        "form_token": lambda: csrf.form_token(request),
    }
    return HTMLResponse(_environment().get_template(template).render(given | values), status)


def describe_phase(request: Request, benchmark: str, phase: Phase, at: int) -> PhaseInfo:
    """Return what pages show of a phase."""
    folder = request.app.state.benchmarks.get(benchmark)
    titles = {rules.slug: rules.title for rules in folder.phases} if folder else {}
    state = "soon" if at < phase.opens_at else "open" if at < phase.closes_at else "closed"
    return PhaseInfo(
        slug=phase.slug, title=titles.get(phase.slug, phase.slug),
        address=f"/benchmarks/{benchmark}/{phase.slug}",
        state=state, opens_at=phase.opens_at // 1000, closes_at=phase.closes_at // 1000,
        attempts_a_day=phase.attempts_a_day, scores_a_day=phase.scores_a_day,
        scores_in_all=phase.scores_in_all, ladder_step=phase.ladder_step,
    )  # fmt: skip


def describe_benchmark(request: Request, slug: str) -> BenchmarkInfo:
    """Return what pages show of a benchmark."""
    folder = request.app.state.benchmarks.get(slug)
    if folder is None:  # not served any more; its submissions stay
        return BenchmarkInfo(slug, slug, "score", "")
    about = f"{_KINDS[folder.kind]} · labels {folder.scheme} · {len(folder.images)} images"
    return BenchmarkInfo(slug, folder.title, folder.headline, about)


def phases_of(session: Session, benchmark: str) -> list[Phase]:
    """Return the phases of a benchmark, first opened first."""
    found = select(Phase).join(Benchmark, Benchmark.id == Phase.benchmark_id)
    found = found.where(Benchmark.slug == benchmark).order_by(Phase.opens_at, Phase.id)
    return list(session.scalars(found))


def benchmark_of(session: Session, phase: Phase) -> str:
    """Return the slug of a phase's benchmark."""
    return session.get_one(Benchmark, phase.benchmark_id).slug


def score_table(shown: dict[str, Any]) -> dict[str, Any]:
    """Return scores as rows of images by columns of metrics."""
    rows = [("all images", shown["metrics"]), *sorted(shown["subsets"].items())]
    rows = [(name, values) for name, values in rows if values]
    return {"metrics": sorted({name for _, values in rows for name in values}), "rows": rows}


def static_address(name: str) -> str:
    """Return the address of a file that browsers may keep: it changes with the file."""
    return f"/static/{name}?v={_digest(name)}"


def read_static(name: str) -> bytes:
    """Return a file of this server's pages."""
    return (resources.files("peopleparse.server") / "static" / name).read_bytes()


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(read_static(name)).hexdigest()[:12]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("peopleparse.server"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals |= {"static": static_address, "state_looks": STATE_LOOKS}
    environment.filters |= _filters()
    return environment


def _filters() -> dict[str, Callable[..., Any]]:
    return {
        "date": lambda value, unit=1: _time(value // unit, with_hour=True),
        "day": lambda value, unit=1: _time(value // unit),
        "plain_day": _day,
        "percent": lambda value, places=2: f"{100 * value:.{places}f}",
        "metric": name_metric,
        "sentence": lambda text: text[:1].upper() + text[1:],
        "size": size_words,
        "wait": wait_words,
        "web_link": lambda link: link if link.startswith(("https://", "http://")) else "",
    }


def _time(seconds: int, with_hour: bool = False) -> Markup:
    words = _day(seconds)
    if with_hour:
        words += f", {datetime.fromtimestamp(seconds, UTC):%H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(format_time(seconds), words)


def _day(seconds: int) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at.day} {at:%b %Y}"


def name_metric(name: str) -> str:
    """Return what people call a metric.

    >>> name_metric("mean_iou"), name_metric("new_score")
    ('mean IoU', 'new score')
    """
    return _METRICS.get(name) or name.replace("_", " ")


def size_words(number: int) -> str:
    """Return a number of bytes in words.

    >>> size_words(500 * 1024 * 1024), size_words(900)
    ('500 MiB', '900 bytes')
    """
    if number < 1024:
        return f"{number} bytes"
    size, units = float(number), iter(("KiB", "MiB", "GiB", "TiB"))
    unit = ""
    while size >= 1024 and (following := next(units, "")):
        size, unit = size / 1024, following
    return f"{size:.1f}".removesuffix(".0") + f" {unit}"


def wait_words(seconds: int) -> str:
    """Return a time to wait, rounded up.

    >>> wait_words(50), wait_words(61), wait_words(7300)
    ('50 seconds', '2 minutes', '2 hours 2 minutes')
    """
    if seconds < 60:
        return _count(seconds, "second")
    hours, minutes = divmod(-(-seconds // 60), 60)
    words = [_count(hours, "hour")] if hours else []
    return " ".join(words + ([_count(minutes, "minute")] if minutes else []))


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
