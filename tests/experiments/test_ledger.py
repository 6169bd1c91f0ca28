from __future__ import annotations

import pytest

from peopleparse.errors import DataError
from peopleparse.experiments.ledger import add_entry, read_ledger


def entry(row="loc", seed=1, score=0.5, recipe="a"):
    return {"row": row, "subset": "indoor", "seed": seed, "recipe": recipe, "score": score}


def test_entries_come_back_and_one_run_has_one_entry(tmp_path):
    path = tmp_path / "ledger.jsonl"
    assert read_ledger(path) == {}
    for one in (entry(seed=2), entry(), entry("fuse"), entry(score=0.7), entry(recipe="b")):
        add_entry(path, one)
    found = read_ledger(path)
    assert found["loc", "indoor", 1, "a"]["score"] == 0.7 and len(found) == 4
    lines = path.read_text().splitlines()
    add_entry(path, entry("fuse"))
    assert path.read_text().splitlines() == lines  # sorted: whatever order runs end in


@pytest.mark.parametrize("line", ["{", "[]", '{"row": "loc"}', '{"row": 1, "seed": "x"}'])
def test_a_broken_line_is_named(tmp_path, line):
    path = tmp_path / "ledger.jsonl"
    add_entry(path, entry())
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DataError, match=r"ledger line must be a JSON object .*ledger\.jsonl:2"):
        read_ledger(path)
