"""Proposals of two classes: boxes by hand, starting scores, gradients, and what they can learn."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from peopleparse.losses.detection import box_loss, heat_loss, make_heat_targets  # noqa: E402
from peopleparse.nn.blocks import DenseDetector  # noqa: E402
from peopleparse.nn.rpn import FACE_ANCHOR, PERSON_ANCHOR, ProposalDetector  # noqa: E402


def make(inputs: int = 6, hidden: int = 8) -> ProposalDetector:
    torch.manual_seed(0)
    return ProposalDetector(inputs, hidden, stride=8)


def anchor_at(anchor, x: float, y: float):
    return torch.tensor(
        [x - anchor[0] / 2, y - anchor[1] / 2, x + anchor[0] / 2, y + anchor[1] / 2]
    )


@torch.no_grad()
def test_a_fresh_cell_gives_its_anchors_and_low_scores():
    detector = make()
    detector.boxes.weight.zero_()
    outputs = detector(torch.randn(2, 6, 3, 5))
    assert [tuple(v.shape) for v in outputs] == [(2, 1, 3, 5), (2, 4, 3, 5)] * 2
    person_heat, persons, face_heat, faces = outputs
    assert (person_heat.sigmoid() < 0.05).all() and (face_heat.sigmoid() < 0.05).all()
    # The centre of cell (row 2, column 4) of 8 pixels is (36, 20).
    assert torch.equal(persons[1, :, 2, 4], anchor_at(PERSON_ANCHOR, 36, 20))
    assert torch.equal(faces[1, :, 2, 4], anchor_at(FACE_ANCHOR, 36, 20))


@torch.no_grad()
def test_boxes_are_told_from_the_anchor():
    detector = make()
    detector.boxes.weight.zero_()
    log2 = float(torch.tensor(2.0).log())
    # A person a quarter of a width right, half a height up, twice as wide; faces half as high.
    detector.boxes.bias.copy_(torch.tensor([0.25, -0.5, log2, 0, 0, 0, 0, -log2]))
    _, persons, _, faces = detector(torch.zeros(1, 6, 1, 1))
    x, y = 4 + 0.25 * 80, 4 - 0.5 * 200
    wanted = torch.tensor([x - 80, y - 100, x + 80, y + 100])
    torch.testing.assert_close(persons[0, :, 0, 0], wanted)
    torch.testing.assert_close(faces[0, :, 0, 0], torch.tensor([4.0 - 12, 4 - 7, 4 + 12, 4 + 7]))


@torch.no_grad()
def test_wild_sizes_stay_numbers():
    detector = make()
    detector.boxes.bias.fill_(1e4)
    assert all(torch.isfinite(values).all() for values in detector(torch.randn(1, 6, 2, 2)))


def test_it_is_a_dense_detector_without_its_layers():
    detector = make()
    assert isinstance(detector, DenseDetector) and detector.stride == 8
    names = {name.split(".")[0] for name, _ in detector.named_parameters()}
    assert names == {"stem", "scores", "boxes"}


def test_every_weight_learns_and_boxes_come_to_fit():
    detector = make(hidden=16)
    features = torch.randn(1, 6, 16, 16, generator=torch.Generator().manual_seed(1))
    boxes = ([[20.0, 10, 70, 120]], [[30.0, 12, 50, 40]])
    truths = [
        [torch.from_numpy(v)[None] for v in make_heat_targets(_array(rows), 16, 16, 8)]
        for rows in boxes
    ]
    optimizer, losses = torch.optim.Adam(detector.parameters(), lr=0.02), []
    for _ in range(60):
        heats_and_boxes = detector(features)
        loss = torch.zeros(())
        for index, (heat, box, weight) in enumerate(truths):
            found, found_boxes = heats_and_boxes[2 * index : 2 * index + 2]
            loss = loss + heat_loss(found, heat[:, None], torch.tensor([False]))
            loss = loss + box_loss(found_boxes, box, weight)
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.any() for p in detector.parameters())
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]


def _array(rows):
    return torch.tensor(rows).numpy()
