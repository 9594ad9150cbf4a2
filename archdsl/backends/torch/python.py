"""A small tree of Python, and its printer: what the backend writes, before it is text.

Expressions and statements are frozen values, equal where their text is equal. Brackets follow from how strongly
operators bind, and lines are broken as ruff and black break them, so that nobody counts columns or re-reads text.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from types import EllipsisType
from typing import TypeAlias

from archdsl.records import dataclass

WIDTH = 88
"""The longest line."""


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
    """`{key: value}`. `spread`: one entry a line, also where all would fit into one."""

    items: tuple[tuple[Expression, Expression], ...]
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Generator(Expression):
    """`(value for target in values)`."""

    value: Expression
    target: str
    values: Expression


@dataclass(frozen=True, slots=True)
class Lambda(Expression):
    """`lambda: value`."""

    value: Expression


@dataclass(frozen=True, slots=True)
class _Bracketed(Expression):
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
    """An expression of names, numbers, operators and conditions with values in the place of names."""
    if isinstance(expression, Name):
        return values.get(expression.name, expression)
    if isinstance(expression, Binary):
        left, right = substituted(expression.left, values), substituted(expression.right, values)
        return Binary(expression.operator, left, right)
    if isinstance(expression, Conditional):
        parts = (expression.value, expression.test, expression.other)
        return Conditional(*[substituted(part, values) for part in parts])
    return expression


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
    return frozenset([node.name for tree in trees for node in _walk(tree) if isinstance(node, Name)])


def nesting(expression: Expression) -> int:
    """How many round brackets of its text stand within each other."""
    match expression:
        case Call(function, arguments):
            return max(nesting(function), 1 + max(map(nesting, arguments), default=0))
        case Tuple(items):
            return 1 + max(map(nesting, items), default=0)
        case Binary():
            return max([nesting(operand) for operand in _operands(expression)])
        case _Bracketed(value):
            return 1 + nesting(value)
    return max([nesting(part) for part in _parts(expression) if isinstance(part, Expression)], default=0)


def _walk(tree: Tree) -> Iterator[Tree]:
    yield tree
    for part in _parts(tree):
        yield from _walk(part)


def _parts(tree: Tree) -> Iterator[Tree]:
    """The trees that a tree has in its fields."""
    waiting: list[object] = [getattr(tree, name) for name in tree.__slots__]
    for value in waiting:
        if isinstance(value, (Expression, Statement, Parameter)):
            yield value
        elif isinstance(value, tuple):
            waiting += value


# Text of expressions

OPERATORS: Mapping[str, int] = {
    "or": 2,
    "and": 3,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "is", "is not"), 4),
    "|": 5,
    **dict.fromkeys(("+", "-"), 6),
    **dict.fromkeys(("*", "/", "//"), 7),
    "**": 9,
}
"""Operator -> how strongly it binds: a conditional expression 1, a sign 8, a name or a call 10."""
CHAINED = frozenset(("or", "and", "|", "+", "-", "*", "/", "//"))
"""Operators that take another of their strength on their left without brackets."""
ATOM = 10


def _strength(expression: Expression) -> int:
    match expression:
        case Binary(operator):
            return OPERATORS[operator]
        case Conditional():
            return 1
        case Lambda() | Keyword() | Starred():
            return 0
        case Negative():
            return 8
        case Literal(value) if isinstance(value, (int, float)) and value < 0:
            return 8
    return ATOM


def is_atom(expression: Expression) -> bool:
    """Whether it never needs brackets: a name, a call, a number without a sign."""
    return _strength(expression) == ATOM


def _operands(expression: Binary) -> tuple[Expression, Expression]:
    """The operands with the brackets that they need."""
    own = OPERATORS[expression.operator]
    left, right = expression.left, expression.right
    enough = _strength(left) >= own if expression.operator in CHAINED else _strength(left) > own
    return left if enough else _Bracketed(left), right if _strength(right) > own else _Bracketed(right)


def _held(expression: Expression) -> Expression:
    """What stands before a dot or a bracket."""
    return expression if is_atom(expression) else _Bracketed(expression)


def text(expression: Expression) -> str:
    """An expression in one line."""
    match expression:
        case Name(name):
            return name
        case Literal(value):
            return _literal(value)
        case Attribute(value, name):
            return f"{text(_held(value))}.{name}"
        case Index(value, index):
            return f"{text(_held(value))}[{_bare(index)}]"
        case Call(function, (Generator() as only,)):
            return f"{text(_held(function))}{text(only)}"
        case Call(function, arguments):
            return f"{text(_held(function))}({_listed(arguments)})"
        case Keyword(name, value):
            return f"{name}={text(value)}"
        case Starred(value):
            return f"*{text(value)}"
        case Negative(value):
            return f"-{text(value if _strength(value) > 8 else _Bracketed(value))}"
        case Binary(operator):
            left, right = _operands(expression)
            return f"{text(left)} {operator} {text(right)}"
        case Conditional():
            return " ".join([f"{head}{text(part)}" for head, part in _choice(expression)])
        case Tuple(items):
            return f"({_listed(items)}{',' if len(items) == 1 else ''})"
        case List(items):
            return f"[{_listed(items)}]"
        case Dict(items):
            return f"{{{', '.join([f'{text(key)}: {text(value)}' for key, value in items])}}}"
        case Generator(value, target, values):
            return f"({text(value)} for {target} in {text(values)})"
        case Lambda(value):
            return f"lambda: {text(value)}"
        case _Bracketed(value):
            return f"({text(value)})"
    raise TypeError(f"no expression: {expression!r}")


def _bare(expression: Expression) -> str:
    """An expression in one line, a tuple without its brackets."""
    several = isinstance(expression, Tuple) and expression.items
    return text(expression)[1:-1] if several else text(expression)


def _listed(items: Iterable[Expression]) -> str:
    return ", ".join([text(item) for item in items])


def _literal(value: Plain) -> str:
    if isinstance(value, str):
        inside = repr(f"'{value}")[2:-1]  # the quote in front makes repr take double ones where it can
        return f'"{inside}"' if '"' not in value else repr(value)
    return "..." if value is ... else repr(value)


def _choice(expression: Conditional) -> tuple[tuple[str, Expression], ...]:
    """The parts of a conditional expression with the words before them."""
    value, test, other = expression.value, expression.test, expression.other
    value, test = [part if _strength(part) > 1 else _Bracketed(part) for part in (value, test)]
    return ("", value), ("if ", test), ("else ", other)


# Lines


def lines(statement: Statement, indent: int = 0) -> list[str]:
    """A statement as lines. `indent` counts the spaces in front of them."""
    space = " " * indent
    match statement:
        case Assign(target, value, annotation, operator):
            kind = f": {text(annotation)}" if annotation is not None else ""
            return _laid(value, indent, f"{_bare(target)}{kind} {operator}= ")
        case Evaluate(value, comment):
            found = _laid(value, indent)
            return [*found[:-1], f"{found[-1]}  # {comment}"] if comment else found
        case Return(Tuple() as value) if len(value.items) > 1:
            bare = f"{space}return {_bare(value)}"
            return [bare] if len(bare) <= WIDTH else _laid(value, indent, "return ")
        case Return(value):
            return _laid(value, indent, "return ")
        case If():
            return _conditions(statement, indent)
        case For(target, values, body):
            return [*_laid(values, indent, f"for {target} in ", ":"), *block(body, indent + 4)]
        case With(context, body):
            return [*_laid(context, indent, "with ", ":"), *block(body, indent + 4)]
        case Function(name, parameters, result, body, doc):
            head = _enclosed([_parameter(p) for p in parameters], indent, f"def {name}(", f") -> {text(result)}:")
            return [*head, *(docstring(doc, indent + 4) if doc else ()), *block(body, indent + 4)]
        case Class(name, base, doc, body):
            parts = [docstring(doc, indent + 4)]
            attributes = [part for part in body if not isinstance(part, Function)]
            parts += [block(attributes, indent + 4)] if attributes else []
            parts += [lines(part, indent + 4) for part in body if isinstance(part, Function)]
            return [f"{space}class {name}({text(base)}):", *chain.from_iterable([[*p, ""] for p in parts])][:-1]
    raise TypeError(f"no statement: {statement!r}")


def block(statements: Iterable[Statement], indent: int) -> list[str]:
    """Statements one behind the other."""
    return [line for statement in statements for line in lines(statement, indent)]


def _conditions(statement: If, indent: int, word: str = "if") -> list[str]:
    found = [*_laid(statement.test, indent, f"{word} ", ":"), *block(statement.body, indent + 4)]
    match statement.other:
        case ():
            return found
        case (If() as other,):
            return found + _conditions(other, indent, "elif")
    return [*found, f"{' ' * indent}else:", *block(statement.other, indent + 4)]


def _parameter(parameter: Parameter) -> str:
    kind = f": {text(parameter.annotation)}" if parameter.annotation is not None else ""
    return f"{parameter.name}{kind}{f' = {text(parameter.default)}' if parameter.default is not None else ''}"


def _enclosed(texts: Sequence[str], indent: int, head: str, tail: str) -> list[str]:
    """Texts between brackets: in one line, in a line of their own, or each in one."""
    space, whole = " " * indent, ", ".join(texts)
    if indent + len(head) + len(whole) + len(tail) <= WIDTH:
        return [f"{space}{head}{whole}{tail}"]
    if indent + 4 + len(whole) <= WIDTH:
        return [f"{space}{head}", f"{space}    {whole}", f"{space}{tail}"]
    return [f"{space}{head}", *[f"{space}    {part}," for part in texts], f"{space}{tail}"]


def _laid(expression: Expression, indent: int, head: str = "", tail: str = "", *, free: bool = False) -> list[str]:
    """An expression as lines, between a head and a tail. `free`: within brackets, where a line may end anywhere."""
    space = " " * indent
    whole = f"{space}{head}{text(expression)}{tail}"
    if len(whole) <= WIDTH and not _spreads(expression):
        return [whole]
    match expression:
        case Keyword(name, value):
            return _laid(value, indent, f"{head}{name}=", tail, free=free)
        case Starred(value):
            return _laid(value, indent, f"{head}*", tail, free=free)
        case Lambda(value):
            return _laid(value, indent, f"{head}lambda: ", tail, free=free)
        case Conditional() | Binary() if not free:
            return [f"{space}{head}(", *_laid(expression, indent + 4, free=True), f"{space}){tail}"]
        case Conditional():
            parts = _choice(expression)
        case Binary(operator):
            parts = tuple(_chain(expression, OPERATORS[operator]))
        case _Bracketed(value):
            return [f"{space}{head}(", *_laid(value, indent + 4, free=True), f"{space}){tail}"]
        case Generator(value, target, values):
            inside = _laid(value, indent + 4, free=True) + _laid(values, indent + 4, f"for {target} in ", free=True)
            one = text(expression)[1:-1]
            inside = [f"{space}    {one}"] if indent + 4 + len(one) <= WIDTH else inside
            return [f"{space}{head}(", *inside, f"{space}){tail}"]
        case Call(function, (Generator() as only,)):
            return _laid(only, indent, f"{head}{text(_held(function))}", tail)
        case Call(function, arguments, spread) if arguments:
            opening = f"{space}{head}{text(_held(function))}("
            return [opening, *_inside(arguments, indent + 4, whole=not spread), f"{space}){tail}"]
        case List(items) if items:
            return [f"{space}{head}[", *_inside(items, indent + 4, whole=False), f"{space}]{tail}"]
        case Tuple(items) if items:
            return [f"{space}{head}(", *_inside(items, indent + 4, whole=False), f"{space}){tail}"]
        case Dict(items) if items:
            inside = []
            for key, value in items:
                inside += _laid(value, indent + 4, f"{text(key)}: ", ",", free=True)
            return [f"{space}{head}{{", *inside, f"{space}}}{tail}"]
        case _:
            return [whole]
    found: list[str] = []
    for place, (word, part) in enumerate(parts):
        first, last = place == 0, place == len(parts) - 1
        found += _laid(part, indent, f"{head if first else ''}{word}", tail if last else "", free=True)
    return found


def _inside(items: Sequence[Expression], indent: int, *, whole: bool) -> list[str]:
    """What stands between brackets, with `whole` in one line if it fits; else each item on its own."""
    one = _listed(items)
    fits = indent + len(one) <= WIDTH and not any(_spreads(item) for item in items)
    if whole and fits:
        return [f"{' ' * indent}{one}"]
    if whole and len(items) == 1:
        return _laid(items[0], indent, free=True)
    return [line for item in items for line in _laid(item, indent, tail=",", free=True)]


def _chain(expression: Binary, strength: int) -> Iterator[tuple[str, Expression]]:
    """The operands of operators of one strength, each with the operator before it."""
    left, right = _operands(expression)
    if isinstance(left, Binary) and OPERATORS[left.operator] == strength:
        yield from _chain(left, strength)
    else:
        yield "", left
    yield f"{expression.operator} ", right


def _spreads(expression: Expression) -> bool:
    """Whether it never stands in one line."""
    return any(isinstance(part, (Call, Dict)) and part.spread for part in _walk(expression))


def spread(expression: Call) -> Call:
    """A call with one argument a line."""
    return replace(expression, spread=True)


def docstring(words: str, indent: int) -> list[str]:
    """A one-line docstring, or more lines where it is long; whatever is in the words, it stays a string."""
    clean = " ".join(words.split())
    clean = clean.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if clean.startswith('"'):
        clean = f" {clean}"
    if clean.endswith('"'):
        clean += " "
    space = " " * indent
    if indent + len(clean) + 6 <= WIDTH:
        return [f'{space}"""{clean}"""']
    first, *rest = textwrap.wrap(clean, WIDTH - indent - 6, break_long_words=False, break_on_hyphens=False) or [""]
    first = f" {first}" if clean.startswith(" ") else first
    return [f'{space}"""{first}', *[f"{space}{line}" for line in rest], f'{space}"""']
