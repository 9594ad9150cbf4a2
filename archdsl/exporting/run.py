"""A module as the files of a target, compared with it in the target's runtime before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from archdsl.exporting import executorch_files, onnx_files, openvino_files, pt2
from archdsl.exporting.differences import (
    Difference,
    Images,
    differences,
    drawn_images,
    exact_enough,
    farthest,
    near_enough,
    rounding,
    worst,
)
from archdsl.exporting.quantizing import Calibration, one_by_one, quantized_onnx, quantized_program
from archdsl.exporting.targets import (
    COSINE,
    OPSET,
    TARGETS,
    TOLERANCE,
    Built,
    Dynamic,
    ExportFault,
    Run,
    TargetName,
)
from archdsl.exporting.tracing import Traced, first_line, traced
from archdsl.quiet import quiet
from archdsl.records import dataclass


class Runtime(Protocol):
    """What opens the files of a target."""

    def opened(self, files: Mapping[str, bytes]) -> Run:
        """The files, by suffix. Raises `ExportFault`."""

    def runtime(self) -> str:
        """Its name and version."""


RUNTIMES: Mapping[TargetName, Runtime] = {
    "pt2": pt2,
    "onnx": onnx_files,
    "openvino": openvino_files,
    "executorch": executorch_files,
}
"""Target -> the module that opens its files, and makes them."""
ROUNDINGS = 10
"""What differs by more than so many times the module's own rounding is not explained by it."""
Tell = Callable[[str], None]
"""Told what is done next."""


@dataclass(frozen=True)
class Subject:
    """What is exported: a module in the mode that tests, and what is known of it."""

    module: Any
    shape: tuple[int, ...]
    """Channels, height, width."""
    names: tuple[str, ...]
    """Of its outputs."""
    step: int
    """Heights and widths may differ by multiples of this, where the module takes several."""
    sized: bool
    """Whether its padding depends on the size of images."""
    about: Mapping[str, str]
    """What stands in the files: the network's name and hash, for example."""


@dataclass(frozen=True)
class Options:
    """How it is exported."""

    target: TargetName
    dynamic: Dynamic = "batch"
    opset: int = OPSET
    tolerance: float = TOLERANCE
    least_cosine: float = COSINE
    seed: int = 0


@dataclass(frozen=True)
class Exported:
    """Files that passed, and what was measured."""

    built: Built
    found: tuple[Difference, ...]
    runtime: str
    torch: str
    quantized: str | None
    """How integers were made; none of float32."""
    calibrated: str | None


def export(
    subject: Subject, options: Options, given: Calibration | None = None, tell: Tell = lambda _: None
) -> Exported:
    """The files of a subject, compared; with integers whose ranges are taken on the images that are given.

    Raises `ExportFault` where they cannot be made, or compute something else.
    """
    import torch

    tell("tracing")
    program = traced(subject.module, subject.shape, subject.names, options.dynamic, subject.step, sized=subject.sized)
    if given is not None and options.dynamic == "none":
        given = one_by_one(given)
    tell("converting")
    # Where weights ask for gradients, PyTorch takes another attention than the one that was traced, of other strides.
    with quiet(), torch.no_grad():
        built = _built(program, subject, options, given)
        run = RUNTIMES[options.target].opened(built.files)
    tell("comparing")
    found = _compared(program, run, drawn_images(int(subject.shape[0]), options.seed))
    if given is None:
        worse = worst(found)
        if not exact_enough(worse, options.tolerance):
            allowed = f"--tolerance {options.tolerance:g} allows {options.tolerance * worse.largest:.3g}"
            raise different(worse, allowed, _why(program, worse, options))
    else:
        worse = farthest(found)
        if not near_enough(worse, options.least_cosine):
            told = "none" if worse.cosine is None else f"{worse.cosine:.4f}"
            raise different(worse, f"the cosine is {told}, below --least-cosine {options.least_cosine:g}")
    how = TARGETS[options.target].integers if given is not None else None
    runtime = RUNTIMES[options.target].runtime()
    return Exported(built, found, runtime, torch.__version__, how, given.text if given is not None else None)


def _built(program: Traced, subject: Subject, options: Options, given: Calibration | None) -> Built:
    """The files; an ONNX file is quantized when it is made, a program before."""
    target = options.target
    if not TARGETS[target].by_onnx:
        if given is not None:
            program = quantized_program(program, target, given)
        build = executorch_files.build if target == "executorch" else pt2.build
        return build(program, subject.about)
    made = onnx_files.build(program, subject.about, options.opset)
    if given is not None:
        made = quantized_onnx(made, given)
    return openvino_files.of_onnx(made, subject.about) if target == "openvino" else made


def _compared(program: Traced, run: Run, images: Images) -> tuple[Difference, ...]:
    try:
        with quiet():
            return tuple(differences(program, run, images))
    except ExportFault:
        raise
    except Exception as fault:  # runtimes raise kinds of their own
        raise ExportFault(f"the runtime fails: {first_line(fault)}") from fault


def _why(program: Traced, each: Difference, options: Options) -> str | None:
    """That the module's own rounding is as large as a difference, within a factor of 10, where it is."""
    with quiet():
        own = rounding(program, drawn_images(int(program.images[0].shape[1]), options.seed), each)
    if own is None or each.share is None or each.share > ROUNDINGS * own:
        return None
    return (
        f"with these weights float32 is that inexact: PyTorch's own {each.output} differs from the one in float64 by "
        f"{own:.2g} of the largest; --tolerance allows for it"
    )


def different(each: Difference, allowed: str, help: str | None = None) -> ExportFault:
    """The fault of a file that computes something else."""
    place = f"{each.output} of {each.batch} x {each.height} x {each.width}"
    if each.max_difference is None:
        return ExportFault(f"the runtime gives another shape than the module, or no numbers: {place}")
    return ExportFault(
        f"the runtime's {place} differs by {each.max_difference:.3g} at most; the largest output is "
        f"{each.largest:.4g}, and {allowed}",
        help,
    )


__all__ = ["RUNTIMES", "Exported", "Options", "Subject", "Tell", "export"]
