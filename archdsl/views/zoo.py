"""What `archdsl zoo` shows: the networks that ship with archdsl, with what each costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from archdsl import __version__
from archdsl.compiler import Compiled
from archdsl.graph.conventions import DEFAULT
from archdsl.graph.cost import MEASURES, count
from archdsl.records import documented
from archdsl.views.head import counts, identity
from archdsl.views.tables import Cell, render_csv, render_markdown, size, table

HEADERS = ("name", "family", "input", *MEASURES)


@documented
class ZooEntry:
    """A network that ships with archdsl."""

    name: str
    family: str
    path: str
    """File and model, as a command takes them."""
    input: list[int]
    flops: int
    params: int
    acts: int
    claims: int
    """The number of published figures that it claims and has."""
    doc: str
    source: str
    """The paper that it cites, or else the code."""


@documented
class ZooReport:
    """What `archdsl zoo` lists."""

    archdsl: str
    convention: str
    networks: list[ZooEntry]


def zoo_entry(family: str, path: str, result: Compiled) -> ZooEntry:
    """A network of a family, declared in the file at a path from the data root."""
    model = result.model
    cited = model.provenance.get("paper") or model.provenance.get("code")
    return ZooEntry(
        name=result.name,
        family=family,
        path=f"{path}:{result.name}",
        input=identity(result.network)["input"],
        **counts(count(result.network)),
        claims=len(result.verdicts),
        doc=" ".join(model.doc.split()),
        source=str(cited.value) if cited is not None else "",
    )


def zoo_report(found: list[ZooEntry]) -> ZooReport:
    """The JSON of a list of networks."""
    return ZooReport(__version__, DEFAULT.name, found)


def zoo_table(found: Sequence[ZooEntry], *, markdown: bool) -> str:
    """A line for each network."""
    rows: list[list[Cell]] = [[e.name, e.family, size(e.input), e.flops, e.params, e.acts] for e in found]
    if markdown:
        return render_markdown(HEADERS, rows)
    words = "1 network" if len(found) == 1 else f"{len(found)} networks"
    return f"{table(HEADERS, rows)}\n{words}; flops are {DEFAULT.unit}\n"


def zoo_csv(found: Sequence[ZooEntry]) -> str:
    """A line for each network, with every field."""
    names = [each.name for each in fields(ZooEntry)]
    rows = [["x".join(map(str, v)) if n == "input" else v for n, v in vars(each).items()] for each in found]
    return render_csv(names, rows)
