"""The ideas' table: effects are differences of the same seed, in points."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from tools.try_ideas import (  # noqa: E402
    COLUMNS,
    IDEAS,
    NETWORKS,
    PLAIN,
    all_lines,
    list_keys,
    recipe_of,
    shipped_network,
    table_lines,
)


def entry(row: str, seed: int, value: float) -> dict[str, object]:
    return {"row": row, "seed": seed, "scores": dict.fromkeys(COLUMNS, value)}


def test_effects_by_hand() -> None:
    lines = table_lines(
        [
            entry("none", 1, 0.5),
            entry("views", 1, 0.52),
            entry(PLAIN, 1, 0.51),
            entry(PLAIN, 2, 0.49),
            entry("faults", 1, 0.53),
            entry("faults", 2, 0.53),
            entry("cuts", 3, 0.7),  # without a plain run of its seed it says nothing
        ]
    )
    rows = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1:3] for line in lines[2:]}
    assert rows == {
        IDEAS["none"].words: ["1", "50.0"],
        IDEAS["views"].words: ["1", "+2.0"],
        IDEAS[PLAIN].words: ["2", "+0.0 ± 1.4"],
        IDEAS["faults"].words: ["2", "+3.0 ± 1.4"],
    }
    assert all(line.count("|") == len(COLUMNS) + 3 for line in lines)


def test_every_idea_is_one_change_and_has_its_own_recipe() -> None:
    plain = recipe_of(PLAIN, 1).to_dict()
    for name, idea in IDEAS.items():
        changed = recipe_of(name, 1).to_dict()
        different = {k for k in changed | plain if changed.get(k) != plain.get(k)}
        assert different == set(idea.changes or {}), name
    trained = [name for name, idea in IDEAS.items() if idea.changes is not None]
    assert len({recipe_of(name, 1) for name in trained}) == len(trained)


def test_what_is_not_trained_runs_once() -> None:
    keys = [key[:3] for key in list_keys(["none", PLAIN])]
    now = shipped_network()
    assert keys == [("none", now, 1), *((PLAIN, now, seed) for seed in (1, 2, 3))]


def test_each_network_has_its_table_the_oldest_first() -> None:
    known = next(iter(NETWORKS))
    both = [entry("none", 1, 0.6) | {"subset": "0123"}, entry("none", 1, 0.5) | {"subset": known}]
    heads = [line for line in all_lines(both) if line.endswith(":")]
    assert heads == [f"{NETWORKS[known]}:", "Network 0123:"]
