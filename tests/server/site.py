"""A server with a benchmark folder, people and entries, for tests of pages; served on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from peopleparse.server.database import now, transaction
from peopleparse.server.settings import DAY_MS
from peopleparse.server.tables import Account, Phase, Submission
from tests.server.rows import add_account, add_submission, add_team

RULES = """# What to hand in

One **zip** file with a label map for each image of `images.csv`, as
[the formats](https://example.org/formats) say:

- 8-bit indexed PNG, named as the image
- the size of the image
- labels 0 to 19

## Fair play

1. Do not label the test images by hand.
2. One person takes part in one team.

| part | images |
|---|---|
| indoor | 1,500 |
| outdoor | 1,300 |

```
0001.png
0002.png
```

<script>alert("rules")</script>
"""


def make_folder(path: Path) -> Path:
    """Write a benchmark with a phase that has closed and one that is open."""
    path.mkdir(parents=True)
    (path / "truth").mkdir()
    (path / "rules.md").write_text(RULES, encoding="utf-8")
    rows = [f"{n:04d},40,60,{'indoor' if n % 2 else 'outdoor'}" for n in range(1, 21)]
    (path / "images.csv").write_text("\n".join(["name,width,height,subset", *rows]) + "\n")
    day = timedelta(days=1)
    at = datetime.now(UTC).replace(microsecond=0)
    phases = [
        ("validation", "Validation", at - 60 * day, at - 20 * day),
        ("test", "Test 2026", at - 20 * day, at + 40 * day),
    ]
    text = f"""slug = "parks"
title = "People in parks"
kind = "instances"
format = "gps"
truth_format = "gps"
scheme = "gps"
persons = 20
headline = "ap_lambda_strict"
metrics = ["mean_iou", "ap_p_50"]
ladder_step = 0.002
truth = "{path / "truth"}"
[split]
public = 0.3
seed = "secret"
"""
    for slug, title, opens, closes in phases:
        text += f"""[[phases]]
slug = "{slug}"
title = "{title}"
opens = {opens.isoformat()}
closes = {closes.isoformat()}
attempts_a_day = 20
scores_a_day = 2
scores_in_all = 30
"""
    (path / "benchmark.toml").write_text(text)
    return path


def make_scores(score: float) -> dict[str, Any]:
    return {
        "ap_lambda_strict": score,
        "mean_iou": score + 0.0813,
        "ap_p_50": score + 0.0271,
        "subsets": {
            "indoor": {
                "ap_lambda_strict": score + 0.0123, "mean_iou": score + 0.09,
                "ap_p_50": score + 0.03,
            },
            "outdoor": {
                "ap_lambda_strict": score - 0.0234, "mean_iou": score + 0.07,
                "ap_p_50": score + 0.01,
            },
        },
    }  # fmt: skip


def score_values(score: float, *, shown: float | None = None, is_new_best: bool = True) -> Any:
    """Return the columns of a scored submission; the private score is a little less."""
    return {
        "public_score": score, "private_score": score - 0.0111,
        "public_scores": make_scores(score), "private_scores": make_scores(score - 0.0111),
        "shown_score": round(score / 0.002) * 0.002 if shown is None else shown,
        "is_new_best": is_new_best, "scorer": "peopleparse 0.1.0",
    }  # fmt: skip


_ENTRIES = (  # team, method, score, days ago, visibility
    ("Baseline", "GPSNet, ResNet-50", 0.4127, 19, "public"),
    ("Hares", "One-shot parsing", 0.4391, 16, "public"),
    ("Foxes", "Soft adjusted alignment", 0.4633, 13, "public"),
    ("Lab 17", "Holistic", 0.4635, 12, "public"),
    ("Otters", "Two towers", 0.4712, 9, "anonymous"),
    ("Foxes", "Soft adjusted alignment, longer", 0.4905, 6, "public"),
    ("Hares", "One-shot parsing with structure", 0.4977, 3, "hidden"),
    ("Lab 17", "Holistic with a very long name that has to break somewhere on a narrow page",
     0.5031, 1, "public"),
)  # fmt: skip


def fill(session: Session) -> dict[str, Account]:
    """Add teams with entries to both phases; return an account of each team."""
    at = now(session)
    phases = {phase.slug: phase for phase in session.scalars(select(Phase))}
    people: dict[str, Account] = {}
    for team, method, score, days, visibility in _ENTRIES:
        if team not in people:
            people[team] = add_account(session, add_team(session, team))
        for phase, gain, more in ((phases["test"], 0.0, 0), (phases["validation"], 0.03, 21)):
            add_submission(
                session, phase, people[team], "scored", method=method, visibility=visibility,
                description="ResNet-50, 512 pixels.\nTrained on the training images alone.",
                link="https://example.org/paper", created_at=at - (days + more) * DAY_MS,
                **score_values(score + gain),
            )  # fmt: skip
    return people


def phase_of(session: Session, slug: str) -> Phase:
    return session.scalars(select(Phase).where(Phase.slug == slug)).one()


def add(engine: Engine, slug: str, account: Account, state: str, **values: Any) -> Submission:
    """Add a submission with a key that addresses can have."""
    with transaction(engine) as session:
        number = session.query(Submission).count() + 1
        values.setdefault("key", f"{number:022d}")
        return add_submission(session, phase_of(session, slug), account, state, **values)


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port of loopback; give its address."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
