"""A process alone, and two that share gradients and scores."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from peopleparse.training.distributed import World  # noqa: E402
from tests.conftest import REPO  # noqa: E402


def test_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    world = World.from_environment()
    assert (world.rank, world.size) == (0, 1)
    assert list(range(5))[world.share] == [0, 1, 2, 3, 4]
    assert world.gather({"a": 1}) == [{"a": 1}]


def test_shares_are_disjoint_and_whole():
    shares = [list(range(5))[World(rank, 2, torch.device("cpu")).share] for rank in range(2)]
    assert shares == [[0, 2, 4], [1, 3]]


def mean_gradients(trainer, batch, weights):
    """Return this process's own gradients and those that DistributedDataParallel left."""
    from peopleparse.training.objective import joint_loss

    found = []
    for model in (trainer.model, trainer.wrapped):
        trainer.model.zero_grad(set_to_none=True)
        model.train()
        people = (batch.batch, batch.boxes, batch.faces, batch.has_face)
        outputs = model(batch.image.float(), *people)
        joint_loss(outputs, batch, trainer.recipe, weights)["loss"].backward()
        found.append(
            {n: p.grad.clone() for n, p in trainer.model.named_parameters() if p.requires_grad}
        )
    return found


def run_process(data: Path, run: Path) -> None:
    """What each of two processes does; every assertion ends the process with an error."""
    from peopleparse.training.batches import Batches, read_training_data
    from peopleparse.training.checkpoint import load_checkpoint
    from peopleparse.training.loop import CHECKPOINT, Trainer, train
    from tests.training.conftest import tiny_recipe

    torch.set_num_threads(1)
    world, recipe = World.from_environment(), tiny_recipe(batch=1, steps=3, photo_every=1)
    assert world.size == 2 and world.gather({"rank": world.rank}) == [{"rank": 0}, {"rank": 1}]

    trainer = Trainer(recipe, data, world)
    batch = Batches(recipe, *read_training_data(data), rank=world.rank)[0]
    images = world.gather(batch.image)
    assert not torch.equal(images[0], images[1])
    own, shared = mean_gradients(trainer, batch, torch.ones(20))
    for name, value in shared.items():
        wanted = torch.stack([gradients[name] for gradients in world.gather(own)]).mean(dim=0)
        torch.testing.assert_close(value, wanted, atol=1e-5, rtol=1e-3, msg=name)

    def report(step: int, values: dict[str, float]) -> None:
        if world.rank == 1 and step == 1:  # only one process hears the signal
            signal.raise_signal(signal.SIGTERM)

    def validate(model, world: World) -> dict[str, float]:
        return {"val/processes": float(sum(world.gather(1)))}

    for stop_at in (1, 3):
        trainer = train(recipe, data, run, validate, 9, workers=0, report=report)
        assert world.gather(trainer.step) == [stop_at, stop_at]
        assert load_checkpoint(run / CHECKPOINT)["step"] == stop_at
        states = world.gather(dict(trainer.model.named_parameters()))
        assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    torch.distributed.destroy_process_group()


def start_processes(words: list[str]) -> list[subprocess.Popen[str]]:
    """Start this file twice, as torchrun would."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(REPO / "src"), str(REPO))),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
    }
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.test_distributed", *words],
            cwd=REPO,
            env=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]


@pytest.mark.slow
def test_two_processes_train_as_one(tiny_data, tmp_path):
    pytest.importorskip("tensorboard")
    processes = start_processes([str(tiny_data), str(tmp_path)])
    try:
        errors = [process.communicate(timeout=600)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], errors
    ledger = (tmp_path / "ledger.jsonl").read_text().splitlines()
    assert ledger == ['{"step": 3, "val/processes": 2.0}']  # one process writes


if __name__ == "__main__":
    run_process(*(Path(word) for word in sys.argv[1:]))
