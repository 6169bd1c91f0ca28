"""The tools that fill the model card: its markers, its tables, the curve."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import REPO


def load_tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, REPO / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def card() -> ModuleType:
    return load_tool("write_model_card")


def make_scores() -> dict:
    scene = {
        "scenes": 300,
        "average_ap": {"strict": 0.28, "literal": 0.5, "mhp": 0.45},
        "mask_recall_50": 0.9,
        "mask_ap": 0.62,
        "box_ap": 0.7,
        "face_recall_50": 0.8,
        "part_mean_iou": 0.51,
        "left_for_right": 0.031,
        "anatomy": {"faulty_per_hundred": 4.0},
    }
    photos = {
        "photos": 111,
        "part_mean_iou": 0.5,
        "part_mean_iou_main": 0.55557,
        "overall_accuracy": 0.9,
        "part_iou_main": {"background": 0.99, "hat": 0.4, "hair": 0.7, "tie": None},
        "left_for_right": 0.022,
        "anatomy": {"faulty_per_hundred": None},
    }
    indoor = scene | {"mask_recall_50": 0.801, "face_recall_50": None}
    report = {"seed": 2026, "command": "peopleparse validate", "weights": {"a": "12"}}
    return report | {"photos": photos, "outdoor": scene, "indoor": indoor}


def test_fill_replaces_what_stands_between_the_markers(card: ModuleType) -> None:
    text = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n<!-- y: begin -->\n<!-- y: end -->\n"
    filled = card.fill(text, "x", ["1", "2"])
    assert filled == text.replace("old", "1\n2")
    assert card.fill(filled, "x", ["1", "2"]) == filled
    assert "<!-- y: begin -->\n3\n<!-- y: end -->" in card.fill(text, "y", ["3"])


@pytest.mark.parametrize(("value", "text"), [(0.5, "50.0"), (1, "100.0"), (0, "0.0"), (None, "-")])
def test_percent(card: ModuleType, value: float | None, text: str) -> None:
    assert card.percent(value) == text


def test_scores_become_two_tables(card: ModuleType) -> None:
    lines = card.score_lines(make_scores())
    assert lines[0].startswith("On 111 single photos: part mean IoU **50.0** with everyone shown,")
    assert "**55.6** with the annotated person only; pixel accuracy 90.0." in lines[0]
    assert "On 300 scenes of each preset, seed 2026, in per cent:" in lines
    for row in (
        "| average AP, strict | 28.0 | 28.0 |",
        "| average AP, literal | 50.0 | 50.0 |",
        "| average AP, mhp | 45.0 | 45.0 |",
        "| person mask recall at IoU .5 | 90.0 | 80.1 |",
        "| face box recall at IoU .5 | 80.0 | - |",
        "| background | 99.0 | hair | 70.0 |",
        "| hat | 40.0 | tie | - |",
    ):
        assert row in lines


def test_networks_stand_side_by_side(card: ModuleType) -> None:
    worse = make_scores() | {"photos": make_scores()["photos"] | {"part_mean_iou": 0.25}}
    lines = card.network_lines({"validation.json": make_scores(), "validation_first.json": worse})
    assert lines[0] == "| in per cent | the network before | this one |"
    for row in (
        "| photo part IoU, everyone shown | 25.0 | 50.0 |",
        "| person recall, outdoor | 90.0 | 90.0 |",
        "| person recall, indoor | 80.1 | 80.1 |",
        "| face recall, indoor | - | - |",
        "| left for right, photos | 2.2 | 2.2 |",
        "| anatomy faults a hundred people, photos | - | - |",
        "| anatomy faults a hundred people, outdoor | 4.0 | 4.0 |",
    ):
        assert row in lines


@pytest.fixture
def written(card: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A card, a passport and a report in a folder of their own; returns the card."""
    path = tmp_path / "card.md"
    markers = [
        f"<!-- {name}: {end} -->"
        for name in ("scores", "networks", "curve")
        for end in ("begin", "end")
    ]
    path.write_text("\n".join(["# Card", *markers, "end", ""]))
    (tmp_path / "passport.json").write_text(json.dumps({"stride": 32, "sha256": {"a": "12"}}))
    (tmp_path / "validation.json").write_text(json.dumps(make_scores()))
    for name, place in (
        ("CARD", path), ("RESULTS", tmp_path), ("PASSPORT", tmp_path / "passport.json")
    ):  # fmt: skip
        monkeypatch.setattr(card, name, place)
    return path


def test_the_card_is_filled_from_files_and_the_curve_may_be_missing(
    card: ModuleType, written: Path
) -> None:
    card.main()
    assert "| average AP, strict |" in written.read_text() and "| step |" not in written.read_text()
    keys = ("photo_iou_main", "outdoor_strict", "outdoor_mask_recall_50", "indoor_strict")
    row = {"step": 600} | {f"val/{key}": n / 10 for n, key in enumerate(keys)}
    written.with_name("curve.json").write_text(json.dumps([row]))
    card.main()
    card.main()
    assert written.read_text().count("| 600 | 0.0 | 10.0 | 20.0 | 30.0 |") == 1
    assert written.read_text().endswith("end\n")


def test_the_passport_carries_the_headline_numbers(card: ModuleType, written: Path) -> None:
    card.main()
    passport = json.loads(card.PASSPORT.read_text())
    assert passport["stride"] == 32 and passport["sha256"] == {"a": "12"}
    scores = passport["scores"]
    assert (scores["seed"], scores["made_by"]) == (2026, "peopleparse validate")
    assert scores["photos"] == {"part_mean_iou": 0.5, "part_mean_iou_main": 0.5556}
    wanted = {"strict": 0.28, "literal": 0.5, "mhp": 0.45, "mask_recall_50": 0.801}
    assert scores["indoor"] == wanted


def test_scores_of_other_weights_are_refused(card: ModuleType, written: Path) -> None:
    card.PASSPORT.write_text(json.dumps({"sha256": {"a": "34"}}))
    before = written.read_text()
    with pytest.raises(SystemExit, match="validation.json must be of the shipped weights: valid"):
        card.main()
    assert written.read_text() == before
    assert json.loads(card.PASSPORT.read_text()) == {"sha256": {"a": "34"}}


def test_the_quantised_network_has_scores_of_its_own(card: ModuleType, written: Path) -> None:
    own = written.with_name("passport_int8.json")
    own.write_text(json.dumps({"sha256": {"b": "56"}}))
    report = make_scores() | {"seed": 7, "weights": {"b": "56"}}
    written.with_name("validation_int8.json").write_text(json.dumps(report))
    card.main()
    assert json.loads(own.read_text())["scores"]["seed"] == 7
    assert json.loads(card.PASSPORT.read_text())["scores"]["seed"] == 2026
    own.write_text(json.dumps({"sha256": {"b": "78"}}))
    with pytest.raises(SystemExit, match="validation_int8.json must be of the shipped weights"):
        card.main()


def test_the_card_in_the_docs_has_the_markers(card: ModuleType) -> None:
    text = card.CARD.read_text(encoding="utf-8")
    for name in ("scores", "networks", "curve", "ideas", "calibration"):
        assert f"| {name} row |" in card.fill(text, name, [f"| {name} row |"])


def test_a_curve_of_what_a_run_scored(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    scored = {"step": 40, "val/photo_iou": 0.5}
    lines = [{"step": 20, "loss": 1.0}, {"step": 40, "loss": 0.9}, scored]
    (tmp_path / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    load_tool("score_curve").read_run(str(tmp_path / "ledger.jsonl"), str(tmp_path / "curve.json"))
    assert json.loads((tmp_path / "curve.json").read_text()) == [scored]


def test_a_curve_has_a_row_for_each_checkpoint(tmp_path, monkeypatch, capsys) -> None:
    pytest.importorskip("torch")
    tool = load_tool("score_curve")
    asked = []

    def make_validator(data, photos, scenes):
        asked.append((data, photos, scenes))
        return lambda model, world: {"val/photo_iou": model / 10}

    monkeypatch.setattr(tool, "make_validator", make_validator)
    monkeypatch.setattr(tool, "load_average", lambda path: (int(path.stem), {"step": 100}))
    tool.main("data", str(tmp_path / "curve.json"), "1.pt", "2.pt")
    rows = json.loads((tmp_path / "curve.json").read_text())
    assert rows == [{"step": 100, "val/photo_iou": n / 10} for n in (1, 2)]
    assert [(str(data), *rest) for data, *rest in asked] == [("data", 109, 40)]
    assert len(capsys.readouterr().out.splitlines()) == 2
