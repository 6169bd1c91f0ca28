"""What is changed in a graph before OpenVINO compiles it.

In the graph for the people OpenVINO's RoI Align takes half of the time, and bf16 takes the digits
that the place of a grid needs. In quantised graphs numbers would be cut off in place of rounded.
All are mended on the graph that was read, so every export profits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

_KIND = {"mode": "avg", "aligned_mode": "half_pixel_for_nn", "sampling_ratio": 1}


def pool_by_products(graph: Any) -> int:
    """Write each RoI Align on one photo as two matrix products, Wy maps Wx^T; return how many.

    With one point a cell, bilinear sampling is a weighted sum of rows of a weighted sum of columns.
    Others (several points a cell, another way to average or to place cells) stay as they are.
    """
    import openvino.opset13 as ops

    count = 0
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "ROIAlign":
            continue
        kind = node.get_attributes()
        maps, boxes = node.input_value(0), node.input_value(1)
        alone = maps.get_partial_shape()[0]
        if any(kind[name] != value for name, value in _KIND.items()) or alone != 1:
            continue
        cells = ops.multiply(boxes, np.float32(kind["spatial_scale"]))
        shape = ops.shape_of(_uncast(maps), "i64")
        down, across = (
            _sample_weights(cells, shape, axis, kind[name])
            for axis, name in ((1, "pooled_h"), (0, "pooled_w"))
        )
        pooled = ops.matmul(down, ops.matmul(maps, across, False, True), False, False)
        pooled.set_friendly_name(node.get_friendly_name())
        _replace(node, pooled.output(0))
        count += 1
    graph.validate_nodes_and_infer_types()
    return count


def _sample_weights(boxes: Any, shape: Any, axis: int, cells: int) -> Any:
    """Return the weights of each cell's row (axis 1) or column (axis 0), (K, 1, cells, size).

    A point up to one cell outside repeats the border; further out its weights are 0.
    """
    import openvino.opset13 as ops

    def column(index: int) -> Any:  # (K, 1)
        return ops.gather(boxes, np.array([index], np.int64), np.array(1, np.int64))

    low, high = column(axis), column(axis + 2)
    side = ops.gather(shape, np.int64(3 - axis), np.int64(0))
    size = ops.convert(side, "f32")
    shares = ((np.arange(cells) + 0.5) / cells).astype(np.float32)[None]
    at = ops.add(low, ops.multiply(ops.subtract(high, low), shares))  # (K, cells)
    at = ops.subtract(at, np.float32(0.5))
    inside = ops.logical_and(ops.greater_equal(at, np.float32(-1)), ops.less_equal(at, size))
    last = ops.subtract(size, np.float32(1))
    at = ops.minimum(ops.maximum(at, np.float32(0)), last)
    source = ops.range(np.float32(0), size, np.float32(1), "f32")
    apart = ops.absolute(ops.subtract(ops.unsqueeze(at, np.int64(2)), source))
    near = ops.relu(ops.subtract(np.float32(1), apart))  # (K, cells, size)
    weights = ops.multiply(near, ops.convert(ops.unsqueeze(inside, np.int64(2)), "f32"))
    return ops.unsqueeze(weights, np.int64(1))


def join_quantising(graph: Any) -> int:
    """Make one step of each quantising and the scaling back after it; return how many.

    An ONNX file says: round, convert to int8, convert back, multiply. OpenVINO's optimiser can
    reorder this such that the conversion cuts off what the rounding should have rounded.
    """
    import openvino.opset13 as ops

    count = 0
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "FakeQuantize":
            continue
        last, zero = node, np.zeros(1, np.float32)
        while last.get_type_name() in ("FakeQuantize", "Convert", "Subtract"):
            users = list(last.output(0).get_target_inputs())
            if len(users) != 1:
                break
            last = users[0].get_node()
            if last.get_type_name() == "Subtract":
                zero = _constant(last.input_value(1))
        scale = _constant(last.input_value(1)) if last.get_type_name() == "Multiply" else None
        if scale is None or zero is None or scale.size != 1 or zero.size != 1:
            continue
        low, high = (np.float32((_constant(node.input_value(i)) - zero) * scale) for i in (3, 4))
        inputs = [node.input_value(index) for index in range(3)]
        joined = ops.fake_quantize(*inputs, low, high, node.get_attributes()["levels"])
        _replace(last, joined.output(0))
        count += 1
    graph.validate_nodes_and_infer_types()
    return count


def split_sampling(graph: Any, people: Sequence[str]) -> tuple[Any | None, Any]:
    """Cut the matrices that only boxes and sizes determine out of a graph.

    Args:
        graph: the rois graph; it is taken apart.
        people: names of the inputs that boxes and faces come in by.

    Returns:
        The graph of the matrices and the graph of the rest, which takes them as inputs of the same
        names; None and the whole graph where there are no such matrices.
    """
    import openvino as ov
    import openvino.opset13 as ops

    _fix_known_sides(graph)
    geometry = _find_geometry(graph, people)
    results, entries = list[Any](), list[Any]()
    for node in graph.get_ordered_ops():
        if _name(node) not in geometry or node.get_type_name() == "Parameter":
            continue
        products = [
            user
            for user in node.output(0).get_target_inputs()
            if user.get_node().get_type_name() == "MatMul"
            and _name(user.get_node()) not in geometry
        ]
        if not products:
            continue
        source, name = node.output(0), f"sampling_{len(results)}"
        entry = ops.parameter(source.get_partial_shape(), source.get_element_type(), name=name)
        entry.output(0).get_tensor().set_names({name})
        for user in products:
            user.replace_source_output(entry.output(0))
        source.get_tensor().set_names({name})
        results.append(ops.result(source))
        entries.append(entry)
    if not results:
        return None, graph
    inputs = graph.get_parameters()
    sampling = ov.Model(results, inputs, "sampling").clone()
    return sampling, ov.Model(graph.get_results(), [*inputs, *entries], "people")


def _find_geometry(graph: Any, people: Sequence[str]) -> set[str]:
    """Return the names of the nodes whose values follow from boxes and sizes alone."""
    inputs = {_name(node) for node in graph.get_parameters()}
    found, constants = set(people) & inputs, set[str]()
    for node in graph.get_ordered_ops():
        kind, sources = node.get_type_name(), [source.get_node() for source in _sources(node)]
        if kind == "Constant":
            constants.add(_name(node))
        elif kind == "ShapeOf" and _name(_uncast(node.input_value(0)).get_node()) in inputs:
            found.add(_name(node))
        elif kind not in ("Parameter", "Result"):
            names = {_name(source) for source in sources}
            if names <= constants:
                constants.add(_name(node))
            elif names <= found | constants:
                found.add(_name(node))
    return found


def _fix_known_sides(graph: Any) -> None:
    """Put numbers in the place of sides that are the same for every photo and person."""
    import openvino.opset13 as ops

    for node in graph.get_ordered_ops():
        if node.get_type_name() != "Gather":
            continue
        shape, index = (source.get_node() for source in list(_sources(node))[:2])
        if shape.get_type_name() != "ShapeOf" or index.get_type_name() != "Constant":
            continue
        wanted = np.asarray(index.get_data())
        if wanted.size != 1:
            continue
        side = shape.input_value(0).get_partial_shape()[int(wanted.ravel()[0])]
        if side.is_static:
            number = np.full(wanted.shape, side.get_length(), np.int64)
            fixed = ops.convert(ops.constant(number), node.get_element_type().get_type_name())
            _replace(node, fixed.output(0))
    graph.validate_nodes_and_infer_types()


def _replace(node: Any, source: Any) -> None:
    for user in node.output(0).get_target_inputs():
        user.replace_source_output(source)


def _uncast(output: Any) -> Any:
    """Return what stands before conversions: they keep the shape."""
    while output.get_node().get_type_name() == "Convert":
        output = output.get_node().input_value(0)
    return output


def _constant(output: Any) -> Any:
    """Return the numbers of a constant, (n,) float32, also behind a conversion; None for others."""
    node = output.get_node()
    while node.get_type_name() in ("Convert", "Reshape"):
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Constant":
        return None
    return np.asarray(node.get_data(), np.float32).ravel()


def _sources(node: Any) -> Iterator[Any]:
    return (node.input_value(index) for index in range(node.get_input_size()))


def _name(node: Any) -> str:
    return str(node.get_friendly_name())
