"""Score the checkpoints of a run and write the validation curve.

    python tools/score_curve.py DATA OUT.json CHECKPOINT...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from peopleparse.models.build import build_model
from peopleparse.training.checkpoint import load_checkpoint
from peopleparse.training.distributed import World
from peopleparse.training.scoring import make_validator


def main(data: str, out: str, *checkpoints: str) -> None:
    """Score each checkpoint on all photos and 40 scenes of each preset."""
    score, world, rows = make_validator(Path(data), 111, 40), World.from_environment(), []
    for path in checkpoints:
        state = load_checkpoint(Path(path))
        recipe = json.loads(state["recipe"])
        model = build_model(recipe["model"], adjust=recipe["adjust"], fuse=recipe["fuse"])
        model.load_state_dict(state["average"])
        rows.append({"step": state["step"]} | score(model, world))
        print(rows[-1])
        Path(out).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
