"""All scores of one system are those of the metrics, whatever the files allow."""

from __future__ import annotations

import json

import numpy as np
import pytest

from peopleparse.errors import InputError
from peopleparse.evaluation.headlines import HEADLINES, headline_values
from peopleparse.evaluation.modes import MODES, SCORES, Labels, M2fpPixels, check_scores
from peopleparse.evaluation.scorecard import Scorecard
from peopleparse.evaluation.worst import WorstImages, image_score
from peopleparse.metrics import ConfusionMatrix, LambdaAP, PersonAP, make_tally
from peopleparse.metrics.ap_human import HumanAP
from peopleparse.metrics.ap_part import PartAP
from peopleparse.metrics.ap_region import RegionAP
from peopleparse.metrics.failures import FailureCounts
from peopleparse.metrics.panoptic import PanopticQuality
from tests.evaluation.fakes import NUM_IDS, label_map
from tests.metrics.scenes import make_set

LABELS = Labels(("background", "a", "b", "c", "d", ""), 255)
PARTS = (1, 2, 3, 4)


def make_tallies(seed=0, images=5, missing=()):
    found = []
    for name, scene in make_set(seed, images).items():
        scene = scene._replace(preds=np.where(scene.preds == 5, 4, scene.preds))
        truth = np.where(scene.truth == 5, 4, scene.truth)
        given = None if name in missing else scene.preds
        scores = None if name in missing else scene.scores
        found.append(make_tally(name, truth, given, scores, num_ids=NUM_IDS))
    return found


def flat_tally(name="flat"):
    maps = label_map("0123"), label_map("0113")
    return make_tally(name, None, None, num_ids=NUM_IDS, truth_parsing=maps[0], parsing=maps[1])


def fill(card, tallies):
    for tally in tallies:
        card.add(tally)
    return card


def test_scores_are_those_of_the_metrics():
    tallies = make_tallies(missing=["image2"])
    metrics = {
        "pixels": ConfusionMatrix(NUM_IDS, label_ids=(0, *PARTS)),
        "ap_lambda": LambdaAP(NUM_IDS, label_ids=PARTS),
        "ap_p": PartAP(NUM_IDS, label_ids=PARTS),
        "ap_r": RegionAP(NUM_IDS),
        "ap_h": HumanAP(NUM_IDS),
        "person_mask": PersonAP("mask"),
        "person_box": PersonAP("box"),
        "panoptic": PanopticQuality(NUM_IDS, label_ids=PARTS),
    }
    failures = FailureCounts(NUM_IDS, label_ids=PARTS)
    for tally in tallies:
        for metric in (*metrics.values(), failures):
            metric.add(tally)
    card = fill(Scorecard(LABELS), tallies)
    scores = card.scores()
    confusion = scores["pixels"].pop("confusion")
    assert confusion == sum(tally.confusion for tally in tallies).tolist()
    assert scores == {name: metric.compute().to_dict() for name, metric in metrics.items()}
    assert tuple(scores) == SCORES and card.failures() == failures.compute().to_dict()
    assert tuple(headline_values(scores)) == HEADLINES


def test_the_order_of_images_changes_nothing():
    tallies = make_tallies(8, 9)
    first, second = (fill(Scorecard(LABELS), order) for order in (tallies, tallies[::-1]))
    for part in (Scorecard.scores, Scorecard.curves, Scorecard.failures, Scorecard.worst):
        assert part(first) == part(second)


def test_all_readings_stay_in_the_spread():
    card = fill(Scorecard(LABELS, all_readings=True), make_tallies())
    assert list(card.scores()["ap_lambda"]["readings"]) == ["strict", "literal", "mhp"]
    assert "legacy-mhp" in card.metrics["ap_lambda"].compute().readings


def test_label_maps_have_pixel_scores_only():
    missing = make_tallies(missing=["image0"], images=1)
    for tallies in ([flat_tally()], [*missing, flat_tally()], [flat_tally(), *missing]):
        card = fill(Scorecard(LABELS), tallies)
        assert list(card.scores()) == ["pixels"] and not card.persons
        assert card.failures() is None and card.curves() == {}
        assert set(card.draw([t.confusion for t in tallies], np.ones((1, len(tallies)), int))) == {
            "mean_iou", "overall_accuracy", "mean_accuracy", "frequency_weighted_iou",
        }  # fmt: skip


def test_scores_that_were_asked_for_are_never_left_out_silently():
    card = Scorecard(LABELS, names=["ap_lambda"])
    with pytest.raises(InputError, match="scores of persons must have persons on both sides"):
        card.add(flat_tally())
    with pytest.raises(InputError, match="for mode 'legacy-mhp', got label maps only. Take mode"):
        fill(Scorecard(LABELS, "legacy-mhp"), [flat_tally()]).scores()


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "recommended"])
def test_legacy_modes_have_what_was_published(mode):
    card = fill(Scorecard(LABELS, mode), make_tallies(missing=["image1"]))
    scores = card.scores()
    assert set(scores) == set(MODES[mode]) and card.curves() == {} and card.failures() is None
    json.dumps(scores, allow_nan=False)
    for name in set(scores) - {"pixels"}:
        assert scores[name]["mode"].startswith("legacy-")
    with pytest.raises(InputError, match=f"must be recommended where images are .* '{mode}'"):
        card.draw([], [[1]])


@pytest.mark.parametrize(
    ("mode", "names", "text"),
    [
        ("legacy-mph", None, "mode must be a known name, got 'legacy-mph'. Did you mean 'legacy-m"),
        ("recommended", ["ap_q"], "scores of mode 'recommended', got 'ap_q'. Did you mean 'ap_"),
        ("legacy-mhp", ["ap_r"], "scores of mode 'legacy-mhp', got 'ap_r'.* Choices: ap_p."),
        ("recommended", [], "metrics must be one or more scores, got none. Leave it out for all."),
    ],
)
def test_unknown_modes_and_scores(mode, names, text):
    with pytest.raises(InputError, match=text):
        Scorecard(LABELS, mode, names)


def test_named_scores_come_in_one_order():
    assert check_scores("recommended", ["ap_p", "pixels"]) == ("pixels", "ap_p")


def test_unused_ids_are_no_parts():
    assert LABELS.parts == PARTS and LABELS.num_ids == NUM_IDS


def test_pixels_as_m2fp_counts_them():
    tallies = [flat_tally("a"), *make_tallies(missing=["image0"], images=1)]
    metric, other = M2fpPixels(NUM_IDS), M2fpPixels(NUM_IDS)
    metric.add(tallies[0])
    other.add(tallies[1])
    metric.merge(other)
    found = metric.compute()
    iou = [1 / (1 + 1e-10), 1 / (2 + 1e-10), 0 / (1 + 1e-10), 1 / (1 + 1e-10), 0.0, 0.0]
    assert found.iou == tuple(iou) and found.mean_iou == float(np.nanmean(iou))
    assert (found.images, found.missing_images, found.overall_accuracy) == (1, 1, 0.75)
    assert M2fpPixels(NUM_IDS).compute().to_dict()["overall_accuracy"] is None


def test_curves_end_where_the_counts_say():
    card = fill(Scorecard(LABELS), make_tallies(4, 6))
    curves, readings = card.curves(), card.scores()["ap_lambda"]
    assert list(curves) == ["strict", "literal", "mhp", "person_mask"]
    for name in ("strict", "literal", "mhp"):
        matched = readings["readings"][name]["matched"][4]
        assert curves[name]["recall"][-1] == matched / readings["truth_persons"]
        assert curves[name]["precision"][-1] == matched / readings["predictions"]
        assert curves[name]["threshold"] == 0.5


def test_drawing_every_image_once_gives_the_scores():
    tallies = make_tallies(5, 6)
    card = fill(Scorecard(LABELS), tallies)
    drawn = card.draw([tally.confusion for tally in tallies], np.ones((2, 6), int))
    values = headline_values(card.scores())
    assert set(values) - set(drawn) == {"pcp_50", "pq"}
    for key, draws in drawn.items():
        assert draws == pytest.approx([values[key]] * 2, abs=1e-15)


def test_the_score_of_an_image():
    truth = np.stack([label_map("1120"), label_map("0003")])
    whole = make_tally("a", truth, truth, num_ids=NUM_IDS)
    half = make_tally("b", truth, [label_map("1100")], num_ids=NUM_IDS)
    none = make_tally("c", truth, None, num_ids=NUM_IDS)
    assert image_score(whole, PARTS) == 1.0
    assert image_score(half, PARTS) == 0.25  # parts 1 and .0 of the first, nothing of the second
    assert image_score(none, PARTS) == 0.0
    assert image_score(flat_tally(), PARTS) == (1 + 0.5 + 0 + 1) / 4
    empty = make_tally("d", truth[:0], truth[:0], num_ids=NUM_IDS)
    assert image_score(empty, PARTS) == 1.0
    ignored = make_tally("e", [label_map("1120") * 0 + 255], None, num_ids=NUM_IDS)
    assert np.isnan(image_score(ignored, PARTS))


def test_the_worst_images_whatever_the_order():
    tallies = [flat_tally(name) for name in "dbca"] + make_tallies(0, 4, missing=["image1"])
    expected = sorted((round(image_score(t, PARTS), 12), t.image_id) for t in tallies)
    for order in (tallies, tallies[::-1]):
        worst = WorstImages(PARTS, 6)
        for tally in order:
            worst.add(tally)
        assert worst.lowest() == [(name, score) for score, name in expected[:6]]
    none = WorstImages(PARTS, 0)
    none.add(tallies[0])
    assert none.lowest() == []
