"""Faults about names: what is not defined, what a block does not have, with the nearest that exists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from archdsl.analysis.program import OPERATIONS_MODULE, Builtin, Definition, Module, Named, Primitive
from archdsl.diagnostics import Diagnostic, Edit, Fault, Label
from archdsl.graph.operations import OPERATIONS, Operation
from archdsl.source import Span
from archdsl.suggest import nearest
from archdsl.syntax import ast

_STRINGS = frozenset(
    word
    for operation in OPERATIONS.values()
    for attribute in operation.attributes
    for word, value in attribute.kind.words.items()
    if isinstance(value, str)
)
"""Words that some settings know, for a string each."""


class Hint(NamedTuple):
    """The help of a diagnostic about a name, and the same as an edit."""

    help: str | None
    edits: tuple[Edit, ...] = ()


def did_you_mean(
    name: str, known: Iterable[str], span: Span | None = None, otherwise: str | None = None, prefix: str = ""
) -> Hint:
    """The nearest of the known names, which at a span is an edit too; where none is near, what else is told."""
    guess = nearest(name, known)
    if guess is None:
        return Hint(otherwise)
    return Hint(f"did you mean `{prefix}{guess}`?", (Edit(span, guess),) if span is not None else ())


def plural(number: int, what: str) -> str:
    """`1 cell`, `2 cells`"""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def setting_names(of: Definition | Primitive) -> tuple[str, ...]:
    """The settings of a block."""
    if isinstance(of, Primitive):
        return tuple(a.name for a in of.operation.attributes)
    return of.parameter_names


def words_of(named: Named | None, setting: ast.Identifier | None) -> frozenset[str]:
    """The words that the expression of a setting may use beside all names: those of an operation. Of what is not known
    before it has a value, as of a block in a setting, those of any operation."""
    known: Iterable[type[Operation]] = ()
    match named:
        case Primitive(operation=operation) | Builtin(operation=Primitive(operation=operation)):
            known = (operation,)
        case None:
            known = OPERATIONS.values()
    return frozenset([word for each in known for word in each.words(setting.text)] if setting is not None else ())


def unknown_name(e: ast.Reference, known: set[str], module: Module, offering: str | None = None) -> Fault:
    """E201, with the nearest of the known names; or, of a name that a module of the library has, the `use` of it."""
    offering = OPERATIONS_MODULE if e.name in OPERATIONS else offering
    if offering is not None:
        use = f"write `use {offering} {{ {e.name} }}` at the top of the file"
        edits = (using(module.tree, offering, e.name),) if module.tree is not None else ()
        return Fault(Diagnostic("E201", f"`{e.name}` is not defined", e.span, help=use, edits=edits))
    hint = did_you_mean(e.name, known | {"none", "true", "false"}, e.span)
    if e.name in _STRINGS:
        hint = Hint(f'it is a word of some settings alone; elsewhere it is a string: `"{e.name}"`')
    elif not hint.edits and (meant := nearest(e.name, OPERATIONS)):
        hint = Hint(f"did you mean `{meant}`? It needs `use std.ops {{ {meant} }}`", (Edit(e.span, meant),))
    return Fault(Diagnostic("E201", f"`{e.name}` is not defined", e.span, help=hint.help, edits=hint.edits))


def using(tree: ast.File, module: str, name: str) -> Edit:
    """The edit that has a file use a name of a module of the library: in the `use` of it, or by one more."""
    place, text = 0, f"use {module} {{ {name} }}\n"
    for item in tree.items:
        if isinstance(item, ast.Use) and item.module == module and not item.is_path and item.names:
            place, text = item.names[-1].span.end, f", {name}"
            break
        if isinstance(item, ast.Use | ast.Version):
            place, text = item.span.end, f"\nuse {module} {{ {name} }}"
    return Edit(Span(tree.source, place, place), text)


def unseen_setting(e: ast.Reference, setting: str, beside: Span) -> Diagnostic:
    """E201 for a setting of stages in the value of another one."""
    labels = (Label(beside, "settings do not see each other"),)
    help_ = f"write `with {{ {setting}: … }}` behind the stages: there `{e.name}` is seen"
    return Diagnostic("E201", f"`{e.name}` is not defined", e.span, labels=labels, help=help_)


def unknown_setting(name: ast.Identifier, known: tuple[str, ...], of: str) -> Fault:
    """E202 for an argument or field, with the nearest of those that exist."""
    others = f"it has {', '.join(known)}" if known else "it has none"
    hint = did_you_mean(name.text, known, name.span, others)
    message = f"`{of}` has no setting `{name.text}`"
    return Fault(Diagnostic("E202", message, name.span, help=hint.help, edits=hint.edits))


def unknown_argument(
    name: ast.Identifier, known: tuple[str, ...], of: Named, arguments: tuple[ast.Argument, ...]
) -> Fault:
    """E202 for an argument; where a fn gives a block that has such a setting, how that is configured."""
    error = unknown_setting(name, known, of.name)
    given = of.declaration.value if isinstance(of, Definition) and of.kind == "fn" else None
    made = given.function if isinstance(given, ast.Call | ast.Configured) else given
    block = of.module.names.get(made.name) if isinstance(made, ast.Reference) and isinstance(of, Definition) else None
    if not (isinstance(block, Primitive) or (isinstance(block, Definition) and block.kind == "block")):
        return error
    if error.diagnostic.edits or name.text not in setting_names(block):
        return error
    own = [a.span.text for a in arguments if a.name is None or a.name.text in known]
    others = [a.span.text for a in arguments if a.name is not None and a.name.text not in known]
    help_ = f"configure what it gives: `{of.name}({', '.join(own)})({', '.join(others)})`"
    return Fault(replace(error.diagnostic, help=help_))


def unknown_column(name: ast.Identifier, known: Iterable[str]) -> Diagnostic:
    """E202 for a column of a table of stages that no row's block has a setting for."""
    hint = did_you_mean(name.text, known, name.span)
    message = f"no block of the table has a setting `{name.text}`"
    return Diagnostic("E202", message, name.span, help=hint.help, edits=hint.edits)


def ambiguous(reference: ast.Reference) -> Diagnostic:
    """E203: an old value that is asked for by a name which a parameter, a draw or a local value has, too."""
    message = f"`{reference.name}` is the value before this change, and a name of what stands outside it"
    return Diagnostic("E203", message, reference.span, help="give what stands outside another name")


def misplaced(entry: ast.Entry, where: str, allowed: str) -> Diagnostic:
    """E204 for an entry of a kind that does not stand in a body."""
    span = entry.path.span if isinstance(entry, ast.Field | ast.Section) else entry.span
    help_ = f"here stand {allowed}"
    if isinstance(entry, ast.Field) and where in ("a block", "a fn"):
        help_ = f"write `{entry.path.text} = …` for a local name"
    if isinstance(entry, ast.Element):
        help_ = f"lists grow in a `fn` or a `block`, by their names alone; a field is `{entry.place}: …`"
    if isinstance(entry, ast.Section) and where == "a block":
        hint = did_you_mean(entry.path.text, ("fit",), span)
        if hint.edits:
            message = f"`{entry.path.text}` does not stand in a block"
            return Diagnostic("E204", message, span, help=hint.help, edits=hint.edits)
    return Diagnostic("E204", f"{_entry_words(entry)} does not stand in {where}", span, help=help_)


def _entry_words(entry: ast.Entry) -> str:
    match entry:
        case ast.Field(path=path):
            return f"the field `{path.text}`"
        case ast.Section(path=path):
            return f"the section `{path.text}`"
        case ast.Binding():
            return "a binding with `=`"
        case ast.Element():
            return "an element of a list"
        case ast.Draw():
            return "a draw with `~`"
        case ast.Require():
            return "`require`"
        case _:
            return "`return`"


def unknown_part(name: ast.Identifier, known: tuple[str, ...], of: str) -> Fault:
    hint = did_you_mean(name.text, known, name.span, f"it has {', '.join(known)}")
    return Fault(Diagnostic("E202", f"{of} has no `{name.text}`", name.span, help=hint.help, edits=hint.edits))
