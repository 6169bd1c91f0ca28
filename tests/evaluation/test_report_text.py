from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from peopleparse.errors import InputError
from peopleparse.evaluation.report_text import print_report
from tests.evaluation.report_example import SYSTEMS, make_example


def _print(report: dict[str, Any], width: int = 120, **options: Any) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_report(report, console, **options)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _cells(text: str, start: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    return re.split(r"\s{2,}", next(line for line in lines if line.startswith(start)))


def test_headlines_are_times_100_with_half_the_interval() -> None:
    report = make_example()
    for system, value in zip(report["systems"], (0.54321, None), strict=True):
        system["intervals"] = {"mean_iou": {"value": value, "low": 0.5, "high": 0.6, "level": 0.9}}
        system["scores"] = {}
    report["systems"][1]["intervals"]["mean_iou"] |= {"low": None, "high": None}
    text = _print(report)
    assert _cells(text, "mean IoU") == ["mean IoU", "54.32 +- 5.00", "-"]
    assert "Scores times 100, mode recommended, 1,500 images, +- is half the 90 % interval" in text


def test_headlines_come_from_the_scores_where_there_are_no_intervals() -> None:
    report = make_example()
    for system in report["systems"]:
        del system["intervals"]
    assert _cells(_print(report), "PQ") == ["PQ", "41.00", "36.08"]


def test_every_threshold_is_printed() -> None:
    lines = [line.strip() for line in _print(make_example()).splitlines()]
    below = lines.index("AP^lambda strict") + 1  # the headline of this name has numbers beside it
    values = "78.0 77.0 74.2 69.3 62.6 53.9 43.3 30.8 16.4 56.2"
    assert lines[below].split() == ["GPSNet", *values.split()]


def test_labels_are_printed_on_demand() -> None:
    report = make_example()
    assert "upper clothes" not in _print(report)
    text = _print(report, detail=True)
    assert _cells(text, "19")[-2:] == ["-", "-"]  # no tie in truth or prediction
    assert "IoU by label, times 100" in text and "upper clothes" in text


def test_failures_are_counts_and_shares() -> None:
    text = _print(make_example())
    lines = text[text.index("Truth persons") :].splitlines()
    assert lines[1].split() == "system matched bad parts missed merged all".split()
    assert "3,011 (70.0%)" in lines[3] and lines[3].split()[-1] == "4,300"


def test_missing_images_and_faults_are_named_then_counted() -> None:
    text = " ".join(_print(make_example(), width=1000).split())
    first = ", ".join(f"indoor_{n:05d}" for n in range(100, 110))
    assert f"{SYSTEMS[1]}: 14 images have no prediction: {first} and 4 more" in text
    assert f"{SYSTEMS[1]}: 1 image has faulty files: indoor_00731: parsing must be ids" in text
    assert f"{SYSTEMS[1]}: 2 predictions are of images that the truth does not have, and" in text
    assert f"{SYSTEMS[0]}: " not in text
    report = make_example()
    report["systems"][0]["faults"] = [{"image_id": f"i{n}", "message": "m"} for n in range(12)]
    text = _print(report)
    assert "12 images have faulty files:" in text and "  and 2 more" in text
    assert "i9: m" in text and "i10: m" not in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (True, "The ranking of the systems changes with the reading."),
        (False, "The ranking of the systems is the same in all readings."),
    ],
)
def test_it_says_whether_the_ranking_changes(changes: bool, sentence: str) -> None:
    report = make_example()
    report["spread"]["ap_lambda"]["ranking_changes"] = changes
    text = " ".join(_print(report, width=400).split())
    assert sentence in text
    assert "GPSNet is ahead in strict, mhp, gt." in text
    assert "From the lowest to the highest reading: GPSNet 17.91, baseline & co_1 21.04." in text


def test_names_are_neither_markup_nor_codes() -> None:
    report = make_example()
    report["systems"][0]["name"] = "[red]a[/red]\x1b[31m\n\udc80"
    report["systems"][0]["missing"] = ["[bold]x\x1b"]
    text = _print(report, width=400)
    assert "[red]a[/red]\ufffd[31m\ufffd\ufffd" in text and "[bold]x\ufffd" in text
    assert "\x1b" not in text
    text.encode()


def test_many_systems_go_into_several_tables() -> None:
    report = make_example()
    report["systems"] = [{**report["systems"][0], "name": f"system{n}"} for n in range(6)]
    text = _print(report, detail=True)
    assert text.count("Scores times 100") == 2 and text.count("IoU by label") == 2
    assert all(f"system{n}" in text for n in range(6))


def test_a_report_with_nothing_in_it_is_printed() -> None:
    assert _print({"definition": "evaluation/1"}) == ""
    assert _print({"definition": "evaluation/1", "systems": [{"name": "a"}]}) == ""


def test_only_evaluations_are_printed() -> None:
    with pytest.raises(InputError, match="definition 'evaluation/1', got 'person/1'. Give what"):
        _print({"definition": "person/1"})


def test_no_line_is_wider_than_the_terminal() -> None:
    text = _print(make_example(), width=80, detail=True)
    assert max(map(len, text.splitlines())) <= 80
    # Names are folded before a number is.
    assert "83.0  82.2  79.7  75.5  69.7  62.3  53.1  42.3  29.9  15.8  59.3" in text
