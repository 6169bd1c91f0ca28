"""Switches of a recipe that change its images: off they change nothing, on only what they name."""

from __future__ import annotations

import hashlib
from dataclasses import fields

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from peopleparse.data.bystanders import read_bystanders, write_bystanders  # noqa: E402
from peopleparse.data.pseudo_labels import write_pseudo_labels  # noqa: E402
from peopleparse.data.rle_encode import encode_mask  # noqa: E402
from peopleparse.errors import DataError, InputError  # noqa: E402
from peopleparse.structures import ParsedPeople  # noqa: E402
from peopleparse.training.batches import (  # noqa: E402
    BYSTANDER,
    Batches,
    mark_bystanders,
    read_batches,
    read_training_data,
)
from tests.training.conftest import tiny_recipe  # noqa: E402

# Of all but the image, which another JPEG coder may read a grey level off.
TRUTH = {
    0: "37f9a003855803cc5ef6a41cde78216e3761a095047e5c08b0bc8fafcdc18e6d",
    1: "8929993a9988d85bc2429b0d2caf971bf722358a212ec3d031776bfb9894d87e",
}


@pytest.fixture(scope="module")
def data(tiny_data):
    return read_training_data(tiny_data)


def hash_truth(batch) -> str:
    digest = hashlib.sha256()
    for field in fields(batch):
        if field.name != "image":
            digest.update(getattr(batch, field.name).contiguous().numpy().tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("step", TRUTH)
def test_with_every_switch_off_a_batch_is_what_it_was(data, step):
    batch = Batches(tiny_recipe(), *data)[step]
    assert hash_truth(batch) == TRUTH[step]
    assert batch.image.float().mean().item() == pytest.approx({0: 79.8, 1: 144.6}[step], abs=0.2)


def test_faults_change_images_and_nothing_else(data):
    plain, spoilt = (Batches(tiny_recipe(faults=share), *data) for share in (0.0, 1.0))
    for step in range(4):
        assert hash_truth(plain[step]) == hash_truth(spoilt[step])
        assert (plain[step].image != spoilt[step].image).flatten(1).any(1).all()
        assert torch.equal(spoilt[step].image, spoilt[step].image)
    some = Batches(tiny_recipe(faults=0.5, batch=40), *data)[1].image
    every = Batches(tiny_recipe(batch=40), *data)[1].image
    assert 8 <= (some != every).flatten(1).any(1).sum() <= 32
    other = Batches(tiny_recipe(faults=1.0), *data, rank=1)
    assert not torch.equal(other[1].image, spoilt[1].image)


@pytest.mark.parametrize("switch", ["occluders", "cuts"])
def test_scenes_change_and_photos_do_not(data, switch):
    plain, changed = (Batches(tiny_recipe(**{switch: s}, batch=6), *data) for s in (0.0, 1.0))
    assert torch.equal(plain[0].image, changed[0].image)
    assert not torch.equal(plain[1].image, changed[1].image)
    assert hash_truth(changed[1]) == hash_truth(changed[1])


def write_all(folder, portraits, mask_of):
    photos = {}
    for portrait in portraits:
        mask = mask_of(portrait)
        person = {"box": [0, 0, 1, 1], "score": 0.9, "segmentation": encode_mask(mask)}
        photos[portrait.photo_id] = [person] if mask.any() else []
    return write_bystanders(folder, photos, {}).parent


def left_edge(portrait):
    mask = np.zeros(portrait.parsing.shape, bool)
    mask[:, :30] = True
    return mask


def test_bystanders_of_photos_are_ignored(data, tmp_path):
    folder = write_all(tmp_path, data[0], left_edge)
    known = Batches(
        tiny_recipe(bystanders=True, batch=12), *data, bystanders=read_bystanders(folder, data[0])
    )
    plain = Batches(tiny_recipe(batch=12), *data)
    before, after = plain[0], known[0]
    assert torch.equal(before.image, after.image) and torch.equal(before.heat, after.heat)
    changed = before.owners != after.owners
    assert changed.any() and (before.owners[changed] == 0).all()
    assert set(after.owners[changed].tolist()) <= {-1, BYSTANDER}
    assert ((after.parsing == 255) == (after.owners == -1)).all()
    assert (after.parsing[after.owners == BYSTANDER] == 0).all()


def test_nobody_beside_anybody_changes_nothing(data, tmp_path):
    folder = write_all(tmp_path, data[0], lambda p: np.zeros(p.parsing.shape, bool))
    known = Batches(
        tiny_recipe(bystanders=True), *data, bystanders=read_bystanders(folder, data[0])
    )
    assert hash_truth(known[0]) == TRUTH[0]


def test_inside_the_box_a_bystander_is_only_not_this_person():
    parsing, owners = np.zeros((6, 8), np.uint8), np.zeros((6, 8), np.int16)
    parsing[1:5, 2], parsing[2, 2:5], owners[1:5, 2], owners[2, 2:5] = 4, 4, 1, 1
    seen = np.zeros((6, 8), bool)
    seen[3] = True
    mark_bystanders(seen, parsing, owners)
    assert owners[3].tolist() == [-1, -1, 1, BYSTANDER, BYSTANDER, -1, -1, -1]
    assert parsing[3].tolist() == [255, 255, 4, 0, 0, 255, 255, 255]
    empty = np.zeros((6, 8), np.int16)
    mark_bystanders(seen, np.zeros((6, 8), np.uint8), empty)  # the person is out of the frame
    assert (empty[3] == -1).all()


def test_bystanders_that_are_not_given(data):
    with pytest.raises(InputError, match="bystanders must be given where .* Use read_batches"):
        Batches(tiny_recipe(bystanders=True), *data)


def test_a_recipe_reads_what_it_asks_for(data, tmp_path, tiny_data):
    root = tmp_path / "data"
    root.mkdir()
    for folder in tiny_data.iterdir():
        (root / folder.name).symlink_to(folder)
    plain = read_batches(tiny_recipe(), root)
    assert hash_truth(plain[0]) == TRUTH[0]
    with pytest.raises(DataError, match="bystanders must be in a file, got none, at"):
        read_batches(tiny_recipe(bystanders=True), root)
    with pytest.raises(DataError, match="pseudo-labels must be listed .* got FileNotFoundError"):
        read_batches(tiny_recipe(tagged=True), root)

    photo = data[0][0]  # stands for a photo with tags only: its map comes from the folder
    parsing = photo.parsing.copy()
    parsing[parsing == 6] = 255
    instances = np.zeros(parsing.shape, np.uint16)
    instances[:, :30] = 1  # a bystander
    beside = ParsedPeople.from_maps((instances > 0).astype(np.uint8) * 4, instances, [0.9])
    write_pseudo_labels(root / "pseudo_labels", [(photo.photo_id, parsing, beside)], {})
    tagged = read_batches(tiny_recipe(tagged=True), root)
    assert len(tagged.portraits) == len(plain.portraits) + 1
    assert (tagged.portraits[-1].parsing == parsing).all()
    assert list(tagged.bystanders) == [photo.photo_id]
    assert (tagged.frequencies()[6] < plain.frequencies()[6]).item()
