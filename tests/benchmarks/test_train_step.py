"""benchmarks/train_step.py: ratios, checks and table; one tiny step; never a real measurement."""

from __future__ import annotations

import pytest

from benchmarks import train_step, train_step_report
from benchmarks.harness import BenchmarkError

MACHINE = {"cpu": "Chip", "cores": 2, "system": "Linux", "python": "3", "load_before": 0.0}


def make_result(ours=2.0, plain=2.01, quick=False):
    def turn(seconds, loss):
        answer = {"seconds": seconds, "cpu_seconds": 2 * seconds, "loss": loss}
        return answer, answer | {"loss": loss / 2}

    turns = {"trained": [turn(1.0, ours)] * 2, "plain": [turn(2.0, plain), turn(3.0, plain)]}
    end = {"peak_bytes": 1e9, "image": [8, 3, 288, 384], "persons": 20, "threads": 2}
    result = {"quick": quick, "written": "2025-01-01T00:00:00+00:00", "repetitions": 2}
    result["machine"] = MACHINE | {"quiet": True}
    ends = dict.fromkeys(turns, end | {"versions": {"torch": "2"}})
    return result | train_step.summarize(turns, ends)


def test_ratios_are_of_the_plain_twin():
    result = make_result()
    assert result["ratio"] == {"median": 2.5, "low": 2.0, "high": 3.0}
    assert result["sides"]["trained"]["first_loss"] == 2.0
    text = train_step_report.step_table(result)
    assert "| time of a step | 1 | 2.50 (2.00 to 3.00) |" in text
    assert "8 drawn scenes of 384 x 288 with 20 boxes, 2 threads" in text
    assert train_step_report.headline(make_result(quick=True)).startswith("SMOKE TEST")


@pytest.mark.parametrize("plain", [2.1, float("nan")])
def test_two_different_steps_are_refused(plain):
    train_step.check_losses(make_result())
    with pytest.raises(BenchmarkError, match="first loss must be that of the plain twin within 2%"):
        train_step.check_losses(make_result(plain=plain))


def test_both_sides_make_the_same_step_in_their_own_way():
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'peopleparse[train]'")
    from benchmarks import train_step_side

    first = {}
    for name, plain in train_step.SIDES.items():
        side = train_step_side.build({"size": [64, 64], "batch": 1, "plain": plain})
        kernels = [p for p in side._trainer.model.parameters() if p.dim() == 4 and p.shape[2] == 3]
        channels_last = [p.is_contiguous(memory_format=torch.channels_last) for p in kernels]
        dense = [
            p for p, last in zip(kernels, channels_last, strict=True) if p.shape[1] > 1 and last
        ]
        assert bool(dense) is not plain
        assert side.versions()["recipe"]["bfloat16"] is not plain
        first[name] = side.photo()["loss"]
    assert first["trained"] == pytest.approx(first["plain"], rel=0.02)
    assert first["trained"] != first["plain"]


def test_the_command_refuses_no_turns(capsys):
    with pytest.raises(SystemExit):
        train_step.main(["--repetitions", "0"])
    assert "must be at least 1" in capsys.readouterr().err
