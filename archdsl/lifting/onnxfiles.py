"""A file of ONNX (.onnx) as a program: its graph is read as data, and nothing of it is run but by onnx's own evaluator.

Numbers may stand in other files, which must be in the folder of this one. onnx's reference evaluator, NumPy code that
nobody here wrote, gives the shapes of all values once, and the outputs that the proof compares with.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from archdsl.files import FileFault
from archdsl.lifting.capture import CaptureFault
from archdsl.lifting.imported import Program
from archdsl.lifting.lifted import Lifted
from archdsl.lifting.onnxreading import read_graph
from archdsl.onnxmodels import read_model
from archdsl.quiet import reason

DEFAULT_SIDE = 224
"""Of images whose size the file leaves open."""
SINGLE = 1e-6
"""What outputs may differ by, of the largest: the file has its settings, such as 1/6, in single precision."""
DOUBLE = 11
FLOATS = {1, 10, 11, 16}
"""`TensorProto.DataType` of float, half, double, bfloat16."""


def open_onnx(path: str, name: str, size: tuple[int, int, int] | None) -> tuple[Program, tuple[int, int, int]]:
    """The program of a file, and the size of its images. Raises `CaptureFault`."""
    import torch

    model = _checked(Path(path))
    _parted(model)
    state = _numbers(model, Path(path))
    image, shape, images = _image(model, size)
    statistics, settings = _statistics(model), _settings(model)
    learned, notes = set(state) - statistics - settings, _undecided(model, settings)

    def run(numbers: Mapping[str, Any]) -> Callable[[Any], Any]:
        evaluate = _evaluator(model, numbers)
        return lambda x: [torch.from_numpy(one.copy()) for one in evaluate({image: x.numpy()})]

    def read(numbers: Mapping[str, Any] | None, partly: bool) -> Lifted:
        count = images or 2
        values = _all_values(model, {**state, **(numbers or {})}, image, (count, *shape))
        found = read_graph(model.graph, name, values, {**state, **(numbers or {})}, learned, image, partly, _modules)
        return replace(found, notes=found.notes + notes)

    return Program(path, name, state, frozenset(learned), read, run, images, SINGLE, settings - statistics), shape


def _checked(path: Path) -> Any:
    """The model, without the numbers that stand in other files. Raises `CaptureFault`."""
    try:
        model = read_model(path)
    except FileFault as fault:
        raise CaptureFault(fault.message) from None
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx") or any(one.HasField("g") or one.graphs for one in node.attribute):
            raise CaptureFault(f"it has the operation {node.op_type!r}, which is none of ONNX's own on tensors alone")
    return model


def _numbers(model: Any, path: Path) -> dict[str, Any]:
    """Its tensors, by name. Raises `CaptureFault` for one that lies about its size, or stands outside of the folder."""
    import numpy as np
    import torch
    from onnx import helper, numpy_helper

    found: dict[str, Any] = {}
    for tensor in model.graph.initializer:
        shape = tuple(tensor.dims)
        if not tensor.name or tensor.name in found or any(side < 0 for side in shape):
            raise CaptureFault("it has a tensor without a name, with a name twice, or of no shape")
        try:
            kind = helper.tensor_dtype_to_np_dtype(tensor.data_type)
            if tensor.data_location == 1:
                array = np.frombuffer(_outside(tensor, path), dtype=kind).reshape(shape)
            else:
                array = numpy_helper.to_array(tensor)
        except CaptureFault:
            raise
        except Exception as fault:  # a type that there is not, or fewer numbers than its shape has
            raise CaptureFault(f"its tensor {tensor.name} is not what it says: {type(fault).__name__}") from None
        if array.shape != shape:
            raise CaptureFault(f"its tensor {tensor.name} is not what it says")
        found[tensor.name] = torch.from_numpy(np.array(array, dtype=_plain(array.dtype)))
    return found


def _parted(model: Any) -> None:
    """Each node with vectors of its own: exporters keep equal ones once, as all scales of norms are at the start."""
    vectors = {one.name: one for one in model.graph.initializer if len(one.dims) == 1 and one.data_type in FLOATS}
    taken: dict[str, int] = {}
    for node in model.graph.node:
        for at, name in enumerate(node.input):
            taken[name] = taken.get(name, 0) + 1
            if name in vectors and taken[name] > 1:
                copied = f"{name}:{taken[name]}"
                model.graph.initializer.add().CopyFrom(vectors[name])
                model.graph.initializer[-1].name = copied
                node.input[at] = copied


def _plain(kind: Any) -> Any:
    """Half precision as single: PyTorch adds no numbers of the other kinds that NumPy has."""
    return "float32" if kind.kind == "V" or kind.name in ("float16", "bfloat16") else kind


def _outside(tensor: Any, path: Path) -> bytes:
    """What a file beside this one holds of a tensor."""
    told = {entry.key: entry.value for entry in tensor.external_data}
    folder = path.resolve().parent
    place = (folder / told.get("location", "")).resolve()
    if not told.get("location") or not place.is_relative_to(folder) or not place.is_file():
        raise CaptureFault(f"its tensor {tensor.name} is in no file of its folder: {told.get('location', '')!r}")
    offset, length = (told.get(key, "0") for key in ("offset", "length"))
    if not (offset.isdecimal() and length.isdecimal()) or int(offset) + int(length) > place.stat().st_size:
        raise CaptureFault(f"its tensor {tensor.name} lies beyond the end of {place.name}")
    with place.open("rb") as file:
        file.seek(int(offset))
        return bytes(file.read(int(length) if "length" in told else -1))


def _image(model: Any, size: tuple[int, int, int] | None) -> tuple[str, tuple[int, int, int], int | None]:
    """The name of the input, its channels, height and width, and the number of images where it is fixed."""
    known = {tensor.name for tensor in model.graph.initializer}
    inputs = [one for one in model.graph.input if one.name not in known]
    if len(inputs) != 1 or len(inputs[0].type.tensor_type.shape.dim) != 4:
        raise CaptureFault("it takes something else than one tensor of images")
    sides = [side.dim_value if side.HasField("dim_value") else 0 for side in inputs[0].type.tensor_type.shape.dim]
    if any(side < 0 or side > 1 << 20 for side in sides):
        raise CaptureFault("its images have no size")
    wanted = size or (sides[1] or 3, sides[2] or DEFAULT_SIDE, sides[3] or DEFAULT_SIDE)
    return inputs[0].name, wanted, sides[0] or None


def _statistics(model: Any) -> set[str]:
    """Running statistics of norms."""
    return {name for node in model.graph.node if node.op_type == "BatchNormalization" for name in node.input[3:5]}


WEIGHTS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "BatchNormalization", "LayerNormalization"), (1, 2)),
    **dict.fromkeys(("MatMul", "PRelu"), (1,)),
}
"""At which inputs a node has what is learned."""
ARITHMETIC = {"Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"}


def _settings(model: Any) -> frozenset[str]:
    """Tensors that nobody learns: whole numbers, and single ones such as the ends of a clip, where no weights stand."""
    tensors = {one.name: one for one in model.graph.initializer}
    weights, products = set(), set()
    for node in model.graph.node:
        weights |= {node.input[at] for at in WEIGHTS.get(node.op_type, ()) if at < len(node.input)}
        matrix = tensors.get(node.input[1]) if node.op_type == "MatMul" and len(node.input) == 2 else None
        if matrix is not None and list(matrix.dims[1:]) == [1]:
            products.update(node.output)
        if node.op_type == "Add" and products.intersection(node.input):  # the bias of a layer of one channel
            weights |= {name for name in node.input if name in tensors and list(tensors[name].dims) == [1]}
    single = {name for name, one in tensors.items() if set(one.dims) <= {1}} - weights
    return frozenset(single | {name for name, one in tensors.items() if one.data_type not in FLOATS})


def _undecided(model: Any, settings: Collection[str]) -> tuple[str, ...]:
    """A note of single numbers that values are added to or multiplied by: the file does not say whether they were
    learned."""
    floats = {one.name for one in model.graph.initializer if one.name in settings and one.data_type in FLOATS}
    taken = [name for node in model.graph.node if node.op_type in ARITHMETIC for name in node.input]
    found = list(dict.fromkeys([name for name in taken if name in floats]))
    if not found:
        return ()
    many = f"{len(found)} single numbers of the file, such as {found[0]}, are" if len(found) > 1 else f"{found[0]} is"
    return (f"{many} taken for constant; an ONNX file does not say whether a single number was learned",)


def _evaluator(model: Any, numbers: Mapping[str, Any], inner: bool = False) -> Callable[[Mapping[str, Any]], list[Any]]:
    """What computes the outputs, in double precision, with numbers of its own; `inner`: of every node."""
    import onnx
    from onnx import numpy_helper
    from onnx.reference import ReferenceEvaluator

    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.initializer[:]
    del made.functions[:]
    for name, tensor in numbers.items():
        value = tensor.double() if tensor.is_floating_point() else tensor
        made.graph.initializer.append(numpy_helper.from_array(value.numpy(), name))
    for node in made.graph.node:
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i in FLOATS:
                attribute.i = DOUBLE
            if attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type in FLOATS:
                array = numpy_helper.to_array(attribute.t)
                attribute.t.CopyFrom(numpy_helper.from_array(array.astype("float64"), attribute.t.name))
    for one in [*made.graph.input, *made.graph.output]:
        if one.type.tensor_type.elem_type in FLOATS:
            one.type.tensor_type.elem_type = DOUBLE
    if inner:
        del made.graph.output[:]
        for node in made.graph.node:
            made.graph.output.extend([onnx.ValueInfoProto(name=name) for name in node.output if name])
    evaluator: Any = ReferenceEvaluator(made)
    return lambda given: list(evaluator.run(None, dict(given)))


def _all_values(model: Any, numbers: Mapping[str, Any], image: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """What every node gives for images of zeros and a little noise: its shape is what counts, and whole numbers."""
    import numpy as np

    names = [name for node in model.graph.node for name in node.output if name]
    given = np.random.default_rng(0).standard_normal(shape)
    try:
        found = _evaluator(model, numbers, inner=True)({image: given})
    except Exception as fault:  # whatever a graph that does not fit makes NumPy raise
        raise CaptureFault(f"its graph does not run: {reason(fault)}") from None
    return {image: given, **dict(zip(names, found, strict=True))}


def _modules(node: Any) -> tuple[tuple[str, str], ...]:
    """The modules that a node stood in, as PyTorch's exporters tell them."""
    told = {entry.key: entry.value for entry in getattr(node, "metadata_props", ())}
    scopes, classes = (_listed(told.get(f"pkg.torch.onnx.{key}", "")) for key in ("name_scopes", "class_hierarchy"))
    if scopes and len(scopes) == len(classes):
        pairs = list(zip(scopes, classes, strict=True))[:-1]
        return tuple([(path, name.rpartition(".")[2]) for path, name in pairs if path])
    found = []
    path = ""
    for part in [part for part in node.name.split("/")[:-1] if part]:
        own = part[len(path) + 1 :] if path and part.startswith(f"{path.rpartition('.')[2]}.") else part
        path = f"{path}.{own}" if path else part
        found.append((path, re.sub(r"[\d.]+", "", part) or "module"))
    return tuple(found)


def _listed(text: str) -> list[str]:
    """A list of strings as Python writes it."""
    if not text or len(text) > 10_000:
        return []
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [str(one) for one in found] if isinstance(found, list) else []


__all__ = ["open_onnx"]
