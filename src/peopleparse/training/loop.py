"""The training loop, from top to bottom.

    peopleparse train recipes/gpsnet_mobilenet_v2.py --data DATA --run RUN
    torchrun --nproc-per-node 2 -m peopleparse train RECIPE --data DATA --run RUN

Stop it with SIGTERM or Ctrl-C: it finishes the step, writes its checkpoint and goes on from there
when started again with the same words.
"""

from __future__ import annotations

import copy
import json
import math
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import Dataset

from peopleparse.errors import InputError, ModelError
from peopleparse.labels import get_scheme
from peopleparse.losses.parsing import label_weights
from peopleparse.training.batches import Batch, iterate, read_batches
from peopleparse.training.checkpoint import load_checkpoint, save_checkpoint
from peopleparse.training.distributed import World
from peopleparse.training.optimizer import make_optimizer, set_rate, update_average
from peopleparse.training.recipe import Recipe
from peopleparse.training.start import start_from
from peopleparse.training.tasks import find_task

Validate = Callable[[nn.Module, World], dict[str, float]]
CHECKPOINT = "last.pt"


class Trainer:
    """State of one run: model, its running mean, optimizer, step.

    Args:
        recipe: what to train.
        data: folder with ccp/, backgrounds/ and backbones/.
        world: processes of the run.
    """

    def __init__(self, recipe: Recipe, data: Path, world: World) -> None:
        self.recipe, self.world, self.step = recipe, world, 0
        torch.manual_seed(recipe.seed)
        self.task = find_task(recipe.model)
        model = self.task.build(recipe, data)
        if recipe.start:
            start_from(model, recipe.start)
        self.model = model.to(world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimizer = make_optimizer(self.model, recipe)

    def train_step(self, batch: Batch, weights: torch.Tensor) -> dict[str, float]:
        """Learn from one batch; return the parts of the loss."""
        batch = batch.to(self.world.device)
        rate = set_rate(self.optimizer, self.recipe, self.step)
        # What a step draws by lot depends on the step alone, so that training resumes exactly.
        torch.manual_seed(self.recipe.seed * 2**32 + self.step * self.world.size + self.world.rank)
        parts = self.task.loss(self.wrapped.train(), batch, self.recipe, weights)
        self.optimizer.zero_grad(set_to_none=True)
        parts["loss"].backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        if torch.isfinite(norm):  # one overflowing batch must not end the run
            self.optimizer.step()
            update_average(self.average, self.model, self.recipe.average, self.step)
        self.step += 1
        values = {name: float(value.detach()) for name, value in parts.items()}
        return values | {"rate": rate, "gradient": float(norm)}

    @property
    def wrapped(self) -> nn.Module:
        """The model, or the model that averages gradients over the processes."""
        if self.world.size == 1:
            return self.model
        if not hasattr(self, "_parallel"):
            self._parallel = DistributedDataParallel(self.model)
        return self._parallel

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on."""
        return {
            "step": self.step,
            "recipe": json.dumps(self.recipe.to_dict()),
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's state."""
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])


def train(
    recipe: Recipe,
    data: Path,
    run: Path,
    validate: Validate | None = None,
    validate_every: int = 1000,
    workers: int = 1,
    report: Callable[[int, dict[str, float]], None] = lambda step, values: None,
    batches: Dataset[Batch] | None = None,
) -> Trainer:
    """Train a recipe to its end, from the run's checkpoint where there is one.

    Args:
        recipe: what to train.
        data: folder with ccp/, backgrounds/ and backbones/.
        run: folder for checkpoint, ledger and TensorBoard events.
        validate: scores a model; called every `validate_every` steps and at the end.
        validate_every: steps between validations and checkpoints.
        workers: processes that prepare batches.
        report: called after each step with the parts of its loss.
        batches: item n is the batch of step n; its `frequencies()`, where it has them, are the
            shares (20,) of the labels that rare ones are weighed by. None composes scenes from the
            people and backgrounds of `data`. Its `scheme`, where it has one, is that of the labels.

    Raises:
        SchemeError: the labels' scheme does not name flip partners: half of all people are shown
            in a mirror.
        InputError: `batches` are not as many as the recipe's steps, or another process of the
            run was lost; its checkpoint stays.
        ModelError: the run's checkpoint is broken or of another model.
    """
    cv2.setNumThreads(1)  # two pools on the same cores wait for each other
    getattr(batches, "scheme", get_scheme("gps")).flip_table()  # before hours are spent
    world = World.from_environment()
    trainer = Trainer(recipe, data, world)
    path = run / CHECKPOINT
    if path.is_file():
        state = load_checkpoint(path)
        check_same_model(recipe, json.loads(state["recipe"]), path)
        trainer.load(state)
    if batches is None:
        batches = read_batches(recipe, data, world.rank)
    weights = check_batches(batches, recipe).to(world.device)
    ledger = Ledger(run) if world.rank == 0 else None
    started = time.monotonic()
    with _StopSignal() as stop, world.watch(path):
        for batch in iterate(batches, trainer.step, workers):
            values = trainer.train_step(batch, weights)
            report(trainer.step, values)
            last = trainer.step == recipe.steps
            # Signals reach processes at different moments; all must stop after the same step.
            stopping = any(world.gather(stop.asked))
            if ledger and trainer.step % 20 == 0:
                ledger.add(trainer.step, values | {"seconds": time.monotonic() - started})
            if ledger and (last or stopping or trainer.step % validate_every == 0):
                save_checkpoint(path, trainer.state())
            if validate and not stopping and (last or trainer.step % validate_every == 0):
                world.share_buffers(trainer.average)
                scores = validate(trainer.average, world)
                if ledger:
                    ledger.add(trainer.step, scores)
            if stopping:
                break
    return trainer


def check_batches(batches: Dataset[Batch], recipe: Recipe) -> torch.Tensor:
    """Check that there is a batch for each step; return the weights of the labels, (20,).

    Raises:
        InputError: there are more or fewer.
    """
    count = len(batches)  # type: ignore[arg-type]
    if count != recipe.steps:
        raise InputError(
            f"batches must hold one item for each of {recipe.steps} steps, got {count}. "
            "Repeat a data set until it is as long as the recipe."
        )
    shares = getattr(batches, "frequencies", lambda: None)()
    if shares is None:
        return torch.ones(20)
    return label_weights(shares, recipe.label_power)


def check_same_model(recipe: Recipe, saved: dict[str, Any], path: Path) -> None:
    """Check that a run's checkpoint holds the model of the recipe.

    Raises:
        ModelError: the model or an ablation switch is another, or one of both has no batch norm
            because it started from an export.
    """
    for name in ("model", "adjust", "fuse", "presence", "init"):
        wanted, found = getattr(recipe, name), saved.get(name, getattr(Recipe, name))
        if wanted != found:
            raise ModelError(
                f"checkpoint must have {name}={wanted}, got {found}, at {path}. "
                "Train another recipe in a run folder of its own."
            )


class Ledger:
    """Losses and scores of a run: one JSON line an entry, and TensorBoard events."""

    def __init__(self, run: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        run.mkdir(parents=True, exist_ok=True)
        self._path, self._writer = run / "ledger.jsonl", SummaryWriter(str(run / "events"))

    def add(self, step: int, values: dict[str, float]) -> None:
        """Write one entry."""
        # An overflowing batch gives infinite losses, which JSON has no word for.
        rounded = {n: round(v, 5) if math.isfinite(v) else None for n, v in values.items()}
        with self._path.open("a") as file:
            file.write(json.dumps({"step": step} | rounded) + "\n")
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()


class _StopSignal:
    """Remember that the process was asked to stop, and let the step finish."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> _StopSignal:
        signals = (signal.SIGTERM, signal.SIGINT)
        self._before = {number: signal.signal(number, self._ask) for number in signals}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
