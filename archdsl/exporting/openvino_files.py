"""OpenVINO's files, and OpenVINO on the CPU. Needs the extra `openvino`.

They are made of the ONNX file, in which norms are folded and inputs and outputs have names.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archdsl.exporting.targets import IMAGE, Built, ExportFault, Run
from archdsl.exporting.tracing import first_line

EXACT = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}
"""Else it takes bfloat16 where the processor has it."""


def of_onnx(built: Built, about: Mapping[str, str]) -> Built:
    """The .xml and the .bin of an ONNX file. Raises `ExportFault`."""
    import openvino

    with tempfile.TemporaryDirectory(prefix="archdsl-") as folder:
        place = Path(folder) / "network.xml"
        try:
            model = openvino.Core().read_model(model=built.files[".onnx"])
            for key, value in about.items():
                model.set_rt_info(value, ["archdsl", key])
            # save_model would round the weights to 16 bits unless it is told not to
            openvino.save_model(model, place, compress_to_fp16=False)
            files = {suffix: place.with_suffix(suffix).read_bytes() for suffix in (".xml", ".bin")}
        except (RuntimeError, OSError) as fault:
            raise ExportFault(f"OpenVINO does not convert it: {first_line(fault)}") from fault
    return Built(files, built.facts)


def opened(files: Mapping[str, bytes]) -> Run:
    """The files in OpenVINO, in float32. Raises `ExportFault`."""
    import openvino
    import torch

    core = openvino.Core()
    try:
        network = core.compile_model(core.read_model(files[".xml"], files[".bin"]), "CPU", EXACT)
    except RuntimeError as fault:
        raise ExportFault(f"OpenVINO does not take the files: {first_line(fault)}") from fault

    def run(images: Any) -> list[Any]:
        found = network({IMAGE: images.numpy()})
        return [torch.from_numpy(found[port].copy()) for port in network.outputs]

    return run


def runtime() -> str:
    """`openvino 2026.4.1`."""
    import openvino

    return f"openvino {openvino.__version__.partition('-')[0]}"


__all__ = ["of_onnx", "opened", "runtime"]
