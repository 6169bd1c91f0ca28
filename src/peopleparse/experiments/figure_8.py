"""Figure 8 of the GPS paper: several methods on the same photos, beside the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from peopleparse.errors import InputError
from peopleparse.experiments.figure_inputs import (
    Image,
    check_pairs,
    find_fates,
    in_truth_labels,
)
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation, ParsedPeople
from peopleparse.viz.panels import Panel, draw_panels, fit_panel, frame, paint_parts, parts_key

Parse = Callable[[Image], ParsedPeople]

_WIDTH = 320
_FOOTER = (
    "A dark line is drawn around each person. Below each panel: persons found (mean part IoU above "
    "0.5, or mask IoU from 0.5 on); how many of them have good parts (the former); surplus "
    "predictions, which are matched with nobody."
)


def draw_figure_8(
    methods: Mapping[str, Parse], images: Sequence[Image], truths: Sequence[Annotation]
) -> Image:
    """Draw image, truth and what each method makes of the image side by side.

    Args:
        methods: by title, what turns a photo into people.
        images: (H, W, 3) uint8 RGB photos, a row each.
        truths: of the images, in a scheme of GPS.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        InputError: there is no method, or the truths are not those of the images.

    Source: GPS paper, figure 8 and section 5.4.
    """
    check_pairs(images, truths)
    if not methods:
        raise InputError("methods must be one or more, got none. Give a title and a function.")
    gps, rows, shown = get_scheme("gps"), [], []
    for image, truth in zip(images, truths, strict=True):
        parsing, instances, _ = truth.flatten()
        count = len(truth)
        row = [
            Panel(frame(fit_panel(image, _WIDTH).copy())),
            Panel(
                paint_parts(parsing, gps, instances, _WIDTH),
                f"{count} person{'s' * (count != 1)}",
            ),
        ]
        shown.append(parsing)
        for parse in methods.values():
            result = parse(image)
            note = _describe(truth, result)
            labels = in_truth_labels(result.parsing, truth.scheme)
            row.append(Panel(paint_parts(labels, gps, result.instances, _WIDTH), note))
            shown.append(labels)
        rows.append(row)
    return draw_panels(rows, ("image", "truth", *methods), [parts_key(shown, gps)], _FOOTER, _WIDTH)


def _describe(truth: Annotation, result: ParsedPeople) -> str:
    fates = find_fates(truth, result)
    counts = Counter(fates.truth)
    good = counts["matched"]
    found, visible = good + counts["bad_parts"], len(fates.truth) - counts["dropped"]
    surplus = len(fates.prediction) - len(fates.pairs)
    return f"found {found} of {visible}, good parts {good}, surplus {surplus}"
