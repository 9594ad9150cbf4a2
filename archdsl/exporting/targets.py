"""What networks are exported to: files by suffix, what they need, and whose runtime checks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from archdsl.records import dataclass

Dynamic = Literal["none", "batch", "size"]
DYNAMIC: dict[Dynamic, str] = {
    "none": "the batch is 1, and images have one size",
    "batch": "any batch, and images of one size",
    "size": "any batch, and images of any size that the network takes",
}
"""What may differ between the inputs of one file."""
IMAGE = "image"
"""The input's name in files that name it."""
OPSETS = (18, 23)
"""The least and the largest version of ONNX's operators that the exporter writes and the tests have seen."""
OPSET = 20


class ExportFault(Exception):
    """Why there is no file: one line, and what would help."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.help = message, help


@dataclass(frozen=True)
class Target:
    """A kind of files."""

    suffix: str
    """Of the file that is named; `others` are written beside it."""
    extra: str
    """Of archdsl, which brings what it needs."""
    libraries: tuple[str, ...]
    text: str
    others: tuple[str, ...] = ()


TARGETS: dict[str, Target] = {
    "pt2": Target(".pt2", "torch", ("torch",), "torch.export's program, for PyTorch and what is built on it"),
    "onnx": Target(".onnx", "export", ("torch", "onnx", "onnxscript", "onnxruntime"), "ONNX"),
    "openvino": Target(
        ".xml",
        "openvino",
        ("torch", "onnx", "onnxscript", "onnxruntime", "openvino"),
        "OpenVINO's IR, with its weights in a .bin beside it",
        (".bin",),
    ),
    "executorch": Target(
        ".pte", "executorch", ("torch", "executorch"), "ExecuTorch's program, lowered to XNNPACK for CPUs"
    ),
}


@dataclass(frozen=True)
class Built:
    """The files of a network, and what is to be said of them."""

    files: Mapping[str, bytes]
    """By suffix."""
    facts: Mapping[str, Any]
    """`opset`, `norms_left`, `operations`: of ONNX; `left_over`: operations that no delegate took, of ExecuTorch."""


Run = Callable[[Any], list[Any]]
"""Images N x C x H x W as a tensor to the outputs as tensors, in a runtime."""


def target_of(path: Path) -> str | None:
    """The target whose suffix a file has."""
    return next((name for name, target in TARGETS.items() if target.suffix == path.suffix), None)


def told_suffixes() -> str:
    """`.pt2 (pt2), .onnx (onnx), …`."""
    return ", ".join([f"{target.suffix} ({name})" for name, target in TARGETS.items()])


__all__ = [
    "DYNAMIC",
    "IMAGE",
    "OPSET",
    "OPSETS",
    "TARGETS",
    "Built",
    "Dynamic",
    "ExportFault",
    "Run",
    "Target",
    "target_of",
    "told_suffixes",
]
