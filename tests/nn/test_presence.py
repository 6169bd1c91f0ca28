"""Which labels a person shows: the head, and what it adds to the logits."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from peopleparse.nn.presence import PresenceHead, add_presence, see_labels  # noqa: E402


@pytest.mark.parametrize("grid", [(80, 40), (16, 8), (48, 32)])
def test_one_logit_a_label(grid):
    torch.manual_seed(0)
    head = PresenceHead(5, 16, 7, grid)
    found = head(torch.randn(3, 5, *grid), torch.randn(3, 7, *grid))
    assert found.shape == (3, 7)
    found.sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in head.parameters())


def test_at_first_it_changes_next_to_nothing():
    torch.manual_seed(0)
    logits = torch.randn(3, 7, 80, 40)
    head = PresenceHead(5, 6, 7, (80, 40))
    found = add_presence(logits, head(torch.randn(3, 5, 80, 40), logits))
    assert (found - logits).abs().max() < 0.05


def test_how_much_and_how_clear():
    logits = torch.full((2, 3, 8, 8), -30.0)
    logits[:, 0] = 0
    logits[1, 2, :4, :4] = 30  # a quarter of the second person, clear in one patch
    areas, patches = see_labels(logits).exp().sub(1e-3).chunk(2, dim=1)
    assert areas[0].tolist() == pytest.approx([1, 0, 0], abs=1e-6)
    assert areas[1].tolist() == pytest.approx([0.75, 0, 0.25], abs=1e-6)
    assert patches[1].tolist() == pytest.approx([1, 0, 1], abs=1e-6)


def test_what_is_not_there_is_not_drawn():
    logits, presence = torch.zeros(1, 3, 2, 2), torch.tensor([[-50.0, 50.0, -50.0]])
    found = add_presence(logits, presence)[0, :, 0, 0]
    assert found.tolist() == pytest.approx([0, 0, -50])
    chances = add_presence(logits, torch.tensor([[0.0, 0.0, -1.0]]))[0, :, 0, 0].exp()
    assert chances.tolist() == pytest.approx([1, 0.5, 1 / (1 + torch.e)])


def test_far_from_there_stays_finite():
    found = add_presence(torch.zeros(1, 2, 1, 1), torch.tensor([[0.0, -1e4]]))
    assert found.flatten().tolist() == [0, -1e4]
