"""Targets and losses of the detector, against loops and numbers made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from peopleparse.losses.detection import box_loss, heat_loss, make_heat_targets  # noqa: E402

HEIGHT, WIDTH, STRIDE = 6, 9, 8
sides = st.tuples(st.floats(1, 60), st.floats(1, 50))
corners = st.tuples(st.floats(-10, 70), st.floats(-10, 45))
boxes = st.lists(st.tuples(corners, sides), max_size=4).map(
    lambda rows: np.array([[*c, c[0] + s[0], c[1] + s[1]] for c, s in rows], np.float32).reshape(
        -1, 4
    )
)


def slow_targets(rows, height, width, stride):
    """Cell by cell: the hottest object, and the box of the smallest that claims the cell."""
    heat, target = np.zeros((height, width)), np.zeros((4, height, width))
    weight = np.zeros((height, width))
    # The larger first, so that a smaller one written later wins.
    for x1, y1, x2, y2 in sorted(rows, key=lambda b: -(b[2] - b[0]) * (b[3] - b[1])):
        cx = min(max(int((x1 + x2) / 2 / stride), 0), width - 1)
        cy = min(max(int((y1 + y2) / 2 / stride), 0), height - 1)
        sx = max((x2 - x1) / stride * 0.09, 0.3)
        sy = max((y2 - y1) / stride * 0.09, 0.3)
        bump = {
            (y, x): math.exp(-(((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2) / 2)
            for y in range(height)
            for x in range(width)
        }
        total = sum(value for value in bump.values() if value > 0.25)
        for (y, x), value in bump.items():
            heat[y, x] = max(heat[y, x], value)
            if value > 0.25:
                target[:, y, x], weight[y, x] = (x1, y1, x2, y2), value / total
    return heat, target, weight


@given(boxes)
def test_targets_equal_loops(rows):
    ours = make_heat_targets(rows, HEIGHT, WIDTH, STRIDE)
    for fast, slow in zip(ours, slow_targets(rows, HEIGHT, WIDTH, STRIDE), strict=True):
        assert fast.dtype == np.float32 and fast.shape == slow.shape
        np.testing.assert_allclose(fast, slow, atol=1e-4)


@given(boxes)
def test_heat_is_one_at_centres_and_nowhere_else(rows):
    heat = make_heat_targets(rows, HEIGHT, WIDTH, STRIDE)[0]
    cells = {
        (
            int(np.clip((y1 + y2) / 2 / STRIDE, 0, HEIGHT - 1)),
            int(np.clip((x1 + x2) / 2 / STRIDE, 0, WIDTH - 1)),
        )
        for x1, y1, x2, y2 in rows
    }
    assert set(zip(*(i.tolist() for i in np.nonzero(heat == 1)), strict=True)) == cells


def test_weights_sum_to_one_for_an_object_alone():
    weight = make_heat_targets(np.array([[4, 0, 68, 46]], np.float32), HEIGHT, WIDTH, STRIDE)[2]
    assert (weight > 0).sum() > 1
    assert weight.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_smaller_object_wins(order):
    rows = np.array([[0, 0, 72, 48], [30, 18, 42, 30]], np.float32)
    heat, target, weight = make_heat_targets(rows[list(order)], HEIGHT, WIDTH, STRIDE)
    assert heat[3, 4] == 1 and target[:, 3, 4].tolist() == rows[1].tolist()
    assert weight[3, 4] == pytest.approx(1)
    learnt = {tuple(column) for column in target[:, weight > 0].T.tolist()}
    assert learnt == {tuple(row) for row in rows.tolist()}  # the larger keeps its other cells


def test_no_object_no_target():
    for values in make_heat_targets(np.zeros((0, 4), np.float32), HEIGHT, WIDTH, STRIDE):
        assert not values.any()


def one_row(values):
    return torch.tensor(values).view(1, 1, 1, -1)


SURE, UNSURE = torch.tensor([False]), torch.tensor([True])


def test_heat_loss_by_hand():
    heat, logits = one_row([1.0, 0.5, 0.0]), one_row([0.0, 0.0, 0.0])
    half = math.log(2) * 0.25  # what p = .5 costs, right or wrong
    wanted = half * (1 + 0.5**4 + 1)
    assert heat_loss(logits, heat, SURE).item() == pytest.approx(wanted, rel=1e-5)
    # Two objects share the sum.
    heat = one_row([1.0, 1.0, 0.0])
    assert heat_loss(logits, heat, SURE).item() == pytest.approx(3 * half / 2, rel=1e-5)
    # Nobody: the sum itself.
    assert heat_loss(logits, one_row([0.0] * 3), SURE).item() == pytest.approx(3 * half, rel=1e-5)


def test_perfect_heat_costs_nothing_and_certain_mistakes_stay_finite():
    heat = one_row([1.0, 0.0])
    assert heat_loss(one_row([30.0, -30.0]), heat, SURE).item() == pytest.approx(0, abs=1e-6)
    wrong = heat_loss(one_row([-200.0, 200.0]), heat, SURE)
    assert wrong.item() == pytest.approx(400, rel=1e-4)


def test_bystanders_in_unsure_images_are_left_alone():
    heat = one_row([1.0, 0.0, 0.005, 0.05, 0.0])
    # Cells: centre; confident and far (twice); confident but near; far and not confident.
    logits = one_row([0.0, 2.0, 2.0, 2.0, -2.0]).requires_grad_()
    heat_loss(logits, heat, UNSURE).backward()
    assert logits.grad is not None
    assert (logits.grad.flatten() != 0).tolist() == [True, False, False, True, True]
    logits.grad = None
    heat_loss(logits, heat, SURE).backward()
    assert (logits.grad != 0).all()


def test_the_unsure_rule_holds_for_its_own_image_only():
    logits = torch.full((2, 1, 1, 1), 2.0)
    heat = torch.zeros(2, 1, 1, 1)
    both = heat_loss(logits, heat, torch.tensor([True, False]))
    assert both.item() == pytest.approx(heat_loss(logits[:1], heat[:1], SURE).item())
    assert heat_loss(logits, heat, torch.tensor([True, True])).item() == 0


def box_maps(*rows):
    return torch.tensor(rows, dtype=torch.float32).T.reshape(1, 4, 1, len(rows))


def test_box_loss_by_hand():
    target = box_maps((0, 0, 10, 10), (0, 0, 10, 10))
    weight = torch.tensor([[[1.0, 0.0]]])
    # Half of the box, inside it: IoU .5 and no empty hull. The second cell has no weight.
    boxes = box_maps((0, 0, 10, 5), (50, 50, 60, 60))
    assert box_loss(boxes, target, weight).item() == pytest.approx(0.5, abs=1e-5)
    # Beside it with a gap as wide: IoU 0, a third of the hull is empty.
    beside = box_maps((20, 0, 30, 10), (0, 0, 1, 1))
    assert box_loss(beside, target, weight).item() == pytest.approx(1 + 1 / 3, abs=1e-5)
    # Weights are shares of one vote.
    both = box_maps((0, 0, 10, 10), (0, 0, 10, 5))
    weight = torch.tensor([[[1.0, 3.0]]])
    assert box_loss(both, target, weight).item() == pytest.approx(0.5 * 3 / 4, abs=1e-5)


def test_perfect_boxes_cost_nothing():
    rows = np.array([[4, 0, 68, 46], [30, 18, 42, 30]], np.float32)
    _, target, weight = (
        torch.from_numpy(value)[None] for value in make_heat_targets(rows, HEIGHT, WIDTH, STRIDE)
    )
    assert box_loss(target.clone(), target, weight).item() == pytest.approx(0, abs=1e-5)


def test_no_boxes_cost_nothing_and_keep_a_gradient_path():
    boxes = torch.rand(1, 4, 2, 2, requires_grad=True)
    loss = box_loss(boxes, torch.zeros(1, 4, 2, 2), torch.zeros(1, 2, 2))
    loss.backward()
    assert loss.item() == 0
    assert boxes.grad is not None and not boxes.grad.any()
