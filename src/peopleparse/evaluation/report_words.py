"""How reports write things: titles of scores, fractions times 100, names, lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from peopleparse.metrics import READINGS

FIRST = 10  # of long lists the first ones are named and the others counted

# "^" lifts what follows; `lift` writes it as each format does.
_HEADLINES: dict[str, str] = {
    "mean_iou": "mean IoU",
    "overall_accuracy": "overall accuracy",
    "mean_accuracy": "mean accuracy",
    "frequency_weighted_iou": "frequency-weighted IoU",
    "ap_lambda_strict": "AP^lambda strict",
    "ap_lambda_literal": "AP^lambda literal",
    "ap_lambda_mhp": "AP^lambda mhp",
    "ap_p_50": "AP^p at .5",
    "ap_p_vol": "AP^p vol",
    "pcp_50": "PCP at .5",
    "ap_r_50": "AP^r at .5",
    "ap_r_vol": "AP^r vol",
    "ap_h_vol": "AP^h vol",
    "person_mask_ap": "person mask AP",
    "person_mask_ap_50": "person mask AP at .5",
    "person_box_ap": "person box AP",
    "pq": "PQ",
}
SCORES: dict[str, str] = {
    "pixels": "pixels",
    "ap_lambda": "AP^lambda",
    "ap_p": "AP^p",
    "ap_r": "AP^r",
    "ap_h": "AP^h",
    "person_mask": "person mask AP",
    "person_box": "person box AP",
    "panoptic": "PQ",
}


def title_of(key: str) -> str:
    """Return the title of a headline or score key; an unknown key is its own title."""
    return _HEADLINES.get(key) or SCORES.get(key) or key.replace("_", " ")


def reading_title(name: str) -> str:
    """Return the title of a curve."""
    return f"AP^lambda {name}" if name in READINGS else title_of(name)


def lift(title: str, pattern: str, greek: str) -> str:
    r"""Return a title whose "^x" is written by a pattern such as "<sup>{}</sup>".

    >>> lift("AP^lambda strict", "<sup>{}</sup>", "L")
    'AP<sup>L</sup> strict'
    """
    return re.sub(r"\^(\w+)", lambda m: pattern.format(greek if m[1] == "lambda" else m[1]), title)


def percent(value: float | None, digits: int = 2, sign: bool = False) -> str:
    """Return a fraction times 100, or "-" for None.

    >>> percent(0.5), percent(None), percent(0.0123, 1, sign=True)
    ('50.00', '-', '+1.2')
    """
    if value is None:
        return "-"
    text = f"{100 * value:+.{digits}f}" if sign else f"{100 * value:.{digits}f}"
    zero = not text.strip("+-0.")  # a rounded nothing has no direction
    return text.lstrip("+-") if zero else text


def short(threshold: float) -> str:
    """Return a threshold as papers write it.

    >>> short(0.5), short(0.55), short(0.0)
    ('.5', '.55', '0')
    """
    text = f"{threshold:.4f}".rstrip("0").rstrip(".")
    return text.removeprefix("0") or text


def one_line(text: object) -> str:
    """Return a text without line breaks, control characters or half characters.

    What names of files and systems hold can then neither move a cursor nor break a file.
    """
    return "".join(c if c.isprintable() else "\ufffd" for c in str(text))


def best(values: Sequence[float | None], digits: int = 2) -> list[bool]:
    """Return which values are the best as printed; none where there is nothing to compare.

    >>> best([0.5, 0.50001, None, 0.4])
    [True, True, False, False]
    """
    known = [value for value in values if value is not None]
    if len(values) < 2 or not known:
        return [False] * len(values)
    top = percent(max(known), digits)
    return [value is not None and percent(value, digits) == top for value in values]


def name_first(names: Iterable[object], count: int = FIRST) -> str:
    """Return the first names, and how many more there are.

    >>> name_first(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    lines = [one_line(name) for name in names]
    text = ", ".join(lines[:count])
    return f"{text} and {len(lines) - count:,} more" if len(lines) > count else text


def say_missing(count: int) -> str:
    """Return what it means that images have no prediction."""
    return f"{count:,} {'image has' if count == 1 else 'images have'} no prediction"


def say_faults(count: int) -> str:
    """Return that the files of images have faults."""
    return f"{count:,} {'image has' if count == 1 else 'images have'} faulty files"


def say_extra(count: int) -> str:
    """Return what happens to predictions of images that the truth does not have."""
    what = "prediction is of an image" if count == 1 else "predictions are of images"
    return f"{count:,} {what} that the truth does not have, and left out"


def say_mixups(found: Mapping[str, Any], labels: Sequence[str]) -> list[str]:
    """Return sentences on the hardest and easiest labels and what is taken for what.

    They say what the numbers say and nothing of why. Rates of mix-ups are of the truth label's
    pixels; a comparison of two labels is made only where their intervals are apart.

    >>> found = {"mixups": [{"truth": 1, "predicted": 2, "pixels": 2, "share": 0.25}],
    ...          "hardest": {"label": 2, "iou": 0.333}, "easiest": {"label": 1, "iou": 0.75}}
    >>> for line in say_mixups(found, ["background", "left arm", "right arm"]):
    ...     print(line)
    The hardest label is right arm: IoU 33.3. The easiest is left arm: IoU 75.0.
    left arm is taken for right arm on 25.0 % of its pixels.
    """
    lines = []
    hard, easy = found.get("hardest"), found.get("easiest")
    if hard and easy and hard["label"] != easy["label"]:
        words = [
            f"{_label(labels, one['label'])}: IoU {percent(one['iou'], 1)}{_around(one)}"
            for one in (hard, easy)
        ]
        lines.append(f"The hardest label is {words[0]}. The easiest is {words[1]}.")
        if hard.get("high") is not None and hard["high"] >= easy["low"]:
            lines.append("Their intervals overlap: which is harder is not sure.")
    for one in found.get("mixups", ()):
        names = [_label(labels, one[side]) for side in ("truth", "predicted")]
        share = f"{percent(one['share'], 1)} % of its pixels{_around(one)}"
        lines.append(f"{names[0]} is taken for {names[1]} on {share}.")
    return [one_line(line) for line in lines]


def _label(labels: Sequence[str], label_id: int) -> str:
    name = labels[label_id] if label_id < len(labels) else ""
    return name or f"label {label_id}"


def _around(one: Mapping[str, Any]) -> str:
    if one.get("low") is None or one.get("high") is None:
        return ""
    ends = f"{percent(one['low'], 1)} to {percent(one['high'], 1)}"
    return f" ({100 * one['level']:g} % interval {ends})"


def say_spread(spread: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return sentences on what the choice of a reading does to the systems."""
    words = []
    if len(names) > 1 and spread.get("ranking_changes") is not None:
        changes = spread["ranking_changes"]
        words.append(
            "The ranking of the systems changes with the reading."
            if changes
            else "The ranking of the systems is the same in all readings."
        )
    for flip in spread.get("flips", ()):
        for who, where in (("first", "first_ahead"), ("second", "second_ahead")):
            words.append(f"{flip[who]} is ahead in {', '.join(flip[where])}.")
    known = [f"{n} {percent(v)}" for n, v in spread.get("range", {}).items() if v is not None]
    if known:
        words.append(f"From the lowest to the highest reading: {', '.join(known)}.")
    return one_line(" ".join(words))
