"""The CRF: what it must be given, what is said without its library, and what it does."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from peopleparse.errors import InputError
from peopleparse.inference.crf import refine_with_crf


def make_case(height: int = 24, width: int = 40):
    """A photo of two colours, and probabilities whose border lies three pixels beside theirs."""
    image = np.full((height, width, 3), 40, np.uint8)
    image[:, width // 2 :] = 200
    probs = np.full((2, height, width), 0.4, np.float32)
    probs[0, :, : width // 2 + 3] = probs[1, :, width // 2 + 3 :] = 0.6
    return probs, image


@pytest.mark.parametrize(
    "image", [np.zeros((24, 41, 3), np.uint8), np.zeros((24, 40), np.uint8), np.zeros((24, 40, 3))]
)
def test_sizes_must_fit(image):
    with pytest.raises(InputError, match=r"image must be \(H, W, 3\) uint8 for probs \(C, H, W\)"):
        refine_with_crf(make_case()[0], image)


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydensecrf.densecrf", None)
    message = r"a CRF must have pydensecrf2, got none installed. .* 'peopleparse\[crf\]'"
    with pytest.raises(InputError, match=message):
        refine_with_crf(*make_case())


def test_labels_end_where_colours_do():
    pytest.importorskip("pydensecrf.densecrf", reason="the extra crf is not installed")
    probs, image = make_case()
    found = refine_with_crf(probs, image)
    assert found.shape == probs.shape and found.dtype == np.float32
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    np.testing.assert_array_equal(found.argmax(0), image[..., 0] > 100)
    np.testing.assert_allclose(refine_with_crf(probs, image, steps=0), probs, atol=1e-5)
