"""The printer of the tree in `python`: brackets by how strongly operators bind, lines broken as ruff breaks them.

Nobody counts columns or re-reads text: what the tree is says where a line may end.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from archdsl.backends.torch.python import (
    Assign,
    Attribute,
    Binary,
    Bracketed,
    Call,
    Class,
    Conditional,
    Declare,
    Dict,
    DictOf,
    Evaluate,
    Expression,
    For,
    Function,
    Generator,
    If,
    Index,
    Keyword,
    Lambda,
    List,
    ListOf,
    Literal,
    Name,
    Negative,
    Parameter,
    Plain,
    Return,
    Slice,
    Starred,
    Statement,
    Tuple,
    With,
    parts_of,
    walk,
)

WIDTH = 88
"""The longest line."""

# Text of expressions

OPERATORS: Mapping[str, int] = {
    "or": 2,
    "and": 3,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "is", "is not"), 4),
    "|": 5,
    **dict.fromkeys(("+", "-"), 6),
    **dict.fromkeys(("*", "/", "//", "@"), 7),
    "**": 9,
}
"""Operator -> how strongly it binds: a conditional expression 1, a sign 8, a name or a call 10."""
CHAINED = frozenset(("or", "and", "|", "+", "-", "*", "/", "//", "@"))
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
    return left if enough else Bracketed(left), right if _strength(right) > own else Bracketed(right)


def _held(expression: Expression) -> Expression:
    """What stands before a dot or a bracket."""
    return expression if is_atom(expression) else Bracketed(expression)


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
        case Slice(start):
            return f"{text(start)}:"
        case Negative(value):
            return f"-{text(value if _strength(value) > 8 else Bracketed(value))}"
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
            return f"{{{', '.join([f'{_key(key)}{text(value)}' for key, value in items])}}}"
        case DictOf(key, value, target, values):
            return f"{{{_key(key)}{text(value)} for {target} in {text(values)}}}"
        case Generator(value, target, values):
            return f"({text(value)} for {target} in {text(values)})"
        case ListOf(value, target, values):
            return f"[{text(value)} for {target} in {text(values)}]"
        case Lambda(value):
            return f"lambda: {text(value)}"
        case Bracketed(value):
            return f"({text(value)})"
    raise TypeError(f"no expression: {expression!r}")


def _key(key: Expression | None) -> str:
    """What stands before a value of a dict."""
    return "**" if key is None else f"{text(key)}: "


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
    value, test = [part if _strength(part) > 1 else Bracketed(part) for part in (value, test)]
    return ("", value), ("if ", test), ("else ", other)


# Lines


def lines(statement: Statement, indent: int = 0) -> list[str]:
    """A statement as lines. `indent` counts the spaces in front of them."""
    space = " " * indent
    match statement:
        case Assign(target, value, annotation, operator):
            kind = f": {text(annotation)}" if annotation is not None else ""
            found = _laid(value, indent, f"{_bare(target)}{kind} {operator}= ")
            if isinstance(target, Tuple) and len(found[0]) > WIDTH:
                inside = _inside(target.items, indent + 4, whole=False)
                return [f"{space}(", *inside, *_laid(value, indent, f") {operator}= ")]
            return found
        case Declare(name, annotation):
            return [f"{space}{name}: {text(annotation)}"]
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
        case Bracketed(value):
            return [f"{space}{head}(", *_laid(value, indent + 4, free=True), f"{space}){tail}"]
        case Generator(value, target, values):
            inside = _laid(value, indent + 4, free=True) + _laid(values, indent + 4, f"for {target} in ", free=True)
            one = text(expression)[1:-1]
            inside = [f"{space}    {one}"] if indent + 4 + len(one) <= WIDTH else inside
            return [f"{space}{head}(", *inside, f"{space}){tail}"]
        case ListOf(value, target, values):
            inside = _laid(value, indent + 4, free=True) + _laid(values, indent + 4, f"for {target} in ", free=True)
            one = whole[len(space) + len(head) + 1 : len(whole) - len(tail) - 1]
            inside = [f"{space}    {one}"] if indent + 4 + len(one) <= WIDTH else inside
            return [f"{space}{head}[", *inside, f"{space}]{tail}"]
        case Call(_, _, False) if not free and _links(expression) > 1 and indent + 4 + len(text(expression)) <= WIDTH:
            return [f"{space}{head}(", f"{space}    {text(expression)}", f"{space}){tail}"]
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
                inside += _laid(value, indent + 4, _key(key), ",", free=True)
            return [f"{space}{head}{{", *inside, f"{space}}}{tail}"]
        case DictOf(key, value, target, values):
            inside = _laid(value, indent + 4, _key(key), free=True)
            inside += _laid(values, indent + 4, f"for {target} in ", free=True)
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


def _links(expression: Expression) -> int:
    """How often a chain of calls goes on behind a bracket: twice in `f(x).g(y).h()`."""
    found = 0
    while isinstance(expression, Attribute | Call | Index):
        below = expression.function if isinstance(expression, Call) else expression.value
        found += isinstance(expression, Attribute) and isinstance(below, Call | Index)
        expression = below
    return found


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
    return any(isinstance(part, (Call, Dict)) and part.spread for part in walk(expression))


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


def nesting(expression: Expression) -> int:
    """How many round brackets of its text stand within each other."""
    match expression:
        case Call(function, arguments):
            return max(nesting(function), 1 + max(map(nesting, arguments), default=0))
        case Tuple(items):
            return 1 + max(map(nesting, items), default=0)
        case Binary():
            return max([nesting(operand) for operand in _operands(expression)])
        case Bracketed(value):
            return 1 + nesting(value)
    return max([nesting(part) for part in parts_of(expression) if isinstance(part, Expression)], default=0)
