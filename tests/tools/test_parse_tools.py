"""The tools that look at what parsing costs and whom it finds."""

from __future__ import annotations

import cv2
import pytest

from peopleparse.inference import Parser
from peopleparse.inference import pipeline as pipeline_module
from tests.fakes import FakeEngine, draw_people
from tests.tools.test_tools import load_tool


def test_steps_are_measured_by_processor_time_and_clocks_put_back() -> None:
    tool, clock = load_tool("profile_parse"), pipeline_module.perf_counter
    photo = draw_people((120, 160), [(30, 10, 70, 110)])
    data = cv2.imencode(".png", photo[:, :, ::-1])[1].tobytes()
    seconds = tool.measure(Parser(engine=FakeEngine(), detail="fast"), data, 2)
    assert list(seconds) == ["decode", "resize", "trunk", "detect", "rois", "paste", "all"]
    assert all(value >= 0 for value in seconds.values()) and seconds["all"] > 0
    assert pipeline_module.perf_counter is clock


def test_shares_by_hand() -> None:
    seconds = {"decode": 1.0, "trunk": 4.0, "rois": 4.0, "paste": 0.5, "all": 10.0}
    lines = load_tool("profile_parse").report(seconds)
    assert lines[0] == "decode    10.0%" and lines[3] == "paste      5.0%"
    assert lines[4] == "network   80.0%; the rest is 0.25 of it"


def test_the_table_of_small_people_by_hand() -> None:
    lines = load_tool("count_small_people").table_lines([(4, 1), (0, 0), (3, 3), (2, 1), (1, 1)])
    assert lines[2:4] == ["| 32 to 48 pixels | 4 | 25% |", "| 48 to 64 pixels | 0 | - |"]
    assert len(lines) == 7


def test_small_people_are_counted(data_root, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = load_tool("count_small_people")
    monkeypatch.setattr(tool, "SIDES", (512,))
    assert all(found <= people for people, found in tool.count_people(data_root, 1))
