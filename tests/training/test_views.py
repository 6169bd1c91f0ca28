"""Views of an image for the networks of the LIP paper: one is plain, mirrored ones symmetric."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from peopleparse.errors import InputError, SchemeError  # noqa: E402
from peopleparse.labels import get_scheme  # noqa: E402
from peopleparse.models.parsers import build_parser  # noqa: E402
from peopleparse.nn.resize import rescale, resize_to, upsample  # noqa: E402
from peopleparse.training.views import predict_probs  # noqa: E402

LIP = get_scheme("lip")


def make_image(height: int = 65, width: int = 49):
    generator = torch.Generator().manual_seed(2)
    return torch.rand(2, 3, height, width, generator=generator) * 255


def make_parser(name: str = "deeplab_v2_resnet101", labels: int = 20):
    torch.manual_seed(0)
    return build_parser(name, labels, small=True)


def swap(probs):
    """Mirror and swap left and right by their names."""
    words = {"left": "right", "right": "left"}
    sides = [name.partition("-") for name in LIP.names]
    order = [LIP.names.index(words.get(side, side) + dash + what) for side, dash, what in sides]
    assert sum(a != b for a, b in enumerate(order)) == 6
    return probs[:, order].flip(3)


@pytest.mark.parametrize("name", ["segnet", "fcn8s", "deeplab_v2_resnet101"])
def test_one_view_is_the_softmax_of_the_logits_bit_for_bit(name):
    parser, image = make_parser(name), make_image(50, 37)
    found = predict_probs(parser, image)
    assert found.shape == (2, 20, 50, 37) and not parser.training and not found.requires_grad
    with torch.no_grad():
        logits = upsample(parser(image)["logits"], parser.stride, (50, 37))
    assert torch.equal(found, logits.softmax(1))
    assert torch.equal(predict_probs(parser, image, scales=(1,), flip=None), found)


def test_the_mean_over_scales_and_mirrored_views():
    parser, image = make_parser().eval(), make_image()
    size = tuple(image.shape[2:])
    views = []
    for scale in (0.75, 1.25):
        seen = rescale(image, scale)
        for probs in (predict_probs(parser, seen), swap(predict_probs(parser, seen.flip(3)))):
            views.append(resize_to(probs, size))
    found = predict_probs(parser, image, (0.75, 1.25), flip="lip")
    torch.testing.assert_close(found, sum(views) / 4)
    torch.testing.assert_close(found.sum(1), torch.ones(2, *size))


@pytest.mark.parametrize("scales", [(1.0,), (0.75, 1.0, 1.25)])
def test_with_flip_a_mirrored_image_gives_the_mirrored_probabilities(scales):
    parser, image = make_parser().eval(), make_image(49, 33)
    found = predict_probs(parser, image, scales, LIP)
    mirrored = predict_probs(parser, image.flip(3), scales, LIP)
    if scales == (1.0,):
        assert torch.equal(swap(mirrored), found)
    else:
        torch.testing.assert_close(swap(mirrored), found)  # resizing rounds at other places
    plain = predict_probs(parser, image)
    assert not torch.allclose(swap(predict_probs(parser, image.flip(3))), plain)


class Fair(nn.Module):
    """Sees the label that the red of a pixel says, and cannot tell left from right."""

    stride = 1

    def forward(self, image):
        shades = torch.arange(20.0)[:, None, None]
        return {"logits": -50 * (image[:, :1] - shades).square()}


def test_an_equivariant_parser_gives_the_same_in_all_views():
    image = torch.full((1, 3, 17, 17), 13.0)  # face, on both sides
    once = predict_probs(Fair(), image)
    torch.testing.assert_close(predict_probs(Fair(), image, flip="lip"), once)
    torch.testing.assert_close(predict_probs(Fair(), image, (0.5, 1, 2), flip="lip"), once)
    image[:] = 14.0  # left-arm, and in the mirrored view it says so again: the right arm there
    both = predict_probs(Fair(), image, flip="lip")
    assert LIP.names[14:16] == ("left-arm", "right-arm") and both[0, 14].min() > 0.3
    torch.testing.assert_close(both[:, 14], both[:, 15])


def test_what_cannot_be_looked_at():
    parser, image = make_parser(), make_image(17, 17)
    with pytest.raises(InputError, match="scales must be different numbers from 0.25 to 4, got 9"):
        predict_probs(parser, image, (9,))
    with pytest.raises(SchemeError, match="scheme must name flip partners to be mirrored"):
        predict_probs(parser, image, flip="ccp")
    with pytest.raises(InputError, match="flip must be the scheme of the parser's 7 labels, got"):
        predict_probs(make_parser(labels=7), image, flip="lip")
