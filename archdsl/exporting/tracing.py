"""The module as torch.export's program, which all files are made of. Needs torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from archdsl.exporting.targets import Dynamic, ExportFault
from archdsl.quiet import quiet
from archdsl.records import dataclass

BATCHES = (1, 3)
"""Those that a file of any batch is tried with."""
EXAMPLE = 2
"""The batch that is traced: one that is not 1, which PyTorch takes for a size of its own."""

_COLORS = re.compile("\x1b\\[[0-9;]*m")


@dataclass(frozen=True)
class Traced:
    """A module and its program."""

    module: Any
    """In the mode that tests."""
    program: Any
    """A `torch.export.ExportedProgram`."""
    images: tuple[Any, ...]
    """Its arguments: the images that were traced."""
    names: tuple[str, ...]
    """Of the outputs."""
    dynamic: Dynamic
    sizes: tuple[tuple[int, int], ...]
    """Heights and widths to try: the network's own, and another one where the file takes it."""

    @property
    def batches(self) -> tuple[int, ...]:
        """Batches to try."""
        return BATCHES if self.dynamic != "none" else BATCHES[:1]

    def axes(self) -> tuple[dict[int, Any] | None]:
        """Which extents of the images may differ, as torch.export takes it."""
        return _axes(self.dynamic)


def _axes(dynamic: Dynamic) -> tuple[dict[int, Any] | None]:
    from torch.export import Dim

    given = dict.fromkeys({"none": (), "batch": (0,), "size": (0, 2, 3)}[dynamic], Dim.DYNAMIC)
    return (given or None,)


def traced(
    module: Any, shape: Sequence[int], names: Sequence[str], dynamic: Dynamic, step: int, *, sized: bool
) -> Traced:
    """The program of a module, in the mode that tests, that takes images of `shape`, channels x height x width.

    `step`: heights and widths that it takes are multiples of this apart, as far as anybody knows. `sized`: its padding
    depends on the size, which is then one. Raises `ExportFault` where it cannot be traced.
    """
    import torch

    channels, height, width = shape
    sizes = [(height, width)]
    if dynamic == "size":
        if sized:
            raise ExportFault(
                "its SAME padding depends on the size of images, and a file has one",
                f"--dynamic batch, and a file for each size, by --input: {channels}x{height}x{width}",
            )
        sizes.append(_other_size(module, channels, (height, width), step))
    batch = EXAMPLE if dynamic != "none" else 1
    # Where sizes may differ the other one is traced, which is larger and not square: PyTorch takes maps of 1 x 1, and
    # heights that are widths, for what holds at all sizes.
    images = torch.randn(batch, channels, *sizes[-1], generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad(), quiet():
            program = torch.export.export(module, (images,), dynamic_shapes=_axes(dynamic))
    except Exception as fault:  # what torch raises is of many kinds, which it documents nowhere
        raise _untraced(fault, dynamic) from fault
    forget_places(program)
    return Traced(module, program, (images,), tuple(names), dynamic, tuple(sizes))


def _untraced(fault: Exception, dynamic: Dynamic) -> ExportFault:
    message = f"torch.export does not trace it: {first_line(fault)}"
    if dynamic == "size":
        return ExportFault(message, "--dynamic batch exports it for images of one size")
    return ExportFault(message)


def _other_size(module: Any, channels: int, size: tuple[int, int], step: int) -> tuple[int, int]:
    """Another size that the module takes, not square where that is none. Raises `ExportFault`."""
    import torch

    height, width = size
    reason = ""
    for other in ((height + step, width + 2 * step), (2 * height, 2 * width), (2 * height, 3 * width)):
        try:
            with torch.no_grad():
                module(torch.zeros(1, channels, *other))
        except (RuntimeError, AssertionError) as fault:  # the latter of `torch._assert`, by which modules refuse
            reason = reason or first_line(fault)
        else:
            return other
    raise ExportFault(
        f"the network takes images of {height} x {width} alone: {reason}",
        "--dynamic batch exports it for images of one size",
    )


def forget_places(program: Any) -> None:
    """Where on this machine the code lay that was traced stands in no file."""
    for module in program.graph_module.modules():
        graph = getattr(module, "graph", None)
        for node in graph.nodes if graph is not None else ():
            node.meta.pop("stack_trace", None)


def flat(output: Any) -> Iterator[Any]:
    """The tensors of an output, which may be several, in order."""
    if isinstance(output, (list, tuple)):
        for each in output:
            yield from flat(each)
    else:
        yield output


def first_line(fault: BaseException) -> str:
    """What went wrong, in one line without the machine's paths: the first of the faults that made each other."""
    while fault.__cause__ is not None:
        fault = fault.__cause__
    plain = _COLORS.sub("", str(fault))
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    return f"{type(fault).__name__}: {lines[0][:300]}" if lines else type(fault).__name__


__all__ = ["BATCHES", "Traced", "first_line", "flat", "forget_places", "traced"]
