"""Scores of people who are hidden or seen from behind, with intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from peopleparse.data.gps import write_annotation
from peopleparse.errors import InputError
from peopleparse.evaluation import Options, evaluate, evaluate_tallies
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation
from tests.data.label_folders import write_png
from tests.evaluation.challenge_people import make_covered, make_cropped

GPS = get_scheme("gps")


def test_groups_by_shape_of_persons(tmp_path: Path) -> None:
    rng, known = np.random.default_rng(2), {}
    for number in range(3):
        known[f"{number}"] = make_covered(GPS, rng)
        maps = known[f"{number}"].parsings
        middle = [np.ptp(x) / 2 + x.min() for x in (np.nonzero(m)[1] for m in maps)]
        annotation = Annotation(maps[np.argsort(middle)], GPS, f"{number}")
        image = np.zeros((*annotation.parsings.shape[1:], 3), np.uint8)
        write_annotation(tmp_path / "set", annotation, image, "indoor", "val")
    options = Options(by=["occlusion", "view", "size"], bootstrap=20)
    system = evaluate(
        tmp_path / "set", {"a": tmp_path / "set"}, options=options, resume=tmp_path / "t"
    ).to_dict()["systems"][0]
    groups = system["groups"]
    counts = {name: group["persons"] for name, group in groups["occlusion"].items()}
    assert counts == {"occluded": 3, "not occluded": 3}
    for group in (*groups["view"].values(), *groups["occlusion"].values()):
        assert group["scores"]["ap_lambda_strict"] == 1
        interval = group["intervals"]["ap_lambda_strict"]
        assert (interval["low"], interval["high"]) == (1, 1)
    assert "intervals" in groups["size"]["large"] and system["mixups"]["mixups"] == []
    with pytest.raises(InputError, match="truth must be there for groups by occlusion, got tallie"):
        evaluate_tallies([tmp_path / "t"], Options(by=["occlusion"]))


def test_groups_by_shape_of_photos_of_one_person(tmp_path: Path) -> None:
    rng, lip = np.random.default_rng(0), get_scheme("lip")
    views = []
    for number in range(6):
        known = make_cropped("full body", lip, rng)
        write_png(tmp_path / f"{number}.png", known.parsings[0])
        views.append(known.tags[0].view)
    options = Options(by=["view", "occlusion"], bootstrap=5)
    groups = evaluate(tmp_path, {"a": tmp_path}, options=options).to_dict()["systems"][0]["groups"]
    assert {name: group["images"] for name, group in groups["view"].items()} == {
        name: views.count(name) for name in ("front", "back") if name in views
    }
    assert list(groups["occlusion"]) == ["not occluded"]
    assert groups["view"]["front"]["intervals"]["mean_iou"]["low"] == 1
