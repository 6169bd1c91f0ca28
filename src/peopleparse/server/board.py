"""The leaderboard of a phase, as one viewer may see it.

While a phase is open nothing but rounded public scores of new bests leaves the database; when it
has closed the private score decides and is shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from peopleparse.errors import suggest
from peopleparse.server import database
from peopleparse.server.ladder import round_to_step
from peopleparse.server.states import SCORED
from peopleparse.server.tables import Phase, Submission, Team
from peopleparse.web.problems import Problem

if TYPE_CHECKING:
    from peopleparse.server.deps import Viewer

HEADLINE = "score"  # key of the column that ranks
PUBLIC = "public"  # key of the column of the Ladder's score, of a phase that has closed
CLOSED_STEP = 1e-4  # scores are shown as 12.34 when a phase has closed


@dataclass(frozen=True)
class Column:
    """One column of scores.

    Attributes:
        key: as in `?sort=`.
        metric: a name such as `mean_iou`; "" for the score that ranks.
        subset: a sub-data set, "" for all.
    """

    key: str
    metric: str = ""
    subset: str = ""


@dataclass(frozen=True)
class Entry:
    """One row.

    Attributes:
        rank: None where only some see the row.
        team: name of the team, or the one that stands for it.
        link: "" of anonymous entries.
        at: when the archive was taken in, UTC seconds.
        scores: fractions as shown, by key of the column; None where there is none.
        visibility: public, anonymous or hidden.
        is_own: the viewer's team made it.
    """

    rank: int | None
    key: str
    team: str
    method: str
    description: str
    link: str
    at: int
    scores: Mapping[str, float | None]
    visibility: str
    is_own: bool


@dataclass(frozen=True)
class Board:
    """All rows, in the order asked for.

    Attributes:
        subset: the sub-data set that is shown, "" for all; `subsets` are those there are.
        sort: key of the column that orders, with "-" in front for least first.
        step: scores are multiples of it.
    """

    phase: str
    is_closed: bool
    columns: tuple[Column, ...]
    entries: tuple[Entry, ...]
    subsets: tuple[str, ...]
    subset: str
    sort: str
    step: float


def read_board(
    session: Session,
    phase: Phase,
    *,
    viewer: Viewer | None,
    subset: str | None = None,
    sort: str | None = None,
    headline: str | None = None,
) -> Board:
    """Return the board of a phase.

    A team has its best entry under its name, and its best anonymous one beside it: were one to
    take the other's place, the row that goes would tell who is behind the row that comes.

    Args:
        headline: name of the metric that ranks, which is not shown a second time; found by its
            values where not given.

    Raises:
        Problem: there is no such sub-data set or column.
    """
    is_closed = database.now(session) >= phase.closes_at
    rows = [row for row in _read_entries(session, phase) if may_see(row[0], viewer)]
    best = _best_of_teams(rows)
    headline = headline or _find_headline([submission for submission, _ in best])
    shown = {s.id: shown_scores(s, phase, is_closed=is_closed) for s, _ in best}
    subsets = tuple(sorted({name for scores in shown.values() for name in scores["subsets"]}))
    subset = subset or ""
    if subset and best and subset not in subsets:
        raise Problem(
            422,
            "unknown-subset",
            f"subset must be one of the board's, got '{subset[:40]}'.{suggest(subset, subsets)}",
        )
    columns = _list_columns(shown.values(), subset, headline, is_closed)
    entries = _rank([_make_entry(*row, columns, shown[row[0].id], viewer) for row in best])
    sort = sort or HEADLINE
    step = CLOSED_STEP if is_closed else phase.ladder_step
    return Board(
        phase.slug, is_closed, columns, _sort(entries, columns, sort), subsets, subset, sort, step
    )  # fmt: skip


def may_see(submission: Submission, viewer: Viewer | None) -> bool:
    """Return whether a viewer may see a scored submission as an entry of its board."""
    return submission.visibility != "hidden" or is_inside(submission, viewer)


def is_inside(submission: Submission, viewer: Viewer | None) -> bool:
    """Return whether a viewer is of the team, or an administrator."""
    return is_own(submission, viewer) or (viewer is not None and viewer.is_admin)


def is_own(submission: Submission, viewer: Viewer | None) -> bool:
    """Return whether a viewer is of the team."""
    return viewer is not None and viewer.team_id == submission.team_id


def name_team(submission: Submission, team: Team, viewer: Viewer | None) -> str:
    """Return what a viewer may call the team."""
    is_masked = submission.visibility == "anonymous" and not is_inside(submission, viewer)
    return submission.anonymous_name if is_masked else team.name


def shown_scores(submission: Submission, phase: Phase, *, is_closed: bool) -> dict[str, Any]:
    """Return all scores of a submission that may leave the database, as fractions.

    Of an open phase: the Ladder's answer, and the other metrics only of a new best, rounded as it
    is. Of a closed phase: the private ones, and the Ladder's answer as `public`.

    Returns:
        `score`, `public` (both may be None), `metrics` by name, `subsets` by name of metrics.
    """
    if submission.state != SCORED:
        return {"score": None, "public": None, "metrics": {}, "subsets": {}}
    step = CLOSED_STEP if is_closed else phase.ladder_step
    scores = submission.private_scores if is_closed else submission.public_scores
    if not is_closed and not submission.is_new_best:
        scores = {}
    score = submission.private_score if is_closed else submission.shown_score
    subsets = scores.get("subsets") or {}
    return {
        "score": None if score is None else round_to_step(score, step),
        "public": submission.shown_score,
        "metrics": _round_all(scores, step),
        "subsets": {str(name): _round_all(values, step) for name, values in subsets.items()},
    }


def _round_all(scores: Mapping[str, Any], step: float) -> dict[str, float]:
    """Return the fractions among the values; whatever is no plain fraction stays inside."""
    return {
        str(name): round_to_step(value, step)
        for name, value in scores.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
        if math.isfinite(value) and 0 <= value <= 1
    }


def _read_entries(session: Session, phase: Phase) -> list[tuple[Submission, Team]]:
    # What is no new best shows nothing of its own: not even that it is there.
    query = (
        select(Submission, Team)
        .join(Team, Team.id == Submission.team_id)
        .where(Submission.phase_id == phase.id, Submission.state == SCORED)
        .where(Submission.is_new_best, Submission.shown_score.is_not(None))
        .order_by(Submission.created_at, Submission.id)
    )
    return [(submission, team) for submission, team in session.execute(query)]


def _best_of_teams(rows: Iterable[tuple[Submission, Team]]) -> list[tuple[Submission, Team]]:
    best: dict[tuple[int, str], tuple[Submission, Team]] = {}
    for submission, team in rows:  # in order of time: the earlier of two equals stays
        place = (team.id, submission.visibility)
        known = best.get(place)
        if known is None or (submission.shown_score or 0) > (known[0].shown_score or 0):
            best[place] = (submission, team)
    return list(best.values())


def _find_headline(submissions: list[Submission]) -> str | None:
    """Return the name of the score that ranks: in every row it is the score itself."""
    names = [
        {name for name, value in row.public_scores.items() if value == row.public_score}
        for row in submissions
    ]
    return min(set.intersection(*names), default=None) if names else None


def _list_columns(
    shown: Iterable[dict[str, Any]], subset: str, headline: str | None, is_closed: bool
) -> tuple[Column, ...]:
    shown = list(shown)
    inside = [
        scores["subsets"].get(subset, {}) if subset else scores["metrics"] for scores in shown
    ]
    metrics = sorted({name for scores in inside for name in scores} - {headline})
    columns = [Column(HEADLINE, headline or "", subset)]
    columns += [Column(name, name, subset) for name in metrics]
    if not subset and headline:
        names = sorted({name for scores in shown for name in scores["subsets"]})
        columns += [Column(f"{name}.{headline}", headline, name) for name in names]
    if is_closed and not subset:
        columns.append(Column(PUBLIC))
    return tuple(columns)


def _make_entry(
    submission: Submission,
    team: Team,
    columns: tuple[Column, ...],
    shown: dict[str, Any],
    viewer: Viewer | None,
) -> Entry:
    masked = submission.visibility == "anonymous" and not is_inside(submission, viewer)
    return Entry(
        rank=None,
        key=submission.key,
        team=name_team(submission, team, viewer),
        method=submission.method,
        description=submission.description,
        link="" if masked else submission.link,
        at=submission.created_at // 1000,
        scores={column.key: _score_of(column, shown) for column in columns},
        visibility=submission.visibility,
        is_own=is_own(submission, viewer),
    )


def _score_of(column: Column, shown: dict[str, Any]) -> float | None:
    if column.key == PUBLIC:
        return shown["public"]
    if column.key == HEADLINE and not column.subset:
        return shown["score"]
    scores = shown["subsets"].get(column.subset, {}) if column.subset else shown["metrics"]
    return scores.get(column.metric)


def _rank(entries: list[Entry]) -> list[Entry]:
    """Give each row that all see the number of such rows with a greater shown score, plus one."""
    entries = sorted(entries, key=lambda entry: (-_or_least(entry.scores[HEADLINE]), entry.at))
    ranked, rank, place, last = [], 0, 0, math.nan
    for entry in entries:
        score = entry.scores[HEADLINE]
        if entry.visibility == "hidden" or score is None:
            ranked.append(entry)
            continue
        place += 1
        if score != last:
            rank, last = place, score
        ranked.append(replace(entry, rank=rank))
    return ranked


def _sort(entries: list[Entry], columns: tuple[Column, ...], sort: str) -> tuple[Entry, ...]:
    key, is_reversed = sort.removeprefix("-"), sort.startswith("-")
    keys = [column.key for column in columns]
    if key not in keys:
        raise Problem(
            422, "unknown-column", f"sort must be a column, got '{key[:40]}'.{suggest(key, keys)}"
        )
    there = [entry for entry in entries if entry.scores[key] is not None]
    there.sort(key=lambda entry: _or_least(entry.scores[key]) * (1 if is_reversed else -1))
    return (*there, *(entry for entry in entries if entry.scores[key] is None))


def _or_least(score: float | None) -> float:
    return -1.0 if score is None else score
