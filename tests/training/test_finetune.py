from __future__ import annotations

import json
import os
import runpy
import shutil
import signal

import numpy as np
import pytest

torch = pytest.importorskip("torch")
for name in ("onnx", "tensorboard"):
    pytest.importorskip(name)

from peopleparse.data.gps import mask_name  # noqa: E402
from peopleparse.data.png import write_label_png  # noqa: E402
from peopleparse.errors import DataError, InputError, ModelError  # noqa: E402
from peopleparse.inference.onnx_engine import DEFAULT_MODEL, OnnxEngine  # noqa: E402
from peopleparse.inference.passport import (  # noqa: E402
    WEIGHTS_FOLDER,
    file_sha256,
    read_passport,
)
from peopleparse.labels import get_scheme  # noqa: E402
from peopleparse.training import finetune as module  # noqa: E402
from peopleparse.training.finetune import finetune  # noqa: E402
from peopleparse.training.folder_plan import plan_folder  # noqa: E402
from peopleparse.training.from_export import load_exported  # noqa: E402
from peopleparse.training.recipe import Phase  # noqa: E402
from peopleparse.training.tasks import load_trained  # noqa: E402
from tests.conftest import REPO  # noqa: E402
from tests.training.conftest import tiny_recipe  # noqa: E402
from tests.training.folders import write_folder  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("gps") / "mine")


@pytest.fixture
def small(monkeypatch):
    """Make a step cheap and scores free."""

    def recipe(passport, init, steps):
        phases = (Phase(1.0, (64, 96), (96, 64)),)
        has_head = passport.fields["recipe"].get("presence", False)
        changes = {"presence": has_head, "warmup": 1, "lr": 1e-4, "phases": phases}
        return tiny_recipe(init=init, steps=steps, **changes)

    monkeypatch.setattr(module, "make_recipe", recipe)
    values = iter([0.2, 0.3])
    monkeypatch.setattr(module, "score_folder", lambda *words: scores(next(values)))


def scores(value):
    readings = {"strict": value, "literal": value, "mhp": None}
    return {"part_mean_iou": value, "average_ap": readings, "mask_recall_50": 1.0, "part_iou": {}}


def test_the_plan_is_by_hash_and_the_same_each_time(folder):
    plan = plan_folder(folder)
    assert plan == plan_folder(folder)
    assert (len(plan.train), len(plan.val)) == (5, 1) and not set(plan.train) & set(plan.val)
    assert plan.people == 12 and plan.left_out == ()
    assert "tie" in plan.unseen() and "face" not in plan.unseen()
    assert "background" not in plan.unseen()
    assert len(plan_folder(folder, 0.5).val) == 3


def test_own_splits_count_and_test_photos_are_never_used(tmp_path):
    plan = plan_folder(write_folder(tmp_path, 8, splits=("train", "val", "test", "train")))
    assert plan.train == ("00", "03", "04", "07") and plan.val == ("01", "05")
    assert plan.left_out == ("02", "06")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"photos": 2}, r"must hold 5 photos with people or more, got 2 among 2, at"),
        ({"count": 0}, r"must hold 5 photos with people or more, got 0 among 6, at"),
        ({"status": "doing"}, r"got 0 among 0 \(6 more are unfinished or of split test\), at"),
        ({"one_label": True}, r"people must show 2 labels or more, got only upper clothes, at"),
    ],
)
def test_too_little_to_learn_from(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        finetune(write_folder(tmp_path / "gps", **options), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_wrong_folders(folder, tmp_path):
    with pytest.raises(DataError, match="GPS folder must hold annotations/, got none, at"):
        finetune(tmp_path / "none", tmp_path / "out")
    stray = shutil.copytree(folder, tmp_path / "stray")
    path = stray / "annotations/03" / mask_name("03", 2, 1)
    write_label_png(path, np.full((96, 160), 44, np.uint8), get_scheme("gps").palette)
    with pytest.raises(DataError, match=r"label ids must be ids of scheme 'gps' or 255, got \[44"):
        finetune(stray, tmp_path / "out")
    with pytest.raises(InputError, match=r"val_share must be above 0 and at most 0\.5, got 0\.9"):
        finetune(folder, tmp_path / "out", val_share=0.9)
    with pytest.raises(InputError, match="steps must be 1 or more, got 0"):
        finetune(folder, tmp_path / "out", steps=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"at .*file"):
        finetune(folder, tmp_path / "file")
    assert not (tmp_path / "out").exists()


def test_copies_of_one_photo_teach_nothing_about_others(tmp_path):
    from peopleparse.data.gps import GpsDataset, write_annotation
    from peopleparse.structures import Annotation

    image, truth = GpsDataset(write_folder(tmp_path / "one", 1))[0]
    for number in range(6):
        again = Annotation(truth.parsings, truth.scheme, f"c{number}")
        write_annotation(tmp_path / "gps", again, image, None, "train")
    with pytest.raises(InputError, match="photos must be both learnt from and scored on, got"):
        plan_folder(tmp_path / "gps")


def test_starts_that_cannot_be_used(folder, tmp_path):
    with pytest.raises(ModelError, match="model must be a shipped name, a folder or a passport"):
        finetune(folder, tmp_path / "out", start="bas")
    other = tmp_path / "other"
    other.mkdir()
    for path in WEIGHTS_FOLDER.glob(f"{DEFAULT_MODEL}.*"):
        shutil.copy(path, other)
    rois = other / f"{DEFAULT_MODEL}.rois.onnx"
    whole = rois.read_bytes()
    rois.write_bytes(whole + b" ")
    with pytest.raises(ModelError, match="weight file must have sha256 .* got"):
        finetune(folder, tmp_path / "out", start=other)
    # In int8 weights are kept in another form: no convolution holds a float tensor.
    import onnx

    graph = onnx.load_from_string(whole)
    for entry in graph.graph.initializer:
        entry.name += "_quantized"
    for node in graph.graph.node:
        for index, text in enumerate(node.input):
            if any(e.name == f"{text}_quantized" for e in graph.graph.initializer):
                node.input[index] = f"{text}_quantized"
        if node.op_type == "Conv":
            node.op_type = "ConvInteger"
    onnx.save(graph, str(rois))
    passport = other / f"{DEFAULT_MODEL}.json"
    fields = json.loads(passport.read_text())
    fields["sha256"][rois.name] = file_sha256(rois)
    passport.write_text(json.dumps(fields))
    with pytest.raises(ModelError, match="one in int8 has no weights to train"):
        finetune(folder, tmp_path / "out", start=other)
    assert not (tmp_path / "out").exists()


def test_from_start_to_export(folder, tmp_path, small):
    out, steps = tmp_path / "mine", []
    report = finetune(folder, out, steps=2, workers=0, report=lambda step, _: steps.append(step))
    assert steps == [1, 2] and report.kept == "end" and report.passport == out / "mine.json"
    assert (report.photos, report.held_out, report.people) == (5, 1, 12)
    passport = read_passport(report.passport)
    assert passport.fields["start"]["name"] == DEFAULT_MODEL
    assert passport.fields["data"][-1]["sha256"] == report.sha256
    assert passport.fields["scores"]["after"]["part_mean_iou"] == 0.3
    assert passport.fields["recipe"]["init"] == DEFAULT_MODEL
    assert OnnxEngine(out).name == "mine"
    learnt, recipe = load_trained(out / "run/last.pt")
    assert recipe.init == DEFAULT_MODEL
    shipped = load_exported(read_passport(WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json"))
    exported = load_exported(passport)  # and a next fine-tuning can start from this one
    same = dict(shipped.named_parameters())
    for name, value in exported.named_parameters():
        between = torch.lerp(same[name], learnt.get_parameter(name), module.MOVE)
        assert torch.allclose(value, between, atol=1e-7)
    assert any(not torch.equal(value, same[n]) for n, value in exported.named_parameters())
    assert "Learnt from 5 photos, scored on 1 others:" in str(report)
    assert "part mean IoU           20.0 -> 30.0" in str(report) and "none -> none" in str(report)
    assert str(tmp_path) not in json.dumps(report.to_dict())


def test_without_gain_the_start_is_kept(folder, tmp_path, small, monkeypatch):
    monkeypatch.setattr(module, "score_folder", lambda *words: scores(0.2))
    report = finetune(folder, tmp_path / "mine", steps=1, workers=0)
    assert report.kept == "start" and "No gain: kept the network as it was" in str(report)
    shipped = load_exported(read_passport(WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json"))
    exported = load_exported(read_passport(report.passport))
    for name, value in exported.named_parameters():
        assert torch.equal(value, shipped.get_parameter(name))


def test_a_stop_keeps_the_checkpoint_and_goes_on_to_the_same_end(
    folder, tmp_path, small, monkeypatch
):
    monkeypatch.setattr(module, "score_folder", lambda *words: scores(0.2))
    monkeypatch.setattr(module, "export_model", lambda model, out, name, fields: out / name)

    def stop(step, values):
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    out = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt, match=r"Stopped after step 1 of 3\. Checkpoint: "):
        finetune(folder, out, steps=3, workers=0, report=stop)
    assert (out / "run/last.pt").is_file() and not (out / "stopped.json").exists()
    with pytest.raises(InputError, match="fine-tuning, got one with other recipe, at"):
        finetune(folder, out, steps=4, workers=0)
    with pytest.raises(InputError, match="fine-tuning, got one with other photos to score on"):
        finetune(folder, out, steps=3, val_share=0.5, workers=0)
    more: list[int] = []
    finetune(folder, out, steps=3, workers=0, report=lambda step, _: more.append(step))
    assert more == [2, 3]
    whole = tmp_path / "whole"
    finetune(folder, whole, steps=3, workers=0)
    states = [load_trained(path / "run/last.pt")[0].state_dict() for path in (out, whole)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    (out / "run/last.pt").write_bytes(b"half")
    with pytest.raises(ModelError, match="checkpoint must be readable by torch"):
        finetune(folder, out, steps=3, workers=0)


def test_scores_come_from_the_pipeline(folder):
    model = load_exported(read_passport(WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json"))
    found = module.score_folder(model, folder, plan_folder(folder).val)
    assert set(found) == {"part_mean_iou", "average_ap", "mask_recall_50", "part_iou"}
    assert 0 <= found["part_mean_iou"] <= 1 and set(found["average_ap"]) >= {"strict", "literal"}


def test_the_recipe_is_gentle():
    passport = read_passport(WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json")
    recipe = module.make_recipe(passport, "x", 7)
    assert (recipe.init, recipe.steps, recipe.model) == ("x", 7, "gpsnet_mobilenet_v2")
    assert recipe.lr < type(recipe)().lr and recipe.backbone == ""


def test_the_example_writes_dark_photos_with_their_truth(tiny_data, tmp_path, monkeypatch):
    pytest.importorskip("scipy")
    import peopleparse
    from peopleparse.data.gps import GpsDataset
    from peopleparse.data.gps_check import check_dataset

    example = runpy.run_path(str(REPO / "examples/finetune_set.py"))
    found = iter([2, 1, 1, 1, 1])
    monkeypatch.setattr(peopleparse, "Parser", lambda: lambda image: [None] * next(found))
    written = example["write_set"](tiny_data, tmp_path, 2, skip=1)
    assert written == ["0003", "0005"]  # 0001 shows two, 0002 is another's, 0004 to validate
    assert check_dataset(tmp_path) == [] and GpsDataset(tmp_path).ids == written
    assert all(image.mean() < 60 for image, _ in GpsDataset(tmp_path))


def test_the_docs_have_the_figures_of_the_results():
    docs = (REPO / "docs/finetune.md").read_text(encoding="utf-8")
    results = REPO / "benchmarks/results"
    values = json.loads((results / "finetune.json").read_text())
    others = json.loads((results / "finetune_others.json").read_text())
    rows = [("4 held-out photos", values["before"], values["after"])]
    rows += [
        (f"{others[name]['photos']} others, {name}", others[name]["before"], others[name]["after"])
        for name in ("night", "day")
    ]
    for name, before, after in rows:
        iou = [f"{100 * scores['part_mean_iou']:.1f}" for scores in (before, after)]
        strict = [f"{100 * scores['average_ap']['strict']:.1f}" for scores in (before, after)]
        found = [f"{100 * scores['mask_recall_50']:.1f}" for scores in (before, after)]
        line = " | ".join([name, *(" → ".join(pair) for pair in (iou, strict, found))])
        assert f"| {line} |" in docs
