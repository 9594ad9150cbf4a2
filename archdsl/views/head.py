"""How every output begins: version, spec, model, hash and input, with the counts and whose counting it is."""

from __future__ import annotations

from typing import Any

from archdsl import __version__
from archdsl.compiler import Compiled
from archdsl.graph.conventions import Convention
from archdsl.graph.cost import MEASURES, Cost
from archdsl.graph.network import Network
from archdsl.records import documented
from archdsl.views.tables import size


@documented
class ConventionReport:
    """How things are counted, in words."""

    name: str
    version: str
    text: str
    """Whose numbers these are."""
    unit: str
    """What `flops` counts."""
    params_unit: str
    """What `params` counts."""
    acts_unit: str
    """What `acts` counts."""


def head(result: Compiled, spec: str) -> dict[str, Any]:
    """The fields with which the JSON of a model begins; `spec` is the file, as given."""
    return {"archdsl": __version__, "spec": spec, "model": result.name, **identity(result.network)}


def identity(network: Network) -> dict[str, Any]:
    """The digest of what a network computes, and its input as channels, height, width."""
    return {"hash": network.hash, "input": [int(extent) for extent in network.input]}


def counts(cost: Cost) -> dict[str, Any]:
    """Flops, params and acts, as the fields of a JSON."""
    return {measure: int(getattr(cost, measure)) for measure in MEASURES}


def convention_report(convention: Convention) -> ConventionReport:
    """Name, version and words of a convention."""
    return ConventionReport(
        convention.name,
        convention.version,
        convention.text,
        convention.unit,
        convention.params.unit,
        convention.acts.unit,
    )


def head_line(result: Compiled) -> str:
    """`net, 3 x 224 x 224, hash 0123456789abcdef`: the line above the tables of a model."""
    network = result.network
    return f"{result.name}, {size(network.input)}, hash {network.hash[:16]}"


def counted_as(convention: Convention | ConventionReport) -> str:
    """What a convention takes for flops, with its name: `multiply-adds (convention archdsl 1)`."""
    return f"{convention.unit} (convention {convention.name} {convention.version})"
