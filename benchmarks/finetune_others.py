"""What fine-tuning on twenty night photos does to photos it has not seen: of night, and of day.

    python examples/finetune_set.py --data DATA --out NIGHT
    peopleparse train --finetune base --data NIGHT --out MODEL
    python benchmarks/finetune_others.py --data DATA --model MODEL

Scores the network that was fine-tuned and the one that came of it on photos of further people, made
dark as the twenty were, and left as they are; the second shows what was forgotten. "end" is what
the last steps gave, before it was moved back towards the start.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

# What is measured is this checkout, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from examples.finetune_set import make_night, write_set
from peopleparse.data.files import write_file
from peopleparse.data.gps import read_image_ids
from peopleparse.inference.passport import find_passport, read_passport
from peopleparse.training.finetune import RUN, score_folder
from peopleparse.training.from_export import load_exported
from peopleparse.training.loop import CHECKPOINT
from peopleparse.training.tasks import load_trained

OUT = Path(__file__).resolve().parent / "results" / "finetune_others.json"
SKIP = 20  # the photos of the example


def score_both(folder: Path, models: dict[str, Any]) -> dict[str, Any]:
    """Return the scores of each network on every photo of a folder."""
    ids = tuple(read_image_ids(folder))
    scores = {name: score_folder(model, folder, ids) for name, model in models.items()}
    return {"photos": len(ids)} | scores


def main() -> None:
    """Write both sets, score both networks, keep the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds ccp/")
    parser.add_argument("--model", type=Path, required=True, help="the fine-tuned network")
    parser.add_argument("--count", type=int, default=24, help="photos of each kind")
    parser.add_argument("--out", type=Path, default=OUT, help="JSON to write")
    words = parser.parse_args()
    tuned = read_passport(find_passport(words.model))
    start = read_passport(find_passport(tuned.fields["start"]["name"]))
    models = {
        "before": load_exported(start),
        "after": load_exported(tuned),
        "end": load_trained(words.model / RUN / CHECKPOINT)[0],
    }
    result: dict[str, Any] = {
        "command": f"python benchmarks/finetune_others.py --count {words.count}",
        "before": dict(start.sha256),
        "after": dict(tuned.sha256),
    }
    with tempfile.TemporaryDirectory() as place:
        for name, change in (("night", make_night), ("day", None)):
            folder = Path(place) / name
            write_set(words.data, folder, words.count, SKIP, change)
            result[name] = score_both(folder, models)
            for when in models:
                scores = result[name][when]
                strict = scores["average_ap"]["strict"]
                print(f"{name:6}{when:7}IoU {scores['part_mean_iou']:.3f}  AP {strict:.3f}")
    write_file(words.out, (json.dumps(result, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
