"""torchrun with two processes: one is killed, and the run goes on as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from peopleparse.errors import InputError  # noqa: E402
from peopleparse.training.distributed import World  # noqa: E402
from tests.conftest import REPO  # noqa: E402

STEPS, EVERY, KILLED_AFTER = 6, 2, 3
CLOSED = "[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:3141"


def test_a_lost_process_is_one_clear_line(tmp_path):
    two = World(0, 2, torch.device("cpu"))
    path = tmp_path / "last.pt"
    with pytest.raises(InputError, match=r"must all live .*, got one of 2 .*process 0.*last\.pt"):
        with two.watch(path):
            raise RuntimeError(CLOSED)
    with pytest.raises(RuntimeError, match="shapes"), two.watch(path):
        raise RuntimeError("shapes do not agree")  # a fault of ours is not blamed on others
    with pytest.raises(RuntimeError, match="closed"):
        with World(0, 1, torch.device("cpu")).watch(path):
            raise RuntimeError(CLOSED)


def run_process(data: Path, run: Path, kill: bool) -> None:
    """What each of two processes does."""
    from peopleparse.training import validate as module
    from peopleparse.training.loop import train
    from peopleparse.training.scoring import make_validator
    from tests.training.conftest import tiny_recipe

    torch.set_num_threads(1)
    module.SCENE_SIZE = (128, 96)
    score = make_validator(data, 2, 2)

    def report(step: int, values: dict[str, float]) -> None:
        if kill and step == KILLED_AFTER and os.environ["RANK"] == "1":
            signal.raise_signal(signal.SIGKILL)

    def validate(model, world: World) -> dict[str, float]:
        states = world.gather(model.state_dict())
        assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
        return score(model, world)

    recipe = tiny_recipe(batch=1, steps=STEPS, photo_every=2)
    try:
        train(recipe, data, run, validate, EVERY, workers=0, report=report)
    except InputError as error:
        sys.exit(f"Error: {error}")
    torch.distributed.destroy_process_group()


def torchrun(data: Path, run: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = ["--nproc-per-node", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    this = ["-m", "tests.training.test_lost_process", str(data), str(run), *more]
    return subprocess.run(
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
        timeout=300,  # far below PATIENCE: nobody may wait for a process that is gone
    )


@pytest.mark.slow
def test_a_killed_process_ends_the_run_and_it_resumes_exactly(tiny_data, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    pytest.importorskip("onnx")
    from peopleparse.training import validate as module
    from peopleparse.training.checkpoint import load_checkpoint
    from peopleparse.training.loop import Trainer
    from peopleparse.training.scoring import make_validator
    from tests.training.conftest import tiny_recipe

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    done = torchrun(tiny_data, whole)
    assert done.returncode == 0, done.stderr

    done = torchrun(tiny_data, broken, "kill")
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1 and "got one of 2 that was lost" in lines[0], done.stderr
    assert load_checkpoint(broken / "last.pt")["step"] == EVERY
    done = torchrun(tiny_data, broken)
    assert done.returncode == 0, done.stderr

    first, second = (load_checkpoint(run / "last.pt") for run in (whole, broken))
    assert first["step"] == second["step"] == STEPS
    assert flatten(first) == flatten(second)
    scores = [(run / "ledger.jsonl").read_text().splitlines()[-1] for run in (whole, broken)]
    assert scores[0] == scores[1]

    monkeypatch.setattr(module, "SCENE_SIZE", (128, 96))
    alone = World(0, 1, torch.device("cpu"))
    trainer = Trainer(tiny_recipe(batch=1, steps=STEPS, photo_every=2), tiny_data, alone)
    trainer.load(first)
    found = make_validator(tiny_data, 2, 2)(trainer.average, alone)
    wanted = json.loads(scores[0])
    assert {"step": STEPS} | {n: round(v, 5) for n, v in found.items()} == wanted


def flatten(value: object) -> object:
    """Return a checkpoint with the bytes of its tensors, to compare by ==."""
    if isinstance(value, torch.Tensor):
        return value.dtype, tuple(value.shape), value.contiguous().numpy().tobytes()
    if isinstance(value, dict):
        return {name: flatten(inner) for name, inner in value.items()}
    return [flatten(inner) for inner in value] if isinstance(value, list | tuple) else value


if __name__ == "__main__":
    run_process(Path(sys.argv[1]), Path(sys.argv[2]), "kill" in sys.argv[3:])
