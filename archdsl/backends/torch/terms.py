"""What stands in a constructor: parameters, terms of them, and their values in every body."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from typing import Any

from archdsl.backends.torch.bodies import ELEMENT, Ref, Several
from archdsl.backends.torch.forms import FORMS
from archdsl.backends.torch.python import (
    NONE,
    Call,
    Expression,
    Index,
    Lambda,
    List,
    Literal,
    Name,
    Tuple,
    dotted,
    joined,
    names,
    substituted,
)
from archdsl.backends.torch.templates import EXTRAS
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
    """An expression in the constructor, and its value in every body. Without an expression, nothing is known to say."""

    expression: Expression | None
    column: Column

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters in it."""
        return names(self.expression) - {"sum"} if self.expression is not None else frozenset()

    @property
    def name(self) -> str:
        """The parameter that it is; nothing where it is none alone."""
        return self.expression.name if isinstance(self.expression, Name) else ""


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
        return Term(Name(self.name), self.column)


@dataclass(slots=True)
class Chosen:
    """What a program's arguments became."""

    parameters: list[Parameter] = field(default_factory=list)
    terms: dict[tuple[str, str], Term] = field(default_factory=dict)
    """(label, argument) -> what stands there."""
    conditions: dict[str, Expression] = field(default_factory=dict)
    """Label of a step that may be missing -> the condition under which it is there."""
    widths: dict[Ref, Term] = field(default_factory=dict)
    locals: dict[str, Term] = field(default_factory=dict)
    """Local name of the constructor -> what it is, in an order in which they can be written."""
    inputs: tuple[int, ...] = ()
    """The inputs that are used."""
    factories: dict[str, Parameter] = field(default_factory=dict)
    """Label of an activation that differs between bodies -> the parameter that makes it."""

    loops: dict[str, dict[str, Parameter]] = field(default_factory=dict)
    """Label of a list's step -> names of one element's arguments, each with the parameter that has them all."""
    counts: dict[str, Parameter] = field(default_factory=dict)
    """Label of a list's step -> the parameter that says how many elements there are, where no other tells."""

    def enter_conditions(self) -> None:
        """Put the conditions, which are chosen last, where `condition_of` stands for them."""
        values = {condition_of(label).name: condition for label, condition in self.conditions.items()}
        for found in (self.terms, self.widths, self.locals):
            entered: dict[Any, Term] = found
            for key, term in entered.items():
                if term.expression is not None and term.parameters & values.keys():
                    entered[key] = Term(substituted(term.expression, values), term.column)

    def without_locals(self, term: Term) -> Term:
        """A term in the parameters alone."""
        expression = term.expression
        for name, local in reversed(self.locals.items()):
            if expression is not None and local.expression is not None:
                expression = substituted(expression, {name: local.expression})
        return Term(expression, term.column)

    def used_locals(self) -> dict[str, Expression]:
        """The local names that are read, with what they are."""
        known = [term.expression for term in self.terms.values() if term.expression is not None]
        read = names(*self.conditions.values(), *known)
        found: dict[str, Expression] = {}
        for name, local in reversed(self.locals.items()):
            if name in read and local.expression is not None:
                found[name] = local.expression
                read |= names(local.expression)
        return dict(reversed(found.items()))


def condition_of(label: str) -> Name:
    """What stands for the condition of a step until that is chosen: no name of Python."""
    return Name(f"{label}?")


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


_WORDS = """
False None True and as assert async await break class continue def del elif else except finally for from global if
import in is lambda nonlocal not or pass raise return try while with yield match case type self super nn F torch math
Tensor OrderedDict Callable Any ClassVar int float bool tuple str range list print len abs sum max min round isinstance
property object Module debug dict set any all zip map i channels module drop_path_rate SPEC_HASH init_weights
NamedTuple Outputs
"""
RESERVED = frozenset((*_WORDS.split(), *EXTRAS))
"""Names that a parameter, a local name or a class cannot have: Python's own, and those that emitted text uses."""


def plain_name(name: str) -> str:
    """A name of the language for a parameter or a local name: without underscores in front, and not reserved."""
    bare = name.lstrip("_") or "value"
    bare = f"n{bare}" if bare[0].isdigit() else bare
    return f"{bare}_" if bare in RESERVED else bare


def last_name(label: str) -> str:
    """The last name of a label; of an element of a list, that of the list with the element's indices: `sides_0`."""
    parts = label.removesuffix(f".{ELEMENT}").split(".")
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
    if isinstance(value, Several):
        return value
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
    def expression(self) -> Expression:
        """The class, or a function without arguments where the class needs some."""
        made = constructed(self.kind, {name: literal(value) for name, value in self.arguments})
        return made.function if isinstance(made, Call) and not made.arguments else Lambda(made)


def constructed(kind: str, arguments: Mapping[str, Expression], *, inplace: bool = False) -> Expression:
    """What makes the module of an operation."""
    form = FORMS[kind]
    if form.module is None:
        raise ValueError(f"{kind} is never a module")
    return form.module({**arguments, "inplace": Literal(inplace)} if form.overwrites else arguments)


def literal(value: Any) -> Expression:
    """A value in Python: numbers, conditions, strings, tuples of these, activations as arguments."""
    if isinstance(value, Factory):
        return value.expression
    if isinstance(value, tuple):
        return Tuple(tuple([literal(part) for part in value]))
    if isinstance(value, bool | str) or value is None:
        return Literal(value)
    return Literal(float(value) if isinstance(value, Fraction) else int(value))


def parameter_type(parameter: Parameter) -> Expression:
    """The annotation of a parameter: of all its values, and of its default."""
    values = [value for value in (*parameter.column, parameter.default) if value is not MISSING]
    return joined("|", _types(values))


def _types(values: Sequence[Any]) -> list[Expression]:
    return sorted(dict.fromkeys([_type(value) for value in values]), key=lambda kind: kind == NONE)


def _type(value: Any) -> Expression:
    if value is None:
        return NONE
    if isinstance(value, Factory):
        return Index(Name("Callable"), Tuple((List(()), dotted("nn.Module"))))
    if isinstance(value, Several):
        return Index(Name("tuple"), Tuple((joined("|", _types(value)), Literal(...))))
    if isinstance(value, tuple):
        return tuple_type("int", len(value) if len(value) < 5 else None)
    kind = next((kind for kind in (bool, str, Fraction) if isinstance(value, kind)), int)
    return Name("float" if kind is Fraction else kind.__name__)


def tuple_type(item: str, length: int | None = None) -> Expression:
    """`tuple[int, int]`; without a length, `tuple[int, ...]`."""
    items = [Name(item)] * length if length is not None else [Name(item), Literal(...)]
    return Index(Name("tuple"), Tuple(tuple(items)))
