"""PASCAL-Person-Part: 6 parts and background, several persons an image.

    pascal_person_part_gt/<id>.png, or SegmentationPart/<id>.png
    pascal_person_part_trainval_list/train_id.txt and val_id.txt, or train.txt and val.txt there
    JPEGImages/<id>.jpg, of VOC 2010
    Human_ids/<id>.png, person numbers as CIHP has them, where somebody made them

Source: X. Chen et al., "Detect What You Can", CVPR 2014; the release of DeepLab's authors
(liangchiehchen.com/projects/DeepLab.html), its layout as several readers of it give it, the second
as Gaoyiminggithub/Graphonomy, dataloaders/pascal.py; LIP paper, Table 1 (counts). The released maps
do not tell persons apart: their numbers are in PASCAL-Part's own .mat files.

Differs: readers that open the indexed PNGs as grey see 14, 38, 52, 75, 89, 113, the brightness of
the VOC colours, in place of ids 4, 1, 5, 2, 6, 3. Maps saved so are refused, and named.
"""

from __future__ import annotations

from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import Side
from peopleparse.data.map_labels import Layout, MapLabels
from peopleparse.labels import Scheme

_LISTS = "pascal_person_part_trainval_list"
# Of (128, 0, 0), (0, 128, 0) and on; programs round the halves differently.
_VOC_BRIGHTNESS = "[14, 38, 52, 75, 89, 113]"
_VOC_GREYS = (14, 15, 38, 52, 53, 75, 89, 90, 113)

PASCAL_PERSON_PART = Layout(
    format="pascal-person-part",
    title="PASCAL-Person-Part",
    maps=("pascal_person_part_gt", "SegmentationPart"),
    photos=("JPEGImages",),
    lists={split: (f"{split}_id.txt", f"{_LISTS}/{split}.txt") for split in ("train", "val")},
    counts={"train": 1_716, "val": 1_817},
    total=3_533,
    owners="Human_ids",
)


class PascalPersonPartLabels(MapLabels):
    """Label maps, and persons where Human_ids is there.

    Raises:
        DataError: there is no map, or two files stand for the same.
    """

    def __init__(self, files: LabelFiles, scheme: Scheme, side: Side) -> None:
        super().__init__(files, scheme, side, PASCAL_PERSON_PART)

    def _read(self, image_id: str, faults: list[str]) -> ImageLabels | None:
        known = len(faults)
        labels = super()._read(image_id, faults)
        if labels is not None and len(faults) > known:
            assert labels.parsing is not None
            if set(labels.parsing.ravel().tolist()) <= {0, 255, *_VOC_GREYS}:
                faults[known] += (
                    f" These are the brightness of the VOC colours {_VOC_BRIGHTNESS}: copy the "
                    "indexed PNGs as they are, do not open them as grey."
                )
        return labels
