"""Which blocks stand in the parts of a model, as far as names tell."""

from __future__ import annotations

from typing import TypeAlias

from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Definition, Module, Named, Primitive
from archdsl.syntax import ast

MAX_STEPS = 100
"""So many models are followed, each made of the next."""
Declared: TypeAlias = "tuple[Module, ast.Declaration]"
"""A model with a body, in its module."""


def model_of(module: Module, e: ast.Node) -> Declared | None:
    """The model that an expression changes, as far as names tell."""
    for _ in range(MAX_STEPS):
        match e:
            case ast.Call(function=inner) | ast.Derived(value=inner) | ast.Flow(left=inner):
                e = inner
            case ast.Reference(name=name):
                named = module.names.get(name)
                if not isinstance(named, Definition) or named.kind != "model":
                    family = getattr(named, "model", None)
                    if not isinstance(family, Definition):
                        return None
                    named = family
                if named.declaration.body is not None:
                    return named.module, named.declaration
                if named.declaration.value is None:
                    return None
                module, e = named.module, named.declaration.value
            case _:
                return None
    return None


def blocks_of(model: Declared | None, part: str) -> list[Named] | None:
    """The blocks of the stem, the stages or the head; none where a value tells which they are."""
    if model is None:
        return None
    module, declaration = model
    for entry in declaration.body.entries if declaration.body is not None else ():
        if isinstance(entry, ast.Field) and entry.path.text == part:
            return _blocks(module, entry.value, _locals(declaration))
    return None


def _locals(declaration: ast.Declaration) -> frozenset[str]:
    """The names that a model's fields see as values of its own."""
    body, written = declaration.body, declaration.parameters
    bound = [n.text for e in body.entries if isinstance(e, ast.Binding) for n in e.names] if body is not None else []
    taken = [p.name.text for p in (*written.first, *(written.second or ()))] if written is not None else []
    return frozenset((*bound, *taken))


def _blocks(module: Module, e: ast.Expression, local: frozenset[str]) -> list[Named] | None:
    match e:
        case ast.Derived(value=inner) | ast.Configured(function=inner) | ast.Call(function=inner):
            return _blocks(module, inner, local)
        case ast.Table(rows=rows):
            columns = [c.name if isinstance(c, ast.Reference) else "" for c in rows[0].cells]
            if "block" not in columns:
                return None
            cells = [row.cells[columns.index("block")] for row in rows[1:] if len(row.cells) == len(columns)]
            return _joined([_blocks(module, cell, local) for cell in cells])
        case ast.ListExpression(items=items):
            return _joined([_blocks(module, item, local) for item in items])
        case ast.Conditional(then=then, otherwise=otherwise):
            return _joined([_blocks(module, then, local), _blocks(module, otherwise, local)])
        case ast.Optional(step=step):
            return _blocks(module, step, local)
        case ast.Reference(name=name) if name not in local:
            named = module.names.get(name) or PRELUDE.get(name)
            return [named] if isinstance(named, Definition | Primitive) else None
        case _:
            return None


def _joined(found: list[list[Named] | None]) -> list[Named] | None:
    if not found or any(blocks is None for blocks in found):
        return None
    return list(dict.fromkeys([block for blocks in found for block in blocks or ()]))


__all__ = ["Declared", "blocks_of", "model_of"]
