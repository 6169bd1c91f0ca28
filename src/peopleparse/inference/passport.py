"""The passport of a shipped network: what it is, and the hashes its files must have."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peopleparse.errors import ModelError, SchemeError, suggest
from peopleparse.inference.calibration import Calibration
from peopleparse.inference.engine import LONG_SIDES
from peopleparse.labels import get_scheme

WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"
PARTS = ("trunk", "rois")
SHORT_NAMES = {"base": "gpsnet_mobilenet_v2", "base-int8": "gpsnet_mobilenet_v2_int8"}
WEIGHT_PRECISIONS = ("f32", "int8")


@dataclass(frozen=True)
class Passport:
    """What a network's JSON file says about it.

    Attributes:
        name: name of the network, and the beginning of its file names.
        folder: where its files lie.
        scheme: label scheme of its channels.
        stride: input height and width must be multiples of this.
        sha256: file name to the hash that the file must have.
        long_sides: long side in pixels by the name of the detail (`detail` in the file).
        precision: of its weights: f32, or int8 where the file says so.
        calibration: turns a person's score into a probability; one that changes nothing where the
            file has none.
        fields: everything the file says: data, licence, recipe, scores.
    """

    name: str
    folder: Path
    scheme: str
    stride: int
    sha256: Mapping[str, str]
    long_sides: Mapping[str, int]
    precision: str = "f32"
    calibration: Calibration = Calibration()
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def path(self, part: str) -> Path:
        """Return the ONNX file of a part: "trunk" or "rois"."""
        return self.folder / f"{self.name}.{part}.onnx"


def model_names() -> list[str]:
    """Return the names of the networks inside the package, without the short ones."""
    return sorted(path.stem for path in WEIGHTS_FOLDER.glob("*.json"))


def find_passport(model: str | Path) -> Path:
    """Return the passport file of a shipped name, a folder with one network, or a JSON file.

    A shipped name may be short, see `SHORT_NAMES`; a folder of that name goes before.

    Raises:
        ModelError: there is no such network, or the folder does not hold exactly one.
    """
    path = Path(model)
    if path.is_dir():
        found = [p for p in sorted(path.glob("*.json")) if _trunk_of(p).exists()]
        if len(found) != 1:
            raise ModelError(
                f"model folder must hold one NAME.json with NAME.trunk.onnx beside it, got "
                f"{len(found)}, at {path}. Give the path of the JSON file instead."
            )
        return found[0]
    if path.suffix == ".json" and path.is_file():
        return path
    name = SHORT_NAMES.get(str(model), str(model))
    shipped = WEIGHTS_FOLDER / f"{name}.json"
    if shipped.name != f"{name}.json" or not shipped.is_file():
        raise ModelError(
            "model must be a shipped name, a folder or a passport file, got "
            f"'{model}'.{suggest(str(model), model_names()) if model_names() else ''}"
        )
    return shipped


def read_passport(path: Path) -> Passport:
    """Read a passport: `scheme`, `stride`, `sha256` by file name, `detail` by name, and more.

    `precision` is f32 or int8, f32 where the file does not say.

    Raises:
        ModelError: the file is no JSON object, or a field is missing or wrong.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        name = path.stem
        scheme = get_scheme(fields["scheme"]).name
        stride = int(fields["stride"])
        sha256 = {f"{name}.{part}.onnx": fields["sha256"][f"{name}.{part}.onnx"] for part in PARTS}
        long_sides = {key: int(value) for key, value in fields.get("detail", LONG_SIDES).items()}
        precision = fields.get("precision", "f32")
        if precision not in WEIGHT_PRECISIONS:
            raise ValueError(f"precision '{precision}'")
        calibration = Calibration.from_dict(fields.get("calibration", Calibration().to_dict()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SchemeError) as error:
        reason = f"{type(error).__name__} {error}".splitlines()[0]
        raise ModelError(
            "passport must be a JSON object with scheme, stride and the sha256 of both ONNX "
            f"files, got {reason}, at {path}. Export the model again."
        ) from error
    return Passport(
        name, path.parent, scheme, stride, sha256, long_sides, precision, calibration, fields
    )


def check_hashes(passport: Passport) -> None:
    """Check that both files of a network are the ones its passport speaks of.

    Raises:
        ModelError: a file is missing or has another hash.
    """
    for part in PARTS:
        path = passport.path(part)
        if not path.is_file():
            raise ModelError(
                f"weight file must exist, got no {path}. Reinstall peopleparse or export again."
            )
        expected, found = passport.sha256[path.name], file_sha256(path)
        if found != expected:
            raise ModelError(
                f"weight file must have sha256 {expected}, got {found}, at {path}. The file is "
                "damaged or was exchanged: reinstall peopleparse or export again."
            )


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _trunk_of(passport: Path) -> Path:
    return passport.with_name(f"{passport.stem}.trunk.onnx")
