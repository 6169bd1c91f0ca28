"""What `peopleparse parse --save png,json` writes, as predictions."""

from __future__ import annotations

from typing import Any

from peopleparse.data.gps_labels import read_scores
from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import FileLabels, Side, parse_json
from peopleparse.errors import DataError
from peopleparse.labels import Scheme, get_scheme, scheme_names

PARSING, INSTANCES = "_parsing", "_instances"


class SavedLabels(FileLabels):
    """`<id>_parsing.png`, `<id>_instances.png` and `<id>.json` of each photo.

    Raises:
        DataError: there is no photo's result, or no readable JSON names the scheme.
    """

    format = "peopleparse"

    def __init__(self, files: LabelFiles, scheme: Scheme | None, side: Side) -> None:
        stems = files.files_in("", ".png")
        ids = {stem.removesuffix(PARSING) for stem in stems if stem.endswith(PARSING)}
        ids |= {stem.removesuffix(INSTANCES) for stem in stems if stem.endswith(INSTANCES)}
        if not ids:
            raise DataError(
                f"results of peopleparse must be PNGs <id>{PARSING}.png, got none, "
                f"at {files.path}. Parse with --save png,json."
            )
        super().__init__(files, scheme or _find_scheme(files, sorted(ids)), side, ids)

    def names_of(self, image_id: str) -> list[str]:
        """Return the names of the photo's PNGs and JSON."""
        names = (f"{image_id}{PARSING}.png", f"{image_id}{INSTANCES}.png", f"{image_id}.json")
        return [name for name in names if name in self.files]

    def _read(self, image_id: str, faults: list[str]) -> ImageLabels | None:
        first, second = f"{image_id}{PARSING}.png", f"{image_id}{INSTANCES}.png"
        parsing, instances = self._labels(first, faults), self._numbers(second, faults)
        record = self._try(faults, self._json, f"{image_id}.json")
        if parsing is None or instances is None or record is None:
            return None
        place = self.files.place(f"{image_id}.json")
        self._check_sizes([(first, parsing), (second, instances)], faults)
        people = self._people(record, place, faults)
        scores = read_scores(people, place, faults)
        most = int(instances.max(initial=0))
        if most > len(people) and not faults:
            faults.append(
                f"people must be all {most} of {second}, got {len(people)}, at {place}. "
                "Parse the photo again."
            )
        if faults:
            return None
        kept = None if self.side == "truth" else scores
        return ImageLabels(persons=(parsing, instances), scores=kept, parsing=parsing)

    def _people(self, record: Any, place: str, faults: list[str]) -> list[Any]:
        people = record.get("people") if isinstance(record, dict) else None
        indexes = [p.get("index") if isinstance(p, dict) else None for p in people or []]
        if not isinstance(people, list) or indexes != list(range(1, len(people) + 1)):
            faults.append(
                f"people must be a list of persons with index 1 to N, got {indexes}, at {place}. "
                "Parse the photo again."
            )
            return []
        known = record.get("scheme") if record.get("scheme") in scheme_names() else None
        if (
            known is None
            or get_scheme(known).num_ids != self.scheme.num_ids
            or not _agree(get_scheme(known), self.scheme)
        ):
            faults.append(
                f"scheme must be '{self.scheme.name}', got '{record.get('scheme')}', at {place}. "
                "Parse again with --scheme."
            )
        return people


def _agree(first: Scheme, second: Scheme) -> bool:
    """Return whether the ids that both schemes use have the same names."""
    pairs = zip(first.names, second.names, strict=True)
    return all(a == b for a, b in pairs if a and b)


def _find_scheme(files: LabelFiles, ids: list[str]) -> Scheme:
    """Return the scheme that the first readable JSON names."""
    for image_id in ids:
        name = f"{image_id}.json"
        try:
            record = parse_json(files.read(name), files.place(name))
        except DataError:  # told when the image is read
            continue
        if isinstance(record, dict) and record.get("scheme") in scheme_names():
            return get_scheme(record["scheme"])
    raise DataError(
        f"results of peopleparse must have a JSON that names the scheme, got none, "
        f"at {files.path}. Parse with --save png,json, or name the scheme."
    )
