"""Parsing losses against loops, and the truth that is read inside each person's box."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from peopleparse.losses.parsing import (  # noqa: E402
    dice_loss,
    find_boundaries,
    label_weights,
    parsing_loss,
    presence_loss,
    sample_truth,
)

IGNORED = 255


def make_case(seed: int, labels: int = 4, ignored: float = 0.3):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, labels, 3, 5, generator=generator)
    target = torch.randint(0, labels, (2, 3, 5), generator=generator)
    target[torch.rand(2, 3, 5, generator=generator) < ignored] = IGNORED
    return logits, target


def test_label_weights_have_a_mean_of_one():
    weights = label_weights(torch.tensor([0.9, 0.09, 0.01, 0.0]), 0.25)
    assert weights.mean().item() == pytest.approx(1)
    ratios = (weights / weights[0]).tolist()
    assert ratios == pytest.approx([1, 10**0.25, 90**0.25, (0.9e6) ** 0.25], rel=1e-4)


def test_label_weights_with_power_zero_are_all_one():
    assert label_weights(torch.tensor([0.9, 0.1, 0.0]), 0.0).tolist() == [1, 1, 1]


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 0.5, 2, 3])])
def test_without_dice_it_is_torchs_cross_entropy(weights):
    logits, target = make_case(0)
    wanted = functional.cross_entropy(logits, target, weights, ignore_index=IGNORED)
    assert torch.equal(parsing_loss(logits, target, weights), wanted)


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 0.5, 2, 3])])
@given(seed=st.integers(0, 99))
def test_boundaries_against_a_loop(weights, seed):
    logits, target = make_case(seed)
    total, whole = 0.0, 0.0
    edges = find_boundaries(target)
    for n, y, x in np.ndindex(*target.shape):
        label = int(target[n, y, x])
        beside = [
            int(target[n, j, i])
            for j, i in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
            if 0 <= j < target.shape[1] and 0 <= i < target.shape[2]
        ]
        edge = label != IGNORED and any(other not in (label, IGNORED) for other in beside)
        assert bool(edges[n, y, x]) == edge
        if label != IGNORED:
            weight = (1.0 if weights is None else float(weights[label])) * (1 + 2.0 * edge)
            total -= weight * float(logits[n, :, y, x].log_softmax(0)[label])
            whole += weight
    found = parsing_loss(logits, target, weights, boundary=2.0)
    assert found.item() == pytest.approx(total / whole, rel=1e-5)


def test_one_label_has_no_boundary():
    logits, target = torch.randn(2, 4, 3, 5), torch.ones(2, 3, 5, dtype=torch.long)
    target[0, 0, :3] = IGNORED
    weights = torch.tensor([1.0, 0.5, 2, 3])
    wanted = parsing_loss(logits, target, weights)
    assert parsing_loss(logits, target, weights, boundary=3.0).item() == pytest.approx(
        wanted.item(), rel=1e-6
    )


def test_cross_entropy_by_hand():
    logits = torch.zeros(1, 4, 1, 2)
    target = torch.tensor([[[2, IGNORED]]])
    assert parsing_loss(logits, target, None).item() == pytest.approx(math.log(4))


def test_ignored_pixels_do_not_count():
    logits, target = make_case(1)
    weights = torch.tensor([1.0, 2, 3, 4])
    before = parsing_loss(logits, target, weights, dice=0.5)
    changed = logits.clone()
    changed.permute(0, 2, 3, 1)[target == IGNORED] = torch.tensor([50.0, -50, 0, 9])
    assert parsing_loss(changed, target, weights, dice=0.5).item() == pytest.approx(before.item())
    logits.requires_grad_()
    parsing_loss(logits, target, weights, dice=0.5).backward()
    assert logits.grad is not None
    assert not logits.grad.permute(0, 2, 3, 1)[target == IGNORED].any()


def test_all_ignored_costs_nothing_and_keeps_a_gradient_path():
    logits = torch.randn(1, 4, 2, 2, requires_grad=True)
    loss = parsing_loss(logits, torch.full((1, 2, 2), IGNORED), None, dice=0.5)
    loss.backward()
    assert loss.item() == 0 and logits.grad is not None and not logits.grad.any()


def test_dice_is_added_by_its_factor():
    logits, target = make_case(2)
    plain = parsing_loss(logits, target, None)
    wanted = plain + 0.25 * dice_loss(logits, target)
    assert parsing_loss(logits, target, None, dice=0.25).item() == pytest.approx(wanted.item())


def test_half_precision_is_computed_in_full():
    logits, target = make_case(3)
    low = logits.bfloat16()
    assert parsing_loss(low, target, None, dice=0.5).dtype == torch.float32
    exact = parsing_loss(low.float(), target, None, dice=0.5)
    assert torch.equal(parsing_loss(low, target, None, dice=0.5), exact)


def slow_dice(logits, target) -> float:
    """1 - mean over the labels that occur of 2 * both / (prediction + truth)."""
    probs, scores = logits.softmax(dim=1), []
    pixels = [(n, y, x) for n, y, x in np.ndindex(*target.shape) if int(target[n, y, x]) != IGNORED]
    for label in range(logits.shape[1]):
        both = predicted = real = 0.0
        for n, y, x in pixels:
            p, is_label = float(probs[n, label, y, x]), int(target[n, y, x]) == label
            both, predicted, real = both + p * is_label, predicted + p, real + is_label
        if real:
            scores.append(2 * both / (predicted + real))
    return 1 - sum(scores) / len(scores)


@pytest.mark.parametrize("seed", range(4))
def test_dice_equals_loops(seed):
    logits, target = make_case(seed, labels=9 if seed == 3 else 4)  # 9: some labels are absent
    assert dice_loss(logits, target).item() == pytest.approx(slow_dice(logits, target), abs=1e-5)


def test_dice_of_a_perfect_map_is_zero():
    _, target = make_case(0, ignored=0)
    logits = functional.one_hot(target, 4).permute(0, 3, 1, 2).float() * 100
    assert dice_loss(logits, target).item() == pytest.approx(0, abs=1e-6)


def slow_truth(parsing, owners, image, person, box, grid):
    """Read one person's labels cell by cell."""
    out = np.zeros(grid, int)
    height, width = parsing.shape[1:]
    for row in range(grid[0]):
        for column in range(grid[1]):
            y = math.floor(box[1] + (box[3] - box[1]) * (row + 0.5) / grid[0])
            x = math.floor(box[0] + (box[2] - box[0]) * (column + 0.5) / grid[1])
            if not (0 <= y < height and 0 <= x < width):
                continue  # outside the image is background
            if owners[image, y, x] == -1:
                out[row, column] = IGNORED
            elif owners[image, y, x] == person:
                out[row, column] = parsing[image, y, x]
    return out


# Quarters of pixels, and grids whose centres float32 tells exactly: no cell lies between two.
quarters = st.integers(-40, 80).map(lambda n: n / 4)
lengths = st.integers(1, 80).map(lambda n: n / 4)
people = st.lists(
    st.tuples(
        st.integers(0, 1), st.integers(-2, 3), st.tuples(quarters, quarters, lengths, lengths)
    ),
    min_size=1,
    max_size=3,
)


@given(st.integers(0, 5), people, st.sampled_from([(4, 2), (1, 8), (2, 2)]))
def test_truth_equals_loops(seed, rows, grid):
    rng = np.random.default_rng(seed)
    parsing = rng.integers(0, 20, (2, 9, 12)).astype(np.uint8)
    parsing[rng.random(parsing.shape) < 0.1] = IGNORED
    owners = rng.integers(-1, 4, parsing.shape).astype(np.int16)
    boxes = [[x, y, x + w, y + h] for _, _, (x, y, w, h) in rows]
    ours = sample_truth(
        torch.from_numpy(parsing),
        torch.from_numpy(owners),
        torch.tensor([row[0] for row in rows]),
        torch.tensor([row[1] for row in rows]),
        torch.tensor(boxes),
        grid,
    )
    assert ours.dtype == torch.int64 and ours.shape == (len(rows), *grid)
    for (image, person, _), box, mine in zip(rows, boxes, ours, strict=True):
        slow = slow_truth(parsing, owners, image, person, box, grid)
        np.testing.assert_array_equal(mine.numpy(), slow)


def test_truth_by_hand():
    parsing = torch.tensor([[[3, 4], [5, 6]]], dtype=torch.uint8)
    owners = torch.tensor([[[1, 2], [-1, 1]]], dtype=torch.int16)
    one = torch.tensor([0]), torch.tensor([1])
    box = torch.tensor([[-2.0, 0, 2, 2]])  # the left half lies outside the image
    truth = sample_truth(parsing, owners, *one, box, (2, 4))
    assert truth.tolist() == [[[0, 0, 3, 0], [0, 0, IGNORED, 6]]]


def test_presence_loss_by_hand():
    target = torch.zeros(3, 4, 4, dtype=torch.long)
    target[0, 0] = 1  # four cells: shown
    target[0, 1, :3] = 2  # three: not
    target[1, 2:] = IGNORED  # nobody: counts nothing
    target[2] = 3
    presence = torch.tensor([[9.0, 2, -1, 0], [9, 9, 9, 9], [-9, 0, 0, 3]])

    def cost(logit, truth):
        chance = 1 / (1 + math.exp(-logit))
        return -math.log(chance if truth else 1 - chance)

    wanted = [cost(2, 1), cost(-1, 0), cost(0, 0), cost(0, 0), cost(0, 0), cost(3, 1)]
    assert presence_loss(presence, target).item() == pytest.approx(sum(wanted) / 6, rel=1e-6)


def test_nobody_shows_nothing():
    presence = torch.randn(2, 4, requires_grad=True)
    loss = presence_loss(presence, torch.full((2, 3, 3), IGNORED))
    loss.backward()
    assert loss.item() == 0 and not presence.grad.any()
