"""Split a GPS folder: near-duplicate photos together, the split in each JSON and in lists of ids.

    <folder>/splits/<split>.txt     one id a line, sorted, as the JSONs say

The lists are for other programs; this project reads the JSONs.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peopleparse.data.files import new_folder, read_image, write_file
from peopleparse.data.gps import read_image_ids, read_record, record_path
from peopleparse.data.near_duplicates import MAX_DISTANCE, find_near_duplicates, hash_photo
from peopleparse.data.splits import SHARES, assign_splits
from peopleparse.errors import DataError, InputError

LISTS = "splits"
_NAME = re.compile(r"\w[\w\-]*")


@dataclass(frozen=True)
class SplitReport:
    """What a split did.

    Attributes:
        sizes: images of each subset ("" where none is named) and split.
        groups: near-duplicates that stay together, by id.
        changed: images whose split is another than before.
    """

    sizes: dict[tuple[str, str], int]
    groups: list[list[str]]
    changed: int


def split_dataset(
    folder: str | Path,
    shares: Mapping[str, float] = SHARES,
    counts: Mapping[str, int] | None = None,
    max_distance: int = MAX_DISTANCE,
    track: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> SplitReport:
    """Split the images of a GPS folder, and write each one's split into its JSON.

    Indoor and outdoor images are shared out apart. The same folder gives the same split; a second
    run changes nothing, and one that broke off is completed by another.

    Args:
        folder: the data set.
        shares: split to share of the images.
        counts: split to exact number of images, in place of shares.
        max_distance: photos at most so many bits of 255 apart stay together.
        track: wraps the image ids, for a progress bar.

    Raises:
        DataError: the folder is no GPS folder, or a JSON or photo of it is missing or broken.
        InputError: a split has no name that a file can have, or as `assign_splits`.
    """
    folder, splits = Path(folder), list(shares if counts is None else counts)
    unfit = [name for name in splits if not _NAME.fullmatch(name)]
    if unfit:
        raise InputError(
            f"split must be a name of letters, digits, '_' and '-', got {unfit}. Give train, val "
            "or test."
        )
    records, hashes = dict[str, dict[str, Any]](), {}
    for image_id in track(read_image_ids(folder)):
        records[image_id] = record = read_record(folder, image_id)
        hashes[image_id] = hash_photo(read_image(folder / record["image"]["file"]))
    groups = find_near_duplicates(hashes, max_distance)
    strata = {i: record["image"].get("subset") or "" for i, record in records.items()}
    found = assign_splits(records, shares, counts, groups, strata)
    changed = 0
    for image_id, split in found.items():
        record = records[image_id]
        if record["image"]["split"] != split:
            record["image"]["split"] = split
            text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
            write_file(record_path(folder, image_id), text.encode())
            changed += 1
    with new_folder(folder / LISTS) as part:
        for split in splits:
            ids = [i for i in found if found[i] == split]
            write_file(part / f"{split}.txt", "".join(f"{i}\n" for i in ids).encode())
    sizes = Counter((strata[i], split) for i, split in found.items())
    return SplitReport(dict(sizes), groups, changed)


def check_lists(folder: str | Path, split_of: Mapping[str, str]) -> list[str]:
    """Return every fault of the lists of ids, one line each; none where there are no lists.

    Args:
        folder: the data set.
        split_of: the split of each image as its JSON says.
    """
    lists = Path(folder) / LISTS
    if not lists.is_dir():
        return []
    faults: list[str] = []
    listed: dict[str, list[str]] = {}
    again = "Run `peopleparse data split` again, or correct the list."
    for path in sorted(lists.glob("*.txt")):
        try:
            ids = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            faults.append(f"list of ids must be a text file, got '{error}', at {path}. {again}")
            continue
        for image_id in filter(None, ids):
            listed.setdefault(image_id, []).append(path.name)
    for image_id, names in sorted(listed.items()):
        if len(set(names)) > 1:
            what = "image must be in one split"
        elif len(names) > 1:
            what = "image must be in its list once"
        else:
            continue
        faults.append(f"{what}, got '{image_id}' in {' and '.join(names)}, at {lists}. {again}")
    for image_id in sorted({*listed, *split_of}):
        names = sorted(set(listed.get(image_id, [])))
        wanted = f"{split_of[image_id]}.txt" if image_id in split_of else ""
        if not wanted:
            faults.append(
                f"listed image must have an annotation, got none for '{image_id}' of {names[0]}, "
                f"at {lists}. {again}"
            )
        elif wanted not in names:
            got = names[0] if names else "no list"
            faults.append(
                f"image must be in the list of its JSON's split {wanted}, got '{image_id}' in "
                f"{got}, at {lists}. {again}"
            )
    return faults


def check_apart(folders: Sequence[str | Path]) -> list[str]:
    """Return images that several GPS folders have in different splits, by id or by picture."""
    faults: list[str] = []
    seen: dict[tuple[str, str], tuple[str, str, Path]] = {}
    for folder in map(Path, folders):
        for image_id in read_image_ids(folder):
            try:
                image = read_record(folder, image_id)["image"]
            except DataError:  # told by the check of its own folder
                continue
            for kind, value in (("id", image_id), ("picture", image["sha256"])):
                other, split, place = seen.setdefault(
                    (kind, value), (image_id, image["split"], folder)
                )
                if place != folder and split != image["split"]:
                    faults.append(
                        f"{kind} must be in one split, got '{other}' in {split} at {place} and "
                        f"'{image_id}' in {image['split']} at {folder}. Take one of them out."
                    )
    return faults
