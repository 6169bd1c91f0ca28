"""benchmarks/video.py: scores, text and refusals; never a real measurement."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import video, video_report
from benchmarks.harness import REPO
from benchmarks.video_noise import Noise, make_noisy
from benchmarks.video_scenes import CutoutVideos, draw_frames
from benchmarks.video_score import score_smoothing, score_tracks
from peopleparse.viz import draw_scene
from tests.fakes import FakeEngine


def test_no_noise_is_the_truth():
    truth = draw_scene(3, (160, 200))
    same = make_noisy(truth, np.random.default_rng(0), Noise(0, 0, 0, 0, 0))
    assert (same.parsing == truth.parsing).all() and (same.instances == truth.instances).all()
    assert (same.confidence > 0).sum() == (truth.parsing > 0).sum()


def test_each_fault_is_there():
    truth, rng = draw_scene(4, (160, 200)), np.random.default_rng(0)
    changed = {
        name: make_noisy(
            truth,
            rng,
            Noise(**{"border": 0, "swap": 0, "missed": 0, "cut": 0, "faint": 0} | {name: 1}),
        )
        for name in ("border", "swap", "missed", "cut", "faint")
    }
    assert len(changed["missed"]) == 0
    assert max(p.score for p in changed["faint"].people) < 0.3
    assert (changed["swap"].instances == truth.instances).all()
    for name in ("border", "swap", "cut"):
        assert (changed[name].parsing != truth.parsing).mean() > 0.003, name
    assert (changed["cut"].parsing > 0).sum() < (truth.parsing > 0).sum()


def test_the_truth_scores_full_marks():
    pairs = [(frame, frame.people) for frame in draw_frames(2, 6, (96, 128), 3)]
    rows = score_smoothing([pairs])
    assert rows["strength 0"] == pytest.approx(
        {"flicker": 0, "flicker_all": 0, "accuracy": 1, "accuracy_moved": 1}
    )
    assert score_tracks([pairs])["tracks"]["misses"] == 0


def make_result(monkeypatch):
    monkeypatch.setattr(video, "Parser", lambda model: FakeParser())
    options = video.read_options(["--quick"])
    options.data = None
    return video.measure(options)


class FakeParser:
    """Knows the engine's name and takes timings, as a parser does."""

    engine = FakeEngine()

    def __call__(self, image, timings=None):
        from peopleparse.inference.pipeline import parse_image

        return parse_image(self.engine, image, timings=timings)


def test_a_quick_run_has_every_number_and_a_text(monkeypatch):
    result = make_result(monkeypatch)
    json.dumps(result)
    assert result["quick"] and result["speed"]["frames"] == 5
    assert sum(result["speed"]["shares"].values()) == pytest.approx(1, abs=0.1)
    text = video_report.video_text(result)
    for words in ("SMOKE TEST", "id switches", "strength 0.7", "vote of 5 frames", "share of the"):
        assert words in text


def test_the_verdict_says_what_fell_short():
    calm = {"flicker": 0.1, "accuracy_moved": 0.8}
    rows = {"strength 0": {"flicker": 0.2, "accuracy_moved": 0.8}, "strength 0.7": calm}
    assert video_report._verdict(rows).endswith("where the truth moves (+0.0): met.")
    assert "(50% less at the default strength)" in video_report._verdict(rows)
    rows["strength 0.7"] = calm | {"accuracy_moved": 0.7}
    assert video_report._verdict(rows).endswith("(-10.0): NOT met.")


def test_real_people_are_moved_with_their_truth(data_root):
    frames = list(CutoutVideos(data_root, 6).make(3, 4, (120, 160), 1))
    assert len(frames) == 4
    for frame in frames:
        assert frame.people.image.shape == (120, 160, 3)
        assert len(frame.ids) == len(frame.people) and set(frame.ids) <= {1, 2, 3}
    again = next(iter(CutoutVideos(data_root, 6).make(3, 4, (120, 160), 1)))
    assert (again.people.parsing == frames[0].people.parsing).all()
    assert (frames[0].motion == 0).all() and (frames[1].motion != 0).any()


def test_the_page_has_its_table():
    text = (REPO / "docs" / "video.md").read_text(encoding="utf-8")
    assert "<!-- video:begin -->" in text and "<!-- video:end -->" in text
