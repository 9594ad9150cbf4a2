"""ExecuTorch's programs, lowered to XNNPACK, and its runtime. Needs the extra `executorch`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from archdsl.exporting.targets import Built, ExportFault, Facts, Run
from archdsl.exporting.tracing import Traced, first_line

DELEGATE, ITEM = "executorch_call_delegate", "getitem"


def build(traced: Traced, about: Mapping[str, str]) -> Built:  # noqa: ARG001 - the form has no place for words
    """The program. Raises `ExportFault`."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    try:
        edge = to_edge_transform_and_lower(traced.program, partitioner=[XnnpackPartitioner()])
        content = edge.to_executorch().buffer
    except Exception as fault:  # of torch's and of ExecuTorch's passes, which have many kinds
        raise ExportFault(f"ExecuTorch does not lower it: {first_line(fault)}") from fault
    nodes = [node for node in edge.exported_program().graph.nodes if node.op == "call_function"]
    names = Counter(str(getattr(node.target, "__name__", node.target)) for node in nodes)
    delegates = sum(count for name, count in names.items() if DELEGATE in name)
    left = {name: count for name, count in sorted(names.items()) if DELEGATE not in name and name != ITEM}
    return Built({".pte": content}, Facts(operations=left, delegates=delegates))


def opened(files: Mapping[str, bytes]) -> Run:
    """The program in ExecuTorch's runtime. Raises `ExportFault`."""
    from executorch.runtime import Runtime

    try:
        method = Runtime.get().load_program(files[".pte"]).load_method("forward")
    except RuntimeError as fault:
        raise ExportFault(f"ExecuTorch's runtime does not take the program: {first_line(fault)}") from fault

    def run(images: Any) -> list[Any]:
        return [output.clone() for output in method.execute([images])]

    return run


def runtime() -> str:
    """`executorch 1.5.1`."""
    return f"executorch {version('executorch')}"


__all__ = ["build", "opened", "runtime"]
