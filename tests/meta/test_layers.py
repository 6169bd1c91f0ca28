"""Who may import whom: the rooms stand in layers, siblings do not see each other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.meta.repo import SOURCE, package_of, read_imports, room_of

_BASE = {"errors", "labels", "structures"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "labels": {"errors"},
    "map_checks": {"errors", "labels"},
    "structures": {"errors", "labels", "map_checks"},
    "transforms": _BASE,
    "metrics": _BASE,
    "viz": _BASE,
    "data": _BASE | {"transforms"},
    "inference": _BASE | {"transforms", "viz"},
    "evaluation": _BASE | {"transforms", "data", "metrics", "viz"},
    "nn": {"errors"},
    "models": {"errors", "nn"},
    "losses": {"errors", "labels", "nn"},
    "training": _BASE | {"transforms", "metrics", "data", "inference", "nn", "models", "losses"},
    "experiments": _BASE
    | {"transforms", "data", "metrics", "viz", "evaluation", "inference", "nn"}
    | {"models", "training"},
    "web": {"errors"},
    "studio": _BASE | {"transforms", "data", "metrics", "viz", "inference", "evaluation", "web"},
    "server": _BASE | {"web"} | {"transforms", "data", "metrics", "viz", "evaluation"},
    "__init__": _BASE | {"inference"},
}
SEES_ALL = {"cli", "__main__"}
TORCH_ROOMS = {"nn", "models", "losses", "training", "experiments"}

# (file, room): why this import may break the rule. Only inside a function.
EXCEPTIONS = {
    ("structures.py", "viz"): "result.draw() and result.save() are methods that users expect",
}

# The one file outside the torch rooms that may use torch: the engine that runs a torch model.
TORCH_FILES = {"inference/torch_engine.py"}

CORE_LIBRARIES = {"click", "cv2", "numpy", "onnxruntime", "PIL", "rich"}
TORCH_LIBRARIES = {"torch", "torchvision"}
TRAIN_LIBRARIES = {"matplotlib", "onnx", "safetensors", "scipy", "tensorboard"}
DEMO_LIBRARIES = {"matplotlib", "skimage"}
CRF_LIBRARIES = {"pydensecrf"}
SCALE_LIBRARIES = {"fsspec", "nncf", "openvino", "pyarrow", "ray"}
SERVER_LIBRARIES = {
    *("alembic", "cryptography", "fastapi", "jinja2", "pydantic", "sqlalchemy", "starlette"),
    *("uvicorn", "markupsafe", "python_multipart"),
}


def find_faults(path: Path, source: str) -> list[str]:
    """Return one line for each import of the file that its room does not allow."""
    room, where = room_of(path), path.relative_to(SOURCE)
    if room not in MAY_IMPORT and room not in SEES_ALL:
        return [f"{where}: room '{room}' must be in MAY_IMPORT, got none. Add it and its layer."]
    faults = []
    for found in read_imports(source, package_of(path)):
        top, *rest = found.module.split(".")
        if top == "peopleparse":
            allowed = _own_allowed(room, str(where), rest, found.at_top)
        else:
            torch_file = str(where) in TORCH_FILES and top == "torch" and not found.at_top
            allowed = torch_file or _library_allowed(room, top, found.at_top)
        if not allowed:
            faults.append(f"{where}:{found.line}: '{room}' must not import {found.module}")
    return faults


def _own_allowed(room: str, where: str, rest: list[str], at_top: bool) -> bool:
    target = rest[0] if rest else "__init__"
    if target == "__version__" or target == room:
        return True
    if room in SEES_ALL:
        return not (at_top and target in TORCH_ROOMS)  # `peopleparse parse` must start fast
    if room == "__init__" and at_top:
        return False  # importing the package must load nothing
    if (where, target) in EXCEPTIONS:
        return not at_top
    return target in MAY_IMPORT[room]


def _library_allowed(room: str, top: str, at_top: bool) -> bool:
    if top in sys.stdlib_module_names:
        return True
    if room == "metrics":
        return top == "numpy"
    if room in TORCH_ROOMS:
        return top in CORE_LIBRARIES | TRAIN_LIBRARIES | TORCH_LIBRARIES
    if top in CORE_LIBRARIES:
        return True
    if room in {"server", "studio", "web"}:
        return top in SERVER_LIBRARIES
    if at_top:
        return False  # a core install does not have it
    extras = TRAIN_LIBRARIES | DEMO_LIBRARIES | SERVER_LIBRARIES | CRF_LIBRARIES | SCALE_LIBRARIES
    return top in (extras | TORCH_LIBRARIES if room in SEES_ALL else extras)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.name))
def test_file_imports_only_what_its_room_allows(path: Path) -> None:
    assert find_faults(path, path.read_text(encoding="utf-8")) == []


def test_rooms_stand_in_layers_without_a_circle() -> None:
    done: set[str] = set()
    while len(done) < len(MAY_IMPORT):
        free = {room for room, below in MAY_IMPORT.items() if below <= done} - done
        assert free, f"a circle among {sorted(set(MAY_IMPORT) - done)}"
        done |= free


def test_every_exception_is_still_needed() -> None:
    for name, target in EXCEPTIONS:
        path = SOURCE / name
        if path.exists():
            found = read_imports(path.read_text(encoding="utf-8"), package_of(path))
            assert any(f"{i.module}.".startswith(f"peopleparse.{target}.") for i in found)


@pytest.mark.parametrize(
    ("file", "source", "faulty"),
    [
        ("viz/a.py", "import numpy\nfrom peopleparse.structures import Person", False),
        ("viz/a.py", "from peopleparse.metrics import confusion", True),
        ("viz/a.py", "def f():\n    from peopleparse import metrics", True),
        ("viz/a.py", "from ..metrics import confusion", True),
        ("viz/a.py", "from . import palette", False),
        ("viz/a.py", "import importlib\nimportlib.import_module('peopleparse.nn')", True),
        ("viz/a.py", "import torch", True),
        ("viz/a.py", "def f():\n    import matplotlib", False),
        ("viz/a.py", "import matplotlib", True),
        ("metrics/a.py", "import cv2", True),
        ("models/a.py", "import torch\nfrom peopleparse.nn import boxes", False),
        ("models/a.py", "from peopleparse.losses import parsing", True),
        ("structures.py", "from peopleparse.viz import draw", True),
        ("structures.py", "def f():\n    from peopleparse.viz import draw", False),
        ("cli/a.py", "from peopleparse.training import loop", True),
        ("cli/a.py", "def f():\n    import torch", False),
        ("__init__.py", "from peopleparse.structures import Person", True),
        (
            "__init__.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
            "    from peopleparse.structures import Person",
            False,
        ),
        ("shed/a.py", "", True),
    ],
)
def test_the_check_itself(file: str, source: str, faulty: bool) -> None:
    assert bool(find_faults(SOURCE / file, source)) is faulty
