"""What networks are exported to: files by suffix, what they need, and whose runtime checks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from archdsl.records import dataclass

TargetName = Literal["pt2", "onnx", "openvino", "executorch"]
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
TOLERANCE = 1e-4
"""Of float32: what another order of additions comes to, as a share of the largest output, with room."""
COSINE = 0.99
"""Of the outputs of 8 bits and those of the module, at least."""


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
    integers: str
    """How weights and activations become integers of 8 bits."""
    others: tuple[str, ...] = ()

    @property
    def by_onnx(self) -> bool:
        """Whether the files are made of the ONNX file, and not of torch.export's program; integers too."""
        return "onnx" in self.libraries


_ONNX = ("torch", "onnx", "onnxscript", "onnxruntime")
_INTEGERS = "onnxruntime's static quantization, QDQ"
TARGETS: dict[TargetName, Target] = {
    "pt2": Target(
        ".pt2",
        "torch",
        ("torch",),
        "torch.export's program, for PyTorch and what is built on it",
        "torchao's pt2e, X86InductorQuantizer",
    ),
    "onnx": Target(".onnx", "export", _ONNX, "ONNX", _INTEGERS),
    "openvino": Target(
        ".xml",
        "openvino",
        (*_ONNX, "openvino"),
        "OpenVINO's IR, with its weights in a .bin beside it",
        f"{_INTEGERS}, read by OpenVINO",
        (".bin",),
    ),
    "executorch": Target(
        ".pte",
        "executorch",
        ("torch", "executorch"),
        "ExecuTorch's program, lowered to XNNPACK for CPUs",
        "torchao's pt2e, XNNPACKQuantizer",
    ),
}


@dataclass(frozen=True)
class Facts:
    """What is to be said of files; none where their kind has no such thing."""

    opset: int | None = None
    """The version of ONNX's operators."""
    norms_left: int | None = None
    """Batch norms that are operators of their own in an ONNX file."""
    norms_missed: int | None = None
    """Those of them that stand behind a convolution or linear layer, of which they could be a part."""
    operations: Mapping[str, int] = field(default_factory=dict)
    """How many operators of each kind an ONNX file has; of ExecuTorch's, those that no delegate took."""
    delegates: int | None = None
    """Parts of the network that ExecuTorch gives to XNNPACK."""


@dataclass(frozen=True)
class Built:
    """The files of a network, and what is to be said of them."""

    files: Mapping[str, bytes]
    """By suffix."""
    facts: Facts = Facts()


Run = Callable[[Any], list[Any]]
"""Images N x C x H x W as a tensor to the outputs as tensors, in a runtime."""


def target_of(path: Path) -> TargetName | None:
    """The target whose suffix a file has."""
    return next((name for name, target in TARGETS.items() if target.suffix == path.suffix), None)


def told_suffixes() -> str:
    """`.pt2 (pt2), .onnx (onnx), …`."""
    return ", ".join([f"{target.suffix} ({name})" for name, target in TARGETS.items()])


__all__ = [
    "COSINE",
    "DYNAMIC",
    "IMAGE",
    "OPSET",
    "OPSETS",
    "TARGETS",
    "TOLERANCE",
    "Built",
    "Dynamic",
    "ExportFault",
    "Facts",
    "Run",
    "Target",
    "TargetName",
    "target_of",
    "told_suffixes",
]
