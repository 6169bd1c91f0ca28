"""Counts of weights and multiply-adds: by hand, by another way of counting, and in the docs."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from peopleparse.errors import ModelError  # noqa: E402
from peopleparse.models import cost  # noqa: E402
from peopleparse.models.build import (  # noqa: E402
    BASELINES,
    MODELS,
    build_baseline,
    build_model,
)
from peopleparse.models.cost import Cost, cost_of, count_cost  # noqa: E402
from tests.tools.test_tools import load_tool  # noqa: E402

LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def count_by_hooks(model: nn.Module, run) -> int:
    """Count the multiply-adds of layers from the sizes of what goes in and out."""
    found = []

    def hook(layer, given, result):
        if isinstance(layer, nn.ConvTranspose2d):  # each value that comes in is spread
            found.append(given[0].numel() * layer.weight[0].numel())
        else:
            found.append(result.numel() * layer.weight[0].numel())

    handles = [m.register_forward_hook(hook) for m in model.modules() if isinstance(m, LAYERS)]
    run()
    for handle in handles:
        handle.remove()
    return sum(found)


def test_one_layer_by_hand():
    # 8 values at 5 x 6 places, each of 3 x 3 x 3 products; a grouped one of 3 x 3.
    image = torch.zeros(1, 3, 5, 6)
    conv, apart = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1, groups=3)
    assert cost._count(lambda: conv(image)) == 8 * 30 * 27
    assert cost._count(lambda: apart(image)) == 3 * 30 * 9
    assert cost._count(lambda: torch.ones(2, 7) @ torch.ones(7, 5)) == 2 * 7 * 5


def test_persons_add_up():
    assert Cost(1, 100, 7).total(0) == 100 and Cost(1, 100, 7).total(5) == 135


@torch.inference_mode()
def test_gpsnet_equals_a_count_by_hooks():
    with torch.device("meta"):
        model = build_model("gpsnet_mobilenet_v2").eval()
        image, first = torch.zeros(1, 3, 64, 96), torch.zeros(1, dtype=torch.long)
        box, face = torch.zeros(1, 4), torch.ones(1, dtype=torch.bool)
    seen = model.trunk(image)
    photo = count_by_hooks(model, lambda: model.trunk(image))
    person = count_by_hooks(model, lambda: model.rois(seen, first, box, box, face))
    # Adjusting back is two products of matrices: (80 x 80)(80 x 40) and (80 x 40)(40 x 40).
    person += 20 * (80 * 80 * 40 + 80 * 40 * 40)
    weights = sum(p.numel() for p in model.parameters())
    assert cost_of(model, 64, 96) == Cost(weights, photo, person)


@pytest.mark.parametrize("name", ["det_par_mobilenet_v2", "ins_glo_mobilenet_v2"])
@torch.inference_mode()
def test_baselines_equal_a_count_by_hooks_of_a_real_run(name):
    """One image, one person: everything that torchvision runs is there, and nothing else."""
    torch.manual_seed(0)
    model = build_baseline(name).eval()
    looked_at = model.detector.rcnn.rpn.post_nms_top_n()
    image, box = torch.rand(1, 3, 64, 96) * 255, torch.tensor([[8.0, 4, 40, 60]])
    sizes = []
    heads = model.detector.rcnn.roi_heads
    handle = heads.box_head.register_forward_hook(lambda _, given, __: sizes.append(len(given[0])))
    photo = count_by_hooks(
        model, lambda: model.detector.find(image, threshold=0.0, nms_iou=1.0, most=1)
    )
    handle.remove()
    ours = cost_of(model, 64, 96)
    # A small image has fewer proposals than the detector would take of a large one.
    per_roi = sum(
        layer.weight.numel()
        for part in (heads.box_head, heads.box_predictor)
        for layer in part.modules()
        if isinstance(layer, nn.Linear)
    )
    photo += (looked_at - sizes[0]) * per_roi
    if name.startswith("det_par"):
        first = torch.zeros(1, dtype=torch.long)
        person = count_by_hooks(model, lambda: model.rois(image, first, box))
        assert (ours.photo, ours.person) == (photo, person)
    else:  # the run above made one mask
        whole = photo + count_by_hooks(model, lambda: model.parse(image))
        assert ours.person > 0 and ours.total(1) == whole


def test_a_person_costs_the_same_in_any_photo():
    small, large = (count_cost("gpsnet_vgg16", side, side) for side in (64, 128))
    assert (small.parameters, small.person) == (large.parameters, large.person)
    assert large.photo == 4 * small.photo


def test_unknown_names_are_an_error():
    with pytest.raises(ModelError, match="model must be a known name, got 'gpsnet'"):
        count_cost("gpsnet", 64, 64)


def test_the_page_says_what_the_code_counts():
    tool = load_tool("count_networks")
    lines, page = tool.table_lines(), tool.PAGE.read_text(encoding="utf-8")
    assert tool.seen_size() == (384, 512)
    assert all(any(f"`{name}`" in line for line in lines) for name in (*MODELS, *BASELINES))
    assert tool.fill(page, lines) == page, "run python tools/count_networks.py --write-docs"
