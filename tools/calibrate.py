"""Make a network's person scores probabilities: fit on people to train, show on people to validate.

    python tools/calibrate.py fit DATA [--model NAME_OR_FOLDER]
    python tools/calibrate.py write-docs

`fit` scores scenes of the people to train, fits slope and offset of the score's logit to whether a
person's mask has IoU .5 with a true one, writes them into the network's passport, and into
benchmarks/results/calibration.json how far scores of the people to validate are from the share
that is right, before and after. `write-docs` writes that into docs/model_card.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peopleparse.data.files import write_file
from peopleparse.data.scenes import PRESETS
from peopleparse.inference.calibration import Calibration
from peopleparse.inference.exported import DEFAULT_MODEL
from peopleparse.inference.onnx_engine import OnnxEngine
from peopleparse.inference.passport import find_passport
from peopleparse.inference.pipeline import Options
from peopleparse.metrics.reliability import measure_reliability
from peopleparse.training.validate import ValidationSet, validate
from tools.write_model_card import CARD, RESULTS, fill

OUT = RESULTS / "calibration.json"
SCENES = 150  # of each preset and split
# Faint persons count as well: below the threshold that users have, scores must be right, too.
EVERYONE = Options(threshold=0, least_heat=0.2)
Pairs = tuple[NDArray[np.float64], NDArray[np.bool_]]  # (N,) scores, and which are right


def find_pairs(engine: OnnxEngine, data: Path, split: str, scenes: int) -> Pairs:
    """Return the uncalibrated score of each person found in scenes, and whether it is right."""
    engine.calibration = Calibration()
    scored = validate(engine, ValidationSet.read(data, 0, scenes, split), EVERYONE)
    scores, right = zip(*(scored.presets[name].person_hits() for name in PRESETS), strict=True)
    return np.concatenate(scores), np.concatenate(right)


def fit_calibration(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """Return the slope and offset under which what is right is most likely.

    The targets are Platt's, a little inside 0 and 1, so that they are finite however clear it is.
    """
    inside = np.clip(scores, 1e-6, 1 - 1e-6)
    logits = np.log(inside / (1 - inside))
    hits, misses = int(right.sum()), int((~right).sum())
    targets = np.where(right, (hits + 1) / (hits + 2), 1 / (misses + 2))

    def loss(values: NDArray[np.float64]) -> float:
        found = np.exp(values[0]) * logits + values[1]
        return float((np.logaddexp(0, found) - targets * found).mean())

    slope, offset = minimize(loss, np.zeros(2), method="BFGS").x
    return Calibration(round(float(np.exp(slope)), 4), round(float(offset), 4))


def run(data: Path, model: str, scenes: int) -> dict[str, Any]:
    """Fit, write the passport, and return what was found."""
    path = find_passport(model)
    engine = OnnxEngine(path)
    calibrate = fit_calibration(*find_pairs(engine, data, "train", scenes))
    scores, right = find_pairs(engine, data, "val", scenes)
    after = np.array([calibrate(score) for score in scores.tolist()])
    fields = json.loads(path.read_text()) | {"calibration": calibrate.to_dict()}
    write_file(path, (json.dumps(fields, indent=2) + "\n").encode())
    return {
        "weights": dict(engine.passport.sha256),
        "scenes": scenes,
        "calibration": calibrate.to_dict(),
        "before": measure_reliability(scores, right).to_dict(),
        "after": measure_reliability(after, right).to_dict(),
    }


def table_lines(found: dict[str, Any]) -> list[str]:
    """Return how often a person of a score is right, before and after."""
    values = found["calibration"]
    lines = [
        f"Fitted on {found['scenes']} scenes of each preset of the people to train: slope "
        f"{values['slope']:.2f}, offset {values['offset']:.2f}. On as many of the people to "
        "validate, in per cent:",
        "",
        "| score | persons | right | with calibration: persons | right |",
        "|---|---|---|---|---|",
    ]
    pairs = zip(found["before"]["bins"], found["after"]["bins"], strict=True)
    for number, (old, new) in enumerate(pairs):
        if old["count"] or new["count"]:
            cells = " | ".join(
                f"{b['count']} | {100 * b['right']:.0f}" if b["count"] else "0 | -"
                for b in (old, new)
            )
            lines.append(f"| {10 * number} to {10 * number + 10} | {cells} |")
    for name, words in (("expected_error", "Expected error"), ("brier", "Brier score")):
        before, after = found["before"][name], found["after"][name]
        lines.append(("\n" if name != "brier" else "") + f"{words} {before:.3f}, then {after:.3f}.")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    fitted = commands.add_parser("fit", help="fit, and write the passport")
    fitted.add_argument("data", type=Path)
    fitted.add_argument("--model", default=DEFAULT_MODEL)
    fitted.add_argument("--scenes", type=int, default=SCENES)
    fitted.add_argument("--out", type=Path, default=OUT)
    commands.add_parser("write-docs", help="write the table of docs/model_card.md")
    options = parser.parse_args(argv)
    if options.command == "write-docs":
        found = json.loads(OUT.read_text())
        write_file(CARD, fill(CARD.read_text(), "calibration", table_lines(found)).encode())
        return 0
    found = run(options.data, options.model, options.scenes)
    write_file(options.out, (json.dumps(found, indent=2) + "\n").encode())
    print("\n".join(table_lines(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
