"""Compare the shipped ONNX network with the torch checkpoint it came from, on real photos.

    python tools/compare_export.py DATA CHECKPOINT

Writes benchmarks/results/export.json: the largest difference of any output on noise, and the share
of pixels with the same part on all validation photos and 20 scenes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from peopleparse.inference.onnx_engine import OnnxEngine
from peopleparse.models.build import build_model, read_switches
from peopleparse.training.checkpoint import load_checkpoint
from peopleparse.training.export import check_export, compare_results
from peopleparse.training.validate import ValidationSet

OUT = Path(__file__).resolve().parent.parent / "benchmarks" / "results" / "export.json"


def main(data: str, checkpoint: str, model: str = "gpsnet_mobilenet_v2") -> None:
    """Compare and write."""
    state = load_checkpoint(Path(checkpoint))
    recipe = json.loads(state["recipe"])
    network = build_model(recipe["model"], **read_switches(recipe))
    network.load_state_dict(state["average"])
    network.eval()
    engine = OnnxEngine(model)
    found = ValidationSet.read(Path(data), None, 10)
    images = [portrait.image for portrait in found.portraits]
    images += [found.make_scene(p, i).image for p in ("outdoor", "indoor") for i in range(10)]
    report = {
        "weights": dict(engine.passport.sha256),
        "seed": found.seed,
        "largest_difference": check_export(network, engine),
        "part_maps": compare_results(network, engine, images),
    }
    OUT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
