"""Active Template Regression (ATR): 18 labels, photos of one person.

    humanparsing/JPEGImages/<id>.jpg
    humanparsing/SegmentationClassAug/<id>.png
    train_id.txt, val_id.txt, test_id.txt, anywhere; train.txt and so on in list/

Source: Gaoyiminggithub/Graphonomy, dataloaders/atr.py (folders and lists, list/train_id.txt);
LIP paper, Table 1 (counts). The page of the release, lemondan/HumanParsing-Dataset, says neither.

Differs: sources disagree on the number. The papers count 16,000 + 700 + 1,000 = 17,700; the
released folders hold 17,706, and come without lists (as users of the release report there), so
every list in use was made by somebody else.
"""

from __future__ import annotations

from peopleparse.data.map_labels import Layout

ATR = Layout(
    format="atr",
    title="ATR",
    maps=("SegmentationClassAug",),
    photos=("JPEGImages",),
    lists={
        split: (f"{split}_id.txt", f"list/{split}.txt", f"humanparsing/{split}.txt")
        for split in ("train", "val", "test")
    },
    counts={"train": 16_000, "val": 700, "test": 1_000},
    total=17_706,
)
