"""Fill the tables of docs/model_card.md from what commands wrote.

    python tools/write_model_card.py

Reads from benchmarks/results: validation.json (peopleparse validate) and curve.json
(tools/score_curve.py).
"""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PASSPORT = ROOT / "src" / "peopleparse" / "weights" / "gpsnet_mobilenet_v2.json"
RESULTS, CARD = ROOT / "benchmarks" / "results", ROOT / "docs" / "model_card.md"


def fill(text: str, name: str, lines: list[str]) -> str:
    """Replace what stands between the two markers of a name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    return head + begin + "\n" + "\n".join(lines) + "\n" + end + tail


def percent(value: float | None) -> str:
    """Return a share in per cent with one decimal."""
    return "-" if value is None else f"{100 * value:.1f}"


def score_lines(scores: dict) -> list[str]:
    """Return the tables of headline numbers and of IoU by part."""
    photos, presets = scores["photos"], ("outdoor", "indoor")
    lines = [
        f"On {photos['photos']} single photos: part mean IoU "
        f"**{percent(photos['part_mean_iou'])}** with everyone shown, "
        f"**{percent(photos['part_mean_iou_main'])}** with the annotated person only; "
        f"pixel accuracy {percent(photos['overall_accuracy'])}.",
        "",
        f"On {scores['outdoor']['scenes']} scenes of each preset, seed {scores['seed']}, "
        "in per cent:",
        "",
        "| | outdoor | indoor |",
        "|---|---|---|",
    ]
    for reading in ("strict", "literal", "mhp"):
        row = [percent(scores[p]["average_ap"][reading]) for p in presets]
        lines.append(f"| average AP, {reading} | {' | '.join(row)} |")
    for key, title in (
        ("mask_recall_50", "person mask recall at IoU .5"),
        ("mask_ap", "person mask AP@[.5:.95]"),
        ("box_ap", "person box AP@[.5:.95]"),
        ("face_recall_50", "face box recall at IoU .5"),
        ("part_mean_iou", "part mean IoU"),
    ):
        lines.append(f"| {title} | {' | '.join(percent(scores[p][key]) for p in presets)} |")
    lines += ["", "IoU by part on single photos (the annotated person only), in per cent:", ""]
    parts = photos["part_iou_main"]
    lines += ["| part | IoU | part | IoU |", "|---|---|---|---|"]
    names = list(parts)
    half = (len(names) + 1) // 2
    for left, right in zip(names[:half], names[half:], strict=True):
        lines.append(f"| {left} | {percent(parts[left])} | {right} | {percent(parts[right])} |")
    return lines


def curve_lines(curve: list[dict]) -> list[str]:
    """Return the validation curve as a table."""
    lines = [
        "The validation curve, in per cent (40 scenes of each preset, and 111 photos; training has",
        "a copy of two of them):",
        "",
        "| step | photo part IoU | outdoor strict | outdoor mask recall | indoor strict |",
        "|---|---|---|---|---|",
    ]
    keys = ("photo_iou_main", "outdoor_strict", "outdoor_mask_recall_50", "indoor_strict")
    for row in curve:
        values = " | ".join(percent(row[f"val/{key}"]) for key in keys)
        lines.append(f"| {row['step']} | {values} |")
    return lines


def headline(scores: dict) -> dict:
    """Return the numbers that the passport carries, with the seed they were made with."""
    kept = {"seed": scores["seed"], "made_by": scores["command"]}
    photos = ("part_mean_iou", "part_mean_iou_main")
    kept["photos"] = {key: _short(scores["photos"][key]) for key in photos}
    for preset in ("outdoor", "indoor"):
        row = {k: _short(v) for k, v in scores[preset]["average_ap"].items()}
        kept[preset] = row | {"mask_recall_50": _short(scores[preset]["mask_recall_50"])}
    return kept


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def main() -> None:
    """Rewrite the card and the scores in the passport.

    Raises:
        SystemExit: the scores are those of other weights.
    """
    text = CARD.read_text(encoding="utf-8")
    scores = json.loads((RESULTS / "validation.json").read_text())
    passport = json.loads(PASSPORT.read_text())
    if scores["weights"] != passport["sha256"]:
        raise SystemExit("validation.json must be of the shipped weights: validate again.")
    PASSPORT.write_text(json.dumps(passport | {"scores": headline(scores)}, indent=2) + "\n")
    text = fill(text, "scores", score_lines(scores))
    curve = RESULTS / "curve.json"
    if curve.is_file():
        text = fill(text, "curve", curve_lines(json.loads(curve.read_text())))
    CARD.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
