"""The networks that ship, as an import compares them: by what they compute. Worked out once, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from archdsl import __version__
from archdsl.commands.zoo import models
from archdsl.graph.network import Network
from archdsl.lifting.alike import computes
from archdsl.lifting.imported import Shipped
from archdsl.lifting.pairs import TRAINED
from archdsl.lifting.proof import params_of
from archdsl.resources import kept, read_data, source_texts, spec_files
from archdsl.zoo import families


class Shelf:
    """The networks with so many parameters."""

    def __call__(self, params: int) -> Sequence[Shipped]:
        """They, each with digests of what it computes."""
        paths = spec_files()
        code = [text for folder in ("analysis", "graph", "lifting", "syntax") for text in source_texts(folder)]
        texts = (__version__, *paths, *[read_data(path) for path in paths], *code)
        found = []
        for family in families():
            for entry in kept(f"computes-{family}", texts, partial(_entries, family)):
                if entry["params"] == params:
                    name = entry["name"]
                    make = partial(_network, family, name)
                    found.append(Shipped(name, params, entry["alike"], entry["still"], make))
        return found


def _entries(family: str) -> list[dict[str, Any]]:
    return [
        {
            "name": made.name,
            "params": params_of(made.network),
            "alike": computes(made.network),
            "still": computes(made.network, TRAINED),
        }
        for _, _, made in models([family])
    ]


def _network(family: str, name: str) -> Network:
    return next(made.network for _, _, made in models([family], [name]) if made.name == name)
