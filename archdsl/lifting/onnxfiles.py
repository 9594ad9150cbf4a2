"""A file of ONNX (.onnx) as a program: its graph is read as data, and nothing of it is run but by onnx's own evaluator.

Numbers may stand in other files, which must be in the folder of this one. onnx's reference evaluator, NumPy code that
nobody here wrote, gives the shapes of all values once, and the outputs that the proof compares with.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from archdsl.files import FileFault
from archdsl.lifting.capture import CaptureFault
from archdsl.lifting.imported import Program
from archdsl.lifting.lifted import Lifted
from archdsl.lifting.onnxreading import read_graph
from archdsl.lifting.onnxruns import FLOATS, Graph, RunFault
from archdsl.lifting.onnxscopes import scopes_of
from archdsl.onnxmodels import read_model

DEFAULT_SIDE = 224
"""Of images whose size the file leaves open."""
MOST_NUMBERS = 1 << 26
"""Of all images at once."""
SINGLE = 1e-6
"""What outputs may differ by, of the largest: the file has its settings, such as 1/6, in single precision."""


def open_onnx(path: str, name: str, size: tuple[int, int, int] | None) -> tuple[Program, tuple[int, int, int]]:
    """The program of a file, and the size of its images. Raises `CaptureFault`."""
    import torch

    model = _checked(Path(path))
    _parted(model)
    state = _numbers(model, Path(path))
    image, shape, images = _image(model, size)
    statistics, settings = _statistics(model), _settings(model)
    scopes = scopes_of(model.graph)
    learned = set(state) - statistics - settings

    graph = Graph(model)

    def run(numbers: Mapping[str, Any]) -> Callable[[Any], Any]:
        return lambda x: [torch.from_numpy(one.copy()) for one in graph.run(numbers, {image: x.numpy()})]

    def read(numbers: Mapping[str, Any] | None, partly: bool) -> Lifted:
        count = images or 2
        values = _all_values(graph, {**state, **(numbers or {})}, image, (count, *shape))
        return read_graph(model, name, values, {**state, **(numbers or {})}, learned, image, partly, scopes)

    return Program(path, name, state, frozenset(learned), read, run, images, SINGLE, True, settings - statistics), shape


def _checked(path: Path) -> Any:
    """The model, without the numbers that stand in other files. Raises `CaptureFault`."""
    try:
        model = read_model(path)
    except FileFault as fault:
        raise CaptureFault(fault.message) from None
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx") or any(one.HasField("g") or one.graphs for one in node.attribute):
            raise CaptureFault(f"it has the operation {node.op_type!r}, which is none of ONNX's own on tensors alone")
    _named(model.graph)
    return model


def _named(graph: Any) -> None:
    """That every value has one name and every name one value, as the format asks. Raises `CaptureFault`."""
    tensors = {one.name for one in graph.initializer}
    given = [one.name for one in graph.input if one.name not in tensors]  # old files list tensors as inputs too
    given += [*tensors, *[name for node in graph.node for name in node.output if name]]
    twice = next((name for name, times in Counter(given).items() if times > 1), None)
    if twice is not None:
        raise CaptureFault(f"two of its nodes give {twice}")
    missing = next((one.name for one in graph.output if one.name not in set(given)), None)
    if missing is not None or not graph.output:
        raise CaptureFault(f"nothing gives its output {missing}" if missing is not None else "it has no output")


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
    """Each node with tensors of its own: exporters keep equal ones once, as all scales of norms are at the start.

    That are vectors, and what has one number everywhere; and a tensor that an exporter says is another one.
    """
    tensors = {one.name: one for one in model.graph.initializer if one.data_type in FLOATS}
    kept = []
    for node in model.graph.node:
        if node.op_type == "Identity" and node.input and node.input[0] in tensors and node.output[0] not in tensors:
            tensors[node.output[0]] = _copied(model, tensors[node.input[0]], node.output[0])
        else:
            kept.append(node)
    outputs = {one.name for one in model.graph.output}
    if len(kept) < len(model.graph.node) and not outputs.intersection(tensors):
        del model.graph.node[:]
        model.graph.node.extend(kept)
    taken: dict[str, int] = {}
    for node in model.graph.node:
        for at, name in enumerate(node.input):
            taken[name] = taken.get(name, 0) + 1
            if taken[name] > 1 and name in tensors and _alike(tensors[name]):
                node.input[at] = _copied(model, tensors[name], f"{name}:{taken[name]}").name


def _copied(model: Any, tensor: Any, name: str) -> Any:
    model.graph.initializer.add().CopyFrom(tensor)
    model.graph.initializer[-1].name = name
    return model.graph.initializer[-1]


def _alike(tensor: Any) -> bool:
    """Whether two tensors may be equal without being one: vectors, and what has one number everywhere."""
    if len(tensor.dims) == 1 or tensor.data_location == 1:
        return len(tensor.dims) == 1
    content = bytes(tensor.raw_data)
    size = len(content) // max(1, math.prod(tensor.dims))
    return bool(size) and content == content[:size] * (len(content) // size)


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
    wanted: tuple[int, int, int] = size or (sides[1] or 3, sides[2] or DEFAULT_SIDE, sides[3] or DEFAULT_SIDE)
    if (sides[0] or 2) * math.prod(wanted) > MOST_NUMBERS:
        raise CaptureFault(f"its images have more than {MOST_NUMBERS:,} numbers, and it has to be run")
    return inputs[0].name, wanted, sides[0] or None


def _statistics(model: Any) -> set[str]:
    """Running statistics of norms."""
    return {name for node in model.graph.node if node.op_type == "BatchNormalization" for name in node.input[3:5]}


WEIGHTS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "BatchNormalization", "LayerNormalization"), (1, 2)),
    "GroupNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    **dict.fromkeys(("MatMul", "PRelu", "RMSNormalization"), (1,)),
}
"""At which inputs a node has what is learned."""


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
    plain = _of_groups(model.graph, tensors)
    single = {name for name, one in tensors.items() if set(one.dims) <= {1}} - weights
    return frozenset(single | plain | {name for name, one in tensors.items() if one.data_type not in FLOATS})


def _of_groups(graph: Any, tensors: Mapping[str, Any]) -> set[str]:
    """Scales of 1 and shifts of 0 of a norm of what was reshaped: an exporter's, as a part of a group norm."""
    from onnx import numpy_helper

    reshaped = {name for node in graph.node if node.op_type == "Reshape" for name in node.output}
    found = set()
    for node in graph.node:
        if node.op_type == "InstanceNormalization" and node.input[0] in reshaped:
            own = [(tensors.get(name), value) for name, value in zip(node.input[1:3], (1, 0), strict=False)]
            if all(one is not None and not (numpy_helper.to_array(one) != value).any() for one, value in own):
                found.update(node.input[1:3])
    return found


def _all_values(graph: Graph, numbers: Mapping[str, Any], image: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """What every node gives for images of a little noise: its shape is what counts, and what is the same for every
    image."""
    import numpy as np

    try:
        given = np.random.default_rng(0).standard_normal(shape)
        return {image: given, **graph.looked_at(numbers, image, given)}
    except RunFault as fault:
        raise CaptureFault(f"its graph does not run: {fault}") from None


__all__ = ["open_onnx"]
