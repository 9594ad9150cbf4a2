"""ONNX files, and ONNX Runtime. Needs the extra `export`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from archdsl.exporting.targets import IMAGE, OPSET, Built, ExportFault, Facts, Run
from archdsl.exporting.tracing import Traced, first_line

MOST_BYTES = (1 << 31) - (1 << 24)
"""Of weights in one file: its form, protocol buffers, ends at 2 GiB, and the graph needs some."""
AXES = {0: "batch", 2: "height", 3: "width"}
NORM = "BatchNormalization"
FOLDS = ("Conv", "ConvTranspose", "Gemm")
"""Operators that a norm behind them is a part of."""
PLACES = "pkg.torch.onnx.stack_trace"


def build(traced: Traced, about: Mapping[str, str], opset: int = OPSET) -> Built:
    """The file of a program. Raises `ExportFault`."""
    import onnx
    import torch

    size = sum(tensor.numel() * tensor.element_size() for tensor in traced.program.state_dict.values())
    if size > MOST_BYTES:
        raise ExportFault(f"its weights are {size:,} bytes, and an ONNX file holds {MOST_BYTES:,} at most")
    try:
        made = torch.onnx.export(
            traced.program,
            (),
            dynamo=True,
            verbose=False,
            opset_version=opset,
            input_names=[IMAGE],
            output_names=list(traced.names),
        )
        proto = made.model_proto if made is not None else None
    except Exception as fault:  # of torch.onnx, onnxscript or onnx, which have many kinds
        raise ExportFault(f"torch.onnx does not convert it: {first_line(fault)}") from fault
    if proto is None:
        raise ExportFault("torch.onnx gave no model")
    _name_sizes(proto)
    _tell(proto, about)
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as fault:
        raise ExportFault(f"onnx finds the file wrong: {first_line(fault)}") from fault
    return Built({".onnx": proto.SerializeToString(deterministic=True)}, facts_of(proto))


def _name_sizes(proto: Any) -> None:
    """Sizes that may differ get names that say what they are."""
    found = {}
    for axis, dim in enumerate(proto.graph.input[0].type.tensor_type.shape.dim):
        if dim.dim_param:
            found[dim.dim_param] = AXES[axis]
    values = [*proto.graph.input, *proto.graph.output, *proto.graph.value_info]
    for value in values:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = re.sub(r"[A-Za-z_]\w*", lambda word: found.get(word[0], word[0]), dim.dim_param)


def _tell(proto: Any, about: Mapping[str, str]) -> None:
    """The network's name and hash into the file, and out of it where on this machine code lay."""
    graphs = [proto.graph, *proto.functions]
    for node in [node for graph in graphs for node in graph.node]:
        kept = [entry for entry in node.metadata_props if entry.key != PLACES]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    for key, value in about.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = f"archdsl.{key}", value


def facts_of(proto: Any) -> Facts:
    """The version of operators, how many of each there are, and the norms that stayed."""
    graph = proto.graph
    kinds = Counter(node.op_type for node in graph.node)
    makers = {name: node for node in graph.node for name in node.output}
    uses = Counter(name for node in graph.node for name in node.input)
    norms = [node.input[0] for node in graph.node if node.op_type == NORM]
    missed = [name for name in norms if name in makers and makers[name].op_type in FOLDS and uses[name] == 1]
    opset = next(entry.version for entry in proto.opset_import if not entry.domain)
    return Facts(int(opset), len(norms), len(missed), dict(sorted(kinds.items())))


def opened(files: Mapping[str, bytes]) -> Run:
    """The file in ONNX Runtime, on the CPU, on one thread. Raises `ExportFault`."""
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(files[".onnx"], options, providers=["CPUExecutionProvider"])
    except Exception as fault:  # its own kinds derive from nothing else
        raise ExportFault(f"ONNX Runtime does not take the file: {first_line(fault)}") from fault

    def run(images: Any) -> list[Any]:
        return [torch.from_numpy(array) for array in session.run(None, {IMAGE: images.numpy()})]

    return run


def runtime() -> str:
    """`onnxruntime 1.32.0`."""
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"


__all__ = ["build", "facts_of", "opened", "runtime"]
