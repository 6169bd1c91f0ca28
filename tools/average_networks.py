"""Average the weights of networks that were trained from one another or from the same one.

    python tools/average_networks.py NETWORK NETWORK ... --out OUT [--shares .5 .5 ...]

A network is the folder or passport of a float export, or the checkpoint of a run (its averaged
weights). A layer that some lack is averaged over those that have it. The passport and its layers
are the last network's, with `averaged` besides. Which networks and shares are best is chosen on
people to train: `--score DATA` scores the average on them and writes nothing.

Source: Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022, and Model soups, ICML
2022.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from peopleparse.inference.exported import as_passport
from peopleparse.models.gpsnet import GPSNet
from peopleparse.training.export import export_model, load_average
from peopleparse.training.from_export import load_exported
from peopleparse.training.tasks import task_of
from peopleparse.training.validate import ValidationSet, flat_scores, validate_parse

PHOTOS, SCENES = 109, 60
OWN = ("scores", "calibration")  # of one network alone; what an export says of itself it says anew
KEPT = ("name", "sha256", "run", "step", "averaged")  # of each network in the passport
Network = tuple[GPSNet, dict[str, Any]]


def load_network(place: str) -> Network:
    """Return a network and its passport's fields."""
    if place.endswith(".pt"):
        model, fields = load_average(Path(place))
        return model, fields | {"name": fields["recipe"]["model"], "run": Path(place).parent.name}
    passport = as_passport(place)
    return load_exported(passport), dict(passport.fields)


@torch.no_grad()
def average_networks(models: Sequence[GPSNet], shares: Sequence[float]) -> GPSNet:
    """Return the last network with the mean of all weights; the others stay as they are."""
    states = [model.state_dict() for model in models]
    for name, own in models[-1].state_dict().items():
        found = [(s[name], w) for s, w in zip(states, shares, strict=True) if name in s]
        total = sum(share for _, share in found)
        own.copy_(torch.stack([value * (share / total) for value, share in found]).sum(dim=0))
    return models[-1]


def score_model(model: GPSNet, found: ValidationSet) -> dict[str, float]:
    """Return the scores of a network."""
    parse = task_of(model).parse
    return flat_scores(validate_parse(lambda image: parse(model, image), found).to_dict())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    parser.add_argument("--shares", type=float, nargs="+", help="one a network; equal by default")
    parser.add_argument("--out", type=Path, help="folder to write")
    parser.add_argument("--score", type=Path, metavar="DATA", help="score it, write nothing")
    options = parser.parse_args(argv)
    shares = options.shares or [1 / len(options.networks)] * len(options.networks)
    if len(shares) != len(options.networks):
        parser.error(f"shares must be one a network, {len(options.networks)}, got {len(shares)}.")
    if (options.out is None) == (options.score is None):
        parser.error("one of --out and --score must be given, got none or both.")
    networks = [load_network(place) for place in options.networks]
    model = average_networks([model for model, _ in networks], shares)
    if options.score:
        scores = score_model(model, ValidationSet.read(options.score, PHOTOS, SCENES, "train"))
        print(" ".join(f"{name[4:]} {100 * value:.1f}" for name, value in scores.items()))
        return 0
    last = networks[-1][1]
    averaged = [
        {key: fields[key] for key in KEPT if key in fields} | {"share": round(share, 4)}
        for (_, fields), share in zip(networks, shares, strict=True)
    ]
    own = {key: value for key, value in last.items() if key not in OWN}
    print(export_model(model, options.out, last["name"], own | {"averaged": averaged}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
