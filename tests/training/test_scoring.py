"""Scores inside a run: those of the pipeline, the same on one process and on two."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from peopleparse.training import validate as module  # noqa: E402
from peopleparse.training.distributed import World  # noqa: E402
from peopleparse.training.export import as_engine  # noqa: E402
from peopleparse.training.scoring import make_validator  # noqa: E402
from peopleparse.training.validate import ValidationSet, flat_scores, validate  # noqa: E402
from tests.conftest import REPO  # noqa: E402
from tests.training.toy_model import make_model  # noqa: E402

SIZE, PHOTOS, SCENES = (128, 96), 2, 3


@pytest.fixture(scope="module")
def scores(tiny_data):
    """What one process says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SCENE_SIZE", SIZE)
        alone = World(0, 1, torch.device("cpu"))
        yield make_validator(tiny_data, PHOTOS, SCENES)(make_model(), alone)


def test_a_model_is_scored_through_the_pipeline(scores, tiny_data, monkeypatch):
    monkeypatch.setattr(module, "SCENE_SIZE", SIZE)
    found = ValidationSet.read(tiny_data, PHOTOS, SCENES)
    wanted = flat_scores(validate(as_engine(make_model()), found).to_dict())
    assert scores == wanted
    assert len(scores) == 16 and all(0 <= value <= 1 for value in scores.values())
    # A network that sees nobody has the background right and nothing else.
    assert scores["val/photo_iou"] != scores["val/photo_iou_main"]


def test_a_baseline_is_scored_through_its_own_parse(tiny_data, monkeypatch):
    from peopleparse.models.build import build_baseline
    from peopleparse.training.tasks import task_of

    monkeypatch.setattr(module, "SCENE_SIZE", SIZE)
    torch.manual_seed(0)
    model, alone = build_baseline("ins_glo_mobilenet_v2"), World(0, 1, torch.device("cpu"))
    found = make_validator(tiny_data, 1, 1)(model, alone)
    again = module.validate_parse(
        lambda image: task_of(model).parse(model, image), ValidationSet.read(tiny_data, 1, 1)
    )
    assert found == flat_scores(again.to_dict()) and 0 <= found["val/photo_iou"] <= 1


def run_process(data: str, out: str) -> None:
    """What each of two processes does."""
    torch.set_num_threads(1)
    module.SCENE_SIZE = SIZE
    world = World.from_environment()
    assert world.size == 2
    scores = make_validator(Path(data), PHOTOS, SCENES)(make_model(), world)
    assert world.gather(scores) == [scores, scores]
    if world.rank == 0:
        Path(out).write_text(json.dumps(scores))
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_score_as_one(scores, tiny_data, tmp_path):
    words = ["--nproc-per-node", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    this = ["-m", "tests.training.test_scoring", str(tiny_data), str(tmp_path / "scores.json")]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words, *this],
        cwd=REPO,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(REPO / "src"), str(REPO))),
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
        },
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "scores.json").read_text()) == scores


if __name__ == "__main__":
    run_process(*sys.argv[1:])
