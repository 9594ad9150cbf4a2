"""Which model of a file is meant."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.analysis.names import did_you_mean
from archdsl.analysis.program import Definition, Instance, Program
from archdsl.diagnostics import Diagnostic, Diagnostics
from archdsl.source import Source, Span


def choose_model(program: Program, source: Source, name: str | None, diagnostics: Diagnostics) -> str | None:
    """The model to compile. Without a name: the only one, or the one named like the file."""
    models = program.models
    start = Span(source, 0, 0)
    if name is not None:
        named = program.entry.names.get(name)
        if isinstance(named, Definition | Instance) and named.kind == "model" and name not in program.entry.used:
            return name
        help_ = did_you_mean(name, models, otherwise=_listed(models)).help
        if name in program.spaces:
            help_ = f"`{name}` is a space of networks: `archdsl space sample` draws some"
        if not program.entry.incomplete:
            diagnostics.add(Diagnostic("E201", f"the file has no model `{name}`", start, help=help_))
        return None
    stem = source.name.replace("\\", "/").rpartition("/")[2].removesuffix(".arch")
    if len(models) == 1:
        return next(iter(models))
    if stem in models:
        return stem
    if not models:
        if not program.entry.incomplete:
            message = "the file has no model that can be compiled as it is"
            help_ = "a model whose parameters all have values"
            if program.spaces:
                help_ = f"`archdsl space sample` draws networks of {', '.join(list(program.spaces)[:12])}"
            diagnostics.add(Diagnostic("E210", message, start, help=help_))
        return None
    message = f"the file has {len(models)} models, and none is named `{stem}`"
    diagnostics.add(Diagnostic("E210", message, start, help=f"name one with `--model`; {_listed(models)}"))
    return None


def _listed(models: Iterable[str]) -> str:
    names = list(models)
    return f"it has {', '.join(names[:12])}{', …' if len(names) > 12 else ''}" if names else "it has none"
