"""Fill the tables of docs/model_card.md from what commands wrote.

    python tools/write_model_card.py

Reads from benchmarks/results: validation.json and its like for other engines and the network before
(peopleparse validate), and curve.json (tools/score_curve.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PASSPORT = ROOT / "src" / "peopleparse" / "weights" / "gpsnet_mobilenet_v2.json"
PRESETS = ("outdoor", "indoor")
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
    photos = scores["photos"]
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
        row = [percent(scores[p]["average_ap"][reading]) for p in PRESETS]
        lines.append(f"| average AP, {reading} | {' | '.join(row)} |")
    for key, title in (
        ("mask_recall_50", "person mask recall at IoU .5"),
        ("mask_ap", "person mask AP@[.5:.95]"),
        ("box_ap", "person box AP@[.5:.95]"),
        ("face_recall_50", "face box recall at IoU .5"),
        ("part_mean_iou", "part mean IoU"),
    ):
        lines.append(f"| {title} | {' | '.join(percent(scores[p][key]) for p in PRESETS)} |")
    lines += ["", "IoU by part on single photos (the annotated person only), in per cent:", ""]
    parts = photos["part_iou_main"]
    lines += ["| part | IoU | part | IoU |", "|---|---|---|---|"]
    names = list(parts)
    half = (len(names) + 1) // 2
    for left, right in zip(names[:half], names[half:], strict=True):
        lines.append(f"| {left} | {percent(parts[left])} | {right} | {percent(parts[right])} |")
    return lines


# What is validated side by side, by the file of its scores.
NETWORKS = {
    "validation_first.json": "the network before",
    "validation.json": "this one",
    "validation_bf16.json": "in BF16 (OpenVINO)",
    "validation_int8.json": "in INT8 (OpenVINO)",
}


def _by_preset(words: str, read: Callable[[dict], str]) -> dict[str, Callable[[dict], str]]:
    return {f"{words}, {p}": lambda scores, p=p: read(scores[p]) for p in PRESETS}


ROWS: Mapping[str, Callable[[dict], str]] = {
    "photo part IoU, everyone shown": lambda s: percent(s["photos"]["part_mean_iou"]),
    "photo part IoU, annotated person": lambda s: percent(s["photos"]["part_mean_iou_main"]),
    **_by_preset("average AP strict", lambda s: percent(s["average_ap"]["strict"])),
    **_by_preset("average AP literal", lambda s: percent(s["average_ap"]["literal"])),
    **_by_preset("person recall", lambda s: percent(s["mask_recall_50"])),
    **_by_preset("face recall", lambda s: percent(s["face_recall_50"])),
    "left for right, photos": lambda s: percent(s["photos"]["left_for_right"]),
    **_by_preset("left for right", lambda s: percent(s["left_for_right"])),
    "anatomy faults a hundred people, photos": lambda s: _faults(s["photos"]),
    **_by_preset("anatomy faults a hundred people", lambda s: _faults(s)),
}


def _faults(scores: dict) -> str:
    value = scores["anatomy"]["faulty_per_hundred"]
    return "-" if value is None else f"{value:.1f}"


def network_lines(reports: Mapping[str, dict]) -> list[str]:
    """Return a row a score and a column a report, in the order of `NETWORKS`."""
    columns = {words: reports[name] for name, words in NETWORKS.items() if name in reports}
    return [
        f"| in per cent | {' | '.join(columns)} |",
        "|---|" + "---|" * len(columns),
        *(
            f"| {words} | {' | '.join(read(report) for report in columns.values())} |"
            for words, read in ROWS.items()
        ),
    ]


def curve_lines(curve: list[dict]) -> list[str]:
    """Return the validation curve as a table."""
    lines = [
        "The validation curve, in per cent (109 photos, 40 scenes of each preset):",
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
    for preset in PRESETS:
        row = {k: _short(v) for k, v in scores[preset]["average_ap"].items()}
        kept[preset] = row | {"mask_recall_50": _short(scores[preset]["mask_recall_50"])}
    return kept


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def int8_of(passport: Path) -> Path:
    """Return where the passport of the quantised network lies."""
    return passport.with_stem(f"{passport.stem}_int8")


def put_scores(name: str, report: dict, place: Path) -> None:
    """Write the headline numbers of a report into the passport of its network.

    Raises:
        SystemExit: the report is of other weights.
    """
    passport = json.loads(place.read_text())
    if report["weights"] != passport["sha256"]:
        raise SystemExit(f"{name} must be of the shipped weights: validate again.")
    place.write_text(json.dumps(passport | {"scores": headline(report)}, indent=2) + "\n")


def main() -> None:
    """Rewrite the card and the scores in the passports.

    Raises:
        SystemExit: the scores are those of other weights.
    """
    text = CARD.read_text(encoding="utf-8")
    found = {name: RESULTS / name for name in NETWORKS if (RESULTS / name).is_file()}
    reports = {name: json.loads(path.read_text()) for name, path in found.items()}
    for name, place in {
        "validation.json": PASSPORT,
        "validation_int8.json": int8_of(PASSPORT),
    }.items():
        if name in reports:
            put_scores(name, reports[name], place)
    text = fill(text, "scores", score_lines(reports["validation.json"]))
    text = fill(text, "networks", network_lines(reports))
    curve = RESULTS / "curve.json"
    if curve.is_file():
        text = fill(text, "curve", curve_lines(json.loads(curve.read_text())))
    CARD.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
