"""Tables, differences and pages from ledgers made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from peopleparse.errors import DataError
from peopleparse.experiments import gps_report
from peopleparse.experiments.gps_report import (
    BEGIN,
    END,
    fill_page,
    format_differences,
    format_missing,
    format_people,
    format_subset,
    format_table,
    read_runs,
    write_tables,
)
from peopleparse.experiments.gps_rows import (
    OPTIONS,
    PROTOCOL,
    ROWS,
    SEEDS,
    SUBSETS,
    recipe_of,
)
from peopleparse.experiments.ledger import dump
from peopleparse.experiments.runs import hash_recipe
from tests.experiments.entries import entry
from tests.meta.repo import REPO

PAGE = REPO / "docs" / "gps_experiments.md"
LEDGER = REPO / "benchmarks" / "results" / "gps_tables.jsonl"


def cells(table: str) -> list[list[str]]:
    """Return the cells of a Markdown table, without its line of dashes."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    return [rows[0], *rows[2:]]


def test_a_table_is_the_papers_with_ours_beside_it():
    table = format_table([entry("loc", 1, 0.2), entry("loc", 2, 0.4)], "indoor", "literal")
    head, *rows = cells(table)
    assert head[:4] == ["method", "seeds", "AP.5", "AP.6"] and head[6:8] == [
        "average AP",
        "paper: AP.5",
    ]
    assert [row[0] for row in rows] == [row.title for row in ROWS.values()]
    # .15 and .35 at .5: mean .25, deviation of a sample sqrt(.02) = .1414.
    assert rows[2][1:4] == ["2", "25.00 ± 14.14", "24.00 ± 14.14"]
    assert rows[2][6:] == ["30.00 ± 14.14", "41.05", "32.79", "23.25", "10.84", "41.65"]
    assert rows[0][1:8] == ["0", "-", "-", "-", "-", "-", "36.99"]
    assert rows[-1][-1] == "-"
    assert len({len(line) for line in table.splitlines()}) == 1


def test_readings_and_subsets_are_kept_apart():
    entries = [entry("loc", 1, 0.5, 0.25), entry("loc", 1, 0.75, subset="outdoor")]
    averages = {
        (subset, reading): cells(format_table(entries, subset, reading))[3][6]
        for subset in SUBSETS
        for reading in gps_report.READINGS
    }
    assert list(averages.values()) == ["50.00", "25.00", "75.00", "75.00"]


def test_differences_are_taken_within_a_seed():
    entries = [
        *(entry("loc", seed, value) for seed, value in ((1, 0.25), (2, 0.375), (3, 0.9))),
        *(entry("fuse", seed, value) for seed, value in ((1, 0.5), (2, 0.5))),
    ]
    head, fusion, *rest = cells(format_differences(entries, "indoor"))
    assert head[1:4] == ["seeds", "literal", "literal: above 0"]
    # .25 and .125: mean .1875; the paper's 44.21 - 41.65.
    assert fusion[:4] == ["fusion", "2", "+18.75 ± 8.84", "2 of 2"]
    assert fusion[-2:] == ["+2.56", "as in the paper"]
    assert rest[0][1:] == ["0", "-", "-", "-", "-", "+3.39", "-"]
    assert rest[-1][0] == "structure loss" and rest[-1][-2:] == ["-", "-"]


@pytest.mark.parametrize(
    ("readings", "verdict"),
    [
        ([[0.1, 0.2], [0.1, 0.1]], "as in the paper"),
        ([[0.1, -0.05], [0.1, 0.1]], "as in the paper, not in every seed"),
        ([[0.1, 0.1], [-0.1, -0.1]], "depends on the reading"),
        ([[-0.1], [-0.2]], "NOT as in the paper"),
        ([[0.0], [0.0]], "NOT as in the paper"),
        ([[], []], "-"),
    ],
)
def test_verdicts(readings, verdict):
    assert gps_report._judge(readings, 2.5) == verdict
    turned = [[-value for value in values] for values in readings]
    assert gps_report._judge(turned, -2.5) == verdict
    assert gps_report._judge(readings, None) == "-"


def test_persons_by_masks():
    rows = cells(format_people([entry("ins_glo", 1, 0.5)], "indoor"))
    assert rows[2][1:] == ["1", "50.00", "75.00", "1.25"] and rows[1][1:] == ["0", "-", "-", "-"]


def test_what_is_missing_is_said():
    some = [entry("loc", 1, 0.5), entry("fuse", 1, 0.5), entry("fuse", 2, 0.5)]
    assert format_missing(some, ["loc", "fuse"], ["indoor"], [1, 2]) == (
        "Missing: 1 of 4 runs. indoor Loc. (seed 2)."
    )
    assert format_missing(some, ["fuse"], ["indoor"], [1, 2]) == "All 2 runs are there."
    assert format_missing([]).startswith("Missing: 42 of 42 runs. indoor Det.+Par. (seed 1, 2, 3);")
    assert format_subset(some, "outdoor").endswith("No run yet.")


def test_entries_of_other_recipes_are_not_counted(tmp_path):
    old = entry("loc", 1, 0.9) | {"recipe": hash_recipe(replace(recipe_of("loc", 1), steps=7))}
    path = tmp_path / "ledger.jsonl"
    path.write_text(dump([old, entry("loc", 1, 0.5), entry("loc", 1, 0.9) | {"row": "gone"}]))
    found = read_runs(path)
    assert [e["scores"]["literal"]["average"] for e in found.entries] == [0.5]
    assert found.others == 2 and "* Entries of other recipes, left out: 2." in fill_page(
        f"{BEGIN}\n{END}", path
    )


def test_a_page_is_filled_between_its_markers(tmp_path):
    page, ledger = tmp_path / "page.md", tmp_path / "ledger.jsonl"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    write_tables(ledger, page)
    assert page.read_text() == f"before\n\n{BEGIN}\nNo run yet.\n{END}\n\nafter\n"
    ledger.write_text(dump([entry("loc", 1, 0.5)]))
    write_tables(ledger, page)
    text = page.read_text()
    assert text.startswith(f"before\n\n{BEGIN}\n### Indoor: the paper's Table 2\n")
    assert text.endswith(f"{END}\n\nafter\n") and fill_page(text, ledger) == text
    assert "### Outdoor: the paper's Table 3\n\nNo run yet." in text
    assert "* Missing: 41 of 42 runs. " in text
    assert "* indoor is scored on 250 test images, truth `abababababababab`." in text
    assert "* A run took 10 minutes to train and 2 to score (x86_64; medians; " in text


def test_a_page_without_markers_and_no_page_are_refused(tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    with pytest.raises(DataError, match=r"page must hold .* once each, got 0 and 1\. Put them"):
        fill_page(f"a {END}", ledger)
    with pytest.raises(DataError, match="once each, got 1 and 1"):
        fill_page(f"{END} {BEGIN}", ledger)
    with pytest.raises(DataError, match=r"page must be a file, got none, at .*Run this in a"):
        write_tables(ledger, tmp_path / "page.md")
    ledger.write_text(json.dumps({"row": "loc"}) + "\n")
    with pytest.raises(DataError, match="ledger line must be a JSON object with row"):
        fill_page(f"{BEGIN}{END}", ledger)


def test_the_page_agrees_with_the_ledger():
    page = PAGE.read_text(encoding="utf-8")
    assert fill_page(page, LEDGER) == page


def test_the_page_has_the_numbers_of_the_protocol():
    page = PAGE.read_text(encoding="utf-8")
    height, width = PROTOCOL.phases[-1].scene
    wanted = [
        f"| steps | {PROTOCOL.steps} |",
        f"| batch | {PROTOCOL.batch} |",
        f"| size of a training scene | {width} x {height}, of scenes kept at 320 x 240 |",
        f"| persons a step that are parsed | {PROTOCOL.rois} |",
        f"| optimizer | {PROTOCOL.optimizer}, cosine, rate {PROTOCOL.lr}, {PROTOCOL.warmup} steps",
        f"weight decay {PROTOCOL.weight_decay} |",
        f"MobileNetV2 of {PROTOCOL.start}, at {PROTOCOL.backbone_factor} of the rate |",
        f"running mean of the weights, {PROTOCOL.average} of the past",
        f"| long side of a test scene | {OPTIONS.long_side} |",
        f"| lowest probability of a person | {OPTIONS.least_heat} |",
        f"| seeds | {', '.join(map(str, SEEDS))} |",
        f"weight {recipe_of('ad_fuse_ssl', 1).loss_structure} |",
    ]
    assert [line for line in wanted if line not in page] == []
    assert all(f"| `{name}` | {row.title.split(' (')[0]} |" in page for name, row in ROWS.items())


def test_the_page_of_the_stand_in_sets_has_their_hashes_and_counts():
    from peopleparse.data.gps_like import COUNTS, SEED, SHA256

    page = Path(REPO / "docs" / "gps_like.md").read_text(encoding="utf-8")
    assert len(SHA256) == 6 and f"seed {SEED}" in page
    for (subset, split), digest in SHA256.items():
        assert f"| {subset} | {split} | `{digest}` |" in page
    counts = [", ".join(f"{n:,}" for n in COUNTS[subset].values()) for subset in SUBSETS]
    assert f"| images: train, val, test | {counts[0]} | {counts[1]} |" in page
