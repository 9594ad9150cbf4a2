"""The proof of an import: the written text, compiled again, is the network, and computes what the source computes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from archdsl.graph.network import Network
from archdsl.lifting.lifted import Lifted
from archdsl.lifting.pairs import paired
from archdsl.quiet import reason
from archdsl.records import documented

TOLERANCE = 1e-9
"""Of the largest output, in double precision: what another order of additions comes to, with room."""
SEED = 20_241_130


@documented
class Compared:
    """Outputs of the source and of the compiled text for the same random images."""

    input: list[int]
    """Channels, height, width."""
    images: int
    outputs: int
    """How many numbers were compared."""
    max_difference: float
    largest: float
    """The largest output of the source, by absolute value."""
    equal: bool
    """Whether the difference is at most the tolerance times the largest."""
    refused: str
    """Why there is no such comparison: what the source says to images of this size; empty where there is one."""


@documented
class Proof:
    """What was checked of the written text."""

    structure: bool
    """Whether the compiled text has the hash of what was lifted."""
    params: int
    """Of the compiled text."""
    source_params: int
    """Of the source, without those that take no part in its output."""
    mapped: int
    """Tensors of the source that went to the compiled module."""
    compared: list[Compared]
    fault: str
    """What does not hold; empty where all does."""

    @property
    def holds(self) -> bool:
        """Whether all of it holds."""
        return not self.fault


def perturbed(state: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers near those of a module, in double precision: no factor is 0 any more, and no two are alike. So what an
    output does not show at the start, such as a branch whose last norm starts at 0, shows."""
    import torch

    generator = torch.Generator().manual_seed(SEED)
    found = {}
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            found[name] = tensor.clone()
            continue
        value = tensor.detach().double()
        noise = torch.randn(value.shape, generator=generator, dtype=torch.float64)
        if name.endswith("running_var"):
            found[name] = value * torch.exp(0.1 * noise)
            continue
        spread = float(value.std()) if value.numel() > 1 else 0.0
        found[name] = value + (0.1 * spread if spread > 0 else 0.1) * noise
        if value.ndim == 1 and not bool(value.any()) and name.endswith("weight"):
            found[name] = 0.5 + 0.1 * noise  # a scale that starts at 0
    return found


def weights_of(lifted: Lifted, compiled: Network) -> dict[str, Any] | None:
    """The tensors that were lifted by the names of the emitted module; none where the networks differ."""
    pairs = paired(lifted.network, compiled)
    if pairs is None or len(pairs) != len(compiled.nodes):
        return None
    found = {}
    for own, theirs in pairs.items():
        for name, tensor in lifted.origins[own].tensors.items():
            found[f"{compiled.nodes[theirs].path}.{name}"] = tensor
    return found


def params_of(network: Network) -> int:
    """The number of learned numbers."""
    count = 0
    for node in network.nodes:
        for tensor in network.tensors(node):
            if tensor.is_parameter:
                size = 1
                for extent in tensor.shape:
                    size *= int(extent)
                count += size
    return count


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch with one thread: a convolution of many groups in double precision is many small products, for which
    threads wait for each other longer than they work."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def compare(
    source: Callable[[Any], Any], module: Callable[[Any], Any], size: Sequence[int], images: int, tolerance: float
) -> Compared:
    """Both on the same random images. A source that refuses the size is no comparison."""
    import torch

    generator = torch.Generator().manual_seed(SEED)
    image = torch.randn(images, *size, generator=generator, dtype=torch.float64)
    with torch.no_grad(), one_thread():
        try:
            theirs = _tensors(source(image))
        except (Exception, SystemExit) as fault:  # whatever a stranger's forward raises of images of this size
            return Compared(list(size), images, 0, 0.0, 0.0, False, reason(fault))
        try:
            ours = _tensors(module(image))
        except Exception as fault:  # whatever PyTorch raises in ours
            told = f"the compiled text refuses it: {reason(fault)}"
            return Compared(list(size), images, 0, float("inf"), 0.0, False, told)
    if [t.shape for t in ours] != [t.shape for t in theirs]:
        return Compared(list(size), images, 0, float("inf"), 0.0, False, "")
    difference = max(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))
    largest = max(float(t.abs().max()) for t in theirs)
    equal = bool(difference <= tolerance * largest) and 0 < largest < float("inf")
    return Compared(list(size), images, sum(t.numel() for t in theirs), difference, largest, equal, "")


def _tensors(found: Any) -> list[Any]:
    import torch

    if isinstance(found, torch.Tensor):
        return [found]
    parts = list(found.values()) if isinstance(found, dict) else list(found)
    return [part for one in parts for part in _tensors(one)]


__all__ = ["TOLERANCE", "Compared", "Proof", "compare", "params_of", "perturbed", "weights_of"]
