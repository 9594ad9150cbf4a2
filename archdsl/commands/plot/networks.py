"""The networks of a picture: those of its SPECs, compiled, under labels that differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from archdsl.analysis.answers import value_of
from archdsl.analysis.program import Definition
from archdsl.analysis.values import UNKNOWN
from archdsl.commands.common import Request, compiled, fail, request_of
from archdsl.commands.plot.output import Wanted
from archdsl.compiler import Changes, Compilation, Compiled, Compiler
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.emission import default_name
from archdsl.graph.network import Network
from archdsl.graph.shapes import EXTENT_MAX
from archdsl.plots.figures import label_of
from archdsl.project import STDIN, Project
from archdsl.records import dataclass
from archdsl.rows import compiled_row
from archdsl.source import Source
from archdsl.syntax.parser import parse_expression
from archdsl.views.plot import Plotted
from archdsl.views.tables import size


@dataclass(frozen=True)
class Drawn:
    """A network of a picture, under a label that no other has."""

    label: str
    request: Request
    result: Compiled

    @property
    def network(self) -> Network:
        """Its graph."""
        return self.result.network

    def again(self, compiler: Compiler, changes: Changes, diagnostics: Diagnostics) -> Compilation:
        """The network with other changes."""
        if self.request.row is None:
            return compiler.elaborate(self.result.program, self.result.name, changes, diagnostics)
        made = compiled_row(self.request.row, changes)
        diagnostics.extend(made.diagnostics)
        return made

    @property
    def plotted(self) -> Plotted:
        """What the picture and its numbers know of it."""
        return Plotted(self.label, self.request.shown, self.network, (), self.result.diagnostics)


@dataclass(frozen=True)
class Listed:
    """Block widths that a function of a file lists, of a network that need not be known."""

    label: str
    request: Request
    widths: tuple[int, ...]
    diagnostics: Diagnostics

    @property
    def plotted(self) -> Plotted:
        """What the picture and its numbers know of it."""
        return Plotted(self.label, self.request.shown, None, self.widths, self.diagnostics)


def networks(specs: Sequence[str], wanted: Wanted, options: dict[str, Any]) -> list[Drawn]:
    """The networks of SPECs, all with the same changes."""
    found = [_network(request, options) for request in _requests(specs, wanted, options)]
    return [replace(each, label=label) for each, label in zip(found, _labels(found), strict=True)]


def configurations(specs: Sequence[str], wanted: Wanted, options: dict[str, Any]) -> list[Plotted]:
    """The networks of SPECs, and the lists of widths where SPEC names a function without parameters."""
    requests = _requests(specs, wanted, options)
    found = [_listed(request) or _network(request, options) for request in requests]
    return [replace(each, label=label).plotted for each, label in zip(found, _labels(found), strict=True)]


def scaled_from(each: Drawn, calls: tuple[str, ...]) -> Changes:
    """The model as it is given, and then scaled: an `--input` would come after the scaling, and undo it."""
    asked, network = each.request.changes, each.network
    settings = asked.settings
    if asked.input is not None:
        settings = (*settings, ("input", size(network.input)))
    return Changes(settings, calls)


def _requests(specs: Sequence[str], wanted: Wanted, options: dict[str, Any]) -> list[Request]:
    if options["model"] is not None and len(specs) > 1:
        raise click.UsageError("--model goes with one SPEC; write FILE:MODEL for each of several.")
    return [request_of(spec, as_json=wanted.format == "json", **options) for spec in specs]


def _network(request: Request, options: dict[str, Any]) -> Drawn:
    result = compiled(request)
    budget, within = options.get("budget"), options.get("within")
    name = default_name(result.name, options.get("scalings", ()), budget, options["input_"], within)
    return Drawn(label_of(name), request, result)


def _listed(request: Request) -> Listed | None:
    """The widths that the named function lists; none where the name is not a function's."""
    name, project, diagnostics = request.model, Project(request.file), Diagnostics()
    if name is None or request.file == STDIN:
        return None
    try:
        source = project.source()
        if re.search(rf"\bfn\s+{re.escape(name)}\b", source.text) is None:  # a look that spares to read files twice
            return None
        program = Compiler(project).program(source, diagnostics)
        named = program.entry.names.get(name)
        if not isinstance(named, Definition) or named.kind != "fn":
            return None
    except Fault as fault:
        diagnostics.add(fault.diagnostic)
        fail(request, diagnostics)
    expression, _ = parse_expression(Source(name, f"{name}()"))
    if diagnostics.failed or expression is None:
        fail(request, diagnostics)
    value: Any = value_of(expression, program, diagnostics)
    if diagnostics.failed or value is UNKNOWN:
        fail(request, diagnostics)
    widths = tuple(value) if isinstance(value, (list, tuple)) else ()
    if not widths or any(type(width) is not int or not 0 < width <= EXTENT_MAX for width in widths):
        raise click.ClickException(f"{request.shown}: the function {name} gives no list of widths")
    if request.changes:
        raise click.UsageError(f"{request.shown} is a list of widths, in which nothing can be changed.")
    return Listed(label_of(name), request, widths, diagnostics)


def _labels(found: Sequence[Drawn | Listed]) -> list[str]:
    """Labels that differ: with the file where names are the same, and with a number where that is too."""
    labels = [each.label for each in found]
    longer = [label_of(f"{each.label} ({Path(each.request.file).as_posix()})") for each in found]
    labels = [longer[i] if labels.count(label) > 1 else label for i, label in enumerate(labels)]
    return [f"{x} #{labels[:i].count(x) + 1}" if labels.count(x) > 1 else x for i, x in enumerate(labels)]
