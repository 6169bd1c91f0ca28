"""People of photos that have garment tags and no map: a network draws the map, tags correct it.

What nobody wears cannot be drawn, and what somebody wears is likelier to be. Pixels on which two
looks at a photo do not agree say nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.bystanders import find_bystanders, write_bystanders
from peopleparse.data.ccp import CcpDataset
from peopleparse.data.files import write_file
from peopleparse.data.people import Portrait
from peopleparse.data.png import encode_label_png, read_label_png
from peopleparse.data.splits import TAGGED_LEFT_OUT
from peopleparse.errors import DataError
from peopleparse.labels import get_scheme, get_translation
from peopleparse.labels.scheme import IGNORE_ID
from peopleparse.structures import ParsedPeople, Person, mask_box

ABOUT = "pseudo_labels.json"
LEAST_SCORE = 0.4  # of the main person: below it the network hardly knows that somebody is there
LEAST_SHARE = 0.02  # of the photo that the main person fills
MOST_UNSURE = 0.35  # of the person's pixels on which two looks may differ
_NEVER = -1e4  # added to a logit; smaller than any that a network gives, finite in every precision
_MOST_HELP = np.log(10.0)
_GROUPS = {
    "shoe": ("left shoe", "right shoe"),
    "leg": ("left leg", "right leg"),
    "arm": ("left arm", "right arm"),
}
_ALWAYS = ("background", "hair", "face", "left leg", "right leg", "left arm", "right arm")


def worn_labels(tags: Iterable[str]) -> set[int]:
    """Return the GPS ids that a photo with some garment tags can show.

    Args:
        tags: names of scheme ccp, as `CcpDataset.read_tags` gives them.

    >>> gps = get_scheme("gps")
    >>> sorted(gps.names[i] for i in worn_labels(["jeans", "stockings", "ring"]))[:4]
    ['background', 'face', 'hair', 'left arm']
    >>> gps.id_of("pants") in worn_labels(["jeans"]), gps.id_of("dress") in worn_labels(["jeans"])
    (True, False)
    """
    gps, ccp, table = get_scheme("gps"), get_scheme("ccp"), get_translation("ccp", "gps")
    lookup, names = table.lookup(), set(_ALWAYS)
    worn = set[int]()
    for tag in tags:
        number = ccp.id_of(tag)
        group = table.groups.get(number)
        names |= set(_GROUPS.get(group or "", ()))
        if group is None and lookup[number] != IGNORE_ID:
            worn.add(int(lookup[number]))
    return worn | {gps.id_of(name) for name in names}


def tag_logits(worn: set[int], shares: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what the tags of a photo add to a network's logits, (20,).

    A network that has not read the tags expects a label as often as people wear it. To know that
    this one does makes it likelier by one over that share, by Bayes' rule; at most ten times.

    Args:
        worn: of `worn_labels`.
        shares: (20,) share of the people whose maps show each label.
    """
    help_ = np.minimum(-np.log(np.maximum(shares, 1e-9)), _MOST_HELP)
    added = [help_[i] if i in worn else _NEVER for i in range(len(shares))]
    added[0] = 0.0
    return np.array(added, np.float32)


def label_shares(portraits: Sequence[Portrait]) -> NDArray[np.float64]:
    """Return the share of people whose maps show each label, (20,)."""
    counts = np.zeros(get_scheme("gps").num_ids)
    for portrait in portraits:
        counts[[0, *portrait.present()]] += 1
    return counts / len(portraits)


def main_person(found: ParsedPeople) -> Person | None:
    """Return the person who fills most of a photo, or None if nobody can be trusted."""
    people = sorted(found.people, key=lambda person: int(person.mask.sum()))
    if not people or people[-1].score < LEAST_SCORE:
        return None
    return people[-1] if people[-1].mask.mean() >= LEAST_SHARE else None


def agree(first: ParsedPeople, second: ParsedPeople) -> NDArray[np.uint8] | None:
    """Return the map of a photo's main person where two looks say the same, ignored elsewhere.

    Returns:
        (H, W) uint8 GPS ids and 255, or None: there is no such person, the looks differ on most of
        it, or there is no face and no hair.
    """
    people = main_person(first), main_person(second)
    if people[0] is None or people[1] is None:
        return None
    maps = people[0].parsing, people[1].parsing
    parsing = np.where(maps[0] == maps[1], maps[0], IGNORE_ID).astype(np.uint8)
    unsure, sure = int((parsing == IGNORE_ID).sum()), int((parsing > 0).sum())
    head = np.isin(parsing, [get_scheme("gps").id_of(name) for name in ("face", "hair")])
    return parsing if unsure <= MOST_UNSURE * sure and head.any() else None


def write_pseudo_labels(
    folder: Path,
    labels: Iterable[tuple[str, NDArray[np.uint8], ParsedPeople]],
    about: Mapping[str, Any],
) -> Path:
    """Write maps, the people beside each main person, and what made them.

    Args:
        folder: gets NNNN.png of each photo, `bystanders.json` and `pseudo_labels.json`.
        labels: id, map and people of each photo; taken one by one.
        about: for the JSON file.

    Raises:
        InputError: the place cannot be written.
    """
    palette = get_scheme("gps").palette
    beside = {}
    for photo_id, parsing, found in labels:
        write_file(folder / f"{photo_id}.png", encode_label_png(parsing, palette))
        beside[photo_id] = find_bystanders(found, parsing > 0)
    write_bystanders(folder, beside, about)
    text = json.dumps(dict(about) | {"photos": sorted(beside)}) + "\n"
    return write_file(folder / ABOUT, text.encode())  # last: it says that the rest is there


def read_pseudo_portraits(ccp_root: Path, folder: Path) -> list[Portrait]:
    """Read the people of photos that have tags only, as a network saw them.

    Photos that show the same picture as one with a garment map are left out.

    Raises:
        DataError: the folder was not finished, a photo or map is missing or broken, or the two
            differ in size.
    """
    dataset, path = CcpDataset(ccp_root), folder / ABOUT
    try:
        ids = [str(i) for i in json.loads(path.read_bytes())["photos"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"pseudo-labels must be listed in a JSON file, got {type(error).__name__}, at {path}. "
            "Make them by peopleparse data pseudo-labels."
        ) from error

    def read_one(photo_id: str) -> Portrait:
        image, parsing = dataset.read_photo(photo_id), read_label_png(folder / f"{photo_id}.png")
        box = mask_box((parsing > 0) & (parsing != IGNORE_ID))
        if image.shape[:2] != parsing.shape or box is None:
            raise DataError(
                f"pseudo-labels must show a person in {image.shape[:2]} pixels as the photo has, "
                f"got {parsing.shape}, at {folder / photo_id}.png. Make them again."
            )
        return Portrait(photo_id, image, parsing, box)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(read_one, [i for i in ids if i not in TAGGED_LEFT_OUT]))
