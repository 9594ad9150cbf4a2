"""What is said of declarations, operations and words of the language: their heads, documentation and settings."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.analysis.program import Builtin, Definition, Instance, Named, Primitive
from archdsl.analysis.trace import show_value
from archdsl.editor.data import Fact
from archdsl.editor.targets import Target
from archdsl.editor.words import bounded, first_line, shortened
from archdsl.graph.operations.base import Attribute
from archdsl.once import once
from archdsl.records import dataclass
from archdsl.resources import read_data
from archdsl.syntax import ast

MAX_FACTS = 60
_HEAD = 400


@dataclass(frozen=True)
class Described:
    """The head of what is described, its documentation, and its settings."""

    signature: str
    text: str
    facts: tuple[Fact, ...] = ()


@once
def reference() -> Mapping[tuple[str, str], str]:
    """(owner, word of the language) -> a line of the reference."""
    found: dict[tuple[str, str], str] = {}
    for line in read_data("grammar/words.txt").split("\n"):
        key, _, text = line.partition(": ")
        owner, _, name = key.partition(" ")
        if text and not line.startswith("#!"):
            found.setdefault((owner, name), text)
    return found


def described(named: Named | None) -> Described | None:
    """What a name of a module is, if it is something."""
    match named:
        case Definition():
            return Described(head_of(named), bounded(named.declaration.doc), _parameters(named))
        case Instance():
            return _instance(named)
        case Primitive(name=name, operation=operation):
            settings = ", ".join([_written(a) for a in operation.attributes])
            doc = (operation.__doc__ or "").strip().split("\n\n")[0]
            facts = [Fact(a.name, _default(a), f"{a.doc}; {a.kind.text}") for a in operation.attributes]
            return Described(f"{name}({settings})" if settings else name, bounded(doc), tuple(facts))
        case Builtin():
            return Described(builtin_head(named), reference().get(("function", named.name), ""))
        case _:
            return None


def head_of(definition: Definition) -> str:
    """`block y_block(x; width, stride: 1)`, on one line."""
    declaration = definition.declaration
    end = declaration.parameters if declaration.parameters is not None else declaration.name
    head = " ".join(declaration.kind.span.to(end.span).text.split())
    if declaration.refines is not None:
        head += f" refines {declaration.refines.text}"
    if declaration.value is not None:
        head += f" = {first_line(declaration.value.span.text)}"
    return shortened(head, _HEAD)


def builtin_head(builtin: Builtin) -> str:
    """`max(…)`, `gcd(a, b)`, `solve(flops: …)`"""
    if builtin.named:
        return f"{builtin.name}({' or '.join([f'{name}: …' for name in builtin.named])})"
    if builtin.most is None:
        return f"{builtin.name}(…)"
    return f"{builtin.name}({', '.join('abc'[: builtin.most])})"


def _instance(instance: Instance) -> Described:
    cells = zip(instance.header.cells, instance.row.cells, strict=False)
    pairs = [(column.span.text, cell) for column, cell in cells if not isinstance(cell, ast.Absent)]
    facts = [Fact(name, first_line(cell.span.text)) for name, cell in pairs if name != "name"]
    doc = instance.model.declaration.doc if instance.model is not None else ""
    return Described(f"model {instance.name} = {instance.family}(…)", bounded(doc), tuple(facts[:MAX_FACTS]))


def _parameters(definition: Definition) -> tuple[Fact, ...]:
    return tuple([parameter_fact(definition, p) for p in definition.parameters][:MAX_FACTS])


def parameter_fact(definition: Definition, parameter: ast.Parameter) -> Fact:
    """`width: required`, `stride: 1`; with what `fit` makes of it."""
    default = first_line(parameter.default.span.text) if parameter.default is not None else "required"
    fit = [line for line in definition.fit if line.path.text == parameter.name.text]
    note = f"fit: {first_line(fit[-1].value.span.text)}" if fit else ""
    return Fact(parameter.name.text, default, note)


def _written(attribute: Attribute) -> str:
    return attribute.name if attribute.required else f"{attribute.name}: {show_value(attribute.default)}"


def _default(attribute: Attribute) -> str:
    return "required" if attribute.required else show_value(attribute.default)


def setting_fact(named: Named | None, setting: str) -> Fact | None:
    """What is known of a setting of a block, an operation, a function."""
    if isinstance(named, Builtin) and named.operation is not None:
        named = named.operation
    if isinstance(named, Definition):
        for parameter in named.parameters:
            if parameter.name.text == setting:
                return parameter_fact(named, parameter)
    if isinstance(named, Primitive):
        for a in named.operation.attributes:
            if a.name == setting:
                return Fact(a.name, _default(a), f"{a.doc}; {a.kind.text}")
    return None


def word_text(target: Target) -> str:
    """The reference's line of a word of the language."""
    known = reference()
    if target.kind == "function":
        return known.get(("function", target.name), "")
    if target.kind == "index":
        return known.get(("index", f"{target.owner}.{target.name}"), "")
    if target.kind == "part" and target.owner == "model":
        return known.get(("part", target.name), "")
    if target.owner.startswith("model.") or target.owner == "model":
        inside = known.get(("space.model", f"model.{target.name}"))
        return known.get((target.owner, target.name)) or inside or ""
    return known.get((target.owner, target.name), "")


__all__ = [
    "Described",
    "builtin_head",
    "described",
    "head_of",
    "parameter_fact",
    "reference",
    "setting_fact",
    "word_text",
]
