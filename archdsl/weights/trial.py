"""Whether the network with new weights gives a given output for a given input. Needs torch.

The file holds `input`, as the checkpoint's network was given it, batch first, and `output`, what that network gave.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from archdsl.graph.network import Network
from archdsl.graph.shapes import show_shape
from archdsl.records import documented
from archdsl.weights.checkpoints import FLOATS, Damaged, Record, WeightsFault, numbers, opened, read_file
from archdsl.weights.layers import COUNTER
from archdsl.weights.plan import Plan

TOLERANCE = 1e-4
"""What another order of additions in float32 comes to, with room."""
MAX_TRIALS = 24
"""As many orders are tried: those of four like operations."""
MAX_BYTES = 1 << 30
"""Of an input or an output."""
INPUT, OUTPUT = "input", "output"


@documented
class TrialReport:
    """The output of the network with the written weights beside a given one."""

    file: str
    outputs: int
    """How many numbers were compared."""
    max_difference: float
    largest: float
    """The largest number of the given output, by absolute value."""
    tolerance: float
    """The difference that was allowed, as a share of `largest`."""


class Trial:
    """A given input and output, and the emitted module.

    `module` makes the module, in the mode that tests; `reverse`: the input is BGR. Raises `WeightsFault`.
    """

    def __init__(
        self, path: str, tolerance: float, network: Network, module: Callable[[], Any], *, reverse: bool
    ) -> None:
        self.path = path
        self._tolerance = tolerance
        self._input, self._output = (self._floats(name, tensor) for name, tensor in _read(path).items())
        if len(network.outputs) != 1:
            raise WeightsFault(path, f"the network has {len(network.outputs)} outputs, and a check is of one")
        if (tuple(self._input.shape[1:]) != tuple(network.input) and not reverse) or self._input.ndim != 4:
            raise WeightsFault(
                path, f"its input is {_size(self._input)}, and the network takes N x {show_shape(network.input)}"
            )
        if reverse:
            self._input = self._input.flip(1)
        self._module = module()

    def _floats(self, name: str, tensor: Any) -> Any:
        import torch

        if not tensor.numel() or not bool(tensor.isfinite().all()):
            raise WeightsFault(self.path, f"its {name} holds numbers that are none")
        return tensor.to(torch.float32)

    def compare(self, plan: Plan, state: Mapping[str, Any]) -> TrialReport:
        """What the network gives with these weights. Raises `WeightsFault` where it cannot tell."""
        import torch

        missing = [left.name for left in plan.new if not left.name.endswith(f".{COUNTER}")]
        if missing:
            raise WeightsFault(self.path, f"{missing[0]} stays as it starts, so the output is not the checkpoint's")
        self._module.load_state_dict(dict(state), strict=False)  # counters, which no output depends on, may be missing
        with torch.no_grad():
            try:
                output = self._module(self._input)
            except RuntimeError as fault:
                reason = str(fault).split("\n")[0]
                raise WeightsFault(self.path, f"the network does not take its input: {reason}") from None
        if output.shape != self._output.shape:
            raise WeightsFault(self.path, f"its output is {_size(self._output)}, and the network gives {_size(output)}")
        difference = float((output.double() - self._output.double()).abs().max())
        largest = float(self._output.abs().max())
        return TrialReport(self.path, output.numel(), difference, largest, self._tolerance)

    def holds(self, report: TrialReport) -> bool:
        """Whether the outputs are the same within the tolerance. What is no number is not."""
        return report.max_difference <= report.tolerance * report.largest

    def failed(self, report: TrialReport, orders: int) -> tuple[str, str, str]:
        """File, message and help for weights that give another output, the nearest of so many orders."""
        tried = f" in the nearest of {orders:,} orders" if orders > 1 else ""
        message = (
            f"the output differs by {report.max_difference:.3g} at most{tried}; the largest output is "
            f"{report.largest:.4g}, and --tolerance {report.tolerance:g} allows "
            f"{report.tolerance * report.largest:.3g}"
        )
        return self.path, message, "nothing was written: strides, paddings, activations and eps stand in no checkpoint"


def _read(path: str) -> dict[str, Any]:
    """`input` and `output` as tensors."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if path.endswith(".npz"):
            return _read_arrays(path, file, size)
        content = read_file(path, file, size)
        held = content if isinstance(content, Mapping) else {}
        found = {}
        for name in (INPUT, OUTPUT):
            record = held.get(name)
            if not isinstance(record, Record) or record.dtype not in FLOATS:
                raise WeightsFault(path, f"it has no {name} of floats", "save a dict of two tensors, input and output")
            _check_size(path, name, record.shape)
            try:
                found[name] = numbers(record).clone()
            except Damaged as fault:
                raise WeightsFault(path, f"{name}: {fault}") from None
        return found


def _read_arrays(path: str, file: BinaryIO, size: int) -> dict[str, Any]:
    """From NumPy's archive, whose records are bounded before they are read."""
    import numpy
    import torch

    found = {}
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > 2 * MAX_BYTES:
                raise WeightsFault(path, f"its arrays have more than {2 * MAX_BYTES:,} bytes")
            for name in (INPUT, OUTPUT):
                content = io.BytesIO(archive.read(f"{name}.npy"))
                array = numpy.lib.format.read_array(content, allow_pickle=False)
                if array.dtype.kind != "f":
                    raise WeightsFault(path, f"it has no {name} of floats")
                _check_size(path, name, array.shape)
                found[name] = torch.from_numpy(array.astype(numpy.float64))
    except KeyError:
        raise WeightsFault(path, f"it has no {INPUT if INPUT not in found else OUTPUT}") from None
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, RuntimeError, NotImplementedError):
        raise WeightsFault(path, f"it is cut off, or no archive of arrays ({size:,} bytes)") from None
    return found


def _check_size(path: str, name: str, shape: tuple[int, ...]) -> None:
    count = 8
    for extent in shape:
        count *= extent
    if count > MAX_BYTES:
        raise WeightsFault(path, f"its {name} has more than {MAX_BYTES:,} bytes")


def _size(tensor: Any) -> str:
    return show_shape(tensor.shape)
