"""archdsl: a small text language for convolutional networks, and its compiler.

    net = archdsl.compile("net.arch", scale="NAME:4")
    net.cost.flops, net.graph, net.source, net.module()
    archdsl.space("spaces.arch", "NAME").sample(500).member(17)

Importing the package loads none of it; `archdsl.compiler` is the file to read first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archdsl.api import Compiled, CompileError, compile, compile_text
    from archdsl.population import Population, Space, space

__version__ = "0.1.0"

__all__ = ["CompileError", "Compiled", "Population", "Space", "__version__", "compile", "compile_text", "space"]
_OF_SPACES = ("Population", "Space", "space")


def __getattr__(name: str) -> Any:
    """The Python interface, loaded when it is used."""
    if name in _OF_SPACES:
        from archdsl import population

        return getattr(population, name)
    if name in __all__:
        from archdsl import api

        return getattr(api, name)
    raise AttributeError(f"module 'archdsl' has no attribute {name!r}")
