"""Layers of the parsers: grids that stay in place, indices that find back, fields of view."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from peopleparse.nn.aspp import FieldOfView, SummedBranches, make_classifier  # noqa: E402
from peopleparse.nn.mobilenet import DilatedMobileNetV2, keep_size, mobilenet_stages  # noqa: E402
from peopleparse.nn.pooling import pool_with_indices, unpool  # noqa: E402
from peopleparse.nn.resize import rescale, resize_to, upsample  # noqa: E402
from peopleparse.nn.vgg import Vgg16Pool5, vgg16_stages  # noqa: E402


def ramp(rows: int, columns: int, step: float = 1.0):
    """Return maps (1, 2, rows, columns) that hold the row and the column, times a step."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.stack([y, x])[None].double() * step


@pytest.mark.parametrize(
    ("side", "scale", "wanted"), [(321, 0.75, 241), (321, 0.5, 161), (321, 1, 321), (2, 0.5, 1)]
)
def test_scaled_sides_are_those_of_the_published_layers(side, scale, wanted):
    assert rescale(torch.zeros(1, 3, side, 5), scale).shape[2] == wanted


def test_scaling_keeps_places():
    # Half of 9 x 17 is 5 x 9; each pixel lies on every second one.
    torch.testing.assert_close(rescale(ramp(9, 17), 0.5), ramp(5, 9, 2.0))
    torch.testing.assert_close(resize_to(ramp(5, 9, 2.0), (9, 17)), ramp(9, 17))


def test_cells_on_corners_keep_their_pixels():
    # Cells lie on pixels 0, 4, 8; what is beyond the last one repeats it.
    grown = upsample(ramp(3, 3, 4.0), 4, (11, 12))
    torch.testing.assert_close(grown, ramp(11, 12).clamp(max=8), atol=1e-12, rtol=0)


def test_cells_in_the_middle_keep_their_pixels():
    # Cells of 2 pixels lie on .5, 2.5, 4.5; the outermost pixels have nothing beyond them.
    grown = upsample(ramp(3, 3, 2.0) + 0.5, 2, (5, 6), corners=False)
    torch.testing.assert_close(grown, ramp(5, 6).clamp(0.5, 4.5), atol=1e-12, rtol=0)


def test_four_values_go_where_the_maxima_stood():
    maps = torch.tensor([[[[1.0, 9, 2], [3, 4, 8], [5, 6, 7]]]])
    pooled, indices = pool_with_indices(maps)
    assert pooled.tolist() == [[[[9, 8], [6, 7]]]]
    assert indices.tolist() == [[[[1, 5], [7, 8]]]]
    back = unpool(pooled * 10, indices, (3, 3))
    assert back.tolist() == [[[[0, 90, 0], [0, 0, 80], [0, 60, 70]]]]


@pytest.mark.parametrize("size", [(8, 6), (7, 9), (1, 5)])
def test_unpooling_equals_torch(size):
    maps = torch.rand(3, 4, *size, generator=torch.Generator().manual_seed(0))
    pooled, indices = pool_with_indices(maps)
    wanted = nn.functional.max_unpool2d(pooled, indices, 2, output_size=list(size))
    assert torch.equal(unpool(pooled, indices, size), wanted)


def test_unpooling_has_an_exact_gradient():
    pooled, indices = pool_with_indices(torch.randperm(30).double().view(1, 1, 5, 6))
    pooled.requires_grad_()
    assert torch.autograd.gradcheck(lambda values: unpool(values, indices, (5, 6)), pooled)


@torch.no_grad()
def test_branches_are_summed():
    torch.manual_seed(0)
    branches = [make_classifier(3, 2, kernel=3, rate=rate) for rate in (6, 12)]
    maps = torch.rand(1, 3, 9, 7)
    assert torch.equal(SummedBranches(branches)(maps), branches[0](maps) + branches[1](maps))


@torch.no_grad()
def test_a_field_of_view_sees_as_far_as_its_rate():
    torch.manual_seed(0)
    branch = FieldOfView(1, 8, 2, rate=3).eval()
    maps = torch.zeros(1, 1, 1, 15)
    maps[..., 7] = 1
    changed = (branch(maps) != branch(maps * 0)).any(1).flatten().nonzero().flatten()
    assert set(changed.tolist()) <= {4, 7, 10} and len(changed) > 0


def test_vgg_in_five_stages():
    with torch.device("meta"):
        plain, normed = vgg16_stages(norm=False), vgg16_stages(norm=True)
    sizes = [[m.out_channels for m in s if isinstance(m, nn.Conv2d)] for s in plain]
    assert sizes == [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3]
    assert [sum(isinstance(m, nn.BatchNorm2d) for m in s) for s in normed] == [2, 2, 3, 3, 3]
    assert not any(isinstance(m, nn.MaxPool2d) for s in (*plain, *normed) for m in s)
    mean = torch.tensor([122.675, 116.669, 104.008]).view(1, 3, 1, 1)
    for stages in (plain, normed):
        assert torch.equal(stages[0][0](mean.expand(1, 3, 2, 2)), torch.zeros(1, 3, 2, 2))


def test_pool5_keeps_the_size():
    with torch.device("meta"):
        backbone = Vgg16Pool5()
        maps, finer = backbone(torch.zeros(1, 3, 321, 97))
    assert maps.shape == (1, 512, 41, 13) and finer is None
    last = backbone.layers[-1]
    assert isinstance(last, nn.MaxPool2d) and (last.kernel_size, last.stride) == (3, 1)


@torch.no_grad()
def test_a_dilated_stage_sees_the_pixels_that_it_saw():
    """Every second value of a stage that keeps the size is what the stage gave before."""
    torch.manual_seed(0)
    stage = mobilenet_stages()[3].double().eval()
    maps = torch.rand(1, 32, 21, 25).double()
    before = stage(maps)
    after = keep_size(stage, rate=2)(maps)
    assert after.shape[2:] == maps.shape[2:]
    torch.testing.assert_close(after[:, :, ::2, ::2], before, atol=1e-12, rtol=1e-9)


@torch.no_grad()
def test_starting_from_chance_keeps_values_alive():
    torch.manual_seed(0)
    maps = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 255
    for stage in mobilenet_stages():
        maps = stage(maps)
        assert 0.1 < maps.std() < 100


def test_starting_weights_stay_where_they_are_frozen(tmp_path):
    import torchvision
    from safetensors.torch import save_file

    torch.manual_seed(0)
    state = torchvision.models.mobilenet_v2(weights=None).features.state_dict()
    path = tmp_path / "mobilenet.safetensors"
    save_file({f"features.{name}": value.contiguous() for name, value in state.items()}, path)

    def trained(stage: nn.Module) -> bool:
        return any(p.requires_grad for p in stage.parameters())

    assert [trained(stage) for stage in mobilenet_stages()] == [True] * 5
    assert [trained(stage) for stage in mobilenet_stages(path)] == [False] * 2 + [True] * 3
    assert [trained(stage) for stage in mobilenet_stages(path, frozen=1)] == [False] + [True] * 4
    # Folding scales by 1 / sqrt(1 + 1e-5), the statistics of an untrained batch norm.
    first = DilatedMobileNetV2(path).layers[0][1][0]
    torch.testing.assert_close(first.weight, state["0.0.weight"], atol=0, rtol=1e-4)
