from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from peopleparse.data.gps import write_annotation  # noqa: E402
from peopleparse.labels import get_scheme  # noqa: E402
from peopleparse.structures import Annotation  # noqa: E402
from peopleparse.training.folder_batches import (  # noqa: E402
    FolderBatches,
    FolderPhoto,
    draw_framing,
    drop_scraps,
    photo_weights,
    read_photos,
)
from tests.training.conftest import tiny_recipe  # noqa: E402
from tests.training.folders import write_folder  # noqa: E402


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = write_folder(tmp_path_factory.mktemp("gps"))
    return read_photos(folder, ["00", "01", "02"])


def photo(parsing, owners=None, photo_id="x"):
    parsing = np.asarray(parsing, np.uint8)
    owners = (parsing > 0).astype(np.uint8) if owners is None else np.asarray(owners, np.uint8)
    image = np.full((*parsing.shape, 3), 90, np.uint8)
    return FolderPhoto(photo_id, image, parsing, owners, np.bincount(owners.ravel(), minlength=256))


def test_a_photo_keeps_persons_and_ignored_pixels(tmp_path):
    parsings = np.zeros((2, 1000, 40), np.uint8)
    parsings[0, 100:500, :10], parsings[1, 100:500, 20:30], parsings[1, 600:, 20:30] = 4, 6, 255
    image = np.zeros((1000, 40, 3), np.uint8)
    truth = Annotation(parsings, get_scheme("gps-outdoor"), "a")
    write_annotation(tmp_path, truth, image, "outdoor", "train")
    found = read_photos(tmp_path, ["a"])[0]
    assert found.image.shape == (768, 31, 3) and found.parsing.shape == (768, 31)
    assert set(np.unique(found.owners)) == {0, 1, 2, 255}
    assert ((found.owners == 255) == (found.parsing == 255)).all()
    assert found.present() == {4, 6}


def test_an_item_depends_on_seed_and_step_alone(photos):
    recipe = tiny_recipe(batch=3)
    one, two = (FolderBatches(recipe, photos) for _ in range(2))
    assert len(one) == recipe.steps
    first, again, other = one[1], two[1], one[2]
    assert torch.equal(first.image, again.image) and torch.equal(first.heat, again.heat)
    assert not torch.equal(first.image, other.image)
    assert first.image.shape == (3, 3, 64, 64) and not first.is_photo.any()


def test_the_frame_follows_the_photo(photos):
    from peopleparse.training.recipe import Phase

    recipe = tiny_recipe(phases=(Phase(1.0, (64, 96), (128, 64)),))
    upright = [photo(np.ones((90, 40)))]
    assert FolderBatches(recipe, photos)[0].image.shape[2:] == (64, 96)
    assert FolderBatches(recipe, upright)[0].image.shape[2:] == (128, 64)


def test_ignored_pixels_cost_nothing():
    parsing = np.zeros((64, 64), np.uint8)
    parsing[:, 40:] = 255
    owners = np.where(parsing == 255, 255, 0)
    batch = FolderBatches(tiny_recipe(), [photo(parsing, owners)])[0]
    ignored = torch.nn.functional.max_pool2d((batch.owners == -1).float()[:, None], 8)
    assert ignored.any() and not ignored.all()
    assert torch.equal(batch.heat > 0.99, ignored.bool().expand_as(batch.heat))
    assert not (batch.heat == 1).any()  # no centre of anyone
    assert batch.persons.tolist() == [-2]  # nobody


def test_a_mirrored_photo_swaps_left_and_right():
    parsing = np.zeros((64, 64), np.uint8)
    gps = get_scheme("gps")
    parsing[8:56, 8:56] = gps.id_of("left arm")
    batches = FolderBatches(tiny_recipe(batch=16), [photo(parsing)])
    seen = set(np.unique(batches[0].parsing.numpy())) - {0}
    assert seen == {gps.id_of("left arm"), gps.id_of("right arm")}


def test_framing_keeps_the_photo_in_view(rng):
    for _ in range(50):
        matrix = draw_framing(rng, (300, 200), (96, 64), bool(rng.random() < 0.5))
        x, y = matrix @ np.array([100, 150, 1])
        assert -40 < x < 104 and -60 < y < 156
        assert 0.2 < np.sqrt(abs(np.linalg.det(matrix[:, :2]))) < 0.6


def test_scraps_are_ignored():
    owners = np.zeros((40, 40), np.uint8)
    owners[:10, :10], owners[20:, 20:], owners[0, 39], owners[39, 0] = 1, 2, 3, 255
    whole = np.zeros(256)
    whole[1], whole[2], whole[3] = 1000, 400, 1
    found = drop_scraps(owners, whole)
    assert set(np.unique(found)) == {0, 2, 255}
    assert (found[:10, :10] == 255).all() and found[0, 39] == 255


def test_rare_labels_are_drawn_more():
    common, rare, nobody = np.full((8, 8), 4), np.full((8, 8), 5), np.zeros((8, 8))
    weights = photo_weights([photo(common), photo(common), photo(rare), photo(nobody)], 0.5)
    assert weights.sum() == pytest.approx(1) and weights[0] == weights[1]
    assert weights[2] / weights[0] == pytest.approx(2**0.5)
    assert weights[0] / weights[3] == pytest.approx(2**0.5)


def test_a_label_never_shown_has_the_share_of_the_rarest(photos):
    shares = FolderBatches(tiny_recipe(), photos).frequencies()
    tie, shown = get_scheme("gps").id_of("tie"), get_scheme("gps").id_of("face")
    assert shares.sum() == pytest.approx(1) and shares[tie] == shares.min() > 0
    assert shares[0] == shares.max() and shares[shown] >= shares[tie]
