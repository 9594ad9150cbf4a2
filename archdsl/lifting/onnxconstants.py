"""What a node of an ONNX file gives that is the same for every image: a number, or a look at a learned tensor.

Which element of a learned tensor stands where is found by the node itself: onnx's evaluator runs it on places in the
place of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Held

LOOKS = {
    *("Identity", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Cast", "Expand", "Slice", "Split"),
    *("Gather", "GatherElements", "GatherND", "Tile", "Concat"),
}
"""Nodes that compute nothing of the numbers that they get."""


def tensor_of(name: str, tensor: Any, learned: bool) -> Held:
    """A tensor of the file."""
    import torch

    held = Held(tensor, (name,), learned)
    if not learned:
        return held
    return Held(tensor, (name,), True, torch.arange(tensor.numel()).reshape(tensor.shape), held)


def constants(proto: Any, given: Sequence[Any], results: Sequence[Any], model: Any, images: int) -> list[Held]:
    """What a node gives that is the same for every image, where it gives these numbers."""
    import numpy as np
    import torch

    of = [part for part in given if isinstance(part, Held)]
    names = tuple(dict.fromkeys([name for part in of for name in part.names]))
    learned = [part for part in of if part.learned]
    base = learned[0].base if learned and all(part.base is learned[0].base for part in learned) else None
    places = None
    if base is not None and proto.op_type in LOOKS and all(part.places is not None for part in learned):
        places = _places(proto, given, model)
    found = []
    for at, result in enumerate(results):
        tensor = torch.as_tensor(np.array(result))
        own = None if places is None else places[at]
        computed = bool(learned) and (own is None or any(part.computed for part in learned))
        held = Held(tensor, names, bool(learned), own, base, computed)
        found.append(_once(held, given[0], images) if proto.op_type == "Expand" else held)
    return found


def _once(held: Held, of: Held, images: int) -> Held:
    """A tensor that is repeated for every image, and otherwise as it was, for one."""
    own = [1] * (held.tensor.ndim - of.tensor.ndim) + list(of.tensor.shape)
    if list(held.tensor.shape) != [images, *own[1:]] or own[0] != 1:
        return held
    places = None if held.places is None else held.places[:1]
    return Held(held.tensor[:1], held.names, held.learned, places, held.base, held.computed)


def _places(proto: Any, given: Sequence[Any], model: Any) -> list[Any] | None:
    """Which elements of its one learned tensor a node gives; none where it does not run on whole numbers."""
    import torch
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    if proto.op_type == "Cast":
        return [given[0].places]
    feeds = {}
    for name, part in zip(proto.input, given, strict=True):
        if isinstance(part, Held):
            feeds[name] = (part.places if part.learned else part.tensor).numpy()
    inputs = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(one.dtype), one.shape)
              for name, one in feeds.items()]  # fmt: skip
    outputs = [helper.make_tensor_value_info(name, TensorProto.INT64, None) for name in proto.output if name]
    graph = helper.make_graph([proto], "look", inputs, outputs)
    made = helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    try:
        results: list[Any] = list(ReferenceEvaluator(made).run(None, feeds))
    except Exception as fault:  # whatever a node that does not fit makes NumPy raise
        raise Unliftable(f"it cannot be worked out beforehand: {type(fault).__name__}") from None
    return [torch.as_tensor(one) for one in results]


__all__ = ["constants", "tensor_of"]
