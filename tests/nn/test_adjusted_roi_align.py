"""The adjusted RoI: where faces land, what a box may do, and the way back to the real box."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles import roi_align_oracle as oracle

torch = pytest.importorskip("torch")

from torchvision.ops import roi_align  # noqa: E402

from peopleparse.nn.adjusted_roi_align import (  # noqa: E402
    adjust_back,
    adjust_boxes,
    sample_weights,
)

PAPER_GRID = 41
shares = st.floats(0.1, 0.9)
anchors = st.tuples(shares, shares)
boxes = st.tuples(
    st.floats(-100, 900), st.floats(-100, 900), st.floats(1, 900), st.floats(1, 900)
).map(lambda v: [v[0], v[1], v[0] + v[2], v[1] + v[3]])
places = st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.3))


def face_in(box, place) -> list[float]:
    """Return a face whose centre lies at a relative place of a box."""
    wide, tall = box[2] - box[0], box[3] - box[1]
    x, y, half = box[0] + place[0] * wide, box[1] + place[1] * tall, place[2] * wide
    return [x - half, y - half, x + half, y + half]


def adjust(box, face, anchor, dtype=torch.float64):
    there = torch.ones(1, dtype=torch.bool)
    row = adjust_boxes(
        torch.tensor([box], dtype=dtype), torch.tensor([face], dtype=dtype), there, anchor
    )
    return row[0].numpy()


def place_of(face, box) -> np.ndarray:
    """Return the relative place of a face's centre in a box."""
    centre = np.array([face[0] + face[2], face[1] + face[3]]) / 2
    return (centre - box[:2]) / (np.array(box[2:]) - box[:2])


@given(boxes, places, anchors)
def test_the_face_lands_at_its_place(box, place, anchor):
    face = face_in(box, place)
    np.testing.assert_allclose(place_of(face, adjust(box, face, anchor)), anchor, atol=1e-6)


@given(boxes, places, anchors)
def test_the_box_never_shrinks_and_is_the_smallest(box, place, anchor):
    adjusted = adjust(box, face_in(box, place), anchor)
    assert (adjusted[:2] <= np.array(box[:2]) + 1e-9).all()
    assert (adjusted[2:] >= np.array(box[2:]) - 1e-9).all()
    touches = np.abs(adjusted - box).reshape(2, 2).min(axis=0)
    assert (touches < 1e-6).all()  # on each axis one side has not moved: it could not be smaller
    np.testing.assert_allclose(adjusted, oracle.adjust_box(box, face_in(box, place), anchor))


@given(boxes, places, anchors)
def test_adjusting_twice_changes_nothing(box, place, anchor):
    face = face_in(box, place)
    once = adjust(box, face, anchor)
    np.testing.assert_allclose(adjust(once.tolist(), face, anchor), once, atol=1e-6)


@given(boxes, st.tuples(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5), st.floats(0, 0.2)), anchors)
def test_no_face_leaves_the_box_and_none_shrinks_it(box, place, anchor):
    # A detected face may lie a little outside its person: it then counts as lying on the rim.
    face = face_in(box, place)
    adjusted = adjust(box, face, anchor)
    centre = (np.array(face[:2]) + face[2:]) / 2
    inside = np.clip(centre, box[:2], box[2:])
    assert (adjusted[:2] <= inside + 1e-6).all() and (inside <= adjusted[2:] + 1e-6).all()
    assert (adjusted[2:] - adjusted[:2] >= np.array(box[2:]) - box[:2] - 1e-6).all()
    np.testing.assert_allclose(adjusted, oracle.adjust_box(box, face, anchor), atol=1e-6)


def test_hand_numbers():
    # Face centre at (30, 40) in a 100 x 200 box, to be put at (.5, .2): 2 * 70 and 160 / .8.
    adjusted = adjust([0, 0, 100, 200], [20, 30, 40, 50], (0.5, 0.2))
    np.testing.assert_allclose(adjusted, [-40, 0, 100, 200])
    adjusted = adjust([0, 0, 100, 200], [40, 90, 60, 110], (0.5, 0.2))
    np.testing.assert_allclose(adjusted, [0, 0, 100, 500])


def test_without_a_face_the_box_stays_and_persons_do_not_mix():
    rows = torch.tensor([[0.0, 0, 100, 200], [0, 0, 100, 200]])
    faces = torch.tensor([[float("nan")] * 4, [20, 30, 40, 50]])
    adjusted = adjust_boxes(rows, faces, torch.tensor([False, True]), (0.5, 0.2))
    assert adjusted.tolist() == [[0, 0, 100, 200], [-40, 0, 100, 200]]


@given(boxes, anchors, st.floats(0.01, 0.2))
def test_a_face_already_there_leaves_the_box(box, anchor, half):
    face = face_in(box, (*anchor, half))
    np.testing.assert_allclose(adjust(box, face, anchor), box, atol=1e-6)


def test_equals_plain_roi_align_when_the_face_is_already_there():
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(1, 3, 12, 10, generator=generator)
    box = torch.tensor([[8.0, 16, 48, 96]])
    face = torch.tensor([[24.0, 28, 32, 36]])  # centre (28, 32): half across, a fifth down
    adjusted = adjust_boxes(box, face, torch.tensor([True]), (0.5, 0.2))
    plain, padded = (
        roi_align(maps, [b], (9, 5), 1 / 8, sampling_ratio=1, aligned=True) for b in (box, adjusted)
    )
    torch.testing.assert_close(padded, plain, atol=1e-5, rtol=0)
    torch.testing.assert_close(adjust_back(padded, adjusted, box), plain, atol=1e-5, rtol=0)


@given(
    st.floats(-4, 14), st.floats(0.5, 20), st.integers(1, 6), st.integers(2, 9), st.integers(1, 3)
)
def test_sample_weights_equal_loops(start, length, cells, size, samples):
    rows = torch.tensor([start], dtype=torch.float64), torch.tensor([length], dtype=torch.float64)
    weights = sample_weights(*rows, cells, size, samples)[0].numpy()
    assert weights.shape == (cells, size)
    for source in range(size):  # what one source cell gives to every output cell
        line = np.zeros((1, size))
        line[0, source] = 1
        box = (start, 0, start + length, 1)
        expected = oracle.roi_align(line, box, (1, cells), samples)[0]
        np.testing.assert_allclose(weights[:, source], expected, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 2])
def test_weights_of_both_axes_make_torchvisions_roi_align(samples):
    generator = torch.Generator().manual_seed(1)
    maps = torch.rand(1, 2, 7, 9, generator=generator)
    rows = torch.tensor([[1.0, 2, 6, 6], [-1.5, -0.5, 9.5, 8], [-6, 3, 3, 14]])
    start, length = rows[:, :2], rows[:, 2:] - rows[:, :2]
    down = sample_weights(start[:, 1], length[:, 1], 5, 7, samples)
    across = sample_weights(start[:, 0], length[:, 0], 4, 9, samples)
    ours = down[:, None] @ maps @ across[:, None].transpose(2, 3)
    theirs = roi_align(maps, [rows], (5, 4), 1.0, sampling_ratio=samples, aligned=True)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    for row, expected in zip(rows, ours[:, 0], strict=True):
        slow = oracle.roi_align(maps[0, 0].numpy(), row, (5, 4), samples)
        np.testing.assert_allclose(slow, expected, atol=1e-5)


@given(boxes, places)
def test_adjust_back_equals_loops(box, place):
    adjusted = adjust(box, face_in(box, place), (0.5, 0.2))
    maps = np.random.default_rng(0).random((1, 2, 6, 4))
    rows = torch.tensor([adjusted.tolist()]), torch.tensor([box], dtype=torch.float32)
    ours = adjust_back(torch.from_numpy(maps).float(), *rows)[0].numpy()
    for channel in range(2):
        slow = oracle.adjust_back(maps[0, channel], adjusted, box)
        np.testing.assert_allclose(ours[channel], slow, atol=2e-3)


def ramps(box, rows: int, columns: int):
    """Return x and y of the cell centres of a box, (2, rows, columns)."""
    x = box[0] + (torch.arange(columns, dtype=torch.float64) + 0.5) / columns * (box[2] - box[0])
    y = box[1] + (torch.arange(rows, dtype=torch.float64) + 0.5) / rows * (box[3] - box[1])
    return torch.stack([x.expand(rows, columns), y[:, None].expand(rows, columns)])


@given(boxes, places, anchors)
def test_adjust_back_of_a_coordinate_ramp_is_the_identity(box, place, anchor):
    adjusted = torch.from_numpy(adjust(box, face_in(box, place), anchor))
    real = torch.tensor(box, dtype=torch.float64)
    ramp = ramps(adjusted, PAPER_GRID, PAPER_GRID)
    back = adjust_back(ramp[None], adjusted[None], real[None])[0]
    wanted = ramps(real, PAPER_GRID, PAPER_GRID)
    # Between the outermost cell centres of the adjusted grid the way back is exact; a real cell
    # whose centre lies beyond them repeats the outermost cell, at most half a cell away.
    low, high = ramp[:, 0, 0, None, None], ramp[:, -1, -1, None, None]
    cell = (adjusted[2:] - adjusted[:2])[:, None, None] / PAPER_GRID
    exact = ((wanted >= low) & (wanted <= high)).numpy()
    error = ((back - wanted).abs() / cell).numpy()
    assert error[exact].max(initial=0) < 1e-5
    assert error.max() <= 0.5 + 1e-5
    clamped = torch.maximum(torch.minimum(wanted, high), low)
    assert ((back - clamped).abs() / cell).max() < 1e-5


def test_an_unmoved_box_comes_back_bit_for_bit_and_no_person_is_no_problem():
    maps = torch.rand(1, 3, 8, 4, generator=torch.Generator().manual_seed(2))
    box = torch.tensor([[16.0, 32, 48, 96]])
    assert torch.equal(adjust_back(maps, box, box), maps)
    none = torch.zeros(0, 4)
    assert adjust_back(maps[:0], none, none).shape == (0, 3, 8, 4)
    assert adjust_boxes(none, none, torch.zeros(0, dtype=torch.bool), (0.5, 0.2)).shape == (0, 4)


def test_gradients_flow_back_through_the_maps():
    maps = torch.rand(1, 1, 4, 4, requires_grad=True)
    box, adjusted = torch.tensor([[0.0, 0, 8, 8]]), torch.tensor([[-8.0, 0, 8, 8]])
    adjust_back(maps, adjusted, box).sum().backward()
    assert maps.grad is not None
    torch.testing.assert_close(maps.grad.sum(), torch.tensor(16.0))
    assert maps.grad[..., 0].abs().sum() == 0  # the far left of the padded box is not in the real


def onnx_roi_align(maps, rois, grid, scale, mode):
    """Run ONNX Runtime's own operator on (1, C, h, w) maps and (K, 4) boxes."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    helper, kinds = onnx.helper, onnx.TensorProto
    node = helper.make_node(
        "RoiAlign",
        ["maps", "rois", "batch"],
        ["out"],
        mode="avg",
        output_height=grid[0],
        output_width=grid[1],
        sampling_ratio=1,
        spatial_scale=scale,
        coordinate_transformation_mode=mode,
    )
    graph = helper.make_graph(
        [node],
        "roi_align",
        [
            helper.make_tensor_value_info("maps", kinds.FLOAT, maps.shape),
            helper.make_tensor_value_info("rois", kinds.FLOAT, rois.shape),
            helper.make_tensor_value_info("batch", kinds.INT64, [len(rois)]),
        ],
        [helper.make_tensor_value_info("out", kinds.FLOAT, None)],
    )
    opset = [helper.make_opsetid("", 16)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(model.SerializeToString(), options)
    batch = np.zeros(len(rois), np.int64)
    return session.run(None, {"maps": maps, "rois": rois, "batch": batch})[0]


@pytest.mark.parametrize("mode, aligned", [("half_pixel", True), ("output_half_pixel", False)])
def test_torchvisions_roi_align_equals_onnx_runtimes_operator(mode, aligned, rng):
    maps = rng.random((1, 4, 13, 11), np.float32)
    x, y = rng.uniform(-20, 70, 12), rng.uniform(-20, 80, 12)
    wide, tall = rng.uniform(9, 60, 12), rng.uniform(9, 90, 12)
    rois = np.stack([x, y, x + wide, y + tall], axis=1).astype(np.float32)
    theirs = onnx_roi_align(maps, rois, (8, 4), 1 / 8, mode)
    ours = roi_align(
        torch.from_numpy(maps), [torch.from_numpy(rois)], (8, 4), 1 / 8, sampling_ratio=1,
        aligned=aligned,
    )  # fmt: skip
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-5)
    if aligned:  # as the model calls it: and the plain loops agree
        slow = oracle.roi_align(maps[0, 0], rois[0] / 8, (8, 4))
        np.testing.assert_allclose(slow, theirs[0, 0], atol=1e-5)
