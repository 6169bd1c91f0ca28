"""Which labels a person shows: the head, and what it adds to the logits."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from peopleparse.nn.presence import PresenceHead, add_presence  # noqa: E402


@pytest.mark.parametrize("grid", [(80, 40), (16, 8), (48, 32)])
def test_one_logit_a_label(grid):
    head = PresenceHead(5, 6, 7, grid)
    found = head(torch.randn(3, 5, *grid))
    assert found.shape == (3, 7)
    found.sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in head.parameters())


def test_at_first_it_changes_next_to_nothing():
    torch.manual_seed(0)
    logits = torch.randn(3, 7, 80, 40)
    found = add_presence(logits, PresenceHead(5, 6, 7, (80, 40))(torch.randn(3, 5, 80, 40)))
    assert (found - logits).abs().max() < 0.05


def test_what_is_not_there_is_not_drawn():
    logits, presence = torch.zeros(1, 3, 2, 2), torch.tensor([[-50.0, 50.0, -50.0]])
    found = add_presence(logits, presence)[0, :, 0, 0]
    assert found.tolist() == pytest.approx([0, 0, -50])
    chances = add_presence(logits, torch.tensor([[0.0, 0.0, -1.0]]))[0, :, 0, 0].exp()
    assert chances.tolist() == pytest.approx([1, 0.5, 1 / (1 + torch.e)])


def test_far_from_there_stays_finite():
    found = add_presence(torch.zeros(1, 2, 1, 1), torch.tensor([[0.0, -1e4]]))
    assert found.flatten().tolist() == [0, -1e4]
