"""A small tree of Python: what the backend writes, before `printer` makes text of it.

Expressions and statements are frozen values, equal where their text is equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from types import EllipsisType
from typing import Any, TypeAlias

from archdsl.records import dataclass

# Expressions


class Expression:
    """Something with a value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """`x`."""

    name: str


Plain: TypeAlias = bool | int | float | str | EllipsisType | None


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Expression):
    """`2`, `0.5`, `True`, `None`, `"text"`, `...`. 1, 1.0 and True are three literals."""

    value: Plain

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))

    @property
    def is_number(self) -> bool:
        return isinstance(self.value, (int, float)) and not isinstance(self.value, bool)


@dataclass(frozen=True, slots=True)
class Attribute(Expression):
    """`value.name`."""

    value: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Index(Expression):
    """`value[index]`."""

    value: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Slice(Expression):
    """`start:`, as an index."""

    start: Expression


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """`function(arguments)`. `spread`: one argument a line, also where all would fit into one."""

    function: Expression
    arguments: tuple[Expression, ...] = ()
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Keyword(Expression):
    """`name=value`, as an argument."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Starred(Expression):
    """`*value`, as an argument."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Negative(Expression):
    """`-value`."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    """`left operator right`, of any of `OPERATORS`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional(Expression):
    """`value if test else other`."""

    value: Expression
    test: Expression
    other: Expression


@dataclass(frozen=True, slots=True)
class Tuple(Expression):
    """`(a, b)`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class List(Expression):
    """`[a, b]`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Dict(Expression):
    """`{key: value}`; without a key, `{**value}`. `spread`: one entry a line, also where all would fit into one."""

    items: tuple[tuple[Expression | None, Expression], ...]
    spread: bool = False


@dataclass(frozen=True, slots=True)
class DictOf(Expression):
    """`{key: value for target in values}`."""

    key: Expression
    value: Expression
    target: str
    values: Expression


@dataclass(frozen=True, slots=True)
class Generator(Expression):
    """`(value for target in values)`."""

    value: Expression
    target: str
    values: Expression


@dataclass(frozen=True, slots=True)
class ListOf(Expression):
    """`[value for target in values]`."""

    value: Expression
    target: str
    values: Expression


@dataclass(frozen=True, slots=True)
class Lambda(Expression):
    """`lambda: value`."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Bracketed(Expression):
    """`(value)`, where an operator binds its operand stronger than the operand its own."""

    value: Expression


NONE = Literal(None)
SELF = Name("self")


def dotted(path: str) -> Expression:
    """`nn.Conv2d` from its text."""
    first, *rest = path.split(".")
    found: Expression = Name(first)
    for name in rest:
        found = Attribute(found, name)
    return found


def call(function: str | Expression, *arguments: Expression, **keywords: Expression) -> Call:
    """A call; a function may be given as a dotted path."""
    made = dotted(function) if isinstance(function, str) else function
    return Call(made, (*arguments, *[Keyword(name, value) for name, value in keywords.items()]))


def of_self(name: str) -> Attribute:
    """`self.name`."""
    return Attribute(SELF, name)


def joined(operator: str, operands: Sequence[Expression]) -> Expression:
    """`a operator b operator c`; a single operand is itself."""
    found = operands[0]
    for operand in operands[1:]:
        found = Binary(operator, found, operand)
    return found


def split(operator: str, expression: Expression) -> tuple[Expression, ...]:
    """The operands that `joined` would join: `(a, b, c)` of `a and b and c`."""
    if isinstance(expression, Binary) and expression.operator == operator:
        return (*split(operator, expression.left), expression.right)
    return (expression,)


def substituted(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """An expression of names, numbers, operators, conditions and sums with values in the place of names."""
    if isinstance(expression, Call):
        return replace(expression, arguments=tuple([substituted(part, values) for part in expression.arguments]))
    if isinstance(expression, Name):
        return values.get(expression.name, expression)
    if isinstance(expression, Binary):
        left, right = substituted(expression.left, values), substituted(expression.right, values)
        return Binary(expression.operator, left, right)
    if isinstance(expression, Conditional):
        parts = (expression.value, expression.test, expression.other)
        return Conditional(*[substituted(part, values) for part in parts])
    return expression


def rewritten(
    expression: Expression,
    values: Mapping[Expression, Expression],
    after: Callable[[Expression], Expression] = lambda made: made,
) -> Expression:
    """An expression with others in the place of some that stand in it. `after` is what becomes of each that changed."""

    def part(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple([part(inner) for inner in value])
        return rewritten(value, values, after) if isinstance(value, Expression) else value

    if expression in values:
        return values[expression]
    old = {field.name: getattr(expression, field.name) for field in fields(expression)}  # type: ignore[arg-type]
    new = {name: part(value) for name, value in old.items()}
    return after(replace(expression, **new)) if new != old else expression  # type: ignore[type-var]


# Statements


class Statement:
    """Something that is done."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Assign(Statement):
    """`target = value`, `target: annotation = value`, or with an operator `target += value`."""

    target: Expression
    value: Expression
    annotation: Expression | None = None
    operator: str = ""


@dataclass(frozen=True, slots=True)
class Declare(Statement):
    """`name: annotation`: a field of a class."""

    name: str
    annotation: Expression


@dataclass(frozen=True, slots=True)
class Evaluate(Statement):
    """An expression as a statement; `comment` stands behind it."""

    value: Expression
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Return(Statement):
    """`return value`."""

    value: Expression


@dataclass(frozen=True, slots=True)
class If(Statement):
    """`if test: …`, with `elif` and `else` where another `If`, or other statements, stand in `other`."""

    test: Expression
    body: tuple[Statement, ...]
    other: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class For(Statement):
    """`for target in values: …`."""

    target: str
    values: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class With(Statement):
    """`with context: …`."""

    context: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """`name`, `name: annotation` or `name: annotation = default` in the head of a function."""

    name: str
    annotation: Expression | None = None
    default: Expression | None = None


@dataclass(frozen=True, slots=True)
class Function(Statement):
    """`def name(parameters) -> result: …`, with a docstring if there is one."""

    name: str
    parameters: tuple[Parameter, ...]
    result: Expression
    body: tuple[Statement, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Class(Statement):
    """`class name(base): …`, with a docstring."""

    name: str
    base: Expression
    doc: str
    body: tuple[Statement, ...]


Tree: TypeAlias = Expression | Statement | Parameter


def names(*trees: Tree) -> frozenset[str]:
    """The names that stand in trees; attributes and the names of arguments are other things."""
    return frozenset([node.name for tree in trees for node in walk(tree) if isinstance(node, Name)])


def walk(tree: Tree) -> Iterator[Tree]:
    waiting = [tree]
    while waiting:
        tree = waiting.pop()
        yield tree
        waiting += reversed(list(parts_of(tree)))


def parts_of(tree: Tree) -> Iterator[Tree]:
    """The trees that a tree has in its fields."""
    waiting: list[object] = [getattr(tree, name) for name in tree.__slots__]
    for value in waiting:
        if isinstance(value, (Expression, Statement, Parameter)):
            yield value
        elif isinstance(value, tuple):
            waiting += value
