"""Learning rates by step, groups of parameters, and the running mean of the weights."""

from __future__ import annotations

import re
from collections import OrderedDict

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from peopleparse.errors import InputError  # noqa: E402
from peopleparse.training.optimizer import (  # noqa: E402
    make_optimizer,
    set_rate,
    update_average,
)
from peopleparse.training.recipe import Recipe  # noqa: E402


def toy() -> nn.Module:
    backbone = nn.Sequential(
        OrderedDict(to_4=nn.Conv2d(2, 2, 1), to_8=nn.Conv2d(2, 2, 1), at_8=nn.Conv2d(2, 2, 1))
    )
    backbone.to_4.requires_grad_(False)
    return nn.Sequential(OrderedDict(backbone=backbone, head=nn.Conv2d(2, 2, 1)))


def groups_of(optimizer) -> dict[tuple[float, float], int]:
    return {
        (group["factor"], group["weight_decay"]): len(group["params"])
        for group in optimizer.param_groups
    }


def test_starting_weights_move_slowly_and_biases_do_not_decay():
    optimizer = make_optimizer(toy(), Recipe(backbone="some.safetensors"))
    assert isinstance(optimizer, torch.optim.AdamW)
    # to_8 weight, to_8 bias; at_8 and head weights, at_8 and head biases. to_4 is frozen.
    assert groups_of(optimizer) == {(0.2, 0.02): 1, (0.2, 0): 1, (1, 0.02): 2, (1, 0): 2}


def test_starting_weights_are_those_of_every_backbone():
    model = nn.Sequential(OrderedDict(detector=toy(), parser=toy()))
    optimizer = make_optimizer(model, Recipe(backbone="some.safetensors"))
    assert groups_of(optimizer) == {(0.2, 0.02): 2, (0.2, 0): 2, (1, 0.02): 4, (1, 0): 4}


def test_without_starting_weights_all_move_alike():
    optimizer = make_optimizer(toy(), Recipe(backbone="", optimizer="sgd"))
    assert isinstance(optimizer, torch.optim.SGD)
    assert groups_of(optimizer) == {(1, 0.02): 3, (1, 0): 3}
    assert all(group["momentum"] == 0.9 for group in optimizer.param_groups)


def test_another_optimizer_is_an_error():
    text = "optimizer must be a known name, got 'adam'. Did you mean 'adamw'? Choices: adamw, sgd."
    with pytest.raises(InputError, match=re.escape(text)):
        make_optimizer(toy(), Recipe(optimizer="adam"))


def test_cosine_after_a_rise():
    recipe = Recipe(backbone="b", steps=1000, warmup=10, lr=1.0)
    optimizer = make_optimizer(toy(), recipe)
    assert set_rate(optimizer, recipe, 0) == pytest.approx(0.1, rel=1e-4)
    assert set_rate(optimizer, recipe, 500) == pytest.approx(0.01 + 0.99 / 2)
    assert {round(group["lr"] / group["factor"], 6) for group in optimizer.param_groups} == {0.505}
    assert set_rate(optimizer, recipe, 1000) == pytest.approx(0.01)
    rates = [set_rate(optimizer, recipe, step) for step in range(10, 1000, 90)]
    assert rates == sorted(rates, reverse=True)


def test_sgd_falls_once():
    recipe = Recipe(backbone="", optimizer="sgd", warmup=0, lr=0.01, lr_step=50, steps=100)
    optimizer = make_optimizer(toy(), recipe)
    rates = [set_rate(optimizer, recipe, step) for step in (0, 49, 50, 99)]
    assert rates == pytest.approx([0.01, 0.01, 0.001, 0.001])


def test_the_running_mean_follows_and_buffers_are_copied():
    model, average = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    model.weight.data.fill_(2.0), average.weight.data.fill_(1.0)
    model.running_mean.fill_(7.0)
    update_average(average, model, decay=0.998, step=0)  # early: keeps a tenth
    assert average.weight.item() == pytest.approx(0.1 * 1 + 0.9 * 2)
    average.weight.data.fill_(1.0)
    update_average(average, model, decay=0.998, step=100_000)
    assert average.weight.item() == pytest.approx(1.002)
    assert average.running_mean.item() == 7
    assert average.weight.grad_fn is None
