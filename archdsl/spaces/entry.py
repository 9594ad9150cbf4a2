"""From a program to its spaces."""

from __future__ import annotations

from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.language import evaluation
from archdsl.analysis.names import did_you_mean
from archdsl.analysis.program import Definition, Program
from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault
from archdsl.source import Span
from archdsl.spaces.declared import space_of
from archdsl.spaces.space import Space


def context_of(compiler: Compiler) -> Context:
    """What members are evaluated in: it shares the blocks that a compiler has traced."""
    return evaluation(Diagnostics(), traces=compiler.traces)


def spaces_of(compiler: Compiler, program: Program, diagnostics: Diagnostics) -> list[Space]:
    """The spaces that a program's entry declares; those that are at fault are reported and left out."""
    found = [_space(compiler, definition, diagnostics) for definition in program.spaces.values()]
    return [space for space in found if space is not None]


def space_named(compiler: Compiler, program: Program, name: str | None, diagnostics: Diagnostics) -> Space | None:
    """One space of a program's entry: the one named, the only one, or the one that is named like the file."""
    spaces = program.spaces
    start = Span(program.entry.source, 0, 0)
    listed = f"it has {', '.join(list(spaces)[:12])}" if spaces else "it has none"
    if name is None:
        stem = program.entry.source.name.replace("\\", "/").rpartition("/")[2].removesuffix(".arch")
        name = next(iter(spaces)) if len(spaces) == 1 else stem if stem in spaces else None
    elif name not in spaces:
        help_ = did_you_mean(name, spaces, otherwise=listed).help
        diagnostics.add(Diagnostic("E201", f"the file has no space `{name}`", start, help=help_))
        return None
    if name is None:
        if not diagnostics.failed:
            message = f"the file has {len(spaces)} spaces, and none is named like it" if spaces else "it has no space"
            diagnostics.add(Diagnostic("E210", message, start, help=f"name one; {listed}" if spaces else None))
        return None
    return _space(compiler, spaces[name], diagnostics)


def _space(compiler: Compiler, definition: Definition, diagnostics: Diagnostics) -> Space | None:
    """The space of a declaration; none where that is a fault."""
    try:
        return space_of(evaluation(diagnostics, traces=compiler.traces), definition)
    except Fault as found:
        diagnostics.add(found.diagnostic)
    except AlreadyReported:
        pass  # what is behind it is among the diagnostics
    return None


__all__ = ["context_of", "space_named", "spaces_of"]
