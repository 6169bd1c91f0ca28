from __future__ import annotations

import csv
import io
import itertools
import json
import math
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from peopleparse.server.board import Board, read_board, shown_scores
from peopleparse.server.board_export import board_csv, board_json, defuse
from peopleparse.server.database import now, transaction
from peopleparse.server.deps import STRANGER, Viewer
from peopleparse.server.history import draw_curve, read_history
from peopleparse.server.settings import DAY_MS
from peopleparse.server.tables import Account, Phase, Submission, Team
from peopleparse.web.problems import Problem
from tests.server.rows import add_account, add_phase, add_submission, add_team

_minute = itertools.count(1)


def _scored(
    session: Session, phase: Phase, account: Account, shown: float, public: float | None = None,
    private: float | None = None, **values: Any,
) -> Submission:  # fmt: skip
    public = shown if public is None else public
    private = public if private is None else private
    given: dict[str, Any] = {
        "public_score": public, "private_score": private, "shown_score": shown,
        "public_scores": _scores(public), "private_scores": _scores(private),
        "is_new_best": True, "created_at": phase.opens_at + 60_000 * next(_minute) + 123,
    }  # fmt: skip
    return add_submission(session, phase, account, "scored", **given | values)


def _scores(score: float) -> dict[str, Any]:
    return {
        "mean_iou": score, "pq": score / 2,
        "subsets": {"indoor": {"mean_iou": score / 3, "pq": score / 4}},
    }  # fmt: skip


def _close(session: Session, phase: Phase) -> None:
    phase.closes_at = now(session) - 1
    session.flush()


def _member(account: Account) -> Viewer:
    team = SimpleNamespace(id=account.team_id, name="own")
    return Viewer(account, team, "session")  # type: ignore[arg-type]


def _rows(board: Board) -> list[tuple[int | None, str, float | None]]:
    return [(entry.rank, entry.method, entry.scores["score"]) for entry in board.entries]


def test_best_of_each_team_with_shared_ranks(engine: Engine) -> None:
    with transaction(engine) as session:
        phase = add_phase(session)
        a, b, c, d = (add_account(session) for _ in range(4))
        _scored(session, phase, a, 0.5, method="a early")
        _scored(session, phase, a, 0.6, method="a best")
        _scored(session, phase, a, 0.6, 0.601, is_new_best=False, method="a no better")
        _scored(session, phase, b, 0.7, method="b")
        _scored(session, phase, c, 0.7, method="c")
        _scored(session, phase, d, 0.4, method="d")
        add_submission(session, phase, d, "queued")
        board = read_board(session, phase, viewer=STRANGER)
    assert _rows(board) == [(1, "b", 0.7), (1, "c", 0.7), (3, "a best", 0.6), (4, "d", 0.4)]
    assert not board.is_closed and board.step == 0.002


def test_an_open_phase_tells_rounded_scores_only(engine: Engine) -> None:
    with transaction(engine) as session:
        phase, account = add_phase(session), add_account(session)
        best = _scored(session, phase, account, 0.512, 0.51234567, 0.61234567)
        worse = _scored(session, phase, account, 0.512, 0.51291111, 0.7, is_new_best=False)
        best.public_scores |= {"per_class": [0.1], "bad": math.pi, "flag": True}
        board = read_board(session, phase, viewer=_member(account))
        shown = [shown_scores(one, phase, is_closed=False) for one in (best, worse)]
    scores = {
        "score": 0.512, "pq": 0.256, "indoor.mean_iou": 0.17,
    }  # fmt: skip
    assert board.entries[0].scores == scores
    assert [column.key for column in board.columns] == list(scores)
    assert shown[1] == {"score": 0.512, "public": 0.512, "metrics": {}, "subsets": {}}
    text = json.dumps([board_json(board), shown]) + board_csv(board)
    for secret in ("0.5123", "0.5129", "0.6123", "per_class", "0.7", "3.14"):
        assert secret not in text


def test_the_private_score_decides_when_the_phase_has_closed(engine: Engine) -> None:
    with transaction(engine) as session:
        phase = add_phase(session)
        a, b = add_account(session), add_account(session)
        _scored(session, phase, a, 0.7, private=0.55551234, method="a")
        _scored(session, phase, b, 0.6, private=0.58, method="b")
        # Better in private, but not what the team led with.
        _scored(session, phase, b, 0.5, private=0.9, method="b early", created_at=phase.opens_at)
        _close(session, phase)
        board = read_board(session, phase, viewer=STRANGER, headline="mean_iou")
    assert _rows(board) == [(1, "b", 0.58), (2, "a", 0.5555)]
    assert [entry.scores["public"] for entry in board.entries] == [0.6, 0.7]
    assert board.is_closed and "public" in [column.key for column in board.columns]
    assert "0.55551234" not in json.dumps(board_json(board))


def test_who_sees_what(engine: Engine) -> None:
    with transaction(engine) as session:
        phase = add_phase(session)
        a, b = (add_account(session, add_team(session, name)) for name in ("Team A", "Team B"))
        link = {"link": "https://example.org/me"}
        _scored(session, phase, a, 0.5, method="open", **link)
        _scored(session, phase, a, 0.6, method="masked", visibility="anonymous", **link)
        _scored(session, phase, a, 0.7, method="secret", visibility="hidden", **link)
        _scored(session, phase, b, 0.4, method="other")
        admin = add_account(session, add_team(session), is_admin=True)
        boards = {
            name: read_board(session, phase, viewer=viewer)
            for name, viewer in {
                "stranger": STRANGER, "nobody": None, "other": _member(b), "own": _member(a),
                "admin": _member(admin), "token": Viewer(admin, None, "read"),
            }.items()
        }  # fmt: skip
        records = read_history(session, phase, viewer=STRANGER)
        mask = session.query(Submission).filter_by(method="masked").one().anonymous_name
    for name in ("stranger", "nobody", "other", "token"):
        entries = boards[name].entries
        assert [(e.rank, e.method) for e in entries] == [(1, "masked"), (2, "open"), (3, "other")]
        assert entries[0].team == mask and entries[0].link == ""
        assert entries[1].team == "Team A" and entries[1].link
    for name in ("own", "admin"):
        entries = boards[name].entries
        # What only some see has no rank, so that ranks are the same for all.
        assert [e.rank for e in entries] == [None, 1, 2, 3]
        assert [e.team for e in entries] == ["Team A"] * 3 + ["Team B"]
    assert [e.is_own for e in boards["own"].entries] == [True] * 3 + [False]
    assert [(r.score, r.team) for r in records] == [(0.5, "Team A"), (0.6, mask)]


def test_subset_and_order(engine: Engine) -> None:
    with transaction(engine) as session:
        phase = add_phase(session)
        a, b, c = (add_account(session) for _ in range(3))
        _scored(session, phase, a, 0.9, method="a")
        odd = {"mean_iou": 0.6, "pq": 0.9, "subsets": {"indoor": {"mean_iou": 0.5, "pq": 0.1}}}
        _scored(session, phase, b, 0.6, method="b", public_scores=odd)
        _scored(session, phase, c, 0.5, method="c", public_scores={"mean_iou": 0.5})
        by_pq = read_board(session, phase, viewer=None, sort="pq")
        up = read_board(session, phase, viewer=None, sort="-score")
        indoor = read_board(session, phase, viewer=None, subset="indoor")
        with pytest.raises(Problem, match="subset must be one of the board's, got 'x'. Choices: i"):
            read_board(session, phase, viewer=None, subset="x")
        with pytest.raises(Problem, match="sort must be a column, got 'x'. Choices: score, pq"):
            read_board(session, phase, viewer=None, sort="x")
    # What has no value stays last; ranks stay those of the score.
    assert [(e.rank, e.method) for e in by_pq.entries] == [(2, "b"), (1, "a"), (3, "c")]
    assert [e.method for e in up.entries] == ["c", "b", "a"]
    assert _rows(indoor) == [(1, "b", 0.5), (2, "a", 0.3), (None, "c", None)]
    assert [column.key for column in indoor.columns] == ["score", "pq"]


def test_an_empty_board(engine: Engine) -> None:
    with transaction(engine) as session:
        phase = add_phase(session)
        board = read_board(session, phase, viewer=None, subset="indoor")
        records = read_history(session, phase, viewer=None)
        assert board.entries == () and records == ()
        assert draw_curve(session, phase, records) is None
    assert board_csv(board) == "rank,team,method,date,entry,link,score\r\n"


def test_the_curve_rises_by_steps(engine: Engine) -> None:
    with transaction(engine) as session:
        phase = add_phase(session)
        a, b = add_account(session), add_account(session)
        for account, shown, hour in ((a, 0.5, 0), (b, 0.48, 1), (a, 0.52, 2), (b, 0.56, 6)):
            _scored(
                session, phase, account, shown, created_at=phase.opens_at + hour * 3_600_000 + 999
            )
        phase.closes_at = phase.opens_at + DAY_MS // 2
        records = read_history(session, phase, viewer=None)
        curve = draw_curve(session, phase, records)
    assert [record.score for record in records] == [0.5, 0.52, 0.56]
    assert all(isinstance(record.at, int) for record in records)
    assert curve is not None and len(curve.steps) == 5 and len(curve.dots) == 3
    for line, following in itertools.pairwise(curve.steps):
        assert (line.x2, line.y2) == (following.x1, following.y1)
    assert curve.steps[0].x1 == curve.left and curve.steps[-1].x2 == curve.right
    assert [y for _, y, _ in curve.dots] == sorted((y for _, y, _ in curve.dots), reverse=True)
    assert curve.scores[0][1] <= 0.5 and curve.scores[-1][1] >= 0.56


def test_one_record_has_a_curve(engine: Engine) -> None:
    with transaction(engine) as session:
        phase = add_phase(session)
        _scored(session, phase, add_account(session), 0.0, created_at=now(session))
        curve = draw_curve(session, phase, read_history(session, phase, viewer=None))
    assert curve is not None
    numbers = [n for line in curve.steps for n in (line.x1, line.y1, line.x2, line.y2)]
    assert all(math.isfinite(n) for n in numbers)


EVIL = ('=HYPERLINK("x")', "+1", "-1", "@x", " =1", "\uff1d1", "a,b\n\"c'")


def test_exports_hold_what_the_board_shows(engine: Engine) -> None:
    with transaction(engine) as session:
        phase = add_phase(session)
        for number, word in enumerate(EVIL):
            team = Team(name=word, name_key=word, created_at=0)
            session.add(team)
            session.flush()
            score = 0.9 - number / 10
            _scored(session, phase, add_account(session, team), score, method=word)
        board = read_board(session, phase, viewer=None)
    told = json.loads(json.dumps(board_json(board), allow_nan=False))
    assert [entry["team"] for entry in told["entries"]] == list(EVIL)
    assert told["entries"][0]["date"].endswith("Z") and told["state"] == "open"
    rows = list(csv.DictReader(io.StringIO(board_csv(board), newline="")))
    assert [row["team"] for row in rows] == [defuse(word) for word in EVIL]
    assert all(not row["method"].lstrip().startswith(("=", "+", "-", "@", "＝")) for row in rows)
    assert [float(row["score"]) for row in rows] == [e["score"] for e in told["entries"]]
