"""What to train: one frozen set of numbers, changed only by name."""

from __future__ import annotations

import runpy
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from peopleparse.errors import InputError, suggest


def _later(value: Any) -> Any:
    """Return a field that recipes of earlier runs do not have: at this value it is not written."""
    return field(default=value, metadata={"later": True})


@dataclass(frozen=True)
class Phase:
    """A stretch of training at one size.

    Attributes:
        until: share of all steps at which it ends.
        scene: height and width of scenes.
        photo: height and width of single photos.
        closeups: share of the photos that are cut close around head and shoulders.
    """

    until: float
    scene: tuple[int, int]
    photo: tuple[int, int]
    closeups: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run, apart from where the data lies.

    Attributes:
        model: name of the model; `adjust` and `fuse` are the ablation switches of GPSNet.
        backbone: file name of the starting weights under `backbones/`, or "".
        start: name of a shipped network whose MobileNetV2 layers the run starts from, or "".
        steps, batch, warmup: length, images a step, steps of rising learning rate.
        phases: sizes over time.
        optimizer: "adamw" with cosine, or "sgd" with a step at `lr_step`.
        lr, backbone_factor, weight_decay: of the optimizer.
        average: weight of the past in the running mean of the weights, which is what ships.
        photo_every: every n-th step shows single photos in place of scenes.
        rois: persons a step whose boxes are parsed.
        label_power, dice: see losses.parsing.
        loss_*: factors of the joint loss; loss_structure of the structure-sensitive loss of each
            person's parts (GPSNet only). In a baseline loss_heat weighs what tells persons from
            background, loss_box boxes and masks, loss_fused the parsing.
        rarity: how much more often rare labels are drawn.
        bfloat16: mixed precision.
        seed: of data and weights.
        init: exported network, by name or path, whose every layer the run starts from, or "".
        faults: share of images with a fault of cameras: dark, blurred, noisy, tinted, compressed.
        occluders: share of scenes with things in front of people.
        cuts: share of scenes framed so that people are cut off, as close or seated ones are.
        bystanders: whether people in single photos whom nobody annotated are left out of the loss;
            where they are says `bystanders/` of the data folder.
        blended: share of scenes whose people have clean rims, one light, and shadows.
        tagged: whether people count whose photos have garment tags only; a network drew their maps
            into `pseudo_labels/` of the data folder.
        boundary: how much more a cell of a person's map counts where another label begins.
        presence: whether the network also tells which labels a person shows; loss_presence is the
            factor of that loss, loss_face that of faces beside persons in heat and boxes.
    """

    model: str = "gpsnet_mobilenet_v2"
    adjust: bool = True
    fuse: bool = True
    backbone: str = "mobilenet_v2_deeplab_voc.safetensors"
    start: str = ""
    steps: int = 6000
    batch: int = 8
    warmup: int = 200
    phases: tuple[Phase, ...] = (
        Phase(0.7, (288, 384), (384, 256)),
        Phase(1, (384, 512), (512, 352)),
    )
    optimizer: str = "adamw"
    lr: float = 1.5e-3
    lr_step: int = 50_000
    backbone_factor: float = 0.2
    weight_decay: float = 0.02
    average: float = 0.998
    photo_every: int = 3
    rois: int = 20
    label_power: float = 0.25
    dice: float = 0.5
    loss_heat: float = 1.0
    loss_box: float = 1.0
    loss_global: float = 0.5
    loss_local: float = 0.5
    loss_fused: float = 1.0
    loss_structure: float = 0.0
    rarity: float = 0.5
    bfloat16: bool = True
    seed: int = 1
    init: str = _later("")
    faults: float = _later(0.0)
    occluders: float = _later(0.0)
    cuts: float = _later(0.0)
    bystanders: bool = _later(False)
    blended: float = _later(0.0)
    tagged: bool = _later(False)
    boundary: float = _later(0.0)
    presence: bool = _later(False)
    loss_presence: float = _later(0.5)
    loss_face: float = _later(0.5)

    def phase(self, step: int) -> Phase:
        """Return the phase that a step belongs to."""
        share = step / self.steps
        return next((p for p in self.phases if share < p.until), self.phases[-1])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; fields added later are left out while they change nothing.

        So a run keeps its hash.
        """
        same = {f.name for f in fields(self) if "later" in f.metadata}
        same = {name for name in same if getattr(self, name) == getattr(type(self), name)}
        return {name: value for name, value in asdict(self).items() if name not in same}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Recipe:
        """Return the recipe that `to_dict` wrote, also after a round through JSON."""
        phases = [
            Phase(p["until"], tuple(p["scene"]), tuple(p["photo"]), p["closeups"])
            for p in values["phases"]
        ]
        return cls(**(values | {"phases": tuple(phases)}))


def load_recipe(path: Path, settings: tuple[str, ...] = ()) -> Recipe:
    """Run a recipe file and return its RECIPE, changed by `key=value` settings.

    Raises:
        InputError: the file, its RECIPE, a key or a value cannot be used.
    """
    if not path.is_file():
        raise InputError(f"recipe must be a Python file, got none, at {path}. See recipes/.")
    try:
        recipe = runpy.run_path(str(path)).get("RECIPE")
    except Exception as error:
        raise InputError(
            f"recipe file must run, got {type(error).__name__}: {error}, at {path}. "
            "Copy one from recipes/."
        ) from error
    if not isinstance(recipe, Recipe):
        raise InputError(
            f"recipe file must define RECIPE = Recipe(...), got {type(recipe).__name__}, "
            f"at {path}. Copy one from recipes/."
        )
    return change_recipe(recipe, settings)


def change_recipe(recipe: Recipe, settings: tuple[str, ...]) -> Recipe:
    """Apply `key=value` settings; values take the type of the field.

    Raises:
        InputError: a setting has no "=", names no field, or its value has another type.
    """
    names = [field.name for field in fields(Recipe) if field.name != "phases"]
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or key not in names:
            raise InputError(f"setting must be key=value, got '{setting}'.{suggest(key, names)}")
        kind = type(getattr(recipe, key))
        try:
            value: Any = _read_bool(text) if kind is bool else kind(text)
        except ValueError as error:
            raise InputError(
                f"setting {key} must be {kind.__name__}, got '{text}'. Give a {kind.__name__}."
            ) from error
        changed: dict[str, Any] = {key: value}
        recipe = replace(recipe, **changed)
    return recipe


def _read_bool(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]
