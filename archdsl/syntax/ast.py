"""The syntax tree: what stands in a `.arch` file, before any name is looked up.

Nodes are frozen and compare by meaning: a span is never part of equality, so two programs of the same
text in another layout are `==`. Nothing is ever stored in the tree after parsing.
"""

from __future__ import annotations

from dataclasses import field
from typing import TypeAlias

from archdsl.records import dataclass
from archdsl.source import Source, Span


@dataclass(frozen=True, slots=True)
class Node:
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Identifier(Node):
    """A name where it is written: a key, a parameter, a declared name."""

    text: str


# Expressions


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A literal as printed, for example `4.0G`; the digits matter to claims. `unit` is `epochs` or `steps`."""

    text: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class String(Node):
    value: str


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """`true`, `false` or `none`."""

    value: bool | None


@dataclass(frozen=True, slots=True)
class Hole(Node):
    """A value that is not written yet: it has no value, and its fault is told. Empty, or of `x.` the place of that.

    `key` says that the `:` before it is missing too, so that the key in front of it may not be whole.
    """

    parts: tuple[Node, ...] = ()
    """What is written of it: `x` of `x.`."""
    key: bool = False


LITERALS = (Number, String, Constant)


@dataclass(frozen=True, slots=True)
class Reference(Node):
    name: str


@dataclass(frozen=True, slots=True)
class ListExpression(Node):
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class TupleExpression(Node):
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Comprehension(Node):
    """`[body for variable in source]`"""

    body: Expression
    variable: Identifier
    source: Expression


@dataclass(frozen=True, slots=True)
class Absent(Node):
    """A lone `-` in a table: not given."""


@dataclass(frozen=True, slots=True)
class Row(Node):
    cells: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Table(Node):
    """`[| a | b | … ]`; the first row is the header."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Range(Node):
    """`low .. high`, both ends included."""

    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class SizeExpression(Node):
    """`3 x 224 x 224`"""

    extents: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`-a` or `not a`"""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """`left operator right` for `+ - * / // % ^`"""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """`a <= b < c`: each operator stands between two neighbouring operands."""

    operators: tuple[str, ...]
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Logical(Node):
    """`left and right`, `left or right`"""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Argument(Node):
    name: Identifier | None
    value: Expression


@dataclass(frozen=True, slots=True)
class Call(Node):
    function: Expression
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Configured(Node):
    """`y_block { width: 64  depth: 2 }`"""

    function: Expression
    body: Body


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    value: Expression
    name: Identifier


@dataclass(frozen=True, slots=True)
class Index(Node):
    value: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Flow(Node):
    """`left -> right`"""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Optional(Node):
    """`step when condition`"""

    step: Expression
    condition: Expression


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """`then if condition else otherwise`"""

    then: Expression
    condition: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Derived(Node):
    """`value with { … }`"""

    value: Expression
    body: Body


Expression: TypeAlias = (
    Number
    | Hole
    | String
    | Constant
    | Reference
    | ListExpression
    | TupleExpression
    | Comprehension
    | Absent
    | Table
    | Range
    | SizeExpression
    | Unary
    | Arithmetic
    | Comparison
    | Logical
    | Call
    | Configured
    | Attribute
    | Index
    | Flow
    | Optional
    | Conditional
    | Derived
)


# Bodies


@dataclass(frozen=True, slots=True)
class IndexStep(Node):
    """`[3]` or `[0 .. 3]` in a path."""

    index: Expression


@dataclass(frozen=True, slots=True)
class Path(Node):
    """`stages[3].blocks[1].inner`: identifiers and indices; the first is an identifier."""

    steps: tuple[Identifier | IndexStep, ...]

    @property
    def head(self) -> Identifier:
        """The first name of the path."""
        first = self.steps[0]
        if isinstance(first, IndexStep):  # the grammar admits no such path
            raise TypeError("a path begins with a name")
        return first

    @property
    def text(self) -> str:
        """The path as written, in canonical spacing."""
        parts = [f".{s.text}" if isinstance(s, Identifier) else f"[{s.index.span.text}]" for s in self.steps]
        return "".join(parts)[1:]


@dataclass(frozen=True, slots=True)
class Binding(Node):
    """`a, b = value`"""

    names: tuple[Identifier, ...]
    value: Expression


@dataclass(frozen=True, slots=True)
class Element(Node):
    """`path[index] = value`, or `path[index] = value for variable in source`: what a list has next."""

    path: Path
    """A name alone, where it is right."""
    index: Expression
    value: Expression
    variable: Identifier | None
    source: Expression | None

    @property
    def place(self) -> str:
        """What stands before `=`, in canonical spacing."""
        return f"{self.path.text}[{self.index.span.text}]"

    @property
    def names(self) -> tuple[Identifier]:
        """The name of the list, as `Binding` has names."""
        return (self.path.head,)


@dataclass(frozen=True, slots=True)
class Draw(Node):
    """`a, b ~ domain`; a space's entry."""

    names: tuple[Identifier, ...]
    domain: Expression


@dataclass(frozen=True, slots=True)
class Field(Node):
    """`path: value`"""

    path: Path
    value: Expression


@dataclass(frozen=True, slots=True)
class Section(Node):
    """`path { … }`"""

    path: Path
    body: Body


@dataclass(frozen=True, slots=True)
class Require(Node):
    condition: Expression


@dataclass(frozen=True, slots=True)
class Return(Node):
    values: tuple[Expression, ...]


Entry: TypeAlias = Binding | Element | Draw | Field | Section | Require | Return


@dataclass(frozen=True, slots=True)
class Body(Node):
    entries: tuple[Entry, ...]


# Items


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """`a`, `a: default` or, of what flows in, `xs...`"""

    name: Identifier
    default: Expression | None
    several: bool = False


@dataclass(frozen=True, slots=True)
class Parameters(Node):
    """`(a, b; c: 1)`; without a semicolon `settings` is None."""

    first: tuple[Parameter, ...]
    second: tuple[Parameter, ...] | None


@dataclass(frozen=True, slots=True)
class Version(Node):
    number: Number


@dataclass(frozen=True, slots=True)
class Alias(Node):
    """`name as local` in a `use`."""

    name: Identifier
    local: Identifier


@dataclass(frozen=True, slots=True)
class Use(Node):
    """`use std.regnet { a, b as c }` or `use "other.arch" { a }`; `names` is None without braces."""

    module: str
    module_span: Span = field(compare=False, repr=False)
    is_path: bool
    names: tuple[Alias, ...] | None
    hole: bool = False
    """Whether the rest of the module's name is missing: `use std.`."""


@dataclass(frozen=True, slots=True)
class Declaration(Node):
    """`kind name(parameters) { body }` or `kind name(parameters) = value`: one of `body`, `value` is set."""

    kind: Identifier
    name: Identifier
    parameters: Parameters | None
    refines: Identifier | None
    body: Body | None
    value: Expression | None
    doc: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Instances(Node):
    """`models family [ | name | … ]`: one instance a row."""

    model: Identifier
    table: Table


Item: TypeAlias = Version | Use | Declaration | Instances


@dataclass(frozen=True, slots=True)
class File:
    """One parsed source: its items, and whether a syntax error lost some of them."""

    source: Source = field(compare=False, repr=False)
    items: tuple[Item, ...]
    complete: bool = field(default=True, compare=False)
    patched: tuple[Span, ...] = field(default=(), compare=False, repr=False)
    """What was read otherwise than it was meant, because of a syntax error there: all is told of it."""
