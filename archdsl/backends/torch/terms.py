"""What stands in a constructor: parameters, terms of them, and their values in every body."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from fractions import Fraction
from typing import Any

from archdsl.backends.torch.bodies import Ref
from archdsl.backends.torch.templates import constructed
from archdsl.backends.torch.union import UnionStep
from archdsl.records import dataclass


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""The value of an argument in a body that does not have its step."""

Column = tuple[Any, ...]
"""One value a body."""


@dataclass(frozen=True, slots=True)
class Term:
    """An expression in the constructor: its text, its value in every body, and the parameters in it."""

    text: str
    column: Column
    parameters: frozenset[str] = frozenset()

    @property
    def simple(self) -> bool:
        return self.text.isidentifier() or self.text.isdigit()


@dataclass(slots=True)
class Parameter:
    """A parameter of the constructor."""

    name: str
    column: Column
    role: str
    """The argument that it is for: `width`, `stride`, …"""
    setting: str | None = None
    """The setting of the block that it is; none for a local name or one of its own."""
    default: Any = MISSING
    exact: bool = False

    @property
    def optional(self) -> bool:
        return MISSING in self.column

    @property
    def term(self) -> Term:
        return Term(self.name, self.column, frozenset((self.name,)))


@dataclass(slots=True)
class Chosen:
    """What a program's arguments became."""

    parameters: list[Parameter] = field(default_factory=list)
    terms: dict[tuple[str, str], Term] = field(default_factory=dict)
    """(label, argument) -> what stands there."""
    conditions: dict[str, str] = field(default_factory=dict)
    """Label of a step that may be missing -> the condition under which it is there."""
    widths: dict[Ref, Term] = field(default_factory=dict)
    inputs: tuple[int, ...] = ()
    """The inputs that are used."""
    factories: dict[str, Parameter] = field(default_factory=dict)
    """Label of an activation that differs between bodies -> the parameter that makes it."""


def merged(a: Column, b: Column) -> Column | None:
    """Two columns of one thing, each known where the other may be missing; none if they contradict."""
    if any(x is not MISSING and y is not MISSING and x != y for x, y in zip(a, b, strict=True)):
        return None
    return tuple([y if x is MISSING else x for x, y in zip(a, b, strict=True)])


class Namer:
    """Names that are free."""

    def __init__(self, taken: Sequence[str]) -> None:
        self.taken = set(taken)

    def __call__(self, wanted: str) -> str:
        name, again = wanted, 2
        while name in self.taken:
            name, again = f"{wanted}_{again}", again + 1
        self.taken.add(name)
        return name


PARTS = (
    "check_classes",
    "zero_init",
    "pair",
    "SamePad2d",
    "SameAvgPool2d",
    "UnevenAvgPool2d",
    "fit_padding",
    "DropPath",
    "Permute",
    "LayerScale",
    "Scale",
    "Slice",
    "PadChannels",
    "ChannelShuffle",
    "Reshape",
    "Stage",
)
"""Parts of an emitted file that it has where it needs them, in this order."""
_WORDS = """
False None True and as assert async await break class continue def del elif else except finally for from global if
import in is lambda nonlocal not or pass raise return try while with yield match case type self super nn F torch math
Tensor OrderedDict Callable ClassVar int float bool tuple str range list print len abs sum max min round isinstance
property object Module debug dict set any all zip map i channels module drop_path_rate SPEC_HASH init_weights
"""
RESERVED = frozenset((*_WORDS.split(), *PARTS))
"""Names that a parameter, a local name or a class cannot have: Python's own, and those that emitted text uses."""


def plain_name(name: str) -> str:
    """A name of the language for a parameter or a local name: without underscores in front, and not reserved."""
    bare = name.lstrip("_") or "value"
    bare = f"n{bare}" if bare[0].isdigit() else bare
    return f"{bare}_" if bare in RESERVED else bare


def last_name(label: str) -> str:
    """The last name of a label; of an element of a list, that of the list with the element's indices: `sides_0`."""
    parts = label.split(".")
    start = len(parts) - 1
    while start and parts[start][:1].isdigit():
        start -= 1
    return "_".join(parts[start:])


def fits(column: Column, other: Column, rule: Callable[[Any], Any]) -> bool:
    """Whether a rule makes one column of another, wherever it is known."""
    for value, source in zip(column, other, strict=True):
        if value is MISSING:
            continue
        if source is MISSING or rule(source) != value:
            return False
    return True


def column_of(step: UnionStep, argument: str) -> Column:
    """The values of an argument, one a body."""
    return tuple([plain(use.arguments[argument]) if use is not None else MISSING for use in step.uses])


def plain(value: Any) -> Any:
    """An argument as PyTorch takes it: one number for both directions where they agree."""
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, int) for v in value):
        return int(value[0]) if value[0] == value[1] else (int(value[0]), int(value[1]))
    if isinstance(value, tuple):
        return tuple([plain(v) for v in value])
    return value


@dataclass(frozen=True, slots=True)
class Factory:
    """An activation as an argument: what makes one."""

    kind: str
    arguments: tuple[tuple[str, Any], ...]

    @property
    def text(self) -> str:
        """The class, or a function without arguments where the class needs some."""
        made = constructed(self.kind, {"inplace": "False"} | {name: literal(value) for name, value in self.arguments})
        return made.removesuffix("()") if made.endswith("()") else f"lambda: {made}"


def literal(value: Any) -> str:
    """A value as Python text: numbers, conditions, strings, tuples of these."""
    if isinstance(value, Factory):
        return value.text
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, Fraction):
        return repr(float(value))
    if isinstance(value, tuple):
        inner = ", ".join([literal(v) for v in value])
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, str):
        return f'"{value}"' if value.isalnum() else repr(value)
    return str(int(value))


def parameter_type(parameter: Parameter) -> str:
    """The annotation of a parameter: of all its values, and of its default."""
    values = [v for v in (*parameter.column, parameter.default) if v is not MISSING]
    found: list[str] = []
    for value in values:
        if value is None:
            text = "None"
        elif isinstance(value, bool):
            text = "bool"
        elif isinstance(value, Factory):
            text = "Callable[[], nn.Module]"
        elif isinstance(value, Fraction):
            text = "float"
        elif isinstance(value, tuple):
            text = f"tuple[{', '.join(['int'] * len(value))}]" if len(value) < 5 else "tuple[int, ...]"
        else:
            text = "str" if isinstance(value, str) else "int"
        if text not in found:
            found.append(text)
    found.sort(key=lambda text: text == "None")
    return " | ".join(found)
