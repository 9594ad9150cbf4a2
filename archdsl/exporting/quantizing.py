"""Weights and activations as integers of 8 bits, by ranges that are taken on images.

PyTorch's programs are quantized by torchao (pt2e), ONNX files by ONNX Runtime, whose int8 files OpenVINO takes as well.
Weights have a scale for each output channel; activations one that was observed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from archdsl.exporting.onnx_files import facts_of
from archdsl.exporting.targets import IMAGE, Built, ExportFault, TargetName
from archdsl.exporting.tracing import Traced, first_line, forget_places
from archdsl.records import dataclass


@dataclass(frozen=True)
class Calibration:
    """The images on which ranges are taken."""

    batches: tuple[Any, ...]
    """Tensors N x C x H x W."""
    text: str
    """What they are."""


def one_by_one(given: Calibration) -> Calibration:
    """The same images in batches of 1, for a program that takes no other."""
    return replace(given, batches=tuple([image for images in given.batches for image in images.split(1)]))


def quantized_program(traced: Traced, target: TargetName, given: Calibration) -> Traced:
    """The program with quantized operators, beside the module as it was. Raises `ExportFault`."""
    import torch
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    try:
        prepared = prepare_pt2e(traced.program.module(), _quantizer(target))
        with torch.no_grad():
            for images in given.batches:
                prepared(images)
        converted = convert_pt2e(prepared)
        _drop_unused(converted)
        with torch.no_grad():
            program = torch.export.export(converted, traced.images, dynamic_shapes=traced.axes())
    except Exception as fault:  # of torch's and torchao's passes, which have many kinds
        raise ExportFault(f"torchao does not quantize it: {first_line(fault)}") from fault
    forget_places(program)
    return replace(traced, program=program)


def _drop_unused(module: Any) -> None:
    """The weights in float32, which stay beside the integers that are used in their place."""
    used = {node.target for node in module.graph.nodes if node.op == "get_attr"}
    named = (module.named_parameters, module.named_buffers)
    for name in [name for each in named for name, _ in each(remove_duplicate=False) if name not in used]:
        owner, _, last = name.rpartition(".")
        delattr(module.get_submodule(owner), last)


def _quantizer(target: TargetName) -> Any:
    if target == "executorch":
        from executorch.backends.xnnpack.quantizer import xnnpack_quantizer as xnnpack

        configured = xnnpack.get_symmetric_quantization_config(is_per_channel=True)
        return xnnpack.XNNPACKQuantizer().set_global(configured)
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

    return x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())


def quantized_onnx(built: Built, given: Calibration) -> Built:
    """The ONNX file with integers, between operators that quantize and restore. Raises `ExportFault`."""
    import onnx
    from onnxruntime import quantization

    class Images(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, batches: Sequence[Any]) -> None:
            self.left = iter(batches)

        def get_next(self) -> dict[str, Any] | None:
            images = next(self.left, None)
            return None if images is None else {IMAGE: images.numpy()}

    with tempfile.TemporaryDirectory(prefix="archdsl-") as folder:
        source, made = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(built.files[".onnx"])
        try:
            quantization.quantize_static(
                source,
                made,
                Images(given.batches),
                quant_format=quantization.QuantFormat.QDQ,
                per_channel=True,
                activation_type=quantization.QuantType.QInt8,
                weight_type=quantization.QuantType.QInt8,
            )
            proto = onnx.load(made)
        except Exception as fault:  # of onnx, onnxruntime or numpy
            raise ExportFault(f"ONNX Runtime does not quantize it: {first_line(fault)}") from fault
    kept = onnx.load_from_string(built.files[".onnx"]).metadata_props
    del proto.metadata_props[:]
    proto.metadata_props.extend(kept)
    return Built({".onnx": proto.SerializeToString(deterministic=True)}, facts_of(proto))


__all__ = ["Calibration", "one_by_one", "quantized_onnx", "quantized_program"]
