"""Settings of a training that are drawn: `lr ~ log_uniform(0.01 .. 1)`, by the laws of spaces.

A text is a draw of the language whose names are options of a training script. Value i of a name depends on the seed,
the name and i alone, as in a space; so a sweep that is longer begins with the shorter one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from archdsl.analysis.check import Checker
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.language import evaluation
from archdsl.analysis.names import did_you_mean
from archdsl.analysis.program import Module
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Environment, Value, kind_of
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault
from archdsl.records import dataclass
from archdsl.source import Source
from archdsl.spaces.domains import written_law
from archdsl.spaces.laws import Draw, Grid
from archdsl.spaces.tables import Cell
from archdsl.syntax import ast
from archdsl.syntax.parser import parse_body
from archdsl.training.entry_point import PATHS, Option

OPTION = "--sweep"
KEPT = frozenset((*PATHS, "out", "seed", "device", "resume"))
"""Options that make another run of the same training, or are told by others."""


@dataclass(frozen=True)
class Swept:
    """A setting with its law."""

    draw: Draw
    text: str
    """The law as it was written."""


def sweep_of(texts: Sequence[str], options: Mapping[str, Option], diagnostics: Diagnostics) -> list[Swept]:
    """The settings that texts draw, in their order; what is wrong is reported. `options` are those of the script."""
    ctx = evaluation(diagnostics)
    read = [each for text in texts for each in _read(text, diagnostics)]
    if diagnostics.failed:
        return []
    for module, _ in read[:1]:
        Checker(module, diagnostics.add).spaces.check_draws([each for _, each in read])
    for _, draw in read:
        for name in draw.names:
            wrong = _misnamed(name, options)
            if wrong is not None:
                diagnostics.add(wrong)
    if diagnostics.failed:
        return []
    found = [_swept(ctx, draw, name, Environment(module), options) for module, draw in read for name in draw.names]
    return [each for each in found if each is not None]


def _read(text: str, diagnostics: Diagnostics) -> list[tuple[Module, ast.Draw]]:
    """A text as a draw, and the module that it stands in."""
    source = Source(OPTION, f"{{ {text} }}")
    body, faults = parse_body(source)
    for each in faults:
        diagnostics.add(each)
    if body is None:
        return []
    match body.entries:
        case (ast.Draw() as draw,):
            return [(Module(OPTION, source, library=False), draw)]
    message = "a sweep draws one setting of the training script by a law"
    diagnostics.add(Diagnostic("E204", message, body.span, help="write `lr ~ log_uniform(0.01 .. 1)`"))
    return []


def _misnamed(name: ast.Identifier, options: Mapping[str, Option]) -> Diagnostic | None:
    """E202 for what is no setting of the script, or none that can be drawn."""
    known = [each for each, option in options.items() if each not in KEPT and option.kind != "bool"]
    if name.text in known:
        return None
    if name.text == "seed":
        message, help_ = "`seed` is no setting that a sweep draws", "train each setting more than once with --seeds"
        return Diagnostic("E202", message, name.span, help=help_)
    if name.text in options:
        what = "a switch" if options[name.text].kind == "bool" else "the same for all trainings of a sweep"
        return Diagnostic("E202", f"`{name.text}` is {what}", name.span, help="give it behind `--`")
    hint = did_you_mean(name.text, known, name.span, f"there are {', '.join(known)}")
    message = f"the training script has no setting `{name.text}`"
    return Diagnostic("E202", message, name.span, help=hint.help, edits=hint.edits)


def _swept(
    ctx: Context, entry: ast.Draw, name: ast.Identifier, env: Environment, options: Mapping[str, Option]
) -> Swept | None:
    try:
        draw = written_law(ctx, entry.domain, env, fine=True).draw(name.text)
        if draw.count is not None:
            message = f"`{name.text}` is one value, and no list"
            raise Fault(Diagnostic("E301", message, entry.domain.span, help="write the law alone"))
        for value in _tried(draw):
            _verify(value, name.text, options[name.text], entry)
        return Swept(draw, entry.domain.span.text)
    except Fault as fault:
        ctx.report(fault.diagnostic)
    except AlreadyReported:
        pass  # what is behind it is among the diagnostics
    return None


def _tried(draw: Draw) -> list[Value]:
    """The values that decide whether all are taken: the ends and the second of numbers, else all."""
    domain = draw.law.domain
    places = {0, min(1, domain.size - 1), domain.size - 1} if isinstance(domain, Grid) else range(domain.size)
    return [domain.value(place) for place in sorted(places)]


def _verify(value: Value, name: str, option: Option, entry: ast.Draw) -> None:
    """Raises `Fault` for what the script does not take."""
    span = entry.domain.span
    if isinstance(value, bool) or not isinstance(value, int | Fraction | str):
        raise Fault(Diagnostic("E301", f"`{name}` is a number or a text, not {kind_of(value)}", span))
    wrong = option.wrong(str(cell_of(value)))
    if wrong is not None:
        raise Fault(Diagnostic("E302", f"`{name}` cannot be {show_value(value)}: {wrong}", span))


def cell_of(value: Value) -> Cell:
    """A value as a table and a command line have it: the nearest double of a fraction."""
    if isinstance(value, Fraction):
        return float(value)
    return value if isinstance(value, int) else str(value)


def settings_drawn(swept: Sequence[Swept], seed: int, count: int) -> list[dict[str, Cell]]:
    """The first `count` settings of a seed. Raises `DrawFault`."""
    from archdsl.spaces.arrays.draws import chosen, uniform

    columns = {}
    for each in swept:
        name, law = each.draw.name, each.draw.law
        places = chosen(law, uniform(seed, name, 0, 0, count), name).tolist()
        columns[name] = [cell_of(law.domain.value(place)) for place in places]
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


__all__ = ["Swept", "settings_drawn", "sweep_of"]
