"""Names that are misspelled where they are declared, and right wherever they are used.

`block b(x; widht) = x -> conv(width)`: the one name has no use, the other no declaration, and they are close. The
fault is told at the declaration, and what is left is read as if it were spelled as its uses are. A name that the
file also writes elsewhere, as an argument or as a column, was meant: then its use is the mistake. Of two names that
stand only once the one is right that operations or the library have too; if neither or both, the use is told of, with
the declaration beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from archdsl.analysis.fields import DIMENSIONS
from archdsl.analysis.initializers import DISTRIBUTIONS
from archdsl.analysis.names import setting_names
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Definition, Named, Primitive, walk
from archdsl.diagnostics import Diagnostic, Edit, Label
from archdsl.graph.initializers import NAMES
from archdsl.graph.operations import OPERATIONS
from archdsl.suggest import nearest
from archdsl.syntax import ast

_KINDS = ("fn", "block", "model", "scaling")
_CONTEXTUAL = frozenset({"block", "stage", "stem", "head", *NAMES, *DISTRIBUTIONS})
"""Names that have a meaning in fields of models and scalings without a declaration."""


_FAMILIAR = frozenset({*DIMENSIONS, *(a.name for operation in OPERATIONS.values() for a in operation.attributes)})


def respelled(tree: ast.File, names: Mapping[str, Named], report: Callable[[Diagnostic], None]) -> ast.File:
    """The file with such declarations respelled; `names` are those that it uses from elsewhere."""
    used = [named for named in names.values() if isinstance(named, Definition | Primitive)]
    familiar = _FAMILIAR.union(*(setting_names(named) for named in used))
    written = Counter(name for item in tree.items for name in _written(item))
    known = {*names, *PRELUDE, *(item.name.text for item in tree.items if isinstance(item, ast.Declaration))}
    tables = [item.table for item in tree.items if isinstance(item, ast.Instances)]
    known |= {c.name for table in tables for row in table.rows for c in row.cells if isinstance(c, ast.Reference)}
    items: list[ast.Item] = []
    for item in tree.items:
        if isinstance(item, ast.Declaration) and item.kind.text in _KINDS:
            items.append(_renamed(item, _misspelled(item, known, written, familiar, report)))
        else:
            items.append(item)
    return replace(tree, items=tuple(items))


def _written(item: ast.Node) -> list[str]:
    """The names that stand anywhere but where a parameter or a local name is declared."""
    found = []
    for node in walk(item):
        match node:
            case ast.Reference(name=name):
                found.append(name)
            case ast.Argument(name=ast.Identifier(text=text)):
                found.append(text)
            case ast.Path(steps=steps):
                found += [step.text for step in steps if isinstance(step, ast.Identifier)]
            case _:
                pass
    return found


def _misspelled(
    item: ast.Declaration,
    known: Collection[str],
    written: Mapping[str, int],
    familiar: Collection[str],
    report: Callable[[Diagnostic], None],
) -> dict[str, str]:
    """The names of a declaration that are to be others; each is reported."""
    lists = (item.parameters.first, item.parameters.second or ()) if item.parameters is not None else ()
    declared = [parameter.name for parameters in lists for parameter in parameters]
    nodes = walk(item)
    declared += [name for node in nodes if isinstance(node, ast.Binding | ast.Element) for name in node.names]
    unused = {name.text: name for name in declared if not written.get(name.text)}
    if not unused:
        return {}
    loops = [n.variable for n in nodes if isinstance(n, ast.Comprehension | ast.Element)]
    local = {name.text for name in declared} | {variable.text for variable in loops if variable is not None}
    if item.kind.text in ("model", "scaling"):
        local |= _CONTEXTUAL
        changes = [item] if item.kind.text == "scaling" else [n for n in nodes if isinstance(n, ast.Derived)]
        paths = [n for change in changes for n in walk(change) if isinstance(n, ast.Path)]
        local |= {step.text for path in paths for step in path.steps if isinstance(step, ast.Identifier)}
        local |= {*DIMENSIONS} if changes else set()
    renamed: dict[str, str] = {}
    for node in nodes:
        if not isinstance(node, ast.Reference) or node.name in local or node.name in known:
            continue
        found = nearest(node.name, unused)
        if found is None or (found in familiar and node.name not in familiar):
            continue
        if written[node.name] == 1 and (found in familiar) == (node.name in familiar):
            message, help_ = f"`{node.name}` is not defined", f"did you mean `{found}`?"
            labels = (Label(unused[found].span, f"`{found}` has no use: is it this that is misspelled?"),)
            edits = (Edit(node.span, found),)
            report(Diagnostic("E201", message, node.span, labels=labels, help=help_, edits=edits))
            continue
        name = unused.pop(found)
        local.add(node.name)
        renamed[found] = node.name
        message = f"`{found}` has no use, and `{node.name}` is not declared"
        labels = (Label(node.span, f"`{node.name}` is used here"),)
        edits = (Edit(name.span, node.name),)
        help_ = f"did you mean `{node.name}`?"
        report(Diagnostic("E201", message, name.span, labels=labels, help=help_, edits=edits))
    return renamed


def _renamed(item: ast.Declaration, names: Mapping[str, str]) -> ast.Declaration:
    """The declaration with other names for parameters and for what its body binds."""
    if not names:
        return item

    def name(old: ast.Identifier) -> ast.Identifier:
        return replace(old, text=names.get(old.text, old.text))

    def parameters(old: tuple[ast.Parameter, ...]) -> tuple[ast.Parameter, ...]:
        return tuple(replace(parameter, name=name(parameter.name)) for parameter in old)

    written, body = item.parameters, item.body
    if written is not None:
        second = None if written.second is None else parameters(written.second)
        written = replace(written, first=parameters(written.first), second=second)
    if body is not None:
        entries = tuple(
            replace(entry, names=tuple(map(name, entry.names))) if isinstance(entry, ast.Binding) else entry
            for entry in body.entries
        )
        body = replace(body, entries=entries)
    return replace(item, parameters=written, body=body)
