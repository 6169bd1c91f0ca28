"""The plan for a billion photos: its arithmetic by hand, its options, its markers."""

from __future__ import annotations

import json
from types import ModuleType

import pytest

from tests.conftest import REPO
from tests.tools.test_tools import load_tool

ROWS = {"photos": 50, "kind": "scenes", "people": 100}
ROWS |= {"parquet_bytes": 4000, "webdataset_bytes": 9000}
MACHINE = {"machine": {"cpu": "CPU", "cores": 2, "quiet": True}}


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return load_tool("scale_plan")


@pytest.fixture
def results(tmp_path):
    photo = {"kind": "scene", "width": 640, "height": 480, "persons": 5}
    sides = {"peopleparse": {"cpu_seconds": {"median": 0.5}}}
    (tmp_path / "photo.json").write_text(json.dumps({"photo": photo, "sides": sides} | MACHINE))
    (tmp_path / "scale_rows.json").write_text(json.dumps(ROWS))
    return tmp_path


def make_given(tool: ModuleType, **changes: float) -> dict[str, float]:
    return {item.option: item.value for item in tool.ASSUMPTIONS} | changes


def test_the_arithmetic_by_hand(tool: ModuleType) -> None:
    given = make_given(
        tool, photos=7200, machines=2, cores=4, busy=0.5, core_price=0.1, shard_size=720,
        run_photos=3600, losses=0.5, photo_bytes=1e6, get_price=1, put_price=10, storage_price=5,
    )  # fmt: skip
    plan = tool.compute(given, cpu_seconds=0.5, result_bytes=1e6)
    assert plan["core_hours"] == pytest.approx(2)  # 7,200 x .5 s / .5
    assert plan["shard_minutes"] == pytest.approx(12)
    assert plan["repeated"] == pytest.approx(0.05)  # half of .5 losses an hour x .2 hours
    assert plan["given_up"] == pytest.approx(10 * 0.1**4)
    assert plan["hours"] == pytest.approx(2.1 / 8)
    assert plan["machine_price"] == pytest.approx(0.21)
    assert (plan["shards"], plan["runs"]) == (10, 2)
    assert plan["result_bytes"] == pytest.approx(7.2e9)
    assert plan["storage_price"] == pytest.approx(36)
    assert plan["writes"] == pytest.approx(10 + 2 + 7.2)
    assert plan["request_price"] == pytest.approx((7200 + 192) / 1000)
    assert plan["read_rate"] == pytest.approx(7.2e9 / (2.1 / 8 * 3600) / 2)


def test_the_cost_is_that_of_a_folder_where_it_was_measured(tool: ModuleType, results) -> None:
    seconds, source = tool.read_cost(results)
    assert (seconds, source) == (
        0.5,
        "photo.json: one scene of 640 x 480 with 5 people; CPU, 2 cores",
    )
    engine = {"engine": "ONNX Runtime", "folder_cpu_seconds": 0.25}
    folder = {"photos": 500, "kind": "scenes", "engines": {"onnxruntime": engine}}
    (results / "folder.json").write_text(json.dumps(folder | MACHINE))
    seconds, source = tool.read_cost(results)
    assert seconds == 0.25 and source.startswith("folder.json: ONNX Runtime, 500 scenes, all steps")
    with pytest.raises(SystemExit, match="must hold folder.json. Run benchmarks/folder.py"):
        tool.read_cost(results / "none")


def test_every_assumption_is_named_and_can_be_changed(tool: ModuleType, results) -> None:
    lines = tool.plan_lines(make_given(tool, machines=50), results)
    for item in tool.ASSUMPTIONS:
        assert any(f"`--{item.option.replace('_', '-')}`" in line for line in lines)
    assert "| machines | 50 | `--machines` |" in lines
    assert any("**4,000 bytes** as Parquet, 9,000 as WebDataset" in line for line in lines)


def test_the_command_prints_or_writes(tool: ModuleType, results, monkeypatch, capsys) -> None:
    page = results / "scale.md"
    page.write_text("a\n<!-- plan: begin -->\nold\n<!-- plan: end -->\nb\n")
    monkeypatch.setattr(tool, "RESULTS", results)
    monkeypatch.setattr(tool, "PAGE", page)
    tool.main(["--machines", "7"])
    printed = capsys.readouterr().out
    assert "| machines | 7 |" in printed and "old" in page.read_text()
    tool.main(["--machines", "7", "--write-docs"])
    assert page.read_text() == f"a\n<!-- plan: begin -->\n{printed}<!-- plan: end -->\nb\n"
    with pytest.raises(SystemExit):
        tool.main(["--machines", "0"])
    assert "must be above 0, got 0" in capsys.readouterr().err


def test_the_page_has_the_markers() -> None:
    text = (REPO / "docs" / "scale.md").read_text(encoding="utf-8")
    assert text.index("<!-- plan: begin -->") < text.index("<!-- plan: end -->")
