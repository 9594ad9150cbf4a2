"""What `archdsl bench` measures, and with what: networks and their scalings, the file of turns, the machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from archdsl import emission
from archdsl.commands.common import fail
from archdsl.commands.plot.networks import Drawn, networks, scaled_from
from archdsl.commands.plot.output import Wanted
from archdsl.commands.progress import progress_bar
from archdsl.compiler import Compiled, Compiler, Failed
from archdsl.diagnostics import Diagnostics
from archdsl.graph.conventions import Convention
from archdsl.graph.cost import count
from archdsl.measuring.ledger import SUFFIX
from archdsl.measuring.rows import Subject
from archdsl.measuring.run import Entry
from archdsl.measuring.settings import How
from archdsl.measuring.turns import NoMachine, probe
from archdsl.project import Project
from archdsl.request import RequestError, decimal, factors_of, scaling_calls, strategies_of
from archdsl.spaces.tables import FORMS, TableFault, read

MOST = 10_000
"""Networks of one start."""


def entries_of(
    specs: Sequence[str],
    strategies: str | None,
    factors: str,
    convention: Convention,
    format_: str,
    options: dict[str, Any],
) -> tuple[list[Entry], list[Diagnostics]]:
    """Every network with its module, and what was said of those that were given. Ends the command for a fault."""
    try:
        names = strategies_of(strategies) if strategies is not None else []
        numbers = factors_of(factors, 1) if names else []
    except RequestError as fault:
        raise click.BadParameter(str(fault), param_hint=fault.option) from None
    every = [spec for given in specs for spec in _rows(given)]
    if len(every) * (1 + len(names) * len(numbers)) > MOST:
        raise click.UsageError(f"That is more than {MOST:,} networks; ask for fewer.")
    found = networks(every, Wanted((), False, None, format_), options)
    jobs = [(each, None, None) for each in found]
    jobs += [(each, name, factor) for each in found for name in names for factor in numbers]  # type: ignore[misc]
    compilers = {each.label: Compiler(Project(each.request.file)) for each in found} if names else {}
    entries = []
    with progress_bar("compiling", jobs) as bar:
        for each, name, factor in bar:
            result = each.result
            if name is not None:
                result = _scaled(each, compilers[each.label], f"{name}:{decimal(factor)}")
            entries.append(_entry(each, result, name, factor, convention))
    return entries, [each.result.diagnostics for each in found]


def _rows(spec: str) -> list[str]:
    """The rows of a population, or what names one network."""
    suffix = Path(spec).suffix.removeprefix(".").lower()
    if suffix not in FORMS or not os.path.lexists(spec):
        return [spec]
    try:
        rows = len(read(Path(spec)))
    except TableFault as fault:
        raise click.ClickException(f"{spec}: {fault}") from None
    if not rows:
        raise click.ClickException(f"{spec}: the table has no row")
    return [f"{spec}:{number}" for number in range(rows)]


def _scaled(each: Drawn, compiler: Compiler, scaling: str) -> Compiled:
    diagnostics = Diagnostics()
    made = each.again(compiler, scaled_from(each, scaling_calls([scaling], None)), diagnostics)
    if isinstance(made, Failed) or diagnostics.failed:
        fail(each.request, diagnostics)
    return made


def _entry(each: Drawn, result: Compiled, strategy: str | None, factor: Any, convention: Convention) -> Entry:
    network, cost = result.network, count(result.network, convention)
    about = emission.about_of(result, "network", each.request.shown, ())
    text = emission.emit(network, about, ["torch"], None)[f"{about.name}.py"][1]
    return Entry(
        Subject(
            label=each.label,
            spec=each.request.shown,
            strategy=strategy,
            factor=None if factor is None else float(factor),
            hash=network.hash,
            input=tuple([int(extent) for extent in network.input]),
            flops=int(cost.flops),
            params=int(cost.params),
            acts=int(cost.acts),
            convention=f"{convention.name} {convention.version}: flops are {convention.unit}",
        ),
        text,
        emission.interface(network, about).class_name,
    )


def ledger_path(output: str | None) -> Path | None:
    """The file of turns, if it has the form of one."""
    if output is None:
        return None
    path = Path(output)
    if path.suffix.lower() != SUFFIX:
        raise click.BadParameter(f"'{output}' is no {SUFFIX} file, to which lines can be added", param_hint="--output")
    if os.path.lexists(path) and not path.is_file():
        raise click.ClickException(f"{path}: not a regular file")
    if not path.parent.is_dir():
        raise click.ClickException(f"{path.parent}: there is no such folder")
    return path


def machine_of(how: How) -> dict[str, Any]:
    """What measures; ends the command where torch or the device is missing."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise click.ClickException("measuring needs torch, which is not installed: pip install 'archdsl[torch]'")
    try:
        return probe(how)
    except NoMachine as fault:
        raise click.ClickException(str(fault)) from None


__all__ = ["entries_of", "ledger_path", "machine_of"]
