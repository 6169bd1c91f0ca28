"""Tables, differences and sentences of the LIP experiment from ledgers made by hand."""

from __future__ import annotations

import statistics

import pytest

from peopleparse.errors import DataError
from peopleparse.experiments.ledger import dump
from peopleparse.experiments.lip_report import (
    BEGIN,
    END,
    describe,
    differences,
    fill_page,
    format_all,
    format_differences,
    format_labels,
    format_missing,
    format_scores,
    format_sides,
    format_stress,
    judge,
    read_runs,
    write_tables,
)
from peopleparse.experiments.lip_rows import (
    ALL_ROWS,
    PAPER_LABELS,
    PROTOCOL,
    ROWS,
    SEEDS,
    SSL,
    VIEW,
    plain_row,
    recipe_of,
)
from peopleparse.labels import get_scheme
from tests.experiments.entries import lip_entry
from tests.experiments.test_gps_report import cells
from tests.meta.repo import REPO

PAGE = REPO / "docs" / "lip_experiments.md"
LEDGER = REPO / "benchmarks" / "results" / "lip_tables.jsonl"
TWO = [
    lip_entry("attention", 1, 0.25, swapped=0.5, faulty=10.0),
    lip_entry("attention", 2, 0.5, swapped=0.5, faulty=10.0),
    lip_entry("attention_ssl", 1, 0.5, swapped=0.25, faulty=12.0),
    lip_entry("attention_ssl", 2, 0.625, swapped=0.375, faulty=12.0),
]


def test_rows_are_four_networks_without_and_with():
    assert len(ROWS) == 8 and [plain_row(name) for name in ROWS] == [
        name for plain in list(ROWS)[::2] for name in (plain, plain)
    ]
    for name, row in ALL_ROWS.items():
        assert (row.structure is None) == ("_ssl" not in name)
        assert recipe_of(name, 2).structure == row.structure


def test_the_papers_rows_average_to_what_it_prints():
    assert sorted(PAPER_LABELS) == sorted(
        {
            *(PAPER_LABELS[i] for i in (2, 6, 9)),
            *(
                label.name
                for label in get_scheme("gps").labels
                if label.name not in ("belt", "bag", "tie")
            ),
        }
    )
    for row in ROWS.values():
        if row.iou:
            assert abs(statistics.fmean(row.iou) - row.val[2]) < 0.0101, row.title


def test_scores_stand_beside_the_papers():
    head, *rows = cells(format_scores(TWO))
    assert head[:5] == ["method", "seeds", "overall accuracy", "mean accuracy", "mean IoU"]
    assert [row[0] for row in rows] == [row.title for row in ROWS.values()]
    # .25 and .5: mean .375, deviation of a sample .25 / sqrt(2) = .1768.
    assert rows[6][1:5] == ["2", "62.50 ± 17.68", "50.00 ± 17.68", "37.50 ± 17.68"]
    assert rows[6][5:] == ["83.43", "54.39", "42.92", "83.56", "54.28", "42.97"]
    assert rows[1][1:] == ["0", *["-"] * 9]


def test_labels_have_the_papers_rows_below():
    head, *rows = cells(format_labels(TWO[:1]))
    assert rows[6][head.index("background")] == "25.00" and rows[6][head.index("tie")] == "12.50"
    assert rows[6][head.index("hat")] == "-"
    last = rows[-1]
    assert last[0] == "paper: Attention + SSL" and last[head.index("left shoe")] == "28.08"
    assert last[head.index("bag")] == "-" and last[head.index("coat")] == "51.92"


def test_sides_and_stress():
    rows = cells(format_sides(TWO))
    assert rows[0][2:] == ["left for right", "shoes", "legs", "arms", "people with a fault"]
    assert rows[8][1:] == ["2", "31.25 ± 8.84", "15.62 ± 4.42", "-", "0.00 ± 0.00", "12.00 ± 0.00"]
    rows = cells(format_stress(TWO, "faulty"))
    assert rows[0][2:] == ["plain (4)", "stress (9)", "mirrored (9)", "back view (0)"]
    assert rows[-1] == ["the truth itself", "-", "1.50", "1.50", "1.50", "1.50"]
    assert rows[7][5] == "-"


def test_differences_are_taken_within_a_seed():
    assert differences(TWO, "attention_ssl", "mean_iou") == [0.25, 0.125]
    assert differences(TWO, "attention_ssl", "mean_iou", "back view") == []
    head, *rows = cells(format_differences(TWO))
    assert rows[3][:4] == ["Attention + SSL", "2", "+18.75 ± 8.84", "2 of 2"]
    assert rows[3][head.index("left for right")] == "-18.75 ± 8.84"
    assert rows[3][head.index("left for right") + 1] == "2 of 2"
    assert rows[3][head.index("people with a fault") + 1] == "0 of 2"
    assert rows[3][-1] == "+1.81" and rows[2][-1] == "+0.80" and rows[0][1:4] == ["0", "-", "-"]


def test_sentences_say_what_the_numbers_say():
    first, second = describe(TWO)
    assert first == (
        "Attention + SSL on plain people, in points against the same network without (2 seeds): "
        "mean IoU +18.75 (better in 2 of 2 seeds); left for right -18.75 (better in 2 of 2 seeds); "
        "people with a fault +2.00 (worse in 2 of 2 seeds)."
    )
    assert second.startswith("Attention + SSL on the stress set, in points")
    assert describe(TWO[:2]) == []


@pytest.mark.parametrize(
    ("values", "sign", "words"),
    [
        ([0.1, 0.2], 1, "better in 2 of 2 seeds"),
        ([0.1, 0.2], -1, "worse in 2 of 2 seeds"),
        ([0.3, -0.1], 1, "better in 1 of 2 seeds, within the spread over seeds"),
        ([0.5], -1, "worse, one seed only"),
        ([0.0, 0.0], 1, "no change"),
        ([0.00004], -1, "no change"),
    ],
)
def test_verdicts(values, sign, words):
    assert judge(values, sign) == words


def test_other_rows_are_shown_where_they_have_a_run():
    assert "the paper's product" not in format_all(TWO)
    more = [*TWO, lip_entry("attention_ssl_product", 1, 0.125)]
    assert "Attention + SSL, the paper's product on plain people" in format_all(more)
    assert differences(more, "attention_ssl_product", "mean_iou") == [-0.125]


def test_what_is_missing_and_what_is_old(tmp_path):
    assert format_missing(TWO, ["attention"], [1, 2]) == "All 2 runs are there."
    assert format_missing(TWO, ["attention", "fcn8s"], [2]) == (
        "Missing: 1 of 2 runs. FCN-8s (seed 2)."
    )
    assert format_missing([]).startswith("Missing: 24 of 24 runs. SegNet (seed 1, 2, 3); ")
    path = tmp_path / "ledger.jsonl"
    path.write_text(dump([*TWO, lip_entry("fcn8s", 1, 0.5) | {"recipe": "old"}]))
    found = read_runs(path)
    assert len(found.entries) == 4 and found.others == 1


def test_a_page_is_filled_between_its_markers(tmp_path):
    page, ledger = tmp_path / "page.md", tmp_path / "ledger.jsonl"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_tables(ledger, page)
    assert page.read_text() == f"before\n{BEGIN}\nNo run yet.\n{END}\nafter\n"
    ledger.write_text(dump(TWO))
    write_tables(ledger, page)
    text = page.read_text()
    assert fill_page(text, ledger) == text and "* Missing: 20 of 24 runs. " in text
    assert "* Scored on 109 people of the val split, truth of all views `cdcdcdcdcdcdcdcd`." in text
    assert "* A run took 1.5 minutes to train and 0.5 to score (x86_64; medians; " in text
    with pytest.raises(DataError, match="page must hold"):
        fill_page("no markers", ledger)


def test_the_page_agrees_with_the_ledger():
    page = PAGE.read_text(encoding="utf-8")
    assert fill_page(page, LEDGER) == page


def test_the_page_has_the_numbers_of_the_protocol():
    page = PAGE.read_text(encoding="utf-8")
    wanted = [
        f"| steps | {PROTOCOL.steps} |",
        f"| batch | {PROTOCOL.batch} |",
        f"| {VIEW[1]} x {VIEW[0]}, of people kept at {VIEW[1] * 5 // 4} x {VIEW[0] * 5 // 4} |",
        f"| {PROTOCOL.optimizer}, cosine, rate {PROTOCOL.lr}, {PROTOCOL.warmup} steps",
        f"weight decay {PROTOCOL.weight_decay} |",
        f"| {PROTOCOL.backbone}; ",
        f"to the power {PROTOCOL.label_power} |",
        f"mode {SSL.mode}, measure {SSL.measure}, offset {SSL.offset}, scale {SSL.scale}, in the "
        f"last {100 * SSL.share:.0f} % of the steps |",
        f"running mean of the weights, {PROTOCOL.average} of the past",
        f"| seeds | {', '.join(map(str, SEEDS))} |",
        *(f"`{name}`" for name in ALL_ROWS),
    ]
    assert [line for line in wanted if line not in page] == []
