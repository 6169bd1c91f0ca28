from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from peopleparse.errors import ModelError  # noqa: E402
from peopleparse.models.build import build_baseline, build_model  # noqa: E402
from peopleparse.training import start  # noqa: E402
from peopleparse.training.start import start_from  # noqa: E402


def test_every_mobilenet_gets_the_shipped_layers():
    net, pair = build_model("gpsnet_mobilenet_v2"), build_baseline("det_par_mobilenet_v2")
    before = net.backbone.from_32[0].weight.clone()
    assert start_from(net, "gpsnet_mobilenet_v2") == 1
    assert start_from(pair, "gpsnet_mobilenet_v2") == 2
    wanted = net.backbone.to_8.state_dict()
    found = [m for n, m in pair.named_modules() if n.endswith("to_8")]
    assert len(found) == 2
    for layers in found:
        assert all(torch.equal(layers.state_dict()[key], value) for key, value in wanted.items())
    assert torch.equal(net.backbone.from_32[0].weight, before)  # starts from chance


def test_bad_input(monkeypatch):
    with pytest.raises(ModelError, match="model must have MobileNetV2 features to start from"):
        start_from(torch.nn.Linear(2, 2), "gpsnet_mobilenet_v2")
    with pytest.raises(ModelError, match="model must be a shipped name"):
        start_from(build_model("gpsnet_mobilenet_v2"), "gpsnet_mobilenet")
    monkeypatch.setattr(start, "_LAYERS", ("to_4.", "from_32."))
    with pytest.raises(ModelError, match=r"must hold the \d+ arrays of MobileNetV2, got \d+ of"):
        start_from(build_model("gpsnet_mobilenet_v2"), "gpsnet_mobilenet_v2")
