"""Average the weights of a network with those of the network it started from.

    python tools/average_networks.py START END OUT --share 0.5

START and END are folders or passports of float exports, END trained from START. A layer that START
lacks stays as END has it. The passport is END's, with `averaged` besides. Which share is best is
chosen on people to train (`--score DATA` scores shares on them and writes nothing).

Source: Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from peopleparse.inference.exported import as_passport
from peopleparse.inference.passport import Passport
from peopleparse.models.gpsnet import GPSNet
from peopleparse.training.export import export_model
from peopleparse.training.from_export import load_exported
from peopleparse.training.tasks import task_of
from peopleparse.training.validate import ValidationSet, flat_scores, validate_parse

PHOTOS, SCENES = 109, 60
OWN = ("scores", "calibration")  # of END alone; what an export says of itself it says anew


@torch.no_grad()
def average_networks(start: Passport, end: Passport, share: float) -> GPSNet:
    """Return END moved a share of the way back to START; layers that START lacks stay."""
    weights, model = load_exported(start).state_dict(), load_exported(end)
    for name, own in model.state_dict().items():
        if name in weights:
            own.lerp_(weights[name], share)
    return model


def score_model(model: GPSNet, found: ValidationSet) -> dict[str, float]:
    """Return the scores of a network."""
    parse = task_of(model).parse
    return flat_scores(validate_parse(lambda image: parse(model, image), found).to_dict())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("start")
    parser.add_argument("end")
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, nargs="+", default=[0.5], help="of START")
    parser.add_argument("--score", type=Path, metavar="DATA", help="score shares, write nothing")
    options = parser.parse_args(argv)
    start, end = as_passport(options.start), as_passport(options.end)
    if options.score:
        found = ValidationSet.read(options.score, PHOTOS, SCENES, "train")
        for share in options.share:
            scores = score_model(average_networks(start, end, share), found)
            print(share, " ".join(f"{n[4:]} {100 * v:.1f}" for n, v in scores.items()), flush=True)
        return 0
    fields = {key: value for key, value in end.fields.items() if key not in OWN}
    fields["averaged"] = {
        "with": {"name": start.name, "sha256": dict(start.sha256)},
        "share": options.share[0],
    }
    model = average_networks(start, end, options.share[0])
    print(export_model(model, options.out, end.name, fields))
    return 0


if __name__ == "__main__":
    sys.exit(main())
