"""A node of ONNX as the rows get it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from archdsl.lifting.reading import Held, Reading

Translated: TypeAlias = "tuple[str, dict[str, Any]]"
"""The name of an operation of PyTorch, and its arguments by their names there."""


class Node:
    """A node, with its attributes as Python's values."""

    def __init__(
        self, proto: Any, inputs: Sequence[Any], reading: Reading, shapes: Sequence[tuple[int, ...]], bias: Held | None
    ) -> None:
        from onnx import helper

        self.reading, self.shapes, self.bias = reading, shapes, bias
        self.shape = shapes[0]
        self.kind = str(proto.op_type)
        self.inputs = list(inputs)
        self.given = {one.name: helper.get_attribute_value(one) for one in proto.attribute}

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        found = self.given.get(name, default)
        return found.decode("ascii", "replace") if isinstance(found, bytes) else found

    def whole(self, at: int, name: str) -> list[int] | None:
        """Whole numbers that are an attribute in old files, and an input in new ones."""
        if name in self.given:
            found = self.given[name]
            return [int(one) for one in found] if isinstance(found, Sequence) else [int(found)]
        if len(self.inputs) > at and isinstance(self.inputs[at], Held):
            return [int(one) for one in self.inputs[at].tensor.flatten().tolist()]
        return None


def decimal(value: Any) -> float:
    """A number of single precision as it was written."""
    return float(f"{float(value):.7g}")


__all__ = ["Node", "Translated", "decimal"]
