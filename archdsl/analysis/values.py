"""The values of the language, and where each came from.

Numbers are those of `archdsl.numbers`; `none`, `true`, `false` and strings are Python's; a list and a
tuple are Python tuples; sizes and ranges are the graph's. The rest stands here. An `Environment` keeps
beside every name the expression that made its value, so that a diagnostic can say where a width came
from; nothing is traced until a diagnostic asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from fractions import Fraction
from typing import Any, NoReturn, TypeAlias, TypeGuard

from archdsl.analysis.labels import ELEMENT
from archdsl.analysis.program import Builtin, Definition, Module, Primitive
from archdsl.graph.initializers import Initializer
from archdsl.graph.network import Builder
from archdsl.graph.network import Value as Place
from archdsl.graph.operations import Operation
from archdsl.graph.shapes import Range, Shape, Size
from archdsl.graph.symbolic import StandIn
from archdsl.numbers import Irrational
from archdsl.records import dataclass
from archdsl.source import Span
from archdsl.syntax import ast
from archdsl.training.recipe import Duration

Number: TypeAlias = int | Fraction | Irrational | StandIn
"""A number, or what stands for one."""
Value: TypeAlias = (
    "bool | Number | str | Size | tuple[Value, ...] | Range | Duration | Initializer | Tensor | Block | Sequence"
    " | Function | Scaling | Solve | Indices | OldValues | RecipeValue | ModelValue | Output | Unknown | None"
)
"""Any value of the language."""


class ModelValue:
    """A resolved model: `model.Model`, which is made of the values here."""

    __slots__ = ()


class ManyLists(tuple[Any, ...]):
    """A list that stands for one in each of many networks, of other length in each. What takes it for a plain list
    makes the networks come apart."""

    @property
    def many(self) -> StandIn:
        """The number of its elements."""
        raise NotImplementedError

    def runs(self) -> list[tuple[Value, Value]] | ManyLists:
        """Value and length of each run of equal values; a list of other length in each network where their number
        differs."""
        raise NotImplementedError


class Unknown:
    """The value of what could not be evaluated; what depends on it is silent."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class Origin:
    """The expression that made a value, and the environment in which it was evaluated."""

    expression: ast.Node
    environment: Environment

    @property
    def span(self) -> Span:
        return self.expression.span


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of a block's setting. `requested` is what stood there before a `fit` replaced it."""

    value: Value
    origin: Origin | None = field(default=None, compare=False, repr=False)
    requested: Setting | None = field(default=None, compare=False)


class Environment:
    """The names that an expression sees, innermost first: its own, its parents', its module's."""

    __slots__ = ("frame", "module", "names", "origins", "parent")

    def __init__(self, module: Module, parent: Environment | None = None, frame: Frame | None = None) -> None:
        self.names: dict[str, Value] = {}
        self.origins: dict[str, Origin] = {}
        self.module = module
        self.parent = parent
        self.frame: Frame | None = parent.frame if frame is None and parent is not None else frame

    def bind(self, name: str, value: Value, origin: Origin | None = None) -> None:
        self.names[name] = value
        if origin is not None:
            self.origins[name] = origin

    def held(self, name: str) -> Value:
        """The value of a name that is no declaration of the module; none of another."""
        scope: Environment | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def holds(self, name: str) -> bool:
        """Whether a name is no declaration of the module."""
        scope: Environment | None = self
        while scope is not None and name not in scope.names:
            scope = scope.parent
        return scope is not None

    def origin(self, name: str) -> Origin | None:
        """Where the value of a name came from, if it is no declaration of the module."""
        scope: Environment | None = self
        while scope is not None:
            if name in scope.names:
                return scope.origins.get(name)
            scope = scope.parent
        return None


@dataclass(frozen=True, slots=True)
class Building:
    """A network that is being built, and its operations with their settings so far, by both.

    Where dimensions carry formulas equal numbers are not interchangeable: then no operation is taken twice.
    """

    builder: Builder
    bound: dict[Any, Operation] | None


@dataclass(frozen=True, slots=True)
class Frame:
    """One block that is being built: its module path, and its definition, which names the places within it."""

    path: str
    definition: Definition
    building: Building
    input: Tensor
    """The first input of the block."""
    suffix: str = ""
    """Within a comprehension, the index of the element: `.0`."""
    element: str = ""
    """Within an element of a list that grows, its index: it takes the place of `labels.ELEMENT`."""

    def name(self, site: ast.Expression) -> str:
        """The module path of what an expression applies."""
        label = self.definition.labels.get(id(site), "step").replace(ELEMENT, self.element) + self.suffix
        return f"{self.path}.{label}" if self.path else label


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of the network that is being built: a value of its graph, and its shape."""

    place: Place
    shape: Shape


@dataclass(frozen=True, slots=True)
class Output:
    """What a part of the model gives: a tensor, or several, once the network is built.

    `stem`, `stages.1`, all `stages`, or the model's `features`; with an index, one of several tensors.
    """

    place: str
    index: int | None = None

    @property
    def text(self) -> str:
        """As it is written: `stages[1]`."""
        name, _, number = self.place.partition(".")
        return name + "".join([f"[{part}]" for part in (number or None, self.index) if part is not None])


@dataclass(frozen=True, slots=True)
class Block:
    """A configured block: a definition or a primitive with some of its settings."""

    of: Definition | Primitive
    settings: Mapping[str, Setting] = field(default_factory=dict, hash=False)
    span: Span | None = field(default=None, compare=False, repr=False)
    """Where it was last configured."""
    inputs: tuple[Output, ...] = ()
    """What flows into it, in place of what stands before it: `fpn(stages[1], stages[2])`."""

    @property
    def name(self) -> str:
        return self.of.name


class ManyBlocks(Block):
    """A block that stands for one in each of many networks. What asks which one it is makes the networks come apart."""

    __slots__ = ()

    @property
    def alternatives(self) -> tuple[Block, ...]:
        """The blocks that it stands for: none has settings."""
        raise NotImplementedError

    def apart(self) -> NoReturn:
        """Take networks of other blocks from each other."""
        raise NotImplementedError

    @property
    def of(self) -> Definition | Primitive:
        self.apart()

    @property
    def settings(self) -> Mapping[str, Setting]:
        self.apart()

    @property
    def span(self) -> Span | None:
        self.apart()

    @property
    def inputs(self) -> tuple[Output, ...]:
        self.apart()

    def __eq__(self, other: object) -> bool:
        self.apart()

    def __hash__(self) -> int:
        self.apart()

    def __repr__(self) -> str:
        return " or ".join([block.name for block in self.alternatives])


@dataclass(frozen=True, slots=True)
class Sequence:
    """Blocks one after the other, made by arrows without an input: `conv(…) -> norm -> act`."""

    steps: tuple[tuple[str, Block | Sequence], ...]
    """Each with its name within the sequence."""


@dataclass(frozen=True, slots=True)
class Function:
    """A declared fn, as a value."""

    of: Definition | Builtin


@dataclass(frozen=True, slots=True)
class Solve:
    """`solve(flops: 16G, within: 1/100)` in the place of a scaling's factor."""

    measure: str
    target: int
    within: int | Fraction | None = None
    """The share of the target to within which steps of single stages bring the cost, where the factor does not."""


@dataclass(frozen=True)
class Scaling:
    """A scaling with its arguments. `changes` are bodies of `with`, whose lines replace or join its own."""

    of: Definition
    arguments: Mapping[str, Setting]
    changes: tuple[tuple[ast.Body, Environment], ...] = ()
    call: ast.Node | None = None
    alias: str | None = None

    @property
    def name(self) -> str:
        """The name by which it was called: of an alias, the alias."""
        return self.alias or self.of.name

    @property
    def unknown(self) -> tuple[str, Solve] | None:
        """The parameter whose argument is a `solve`, with its budget."""
        for name, setting in self.arguments.items():
            if isinstance(setting.value, Solve):
                return name, setting.value
        return None


@dataclass(frozen=True)
class Indices:
    """`block` or `stage` in a stage's attributes: its attributes are whole numbers, or true or false."""

    kind: str
    values: Mapping[str, Value]


INDICES: Mapping[str, tuple[str, ...]] = {
    "block": ("index", "count", "in_stage", "is_first", "is_last"),
    "stage": ("index", "count", "depth"),
}
"""What the indices of a stage's attributes are called."""


@dataclass(frozen=True)
class OldValues:
    """`stem`, `head` and `stage` in a line that changes a model: the settings as they were."""

    kind: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class RecipeField:
    """What a recipe says of one path, such as `epochs`, `schedule.peak` or `progressive.mixup`."""

    value: Value
    span: Span
    origin: Origin | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class RecipeValue:
    """A recipe as it was written: its fields by path. `recipes.resolve_recipe` decides the others."""

    name: str
    span: Span
    given: Mapping[str, RecipeField]
    doc: str = ""


def extent(value: Value, most: int, deepest: int) -> int | None:
    """The number of values within a value, each counted wherever it stands; none if too many, or too deep.

    Parts are shared in memory, so a few steps can make a value that no one could walk to its end.
    """
    seen = -1
    waiting = [(value, 0)]
    while waiting:
        top, depth = waiting.pop()
        seen += 1
        waiting.extend([(part, depth + 1) for part in parts_of(top)])
        if depth > deepest or seen + len(waiting) > most:
            return None
    return seen


def is_list(value: Value) -> TypeGuard[tuple[Value, ...]]:
    """Whether a value is a list: a size is none."""
    return isinstance(value, tuple) and not isinstance(value, Size)


def whole(value: Value) -> TypeGuard[int]:
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def single(value: Value) -> Value:
    """The tensor of a list of one; anything else as it is."""
    if not isinstance(value, tuple) or isinstance(value, ManyLists) or len(value) != 1:
        return value
    return value[0] if isinstance(value[0], Tensor) else value


def tensors_of(value: Value) -> tuple[Tensor, ...] | None:
    """The tensors of a value that consists of tensors and lists of them alone; none for anything else."""
    if isinstance(value, Tensor):
        return (value,)
    if not is_list(value):
        return None
    found: list[Tensor] = []
    for part in value:
        inner = tensors_of(part)
        if inner is None and part != ():
            return None
        found += inner or ()
    return tuple(found) or None


def parts_of(value: Value) -> Iterable[Value]:
    """The values that a list, a sequence, or what has settings holds."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, Sequence):
        return [block for _, block in value.steps]
    settings = value.settings if isinstance(value, Block) else value.arguments if isinstance(value, Scaling) else {}
    return [setting.value for setting in settings.values()]


_WORDS: Mapping[type, str] = {
    type(None): "none",
    bool: "a condition",
    int: "a number",
    Fraction: "a number",
    Irrational: "a number",
    str: "a string",
    Size: "a size",
    tuple: "a list",
    Range: "a range",
    Duration: "a time",
    Tensor: "a tensor",
    Block: "a block",
    Sequence: "a sequence of blocks",
    Function: "a function",
    Scaling: "a scaling",
    Solve: "a budget to solve for",
    Indices: "an index",
    OldValues: "a group of settings",
    RecipeValue: "a recipe",
    Output: "the output of a part of the model",
}


def kind_of(value: Value) -> str:
    """What a value is, in the words of the reference, with its article."""
    if isinstance(value, ModelValue):
        return "a model"
    if isinstance(value, StandIn):
        return "a number"
    return _WORDS.get(type(value), "a value")
