from __future__ import annotations

import re
from typing import Any

import pytest

from peopleparse.errors import InputError
from peopleparse.evaluation.report_tables import latex_tables, markdown_tables
from tests.evaluation.report_example import make_example

EVIL = "a|b\n# c_d^2 <script> \\end{table} 100% $x$ & ~ {`*"


def _make_small() -> dict[str, Any]:
    def system(name: str, iou: float, ap: list[float | None]) -> dict[str, Any]:
        reading = {"ap": ap, "average": 0.25}
        thresholds = [k / 10 for k in range(1, 10)]
        return {
            "name": name,
            "scores": {
                "pixels": {"mean_iou": iou, "iou": [0.9, None, iou]},
                "ap_lambda": {"thresholds": thresholds, "readings": {"strict": reading}},
            },
        }

    first = system("one", 0.5, [0.0, 0.0, 0.0, 0.0, 0.61, 0.4, 0.3, None, 0.0])
    second = system("two", 0.250001, [0.0, 0.0, 0.0, 0.0, 0.6, 0.4, 0.31, None, 0.0])
    return {
        "definition": "evaluation/1",
        "labels": ["background", "hat", "hair"],
        "systems": [first, second],
    }


def _markdown_rows(text: str, title: str) -> list[list[str]]:
    block = text.split(f"**{title}**\n\n")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line[2:-2].split(" | ")] for line in block.splitlines()]


def test_markdown_by_hand() -> None:
    text = markdown_tables(_make_small())
    strict = _markdown_rows(text, "AP<sup>\u03bb</sup> strict")
    assert strict[0] == ["system", ".5", ".6", ".7", ".8", "average"]
    assert strict[2] == ["one", "**61.00**", "**40.00**", "30.00", "\u2013", "**25.00**"]
    assert strict[3] == ["two", "60.00", "**40.00**", "**31.00**", "\u2013", "**25.00**"]
    labels = _markdown_rows(text, "IoU by label")
    assert labels[0] == ["system", "background", "hat", "hair", "mean"]
    assert labels[2] == ["one", "**90.00**", "\u2013", "**50.00**", "**50.00**"]
    assert labels[3] == ["two", "**90.00**", "\u2013", "25.00", "25.00"]


def test_latex_by_hand() -> None:
    text = latex_tables(_make_small())
    assert r"\caption{AP$^{\lambda}$ strict}" in text
    assert "system & .5 & .6 & .7 & .8 & average \\\\\n\\midrule\n" in text
    assert r"one & \textbf{61.00} & \textbf{40.00} & 30.00 & -- & \textbf{25.00} \\" in text
    assert r"two & 60.00 & \textbf{40.00} & \textbf{31.00} & -- & \textbf{25.00} \\" in text
    assert r"system & \rotatebox{90}{background} & \rotatebox{90}{hat}" in text


def test_intervals_are_half_widths() -> None:
    report = make_example()
    assert "| **68.30** \u00b1 0.84 | **94.43** \u00b1 0.21 |" in markdown_tables(report)
    assert r"GPSNet & \textbf{68.30} $\pm$ 0.84 & " in latex_tables(report)


def test_one_system_has_nothing_bold() -> None:
    report = make_example()
    del report["systems"][1:]
    assert "\\textbf" not in latex_tables(report)
    rows = [row for row in markdown_tables(report).splitlines() if row.startswith("|")]
    assert rows and not any("**" in row for row in rows)


@pytest.mark.parametrize("hostile", [False, True])
def test_every_row_has_every_column(hostile: bool) -> None:
    report = make_example()
    if hostile:
        report["systems"][0]["name"], report["labels"][3] = EVIL, EVIL
    for block in markdown_tables(report).split("\n\n"):
        if block.startswith("|"):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    for table in re.findall(r"\\begin\{tabular\}.*?\\end\{tabular\}", latex_tables(report), re.S):
        columns = len(re.match(r"\\begin\{tabular\}\{(l.*?)\}", table)[1])  # type: ignore[index]
        rows = [line for line in table.splitlines() if line.endswith("\\\\")]
        assert len(rows) == 3
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {columns - 1}


def test_latex_is_balanced_and_escaped() -> None:
    report = make_example()
    report["systems"][0]["name"], report["truth"]["name"] = EVIL, EVIL
    text = latex_tables(report)
    code = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    bare = re.sub(r"\\[{}$&#_%]", "", code)
    assert bare.count("{") == bare.count("}") and bare.count("$") % 2 == 0
    assert "%" not in bare and "#" not in bare and "~" not in bare
    assert bare.count("\\begin{table}") == bare.count("\\end{table}") == text.count("\\caption")
    comment = text.splitlines()[1]
    assert comment.startswith("% Scores") and EVIL.replace("\n", "\ufffd") in comment


def test_markdown_is_escaped() -> None:
    report = make_example()
    report["systems"][0]["name"] = EVIL
    text = markdown_tables(report)
    assert "<script>" not in text.replace("\\<", "") and "a\\|b\ufffd\\# c\\_d\\^2" in text


def test_same_input_same_text() -> None:
    assert markdown_tables(make_example()) == markdown_tables(make_example())
    assert latex_tables(make_example()) == latex_tables(make_example())


def test_a_report_with_nothing_in_it() -> None:
    empty = {"definition": "evaluation/1", "systems": [{"name": "a"}]}
    assert markdown_tables(empty) == "Scores times 100: definition evaluation/1\n"
    assert latex_tables(empty).count("\n") == 2


@pytest.mark.parametrize("write", [markdown_tables, latex_tables])
def test_only_evaluations(write: Any) -> None:
    with pytest.raises(InputError, match="report must be an evaluation .* got None"):
        write({})
