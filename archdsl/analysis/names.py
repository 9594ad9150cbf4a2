"""Faults about names: what is not defined, what a block does not have, with the nearest that exists."""

from __future__ import annotations

from archdsl.analysis.program import Definition, Primitive
from archdsl.analysis.suggest import nearest
from archdsl.diagnostics import Diagnostic, Edit, Fault
from archdsl.syntax import ast


def setting_names(of: Definition | Primitive) -> tuple[str, ...]:
    """The settings of a block."""
    if isinstance(of, Primitive):
        return tuple(a.name for a in of.operation.attributes)
    return of.parameter_names


def unknown_name(e: ast.Reference, known: set[str]) -> Fault:
    """E201, with the nearest of the known names."""
    guess = nearest(e.name, known)
    help_ = f"did you mean `{guess}`?" if guess else None
    edits = (Edit(e.span, guess),) if guess else ()
    return Fault(Diagnostic("E201", f"`{e.name}` is not defined", e.span, help=help_, edits=edits))


def unknown_setting(name: ast.Identifier, known: tuple[str, ...], of: str) -> Fault:
    """E202 for an argument or field, with the nearest of those that exist."""
    guess = nearest(name.text, known)
    others = f"it has {', '.join(known)}" if known else "it has none"
    help_ = f"did you mean `{guess}`?" if guess else others
    edits = (Edit(name.span, guess),) if guess else ()
    return Fault(Diagnostic("E202", f"`{of}` has no setting `{name.text}`", name.span, help=help_, edits=edits))


def unknown_part(name: ast.Identifier, known: tuple[str, ...], of: str) -> Fault:
    guess = nearest(name.text, known)
    help_ = f"did you mean `{guess}`?" if guess else f"it has {', '.join(known)}"
    edits = (Edit(name.span, guess),) if guess else ()
    return Fault(Diagnostic("E202", f"{of} has no `{name.text}`", name.span, help=help_, edits=edits))
