"""The backends: what a resolved network is written as.

A backend is a module or folder with one function, `emit(network, about) -> {file name: text}`. It reads the graph and
nothing of the language, does no I/O, and gives the same bytes for the same network and the same words about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from fractions import Fraction
from typing import Protocol

from archdsl.graph.initializers import Initializer
from archdsl.graph.network import Network
from archdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class About:
    """What is said of a network beside its graph: words for headers and documents, never code.

    All texts may come from a stranger's file: a backend quotes or escapes them for where it puts them.
    """

    name: str
    """The name of the emitted files, without an ending: a Python identifier."""
    spec: str = ""
    """The file that it was compiled from, as the user named it."""
    changes: tuple[str, ...] = ()
    """What was changed on the way, as the user wrote it: `--scale NAME:4`."""
    doc: str = ""
    """The comment above the model."""
    citation: Mapping[str, str] = field(default_factory=dict)
    """The model's `source`: paper, table, code, …"""
    mean: tuple[Fraction, ...] = ()
    """Of the images that the model is made for, a channel; none where the model does not say."""
    std: tuple[Fraction, ...] = ()
    init: Mapping[str, Initializer] = field(default_factory=dict)
    """How parameters start: `conv`, `linear`, `norm.scale`, `norm.shift`, `bias`, `linear.bias`."""
    drop_path_rate: Fraction | None = None
    """The rate of stochastic depth that the blocks share; none where the model does not say, and 0 is none."""


class Backend(Protocol):
    """What every backend offers."""

    def emit(self, network: Network, about: About) -> dict[str, str]:
        """The files by name, relative to the output folder."""
        ...


__all__ = ["About", "Backend"]
