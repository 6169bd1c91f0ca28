"""Score the checkpoints of a run and write the validation curve.

python tools/score_curve.py DATA OUT.json CHECKPOINT...
python tools/score_curve.py --ledger LEDGER.jsonl OUT.json   # what the run scored on its way
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from peopleparse.data.files import write_file
from peopleparse.training.distributed import World
from peopleparse.training.export import load_average
from peopleparse.training.scoring import make_validator


def main(data: str, out: str, *checkpoints: str) -> None:
    """Score each checkpoint on all photos and 40 scenes of each preset."""
    score, world, rows = make_validator(Path(data), 109, 40), World.from_environment(), []
    for path in checkpoints:
        model, about = load_average(Path(path))
        rows.append({"step": about["step"]} | score(model, world))
        print(rows[-1])
        write_file(Path(out), (json.dumps(rows, indent=1) + "\n").encode())


def read_run(ledger: str, out: str) -> None:
    """Write the scores that a run's ledger holds."""
    entries = [json.loads(line) for line in Path(ledger).read_text().splitlines()]
    rows = [entry for entry in entries if "val/photo_iou" in entry]
    write_file(Path(out), (json.dumps(rows, indent=1) + "\n").encode())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ledger"]:
        read_run(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
