"""Ideas for the shipped network, each tried alone for a short while from the network as it is.

    python tools/try_ideas.py run DATA --runs RUNS     # goes on where it was stopped
    python tools/try_ideas.py run DATA --runs RUNS --only plain faults
    python tools/try_ideas.py write-docs

DATA holds ccp/, backgrounds/ and backbones/, and what `peopleparse data bystanders` and
`peopleparse data pseudo-labels` wrote. Every row starts from the shipped network, sees as many
images as `plain` and is scored on the same val photos and scenes: an idea's effect is its score
less that of `plain` with the same seed. Rows without training are the network as it is, looked
through in another way. One line a run goes to benchmarks/results/ideas.jsonl, by the network it
starts from; `write-docs` writes the tables of docs/model_card.md from it, one a network.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peopleparse.data.files import write_file
from peopleparse.experiments.ledger import Key, read_ledger
from peopleparse.experiments.runs import hash_recipe, make_missing, run_name
from peopleparse.inference.exported import DEFAULT_MODEL
from peopleparse.inference.passport import find_passport, read_passport
from peopleparse.inference.pipeline import Options
from peopleparse.training.recipe import Phase, Recipe
from tools.bounds import score_bound
from tools.write_model_card import CARD, fill

LEDGER = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "ideas.jsonl"
PHOTOS, SCENES = 109, 60
SEEDS = (1, 2, 3)
# By the first digits of the sha256 of the graph that parses persons, oldest first.
NETWORKS = {
    "f36cd735": "The first network, 4,800 steps",
    "761eef64": "The second: 4,600 steps more, other people, other scenes, a head for what is worn",
    "f3d7d6f5": "The average of both",
    "438202f9": "The average, tuned in how readily it draws each label, which ships",
}
PLAIN = "plain"
COLUMNS = {
    "val/photo_iou_main": "photo part IoU",
    "val/outdoor_strict": "outdoor AP strict",
    "val/indoor_strict": "indoor AP strict",
    "val/outdoor_mask_recall_50": "outdoor recall",
    "val/indoor_mask_recall_50": "indoor recall",
    "val/outdoor_face_recall_50": "outdoor face recall",
}

BASE = Recipe(
    init=DEFAULT_MODEL,
    presence=True,  # as the shipped network has it
    steps=300,
    batch=8,
    warmup=30,
    lr=3e-4,
    average=0.99,
    phases=(Phase(1, (288, 384), (384, 256), closeups=0.3),),
)


@dataclass(frozen=True)
class Idea:
    """Something to try.

    Attributes:
        words: what it is, for the table.
        changes: of the recipe; None where nothing is trained.
        options: how the network looks at what it is scored on.
        split: of the people it is scored on.
        bound: what it knows beforehand, one of `tools.bounds.BOUNDS`, or "".
    """

    words: str
    changes: Mapping[str, Any] | None = field(default_factory=dict)
    options: Options = Options()
    split: str = "val"
    bound: str = ""


IDEAS: Mapping[str, Idea] = {
    "none": Idea("the network as it is", None),
    "fine": Idea("looked at in `fine` detail, no training", None, Options("fine")),
    "flip": Idea("mirrored view besides, no training", None, Options(flip=True)),
    "views": Idea(
        "three sizes, mirrored too, no training", None, Options(scales=(0.75, 1.0, 1.25), flip=True)
    ),
    "reject": Idea("parts with confidence under .7 left out", None, Options(reject=0.7)),
    "told": Idea("told which parts each person shows (a bound), no training", None, bound="told"),
    "boxed": Idea("told where people are (a bound), no training", None, bound="boxed"),
    "seen": Idea("scored on people it learnt from (a bound), no training", None, split="train"),
    PLAIN: Idea("300 steps more, as before"),
    "bystanders": Idea("bystanders left out of the loss", {"bystanders": True}),
    "faults": Idea("dark, blurred, noisy, tinted, compressed", {"faults": 0.3}),
    "cuts": Idea("cut off, crowded and seated frames", {"cuts": 0.3}),
    "occluders": Idea("things in front of people", {"occluders": 0.3}),
    "blended": Idea("people pasted with clean rims, light and shadows", {"blended": 0.5}),
    "tagged": Idea("maps drawn of the photos with tags only", {"tagged": True}),
    "boundary": Idea("cells on boundaries count three times", {"boundary": 2.0}),
    "headless": Idea("without the head that tells which parts there are", {"presence": False}),
    "faces": Idea("faces count as much as persons", {"loss_face": 1.0}),
    "structure": Idea("structure-sensitive loss of each person", {"loss_structure": 0.5}),
    "rare": Idea("rare labels weigh and come more", {"label_power": 0.4, "rarity": 0.8}),
    "even": Idea("rare labels weigh and come as they are", {"label_power": 0.0, "rarity": 0.0}),
    "photos": Idea("every other step of single photos", {"photo_every": 2}),
    "large": Idea(
        "larger images",
        {"phases": (Phase(1, (384, 512), (512, 352), closeups=0.3),)},
    ),
}


def recipe_of(name: str, seed: int) -> Recipe:
    """Return the recipe of an idea."""
    return replace(BASE, seed=seed, **dict(IDEAS[name].changes or {}))


def shipped_network() -> str:
    """Return by what runs from the shipped network are known."""
    passport = read_passport(find_passport(DEFAULT_MODEL))
    return passport.sha256[passport.path("rois").name][:8]


def run_idea(key: Key, data: Path, runs: Path) -> dict[str, Any] | None:
    """Train and score one idea; None where it was stopped."""
    from peopleparse.training.export import as_engine
    from peopleparse.training.loop import train
    from peopleparse.training.start import build_started
    from peopleparse.training.tasks import task_of
    from peopleparse.training.validate import ValidationSet, flat_scores, validate_parse

    name, network, seed, _ = key
    idea, recipe = IDEAS[name], recipe_of(name, seed)
    if idea.changes is None:
        model: Any = build_started(recipe, weights=True)
    else:
        trainer = train(recipe, data, runs / run_name(network, name, seed, recipe))
        if trainer.step < recipe.steps:
            return None
        model = trainer.average
    parse = task_of(model).parse
    if idea.bound:
        scores = score_bound(as_engine(model), data, idea.bound, PHOTOS, SCENES)
    else:
        found = ValidationSet.read(data, PHOTOS, SCENES, idea.split)
        tally = validate_parse(lambda image: parse(model, image, idea.options), found)
        scores = flat_scores(tally.to_dict())
    return {
        "row": name,
        "subset": network,
        "seed": seed,
        "recipe": hash_recipe(recipe),
        "steps": recipe.steps if idea.changes is not None else 0,
        "photos": PHOTOS,
        "scenes": SCENES,
        "scores": {name: round(value, 5) for name, value in scores.items()},
    }


def list_keys(names: Sequence[str]) -> list[Key]:
    """Return what to run from the shipped network, by seed; what is not trained runs once."""
    network = shipped_network()
    return [
        (name, network, seed, hash_recipe(recipe_of(name, seed)))
        for seed in SEEDS
        for name in names
        if seed == SEEDS[0] or IDEAS[name].changes is not None
    ]


def table_lines(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a row an idea: its effect on each score, mean and spread over the seeds, in points."""
    scores = {(e["row"], e["seed"]): e["scores"] for e in entries}
    lines = [
        "| idea | runs | " + " | ".join(COLUMNS.values()) + " |",
        "|---|---|" + "---|" * len(COLUMNS),
    ]
    for name, idea in IDEAS.items():
        seeds = [seed for row, seed in scores if row == name]
        base = "none" if idea.changes is None or name == PLAIN else PLAIN
        both = [(scores[name, s], _base(scores, base, s)) for s in seeds if _base(scores, base, s)]
        if name == "none" and seeds:
            cells = [f"{100 * scores[name, seeds[0]][c]:.1f}" for c in COLUMNS]
        elif both:
            cells = [_effect([100 * (a[c] - b[c]) for a, b in both if c in a]) for c in COLUMNS]
        else:
            continue
        lines.append(f"| {idea.words} | {len(seeds)} | " + " | ".join(cells) + " |")
    return lines


def _base(scores: Mapping[Any, Any], base: str, seed: int) -> Any:
    return scores.get((base, 1 if base == "none" else seed))


def _effect(values: Sequence[float]) -> str:
    if not values:
        return "-"
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):+.1f}{spread}"


def all_lines(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a table for each network that ideas were tried on, known ones first."""
    found = {entry["subset"] for entry in entries}
    lines: list[str] = []
    for network in [n for n in NETWORKS if n in found] + sorted(found - set(NETWORKS)):
        words = NETWORKS.get(network, f"Network {network}")
        lines += ["", f"{words}:", ""] if lines else [f"{words}:", ""]
        lines += table_lines([entry for entry in entries if entry["subset"] == network])
    return lines


def write_docs() -> None:
    """Write the tables into the model card."""
    current, network = set(list_keys(list(IDEAS))), shipped_network()
    found = read_ledger(LEDGER).items()
    entries = [e for key, e in found if key in current or key[1] != network]
    write_file(CARD, fill(CARD.read_text(), "ideas", all_lines(entries)).encode())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="make the runs that the ledger lacks")
    run.add_argument("data", type=Path)
    run.add_argument("--runs", type=Path, required=True, help="folder of checkpoints")
    run.add_argument("--only", nargs="+", choices=list(IDEAS), default=list(IDEAS))
    commands.add_parser("write-docs", help="write the table of docs/model_card.md")
    options = parser.parse_args(argv)
    if options.command == "write-docs":
        write_docs()
        return 0
    done = make_missing(
        LEDGER,
        list_keys(options.only),
        lambda key: run_idea(key, options.data, options.runs),
        lambda entry: " ".join(f"{100 * value:.1f}" for value in entry["scores"].values()),
    )
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
