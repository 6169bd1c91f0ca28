"""Joints: centres against loops, and the figures of the released code's heat maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from peopleparse.labels import get_scheme  # noqa: E402
from peopleparse.losses.joints import (  # noqa: E402
    AMPLITUDE,
    MISSING,
    Joints,
    center_errors,
    heatmap_errors,
    joint_centers,
    soft_joint_centers,
)
from peopleparse.losses.structure import structure_weight  # noqa: E402
from tests.losses.structure_cases import GPS, IGNORED, LIP, NINE, dots, make_case  # noqa: E402
from tests.oracles import structure_oracle as oracle  # noqa: E402


def released(prediction, truth) -> float:
    grid = truth.shape[1:]
    joints = joint_centers(prediction, LIP), joint_centers(truth, LIP)
    return structure_weight(*joints, grid, "released").item()


# Figures of the released code


@pytest.mark.parametrize(
    ("cells", "weight"), [(0, 0), (1, 0.0886), (2, 0.2529), (3, 0.3579), (4, 0.3928), (15, 0.4)]
)
@pytest.mark.parametrize("across", [True, False])
def test_released_weight_of_a_displaced_joint(cells, weight, across):
    moved = (20 + cells, 20) if across else (20, 20 + cells)
    got = released(dots({13: moved}), dots({13: (20, 20)}))
    assert round(got, 4) == weight or got == pytest.approx(weight, abs=1e-4)


def test_released_weight_of_a_joint_that_one_side_misses():
    truth, nobody = dots({13: (20, 20)}), dots({})
    for ours, real in ((nobody, truth), (truth, nobody)):
        assert round(released(ours, real), 3) == 0.2


def test_released_weight_is_at_most_3_6():
    left = {label: (5, 4 + 4 * i) for i, label in enumerate(NINE)}
    right = {label: (35, 4 + 4 * i) for i, label in enumerate(NINE)}
    assert round(released(dots(right), dots(left)), 2) == 3.6


def test_energy_of_a_bell_is_8():
    joints = Joints(torch.tensor([[[20.0, 20.0]]]), torch.tensor([[True]]))
    nothing = joints._replace(present=torch.tensor([[False]]))
    assert heatmap_errors(joints, nothing, (41, 41)).item() == pytest.approx(8.0, abs=2e-3)
    assert pytest.approx(1.5958, abs=1e-4) == AMPLITUDE


def test_a_bell_is_cut_off_at_the_border():
    truth = dots({13: (1, 0)})
    assert released(dots({}), truth) == pytest.approx(
        oracle.released_weight([None], [(1, 0)], 41, 41), abs=1e-6
    )
    assert released(dots({}), truth) < 0.16  # .200 in the middle


def test_released_loses_a_joint_in_the_corner_and_paper_does_not():
    corner, nobody = dots({13: (0, 0)}), dots({})
    assert released(nobody, corner) == 0
    joints = joint_centers(nobody, LIP), joint_centers(corner, LIP)
    for measure in ("centers", "heatmaps"):
        assert structure_weight(*joints, (41, 41), "paper", measure).item() > 0
    assert joint_centers(corner, LIP).present.sum() == 1


# Centres


def test_center_is_the_truncated_mean_of_all_labels_of_the_joint():
    parsing = dots({1: (3, 0), 2: (4, 1), 13: (5, 7), 14: (9, 9)})  # hat, hair, face; left arm
    found = joint_centers(parsing, LIP)
    assert LIP.joints[0] == "head" and LIP.joints[3] == "left arm"
    assert found.centers[0, 0].tolist() == [4, 2]  # (3 + 4 + 5) / 3, int(8 / 3)
    assert found.centers[0, 3].tolist() == [9, 9]
    assert found.present[0].tolist() == [joint in ("head", "left arm") for joint in LIP.joints]
    exact = joint_centers(parsing, LIP, truncate=False)
    assert exact.centers[0, 0].tolist() == pytest.approx([4, 8 / 3])


def test_labels_without_a_joint_have_no_center():
    parsing = torch.tensor([[[0, 3, 6, 8, 10, IGNORED]]])  # glove, dress, socks, jumpsuits
    assert not joint_centers(parsing, LIP).present.any()


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from(["lip", "gps"]), st.booleans())
def test_centers_equal_loops(seed, name, truncate):
    scheme = get_scheme(name)
    _, truth = make_case(seed, grid=(7, 4))
    found = joint_centers(truth, scheme, truncate)
    for person in range(len(truth)):
        slow = oracle.centers(truth[person].tolist(), oracle.groups_of(scheme), truncate)
        assert found.present[person].tolist() == [c is not None for c in slow]
        for mine, center in zip(found.centers[person].tolist(), slow, strict=True):
            if center is not None:
                assert mine == [np.float32(float(value)) for value in center]


def test_soft_centers_of_a_sure_map_are_the_exact_means():
    _, truth = make_case(5, ignored=0.0)
    soft = soft_joint_centers(functional.one_hot(truth, 20).movedim(-1, 1).double(), LIP)
    hard = joint_centers(truth, LIP, truncate=False)
    both = hard.present
    torch.testing.assert_close(soft.centers[both].float(), hard.centers[both])
    assert not soft.present[~both].any()
    assert (soft.present[both] > 0.63).all()


def test_soft_center_by_hand():
    probs = torch.zeros(1, 20, 1, 5)
    probs[0, 13, 0, 0] = 0.25
    probs[0, 1, 0, 4], probs[0, 2, 0, 4] = 0.25, 0.5  # hat and hair are one joint: .75
    found = soft_joint_centers(probs, LIP)
    # Squares: 1/16 and 9/16.
    assert found.centers[0, 0].tolist() == pytest.approx([3.6, 0])
    assert found.present[0, 0].item() == pytest.approx(1 - math.exp(-10 / 16))
    left = soft_joint_centers(probs, LIP, torch.tensor([[[True, True, True, True, False]]]))
    assert left.centers[0, 0].tolist() == [0, 0]


def test_faint_pixels_everywhere_neither_make_nor_move_a_joint():
    logits = torch.zeros(1, 20, 80, 40)
    logits[:, 0] = 6  # nobody, and every label .0024 of each pixel
    assert (soft_joint_centers(logits.softmax(1), LIP).present < 0.3).all()
    logits[0, 18, 70:75, 3:7] = 12  # a left shoe of 20 pixels
    found = soft_joint_centers(logits.softmax(1), LIP)
    shoe = LIP.joints.index("left shoe")
    assert found.present[0, shoe] > 0.99
    torch.testing.assert_close(found.centers[0, shoe], torch.tensor([4.5, 72]), atol=0.1, rtol=0)


# Weights by hand


def test_center_error_is_in_squares_of_the_longer_side():
    truth, moved = dots({16: (10, 10)}, 20), dots({16: (13, 14)}, 20)
    joints = joint_centers(moved, GPS), joint_centers(truth, GPS)
    assert center_errors(*joints, (20, 20)).sum().item() == pytest.approx(0)  # GPS 16 is a bag
    joints = joint_centers(moved, LIP), joint_centers(truth, LIP)
    assert center_errors(*joints, (20, 20)).sum().item() == pytest.approx((9 + 16) / 400)
    assert structure_weight(*joints, (20, 20)).item() == pytest.approx(25 / 400 / 18)


def test_center_error_of_a_missing_joint():
    joints = joint_centers(dots({}, 9), LIP), joint_centers(dots({16: (3, 3)}, 9), LIP)
    for pair in (joints, joints[::-1]):
        assert structure_weight(*pair, (9, 9)).item() == pytest.approx(MISSING**2 / 18)
