"""The loop: exact resume, a clean stop, validation on time, a ledger that is JSON."""

from __future__ import annotations

import json
import math
import signal

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")

from peopleparse.errors import ModelError, SchemeError  # noqa: E402
from peopleparse.labels import get_scheme  # noqa: E402
from peopleparse.training.checkpoint import load_checkpoint  # noqa: E402
from peopleparse.training.distributed import World  # noqa: E402
from peopleparse.training.loop import (  # noqa: E402
    CHECKPOINT,
    Ledger,
    Trainer,
    check_same_model,
    train,
)
from tests.training.conftest import tiny_recipe  # noqa: E402


def differing(a, b, place: str = "") -> list[str]:
    """Return the places at which two nested states are not bit for bit the same."""
    if isinstance(a, torch.Tensor):
        return [] if torch.equal(a, b) else [place]
    if isinstance(a, dict):
        if a.keys() != b.keys():
            return [f"{place} keys"]
        return [found for key in a for found in differing(a[key], b[key], f"{place}.{key}")]
    if isinstance(a, list | tuple):
        return [
            found
            for index, pair in enumerate(zip(a, b, strict=True))
            for found in differing(*pair, f"{place}.{index}")
        ]
    return [] if a == b else [place]


@pytest.fixture(scope="module")
def straight(tiny_data, tmp_path_factory):
    """A run of four steps without a break, and what it reported."""
    run, reported = tmp_path_factory.mktemp("straight"), []
    train(tiny_recipe(), tiny_data, run, workers=0, report=lambda *row: reported.append(row))
    return run, reported


def test_each_step_is_reported(straight):
    _, reported = straight
    assert [step for step, _ in reported] == [1, 2, 3, 4]
    for _, values in reported:
        assert {"loss", "fused", "local", "global", "person_heat", "rate"} <= values.keys()
        assert all(math.isfinite(value) for value in values.values())


def test_the_checkpoint_holds_what_was_trained(straight, tiny_data):
    state = load_checkpoint(straight[0] / CHECKPOINT)
    fresh = Trainer(tiny_recipe(), tiny_data, World.from_environment()).state()
    assert state["step"] == 4 and json.loads(state["recipe"])["steps"] == 4
    moved = differing(state["model"], fresh["model"])
    assert any("fusion" in name for name in moved) and any("to_16" in name for name in moved)
    assert not any("backbone.to_4" in name for name in moved)
    assert differing(state["average"], state["model"])


def test_a_stop_signal_leaves_a_checkpoint_from_which_training_resumes_exactly(
    straight, tiny_data, tmp_path
):
    steps, before = [], signal.getsignal(signal.SIGTERM)

    def report(step: int, values: dict[str, float]) -> None:
        steps.append(step)
        if steps == [1, 2]:
            signal.raise_signal(signal.SIGTERM)

    def validate(model, world):
        raise AssertionError("a run that was asked to stop must not validate first")

    stopped = train(tiny_recipe(), tiny_data, tmp_path, validate, 2, workers=0, report=report)
    assert stopped.step == 2 and load_checkpoint(tmp_path / CHECKPOINT)["step"] == 2
    assert signal.getsignal(signal.SIGTERM) is before
    resumed = train(tiny_recipe(), tiny_data, tmp_path, workers=0, report=report)
    assert resumed.step == 4 and steps == [1, 2, 3, 4]
    paths = (straight[0] / CHECKPOINT, tmp_path / CHECKPOINT)
    assert differing(*(load_checkpoint(path) for path in paths)) == []


def test_a_finished_run_has_nothing_left_to_do(straight, tiny_data):
    steps: list[int] = []
    trainer = train(
        tiny_recipe(), tiny_data, straight[0], workers=0, report=lambda step, _: steps.append(step)
    )
    assert trainer.step == 4 and steps == []


def test_validation_is_on_time_and_scores_the_running_mean(tiny_data, tmp_path):
    seen = []

    def validate(model, world):
        seen.append((model, (tmp_path / CHECKPOINT).is_file()))
        assert not model.training and world.size == 1
        return {"val/score": 0.25}

    trainer = train(tiny_recipe(steps=3), tiny_data, tmp_path, validate, 2, workers=0)
    assert [model is trainer.average for model, _ in seen] == [True, True]  # steps 2 and 3
    assert all(saved for _, saved in seen)
    lines = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert lines == [{"step": step, "val/score": 0.25} for step in (2, 3)]
    assert list((tmp_path / "events").iterdir())


def test_ledger_lines_are_json_even_where_a_batch_overflows(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.add(20, {"loss": 1.234567})
    ledger.add(40, {"loss": math.inf, "fused": math.nan})

    def refuse(word: str) -> None:
        raise ValueError(word)

    text = (tmp_path / "ledger.jsonl").read_text()
    lines = [json.loads(line, parse_constant=refuse) for line in text.splitlines()]
    assert lines == [{"step": 20, "loss": 1.23457}, {"step": 40, "loss": None, "fused": None}]


def test_one_overflowing_batch_changes_nothing_but_the_step(tiny_data):
    from peopleparse.training.batches import Batches, read_training_data

    recipe = tiny_recipe()
    trainer = Trainer(recipe, tiny_data, World.from_environment())
    batch = Batches(recipe, *read_training_data(tiny_data))[0]
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    values = trainer.train_step(batch, torch.full((20,), math.inf))
    assert not math.isfinite(values["gradient"]) and trainer.step == 1
    assert differing(before, dict(trainer.model.named_parameters())) == []
    assert differing(before, dict(trainer.average.named_parameters())) == []
    assert not trainer.optimizer.state


def test_a_run_folder_of_another_model_is_refused(tmp_path):
    saved = tiny_recipe().to_dict() | {"fuse": False}
    check_same_model(tiny_recipe(), tiny_recipe().to_dict(), tmp_path)
    with pytest.raises(ModelError, match="checkpoint must have fuse=True, got False, at .*folder"):
        check_same_model(tiny_recipe(), saved, tmp_path)


def test_a_scheme_without_flip_partners_is_refused_before_anything_is_read(tmp_path):
    class OfCcp:
        scheme = get_scheme("ccp")

    with pytest.raises(SchemeError, match="scheme must name flip partners to be mirrored, got"):
        train(None, tmp_path / "no", tmp_path / "run", batches=OfCcp())
    assert not (tmp_path / "run").exists()
