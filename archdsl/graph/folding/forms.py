"""What a folded network is: its graph, and what each of its layers was made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias

from archdsl.graph.network import Network
from archdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Sum:
    """Branches on one value that are added up: first those with a convolution, then those of the value itself."""

    branches: tuple[Chain, ...]


Chain: TypeAlias = "tuple[str | Some | Sum, ...]"
"""Layers of the trained network by their paths, in the order in which they run: norms and scales before and behind one
convolution, linear layer or sum. One without any of these is a value itself with its norms; the empty one, a value."""


class Some(NamedTuple):
    """Of the channels of a norm or scale those from one to before another."""

    path: str
    start: int
    stop: int


class Kept(NamedTuple):
    """What stays as it is, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Folded:
    """A network with its norms folded and its parallel branches merged."""

    network: Network
    trained: Network
    """The network as it was."""
    layers: Mapping[str, Chain]
    """Of each convolution and linear layer that is not as it was, by its path here: what it was made of."""
    kept: tuple[Kept, ...]
    """The norms that stay, and the sums of branches, with what stands against folding or merging them."""
    left_out: tuple[str, ...]
    """The paths of what acts in training alone."""

    @property
    def norms(self) -> frozenset[str]:
        """The batch norms that became part of other layers."""
        made_of = {path for chain in self.layers.values() for path in paths_of(chain)}
        return frozenset([n.path for n in self.trained.nodes if n.path in made_of and n.operation.name == "batch_norm"])

    @property
    def merged(self) -> int:
        """How many sums of branches are one convolution now."""
        return sum([isinstance(part, Sum) for chain in self.layers.values() for part in chain])

    def summary(self) -> str:
        """What was done, in a sentence."""
        counts = [
            (len(self.norms), "norm folded", "norms folded"),
            (self.merged, "sum of branches made one convolution", "sums of branches made one convolution each"),
            (len(self.left_out), "operation of training left out", "operations of training left out"),
        ]
        said = [f"{number:,} {one if number == 1 else many}" for number, one, many in counts if number]
        return "; ".join(said) or "nothing to fold"

    def stays(self) -> Iterator[tuple[str, str]]:
        """What is kept, and why; those that differ in the numbers of their places together."""
        groups: dict[tuple[str, str], list[str]] = {}
        for path, why in self.kept:
            groups.setdefault((re.sub(r"\.\d+(?=\.|$)", ".*", path), why), []).append(path)
        for (pattern, why), paths in groups.items():
            yield f"{pattern} ({len(paths)} of them)" if len(paths) > 1 else paths[0], why


def paths_of(chain: Chain) -> Iterator[str]:
    """The layers that a chain is made of, in order."""
    for part in chain:
        if isinstance(part, str):
            yield part
        elif isinstance(part, Some):
            yield part.path
        else:
            for branch in part.branches:
                yield from paths_of(branch)


__all__ = ["Chain", "Folded", "Kept", "Some", "Sum", "paths_of"]
