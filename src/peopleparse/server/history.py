"""How the best shown score of a board rose, as points and as the lines of a drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from peopleparse.server import database
from peopleparse.server.board import may_see, name_team
from peopleparse.server.states import SCORED
from peopleparse.server.tables import Phase, Submission, Team

if TYPE_CHECKING:
    from peopleparse.server.deps import Viewer

# The drawing is as wide as its box: places across are percent, places down are pixels.
_LEFT, _RIGHT = 11.0, 98.0
_TOP, _BOTTOM = 14.0, 176.0
HEIGHT = 210
_TICKS = 4


@dataclass(frozen=True)
class Record:
    """An entry that was the best of its board when it came.

    Attributes:
        at: UTC seconds.
        score: the Ladder's answer, a fraction.
    """

    at: int
    score: float
    team: str
    method: str
    key: str


@dataclass(frozen=True)
class Line:
    """From (x1, y1) to (x2, y2); x in percent of the width, y in pixels."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Curve:
    """What the drawing is made of.

    Attributes:
        steps: the curve, flat and upright lines in turn.
        dots: x, y and the record.
        scores: y and the score of each line across.
        times: x and UTC seconds of both ends.
    """

    steps: tuple[Line, ...]
    dots: tuple[tuple[float, float, Record], ...]
    scores: tuple[tuple[float, float], ...]
    times: tuple[tuple[float, int], ...]
    left: float = _LEFT
    right: float = _RIGHT
    bottom: float = _BOTTOM
    height: int = HEIGHT


def read_history(session: Session, phase: Phase, *, viewer: Viewer | None) -> tuple[Record, ...]:
    """Return the entries that were best when they came, of those that everyone may see.

    They are by the Ladder's public score, also when the phase has closed.
    """
    query = (
        select(Submission, Team)
        .join(Team, Team.id == Submission.team_id)
        .where(Submission.phase_id == phase.id, Submission.state == SCORED)
        .where(Submission.is_new_best, Submission.shown_score.is_not(None))
        .order_by(Submission.created_at, Submission.id)
    )
    records: list[Record] = []
    for submission, team in session.execute(query):
        score = submission.shown_score or 0.0
        if not may_see(submission, None) or (records and score <= records[-1].score):
            continue
        name = name_team(submission, team, viewer)
        at = submission.created_at // 1000
        records.append(Record(at, score, name, submission.method, submission.key))
    return tuple(records)


def draw_curve(session: Session, phase: Phase, records: tuple[Record, ...]) -> Curve | None:
    """Return the curve from the first record until now or the phase's end; None without one."""
    if not records:
        return None
    end = max(min(database.now(session), phase.closes_at) // 1000, records[-1].at)
    start = records[0].at
    ticks = _spread_ticks(records[0].score, records[-1].score)

    def across(at: int) -> float:
        share = (at - start) / (end - start) if end > start else 0.0
        return round(_LEFT + share * (_RIGHT - _LEFT), 2)

    def down(score: float) -> float:
        share = (score - ticks[0]) / (ticks[-1] - ticks[0])
        return round(_BOTTOM - share * (_BOTTOM - _TOP), 1)

    steps: list[Line] = []
    for record, following in zip(records, (*records[1:], None), strict=True):
        x, y = across(record.at), down(record.score)
        until = across(following.at if following else end)
        steps.append(Line(x, y, until, y))
        if following:
            steps.append(Line(until, y, until, down(following.score)))
    dots = tuple((across(record.at), down(record.score), record) for record in records)
    times = ((_LEFT, start), (_RIGHT, end))
    return Curve(tuple(steps), dots, tuple((down(tick), tick) for tick in ticks), times)


def _spread_ticks(least: float, most: float) -> list[float]:
    """Return round scores below and above two others, a few steps apart.

    >>> _spread_ticks(0.512, 0.548)
    [0.51, 0.52, 0.53, 0.54, 0.55]
    """
    room = max((most - least) / _TICKS, 0.002)
    power = 10.0 ** math.floor(math.log10(room))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= room * 0.999)
    first, last = math.floor(least / step + 1e-6), math.ceil(most / step - 1e-6)
    last = max(last, first + 1)
    return [round(number * step, 6) for number in range(first, last + 1)]
