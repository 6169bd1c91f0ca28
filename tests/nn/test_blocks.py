"""Small blocks: sizes, the sum of branches, and how the dense detector tells a box."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from peopleparse.nn.blocks import (  # noqa: E402
    ConvBlock,
    DenseDetector,
    ParsingNetwork,
    SeparableBlock,
)


@pytest.mark.parametrize("kernel, dilation", [(1, 1), (3, 1), (3, 4)])
def test_blocks_keep_the_size(kernel, dilation):
    maps = torch.zeros(1, 4, 7, 5)
    assert ConvBlock(4, 6, kernel, dilation).eval()(maps).shape == (1, 6, 7, 5)
    assert SeparableBlock(4, 6, dilation).eval()(maps).shape == (1, 6, 7, 5)


def test_a_block_without_norm_has_a_bias():
    assert [type(m).__name__ for m in ConvBlock(2, 2, norm=False)] == ["Conv2d", "ReLU"]
    assert ConvBlock(2, 2, norm=False)[0].bias is not None
    assert ConvBlock(2, 2)[0].bias is None


@pytest.mark.parametrize("stem", [0, 2])
def test_parsing_is_the_sum_of_branches_of_several_fields_of_view(stem):
    torch.manual_seed(0)
    network = ParsingNetwork(4, 8, labels=20, rates=(1, 3, 8), stem=stem, norm=True).eval()
    assert len(network.stem) == stem
    assert [branch[0][0].dilation[0] for branch in network.branches] == [1, 3, 8]
    features = torch.rand(2, 4, 9, 6)
    shared = network.stem(features)
    parts = [branch(shared) for branch in network.branches]
    logits = network(features)
    assert logits.shape == (2, 20, 9, 6)
    torch.testing.assert_close(logits, parts[0] + parts[1] + parts[2])


def constant_detector(person: list[float], face: list[float]) -> DenseDetector:
    """Return a detector whose heads say the same in every cell."""
    detector = DenseDetector(4, 8, stride=8).eval()
    for head, values in ((detector.person, person), (detector.face, face)):
        nn.init.zeros_(head.weight)
        head.bias.data = torch.tensor(values, dtype=torch.float32)
    return detector


@torch.no_grad()
def test_a_cell_tells_its_four_distances_in_powers_of_e():
    one, two = 0.0, math.log(2)
    detector = constant_detector([-3, one, one, two, two], [5, two, one, one, one])
    heat, boxes, face_heat, faces = detector(torch.zeros(1, 4, 3, 2))
    assert heat.shape == face_heat.shape == (1, 1, 3, 2) and boxes.shape == (1, 4, 3, 2)
    assert (heat == -3).all() and (face_heat == 5).all()
    # Cell (2, 1) has its centre at x 12, y 20; one stride is 8 pixels, two are 16.
    torch.testing.assert_close(boxes[0, :, 2, 1], torch.tensor([4.0, 12, 28, 36]))
    torch.testing.assert_close(faces[0, :, 2, 1], torch.tensor([-4.0, 12, 20, 28]))


@torch.no_grad()
def test_boxes_stay_finite_whatever_the_head_says():
    detector = constant_detector([0, 1e4, -1e4, 1e4, -1e4], [0, 0, 0, 0, 0])
    boxes = detector(torch.zeros(1, 4, 2, 2))[1]
    assert torch.isfinite(boxes).all() and (boxes[:, 2:] > boxes[:, :2]).all()


@torch.no_grad()
def test_at_the_start_nothing_is_found():
    torch.manual_seed(0)
    heat, _, face_heat, _ = DenseDetector(4, 8, stride=8).eval()(torch.rand(1, 4, 6, 6))
    assert heat.sigmoid().max() < 0.05 and face_heat.sigmoid().max() < 0.05


def test_separable_or_plain_stem():
    assert isinstance(DenseDetector(4, 8, 8).stem[0], SeparableBlock)
    assert isinstance(DenseDetector(4, 8, 8, separable=False).stem[0], ConvBlock)
