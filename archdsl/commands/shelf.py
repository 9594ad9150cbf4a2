"""The networks that ship, as an import compares them: by what they compute."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from archdsl.commands.kept import Row, kept_rows
from archdsl.commands.zoo import models
from archdsl.compiler import Compiled
from archdsl.graph.network import Network
from archdsl.lifting.alike import computes
from archdsl.lifting.imported import Shipped
from archdsl.lifting.pairs import TRAINED
from archdsl.lifting.proof import params_of
from archdsl.zoo import families


def shipped_with(params: int) -> Sequence[Shipped]:
    """The networks with so many parameters, each with digests of what it computes."""
    packages = ("analysis", "graph", "lifting", "syntax")
    return [
        Shipped(row["name"], params, row["alike"], row["still"], partial(_network, family, row["name"]))
        for family, row in kept_rows("computes", _computed, packages, families())
        if row["params"] == params
    ]


def _computed(_: str, made: Compiled) -> Row:
    return {
        "name": made.name,
        "params": params_of(made.network),
        "alike": computes(made.network),
        "still": computes(made.network, TRAINED),
    }


def _network(family: str, name: str) -> Network:
    return next(made.network for _, _, made in models([family], [name]) if made.name == name)
