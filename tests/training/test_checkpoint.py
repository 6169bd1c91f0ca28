"""Checkpoints are whole or absent, and say what is wrong with them."""

from __future__ import annotations

import re

import pytest

torch = pytest.importorskip("torch")

from peopleparse.errors import ModelError  # noqa: E402
from peopleparse.training.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402


def test_what_is_saved_is_loaded(tmp_path):
    state = {"step": 3, "recipe": "{}", "model": {"w": torch.arange(3.0)}}
    save_checkpoint(tmp_path / "run" / "last.pt", state)
    found = load_checkpoint(tmp_path / "run" / "last.pt")
    assert found["step"] == 3 and torch.equal(found["model"]["w"], torch.arange(3.0))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["last.pt"]


def test_an_interrupted_save_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"step": 1})

    def write_half(state, where):
        where.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", write_half)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, {"step": 2})
    assert load_checkpoint(path) == {"step": 1}


def test_a_missing_checkpoint_is_an_error(tmp_path):
    path = tmp_path / "none.pt"
    text = f"checkpoint must be a file, got none, at {path}. Train one first."
    with pytest.raises(ModelError, match=re.escape(text)):
        load_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_a_broken_checkpoint_is_an_error(tmp_path, content):
    path = tmp_path / "broken.pt"
    path.write_bytes(content)
    text = f"at {path}. Take an earlier one."
    with pytest.raises(ModelError, match=re.escape(text)) as caught:
        load_checkpoint(path)
    assert str(caught.value).startswith("checkpoint must be readable by torch, got ")


class Stranger:
    """Something that a checkpoint must not bring to life."""


def test_only_plain_values_are_unpickled(tmp_path):
    path = tmp_path / "strange.pt"
    torch.save({"model": Stranger()}, path)
    with pytest.raises(ModelError, match="checkpoint must be readable by torch, got Unpickling"):
        load_checkpoint(path)
