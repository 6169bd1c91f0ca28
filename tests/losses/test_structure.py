"""Structure loss: gradients of the three modes, plain loops, people without joints or pixels."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from peopleparse.errors import InputError, SchemeError  # noqa: E402
from peopleparse.labels import Label, Scheme  # noqa: E402
from peopleparse.losses.joints import joint_centers  # noqa: E402
from peopleparse.losses.structure import (  # noqa: E402
    StructureLoss,
    structure_weight,
    weighted_cross_entropy,
)
from tests.losses.structure_cases import (  # noqa: E402
    FORMS,
    GPS,
    IGNORED,
    LIP,
    NINE,
    dots,
    every_form,
    make_case,
    sure,
)
from tests.oracles import structure_oracle as oracle  # noqa: E402


@every_form
def test_a_perfect_skeleton_weighs_nothing(mode, measure):
    _, truth = make_case(3, grid=(12, 9), ignored=0.0)
    logits = sure(truth, score=1e4)
    weight = StructureLoss("lip", mode, measure=measure).weight(logits, truth)
    # A soft joint of few cells is never quite there.
    assert (weight == 0).all() if mode != "soft" else (weight < 0.3).all()


def test_large_soft_joints_weigh_nothing_when_in_place():
    truth = torch.zeros(1, 40, 40, dtype=torch.int64)
    truth[0, 5:15, 5:16], truth[0, 20:40, 3:9] = 13, 16
    for measure in ("centers", "heatmaps"):
        weight = StructureLoss("lip", "soft", measure=measure).weight(sure(truth), truth)
        assert weight.item() == pytest.approx(0, abs=1e-6)


# Loops


@every_form
@pytest.mark.parametrize("seed", range(3))
def test_loss_equals_loops(mode, measure, seed):
    logits, truth = make_case(seed)
    if seed == 2:
        truth[0] = IGNORED
    weights = torch.rand(20, generator=torch.Generator().manual_seed(seed)) if seed else None
    loss = StructureLoss("gps", mode, offset=0.5, scale=2.0, measure=measure)
    got = loss.terms(logits.double(), truth, weights)
    label_weights = [1.0] * 20 if weights is None else weights.tolist()
    slow, means, persons = oracle.structure_loss(
        logits.double().tolist(), truth.tolist(), oracle.groups_of(GPS), mode, measure, 0.5, 2.0,
        label_weights,
    )  # fmt: skip
    assert got.loss.item() == pytest.approx(slow, rel=1e-6)
    assert got.cross_entropy.tolist() == pytest.approx(means, rel=1e-6)
    assert got.weight.tolist() == pytest.approx(persons, rel=1e-5, abs=1e-6)
    assert torch.equal(loss(logits.double(), truth, weights), got.loss)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from(FORMS), st.integers(1, 9), st.integers(1, 9))
def test_weights_equal_loops_on_any_grid(seed, form, height, width):
    logits, truth = make_case(seed, persons=2, grid=(height, width))
    got = StructureLoss("lip", form[0], measure=form[1]).weight(logits.double(), truth)
    for person in range(2):
        slow = oracle.person_weight(
            logits[person].double().tolist(), truth[person].tolist(), oracle.groups_of(LIP), *form
        )
        assert got[person].item() == pytest.approx(slow, rel=1e-5, abs=1e-5)


# Gradients


def gradient(loss, logits):
    leaf = logits.clone().requires_grad_()
    return torch.autograd.grad(loss(leaf), leaf)[0]


def plain_gradient(logits, truth, weights=None):
    return gradient(
        lambda z: functional.cross_entropy(z, truth, weights, ignore_index=IGNORED), logits
    )


@pytest.mark.parametrize("weights", [None, torch.linspace(0.5, 2, 20)])
def test_released_gradient_is_plain_cross_entropys_bit_for_bit(weights):
    logits, truth = make_case(7)
    loss = StructureLoss("lip", "released")
    ours = gradient(lambda z: loss(z, truth, weights), logits)
    assert torch.equal(ours, plain_gradient(logits, truth, weights))
    plain = functional.cross_entropy(logits, truth, weights, ignore_index=IGNORED)
    assert loss(logits, truth, weights).item() != pytest.approx(plain.item(), rel=0.01)


@pytest.mark.parametrize("offset", [0.0, 1.0])
@pytest.mark.parametrize("measure", ["centers", "heatmaps"])
def test_paper_gradient_is_the_weight_times_cross_entropys(offset, measure):
    logits, truth = (t.double() if t.is_floating_point() else t for t in make_case(8))
    loss = StructureLoss("lip", "paper", offset, measure=measure)
    weight = loss.weight(logits, truth).double()
    assert not weight.requires_grad and len(set(weight.tolist())) == 3
    ours = gradient(lambda z: loss(z, truth), logits)
    wanted = weight[:, None, None, None] * plain_gradient(logits, truth)
    torch.testing.assert_close(ours, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("measure", ["centers", "heatmaps"])
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_soft_passes_gradcheck(measure, offset):
    logits, truth = make_case(9, persons=2, grid=(4, 3))
    loss = StructureLoss("lip", "soft", offset, measure=measure)
    leaf = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss(z, truth), leaf)


def test_soft_gradient_moves_a_joint_home():
    truth = dots({13: (2, 4)}, 9)
    logits = sure(dots({13: (6, 4)}, 9), score=4.0).requires_grad_()
    loss = StructureLoss("lip", "soft")
    before = loss.weight(logits, truth)
    (step,) = torch.autograd.grad(before.sum(), logits)
    after = loss.weight(logits - 50 * step, truth)
    assert after.item() < before.item()
    assert step[0, 13, 4, 1] < 0 < step[0, 13, 4, 8]  # more face on the left, less on the right


def test_the_three_modes_differ_in_value_and_gradient():
    logits, truth = make_case(10)
    losses = [StructureLoss("lip", mode) for mode in ("paper", "released", "soft")]
    values = [loss(logits, truth).item() for loss in losses]
    slopes = [gradient(lambda z, loss=loss: loss(z, truth), logits) for loss in losses]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert values[a] != pytest.approx(values[b], rel=0.01)
        assert not torch.allclose(slopes[a], slopes[b], rtol=0.01)


# Corner cases


@every_form
def test_with_offset_1_and_joints_in_place_it_is_plain_cross_entropy(mode, measure):
    truth = torch.zeros(2, 4, 4, dtype=torch.int64)  # nobody has a joint
    logits = torch.randn(2, 20, 4, 4, generator=torch.Generator().manual_seed(0))
    logits[:, NINE] -= 1000
    logits[:, [2, 4, 7, 11, 12, 13]] -= 1000
    terms = StructureLoss("lip", mode, offset=1.0, measure=measure).terms(logits, truth)
    assert terms.loss.item() == pytest.approx(functional.cross_entropy(logits, truth).item())
    assert terms.weight.tolist() == [1, 1]
    assert StructureLoss("lip", mode, measure=measure)(logits, truth).item() == 0


@every_form
@pytest.mark.parametrize("nothing", ["all ignored", "weights of 0"])
def test_nothing_to_learn_costs_nothing(mode, measure, nothing):
    logits = torch.randn(2, 20, 3, 3, requires_grad=True)
    weights = torch.ones(20)
    if nothing == "all ignored":
        truth = torch.full((2, 3, 3), IGNORED)
    else:
        truth, weights[0] = torch.zeros(2, 3, 3, dtype=torch.int64), 0
    terms = StructureLoss("lip", mode, offset=1.0, measure=measure).terms(logits, truth, weights)
    terms.loss.backward()
    assert terms.loss.item() == 0 and not logits.grad.any()
    assert terms.cross_entropy.tolist() == [0, 0] and terms.weight.isfinite().all()


@every_form
def test_one_ignored_person_takes_nothing_from_the_others(mode, measure):
    logits, truth = make_case(11)
    loss = StructureLoss("lip", mode, offset=1.0, measure=measure)
    alone = loss.terms(logits[1:], truth[1:])
    truth[0] = IGNORED
    terms = loss.terms(logits, truth)
    assert terms.loss.item() == pytest.approx(alone.loss.item())
    assert terms.cross_entropy[0] == 0 and terms.weight.isfinite().all()
    slope = gradient(lambda z: loss(z, truth), logits)
    assert not slope[0].any() and slope[1:].isfinite().all()


@every_form
def test_each_person_has_its_own_weight(mode, measure):
    logits, truth = make_case(12)
    loss = StructureLoss("lip", mode, measure=measure)
    alone = torch.cat([loss.weight(z[None], t[None]) for z, t in zip(logits, truth, strict=True)])
    torch.testing.assert_close(loss.weight(logits, truth), alone)


@every_form
def test_what_is_predicted_where_truth_is_ignored(mode, measure):
    logits, truth = make_case(13, grid=(9, 9))
    other = logits.clone()
    other.movedim(1, -1)[truth == IGNORED] = torch.randn(20) * 50
    loss = StructureLoss("lip", mode, measure=measure)
    same = torch.equal(loss.weight(logits, truth), loss.weight(other, truth))
    assert same == (mode != "released")  # the released arg-max looks everywhere


def test_another_ignore_id():
    logits, truth = make_case(14)
    renamed = truth.where(truth != IGNORED, -100)
    for mode in ("paper", "released", "soft"):
        ours = StructureLoss("lip", mode, ignore_id=-100)(logits, renamed)
        assert torch.equal(ours, StructureLoss("lip", mode)(logits, truth))


@every_form
def test_half_precision_is_computed_in_full(mode, measure):
    logits, truth = make_case(15)
    loss = StructureLoss("lip", mode, offset=1.0, measure=measure)
    low = logits.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        ours = loss.terms(low, truth)
    assert ours.loss.dtype == ours.weight.dtype == torch.float32
    exact = loss.terms(low.float(), truth)
    assert all(torch.equal(a, b) for a, b in zip(ours, exact, strict=True))


def test_a_weight_from_one_output_applied_to_another():
    fused, truth = make_case(16)
    scale = torch.randn_like(fused)
    loss = StructureLoss("lip", "paper")
    weight = loss.weight(fused, truth)
    assert torch.equal(weighted_cross_entropy(fused, truth, weight).loss, loss(fused, truth))
    ours = weighted_cross_entropy(scale, truth, weight)
    assert torch.equal(ours.weight, weight) and ours.loss != loss(scale, truth)


def test_joints_come_from_the_schemes_table():
    joints = ["ground", "top", "top", "leg"]  # even label 0 may have one
    rows = [Label(i, f"part {i}", "body", i, joint, (i, 0, 0)) for i, joint in enumerate(joints)]
    own = Scheme("own", tuple(rows), 4)
    truth = torch.tensor([[[1, 0, 2, 3, IGNORED]]])
    found = joint_centers(truth, own)
    assert found.centers.tolist() == [[[1, 0], [1, 0], [3, 0]]]
    assert StructureLoss(own).terms(torch.randn(1, 4, 1, 5), truth).loss.isfinite()


# Errors


def test_errors_of_the_constructor():
    with pytest.raises(SchemeError, match=r"scheme must have joints for the structure loss, got 'ccp' without any. Translate"):  # fmt: skip  # noqa: E501
        StructureLoss("ccp")
    with pytest.raises(InputError, match=r"mode must be a known one, got 'papper'. Did you mean 'paper'\? Choices: paper, released, soft"):  # fmt: skip  # noqa: E501
        StructureLoss("lip", "papper")
    with pytest.raises(InputError, match=r"measure must be a known one, got 'heatmap'. Did you"):
        StructureLoss("lip", measure="heatmap")
    joints = joint_centers(dots({}), LIP)
    with pytest.raises(InputError, match=r"mode must be a known one, got 'hard'. Choices: paper"):
        structure_weight(joints, joints, (41, 41), "hard")
    for offset in (-1.0, math.nan):
        with pytest.raises(InputError, match=r"offset must be 0 or more, got (-1.0|nan). A neg"):
            StructureLoss("lip", offset=offset)
    with pytest.raises(InputError, match=r"scale must be 0 or more, got inf. A negative weight"):
        StructureLoss("lip", scale=math.inf)


def test_errors_of_shapes():
    logits, truth = make_case(0)
    loss = StructureLoss("lip")
    with pytest.raises(InputError, match=r"logits must be \(K, 20, h, w\) for scheme 'lip', got \(3, 19, 6, 5\). Pass"):  # fmt: skip  # noqa: E501
        loss(logits[:, 1:], truth)
    with pytest.raises(InputError, match=r"truth must be \(3, 6, 5\) int64 like the logits, got \(3, 5, 5\) int64. Resize"):  # fmt: skip  # noqa: E501
        loss(logits, truth[:, 1:])
    with pytest.raises(InputError, match=r"got \(3, 6, 5\) uint8. Resize .* pass truth.long\(\)"):
        loss(logits, truth.to(torch.uint8))


def test_a_scheme_whose_joints_were_taken_away():
    bare = replace(LIP, labels=tuple(replace(label, joint="") for label in LIP.labels))
    with pytest.raises(SchemeError, match="scheme must have joints"):
        StructureLoss(bare)
