"""A graph of ONNX run by onnx's reference evaluator, node by node, in double precision.

The evaluator itself keeps every value until the end and all tensors twice; here a value lives as long as a node needs
it, and tensors are the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archdsl.lifting.onnxsizes import MOST, too_many
from archdsl.quiet import reason

DOUBLE = 11
FLOATS = {1, 10, 11, 16}
"""`TensorProto.DataType` of float, half, double, bfloat16."""

STASHED = 21
"""The version from which a group norm says in which precision it works: single, where it says nothing."""


class RunFault(Exception):
    """What a node raised, in one line."""


class Graph:
    """A graph that runs on arrays of double precision."""

    def __init__(self, model: Any) -> None:
        self._model = model
        version = max([one.version for one in model.opset_import if one.domain in ("", "ai.onnx")], default=0)
        self._nodes = [_doubled(node, version) for node in model.graph.node]
        self._made: dict[tuple[int, tuple[Any, ...]], Any] = {}
        self._shapes: dict[tuple[str, tuple[int, ...]], Any] = {}
        """What was found of values that differ between images: arrays of zeros."""
        self._last = {name: at for at, node in enumerate(self._nodes) for name in node.input}

    def run(self, tensors: Mapping[str, Any], given: Mapping[str, Any]) -> list[Any]:
        """The outputs, for arrays by name. Raises `RunFault`."""
        ends = [one.name for one in self._model.graph.output]
        values = {**_arrays(tensors), **given}
        kept = {*ends, *values}

        def after(at: int, node: Any) -> None:
            for name in {*node.input, *node.output}:
                if self._last.get(name, -1) <= at and name not in kept:
                    values.pop(name, None)

        self._steps(values, after)
        missing = next((name for name in ends if name not in values), None)
        if missing is not None:
            raise RunFault(f"nothing gives its output {missing}")
        return [values[name] for name in ends]

    def looked_at(self, tensors: Mapping[str, Any], image: str, given: Any) -> dict[str, Any]:
        """What every node gives: in full where it is the same for every image, otherwise an array of zeros that takes
        no memory. Raises `RunFault`."""
        values = {**_arrays(tensors), image: given}
        moving = {image}

        def after(at: int, node: Any) -> None:
            if not moving.isdisjoint(node.input) and node.op_type not in ("Shape", "Size"):
                moving.update(node.output)
            for name in moving.intersection({*node.input, *node.output}):
                if self._last.get(name, -1) <= at and name in values:
                    self._shapes[name, given.shape] = values[name] = _zeros(values[name])

        def skips(node: Any) -> bool:
            known = [(name, given.shape) for name in node.output if name]
            if moving.isdisjoint(node.input) or not all(key in self._shapes for key in known):
                return False
            values.update({key[0]: self._shapes[key] for key in known})
            return True

        self._steps(values, after, skips, lambda node: not moving.isdisjoint(node.input))
        return {name: value for name, value in values.items() if name and name not in tensors}

    def _steps(
        self,
        values: dict[str, Any],
        after: Callable[[int, Any], None],
        skips: Callable[[Any], bool] = lambda _: False,
        shape_only: Callable[[Any], bool] = lambda _: False,
    ) -> None:
        import numpy as np

        for at, node in enumerate(self._nodes):
            feeds = {}
            for name in [name for name in node.input if name]:
                if name not in values:
                    raise RunFault(f"nothing gives {name}, which the node {node.name or node.op_type} takes")
                feeds[name] = values[name]
            if not skips(node):
                if too_many(node, feeds):
                    raise RunFault(f"{node.op_type} gives more than {MOST:,} numbers")
                if node.op_type == "MatMul" and shape_only(node):
                    feeds = _thin(feeds, *node.input)
                names = [name for name in node.output if name]
                try:
                    with np.errstate(all="ignore"):
                        results = self._evaluator(at, node, feeds).run(names, feeds)
                except Exception as fault:  # whatever a node that does not fit makes NumPy raise
                    raise RunFault(f"{node.op_type}: {reason(fault)}") from None
                if not all(hasattr(one, "shape") for one in results):
                    raise RunFault(f"{node.op_type} gives what is no tensor")
                values |= dict(zip(names, results, strict=True))
            after(at, node)

    def _evaluator(self, at: int, node: Any, feeds: Mapping[str, Any]) -> Any:
        """onnx's evaluator of one node, for inputs of these types."""
        from onnx import helper
        from onnx.reference import ReferenceEvaluator

        key = at, tuple([one.dtype for one in feeds.values()])
        if key not in self._made:
            inputs = [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(one.dtype), None)
                for name, one in feeds.items()
            ]
            outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
            graph = helper.make_graph([node], "node", inputs, outputs)
            opsets, version = list(self._model.opset_import), self._model.ir_version
            made = helper.make_model(graph, opset_imports=opsets, ir_version=version)
            self._made[key] = ReferenceEvaluator(made)
        return self._made[key]


def _zeros(array: Any) -> Any:
    import numpy as np

    return np.broadcast_to(np.zeros((), array.dtype), array.shape)


def _thin(feeds: Mapping[str, Any], first: str, second: str) -> dict[str, Any]:
    """Two factors whose product has the shape that theirs has, with a sum of one term."""
    a, b = feeds[first], feeds[second]
    if first == second or min(a.ndim, b.ndim) < 2 or a.shape[-1] != b.shape[-2]:
        return dict(feeds)
    return {first: a[..., :1], second: b[..., :1, :]}


def _arrays(tensors: Mapping[str, Any]) -> dict[str, Any]:
    return {name: (one.double() if one.is_floating_point() else one).numpy() for name, one in tensors.items()}


def _doubled(node: Any, version: int) -> Any:
    """A node whose numbers are doubles."""
    import onnx
    from onnx import numpy_helper

    made = onnx.NodeProto()
    made.CopyFrom(node)
    if made.op_type == "BatchNormalization" and len(made.output) == 1:
        _settled(made)
    if made.op_type == "GroupNormalization" and version >= STASHED:
        others = [one for one in made.attribute if one.name != "stash_type"]
        del made.attribute[:]
        made.attribute.extend([*others, onnx.helper.make_attribute("stash_type", DOUBLE)])
    for attribute in made.attribute:
        if attribute.name == "to" and attribute.i in FLOATS:
            attribute.i = DOUBLE
        if attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type in FLOATS:
            array = numpy_helper.to_array(attribute.t)
            attribute.t.CopyFrom(numpy_helper.from_array(array.astype("float64"), attribute.t.name))
    return made


def _settled(node: Any) -> None:
    """A norm with its running statistics kept as they are: onnx's evaluator moves them towards those of the images in
    files of versions 9 to 13, also where nothing is trained, and a momentum of 1 is no step."""
    others = [one for one in node.attribute if one.name != "momentum"]
    del node.attribute[:]
    node.attribute.extend(others)
    node.attribute.add(name="momentum", type=1, f=1.0)


__all__ = ["FLOATS", "Graph", "RunFault"]
