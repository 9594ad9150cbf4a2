"""What the resolver makes of syntax trees: modules, and the definitions that their names stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import field, fields, replace
from typing import Any, Literal, Protocol, TypeAlias

from archdsl.analysis.labels import bound_names, label_rest, label_sites
from archdsl.graph.blocks import Declared, Formula, Operand
from archdsl.graph.operations import Operation
from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.source import Source, Span
from archdsl.syntax import ast

Kind = Literal["fn", "block", "model", "scaling", "recipe", "space"]
ARITHMETIC = frozenset(("+", "-", "*", "/", "//"))
"""The operators of `graph.blocks.Formula`."""


class Reader(Protocol):
    """How the analysis gets at texts; shells implement it, so that the analysis itself does no I/O.

    Both raise `Fault` when the text cannot be had; its span is replaced by that of the `use`.
    """

    def file(self, path: str) -> Source:
        """The source at a path relative to the project's root, with `/` between its parts."""
        ...

    def library(self, name: str) -> Source | None:
        """The source of a module of the standard library, `regnet` for `std.regnet`; None if there is none."""
        ...


@dataclass(eq=False)
class Definition:
    """A declared fn, block, model, scaling, recipe or space, in the module whose names it sees."""

    kind: Kind
    name: str
    module: Module
    declaration: ast.Declaration
    inputs: tuple[str, ...] = ()
    parameters: tuple[ast.Parameter, ...] = ()

    @property
    def token(self) -> object:
        """What it has in common with definitions of older texts that say the same, as does all that they use: what was
        traced of one is right for the others. Itself, where nobody looked for such."""
        return self.__dict__.get("_token", self)

    def share(self, token: object) -> None:
        """Have this in common with others. Before anybody else sees the definition."""
        self.__dict__["_token"] = token

    @cached_property
    def parameter_names(self) -> tuple[str, ...]:
        return tuple(p.name.text for p in self.parameters)

    @cached_property
    def variadic(self) -> bool:
        """Whether the last of a block's inputs is the list of all tensors that flow in beside the others."""
        written = self.declaration.parameters
        return self.kind == "block" and written is not None and written.first[-1:] != () and written.first[-1].several

    @cached_property
    def open(self) -> tuple[str, ...]:
        """The parameters that have no value."""
        return tuple(p.name.text for p in self.parameters if p.default is None)

    @cached_property
    def is_family(self) -> bool:
        """Whether a model with parameters is no network: one of them has no value, or nothing is claimed."""
        claims = (isinstance(node, ast.Section) and node.path.text == "expect" for node in walk(self.declaration))
        return bool(self.parameters) and (any(p.default is None for p in self.parameters) or not any(claims))

    @cached_property
    def defaults(self) -> Mapping[str, ast.Expression | None]:
        return {p.name.text: p.default for p in self.parameters}

    @cached_property
    def size(self) -> int:
        """Nodes of its syntax tree: what one evaluation costs, in steps."""
        return sum(1 for _ in walk(self.declaration))

    @cached_property
    def depth(self) -> int:
        """Nesting of its syntax tree."""
        return nesting(self.declaration)

    @cached_property
    def fit(self) -> tuple[ast.Field, ...]:
        """The lines of a block's `fit` section."""
        body = self.declaration.body
        if body is None:
            return ()
        sections = [e for e in body.entries if isinstance(e, ast.Section) and e.path.text == "fit"]
        return tuple(f for s in sections for f in s.body.entries if isinstance(f, ast.Field))

    @cached_property
    def fitted(self) -> frozenset[str]:
        """The settings that `fit` replaces."""
        return frozenset(line.path.text for line in self.fit)

    @cached_property
    def free_parameters(self) -> frozenset[str]:
        """The parameters whose value does not need the inputs: all but those whose default asks for them."""
        bound = {*self.inputs, *self._learned}
        for parameter in self.parameters:
            if parameter.default is not None and any(
                isinstance(n, ast.Reference) and n.name in bound for n in walk(parameter.default)
            ):
                bound.add(parameter.name.text)
        return frozenset(self.parameter_names) - bound

    @property
    def _learned(self) -> frozenset[str]:
        """The names that stand for an operation which gives a tensor of nothing."""
        named = self.module.names.items()
        return frozenset([n for n, of in named if isinstance(of, Primitive) and of.operation.learned])

    @cached_property
    def derived(self) -> frozenset[str]:
        """The parameters whose default is more than a literal."""
        return frozenset(n for n, default in self.defaults.items() if default and not isinstance(default, ast.LITERALS))

    @cached_property
    def locals(self) -> frozenset[str]:
        """The parameters, and the names that the body binds."""
        body = self.declaration.body
        bound = [e for e in body.entries if isinstance(e, ast.Binding | ast.Element)] if body else []
        return frozenset((*self.parameter_names, *[name.text for entry in bound for name in entry.names]))

    def local_name(self, e: ast.Expression) -> str | None:
        """The parameter or local name that an argument is, or `x.channels` for an input's."""
        if isinstance(e, ast.Reference):
            return e.name if e.name in self.locals else None
        if isinstance(e, ast.Attribute) and isinstance(e.value, ast.Reference) and e.name.text == "channels":
            single = self.inputs[:-1] if self.variadic else self.inputs
            return f"{e.value.name}.channels" if e.value.name in single else None
        return None

    def formula(self, e: ast.Node) -> Formula | None:
        """The arithmetic with local names and whole numbers that an expression is; none if it is something else."""
        if not isinstance(e, ast.Arithmetic) or e.operator not in ARITHMETIC:
            return None
        left, right = self._operand(e.left), self._operand(e.right)
        return Formula(e.operator, left, right) if left is not None and right is not None else None

    def _operand(self, e: ast.Expression) -> Operand | None:
        if isinstance(e, ast.Number):
            return int(e.text) if e.text.isdecimal() and len(e.text) < 10 and e.unit is None else None
        return self.local_name(e) or self.formula(e)

    @cached_property
    def formulas(self) -> Mapping[str, Formula]:
        """The local names that are bound to arithmetic."""
        entries = self.declaration.body.entries if self.declaration.body is not None else ()
        single = [entry for entry in entries if isinstance(entry, ast.Binding) and len(entry.names) == 1]
        found = {entry.names[0].text: self.formula(entry.value) for entry in single}
        return {name: formula for name, formula in found.items() if formula is not None}

    @cached_property
    def declared(self) -> Declared:
        """What the graph keeps of it."""
        labels = tuple(dict.fromkeys(self.labels.values()))
        doc = self.declaration.doc
        reads, measures = self._reads()
        names = self.inputs, self.parameter_names, labels
        bound = bound_names(self.declaration, self.labels)
        texts = self.formulas, bound
        declared = Declared(self.name, self.module.name, doc, *names, reads, measures, *texts, variadic=self.variadic)
        return replace(declared, counted=self._counted())

    def _counted(self) -> Mapping[str, str]:
        """The lists whose elements a parameter counts, by the paths of these."""
        found: dict[str, str] = {}
        for node in walk(self.declaration):
            if not isinstance(node, ast.Element | ast.Comprehension) or not isinstance(node.source, ast.Range):
                continue
            name = _length(node.source)
            if name in self.parameter_names:
                body = node.value if isinstance(node, ast.Element) else node.body
                found |= {self.labels[id(part)]: name for part in walk(body) if id(part) in self.labels}
        return found

    def _reads(self) -> tuple[tuple[int, ...], bool]:
        """How often the text reads each parameter, and whether it asks for channels within an expression."""
        nodes = walk(self.declaration)
        read = [node.name for node in nodes if isinstance(node, ast.Reference)]
        counts = Counter([*read, *self.fitted])
        asked = sum(isinstance(node, ast.Attribute) and node.name.text == "channels" for node in nodes)
        given = [self.local_name(node.value) or "" for node in nodes if isinstance(node, ast.Argument)]
        whole = sum(name.endswith(".channels") for name in given)
        measures = asked > whole or any(self._asks_by_function(node) for node in nodes)
        return tuple([counts[name] for name in self.parameter_names]), measures

    def _asks_by_function(self, node: ast.Node) -> bool:
        """Whether an expression calls an `fn` with what may be a tensor: any name that is no parameter."""
        if not isinstance(node, ast.Call) or not isinstance(node.function, ast.Reference):
            return False
        called = self.module.names.get(node.function.name)
        if not isinstance(called, Definition) or called.kind != "fn":
            return False
        read = [below.name for a in node.arguments for below in walk(a) if isinstance(below, ast.Reference)]
        return any(name not in self.parameter_names for name in read)

    @cached_property
    def labels(self) -> Mapping[int, str]:
        """Names of the operations and blocks in a block's body, by the identity of the applying expression."""
        named = self.module.names
        values = [n for n, of in named.items() if isinstance(of, Definition) and of.kind == "fn"]
        labels = label_sites(self.declaration, self._learned, frozenset(values))
        label_rest(walk(self.declaration), labels)
        return labels

    def __getstate__(self) -> dict[str, Any]:
        """What was declared. What is derived from it goes by the identity of nodes, which a copy does not share."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


def _length(source: ast.Range) -> str:
    """The name that says how long a range of the text is: `1 .. n`, `0 .. n - 1`, `2 .. n + 1`; empty if none does."""
    low, high = source.low, source.high
    if not isinstance(low, ast.Number) or not low.text.isdecimal():
        return ""
    shift, named = 0, high
    if isinstance(high, ast.Arithmetic) and high.operator in ("+", "-"):
        if not isinstance(high.right, ast.Number) or not high.right.text.isdecimal():
            return ""
        shift, named = int(high.operator + high.right.text), high.left
    return named.name if isinstance(named, ast.Reference) and shift - int(low.text) + 1 == 0 else ""


@dataclass(eq=False)
class Instance:
    """One row of `models family [ … ]`: a model whose parameters stand in a table."""

    name: str
    family: str
    model: Definition | None
    """The model that `family` names; none if that was a fault."""
    module: Module
    header: ast.Row
    row: ast.Row
    span: Span
    kind: Kind = "model"


@dataclass(frozen=True, slots=True)
class Primitive:
    """An operation of `std.ops`."""

    name: str
    operation: type[Operation]


@dataclass(frozen=True, slots=True)
class Builtin:
    """A function of the prelude: arithmetic, in Python. Numbers in order, or, with `named`, one by its name.

    `options` may be given beside that one, by their names.
    """

    name: str
    function: Callable[..., Any]
    least: int
    most: int | None
    named: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    lists: bool = False
    """Whether it takes a list of whatever."""
    operation: Primitive | None = None
    """The operation of the same name: what the function is of a tensor."""


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A name that a `use` could not find: reported there, and silent everywhere else."""

    name: str


Named: TypeAlias = Definition | Instance | Primitive | Builtin | Unresolved


OPERATIONS_MODULE = "std.ops"
"""The module of the library that the operations stand in; it has no text."""


@dataclass(eq=False)
class Module:
    """One source: what it declares and what it uses, by name."""

    name: str
    source: Source
    library: bool
    names: dict[str, Named] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    """Local name -> name of the module it was taken from."""
    circular: set[str] = field(default_factory=set)
    """Declarations that use themselves, which is reported: they have no value."""
    faulty: set[str] = field(default_factory=set)
    """Spaces with a fault that is reported: they have no value either."""
    incomplete: bool = False
    """A syntax error lost declarations: names that are missing are not reported."""
    broken: bool = False
    """It has a syntax error: what a body has not may be what is not written whole."""
    tree: ast.File | None = field(default=None, repr=False)
    """The tree in which its definitions stand."""

    def __repr__(self) -> str:
        return f"<module {self.name}>"


@dataclass(eq=False)
class Program:
    """An entry module with everything it uses."""

    entry: Module
    modules: tuple[Module, ...]

    @property
    def recipes(self) -> dict[str, Definition]:
        """The recipes that the entry file declares and that need no parameter, in its order."""
        return {
            name: value
            for name, value in self.entry.names.items()
            if name not in self.entry.used
            and isinstance(value, Definition)
            and value.kind == "recipe"
            and all(p.default is not None for p in value.parameters)
        }

    @property
    def spaces(self) -> dict[str, Definition]:
        """The spaces that the entry file declares, in its order."""
        return {
            name: value
            for name, value in self.entry.names.items()
            if name not in self.entry.used and isinstance(value, Definition) and value.kind == "space"
        }

    @property
    def models(self) -> dict[str, Definition | Instance]:
        """The models that the entry file declares and that need no parameter, in its order."""
        found: dict[str, Definition | Instance] = {}
        for name, value in self.entry.names.items():
            if name in self.entry.used or not isinstance(value, Definition | Instance) or value.kind != "model":
                continue
            if isinstance(value, Definition) and any(p.default is None for p in value.parameters):
                continue
            found[name] = value
        return found


def family_of(named: Definition | Instance) -> Definition | None:
    """The model with parameters that a model is made from by its expression, if it is made from one."""
    if isinstance(named, Instance):
        return named.model
    e: ast.Node | None = named.declaration.value
    while not isinstance(e, ast.Reference):
        match e:
            case ast.Call(function=inner) | ast.Derived(value=inner) | ast.Flow(left=inner):
                e = inner
            case _:
                return None
    found = named.module.names.get(e.name)
    if isinstance(found, Instance):
        return found.model
    return found if isinstance(found, Definition) and found.kind == "model" else None


def named_span(named: Definition | Instance) -> Span:
    """Where a model is declared."""
    return named.span if isinstance(named, Instance) else named.declaration.name.span


def children(node: ast.Node) -> tuple[ast.Node, ...]:
    """The nodes directly below a node, in source order."""
    return tuple(_below(node))


def _below(node: ast.Node) -> list[ast.Node]:
    found: list[ast.Node] = []
    for name in _FIELDS[type(node)]:
        value = getattr(node, name)
        if type(value) is tuple:
            found += value
        elif value is not None:
            found.append(value)
    return found


def walk(node: ast.Node) -> list[ast.Node]:
    """A node and all below it, parents first."""
    found, stack = [], [node]
    while stack:
        top = stack.pop()
        found.append(top)
        if _FIELDS[type(top)]:
            below = _below(top)
            stack += below[::-1]
    return found


def unfinished(node: ast.Node) -> bool:
    """Whether a part of a node is not written whole."""
    return any(type(below) is ast.Hole for below in walk(node))


def nesting(node: ast.Node) -> int:
    """The depth of the tree below a node."""
    deepest, stack = 0, [(node, 1)]
    while stack:
        top, depth = stack.pop()
        deepest = max(deepest, depth)
        stack.extend((child, depth + 1) for child in children(top))
    return deepest


class _Fields(dict[type, tuple[str, ...]]):
    def __missing__(self, kind: type) -> tuple[str, ...]:
        slots = [name for base in reversed(kind.__mro__) for name in getattr(base, "__slots__", ())]
        plain = {field.name for field in fields(kind) if field.type in _PLAIN_FIELDS}
        names = tuple([name for name in slots if name not in plain])
        self[kind] = names
        return names


_PLAIN_FIELDS = frozenset({"Span", "Source", "str", "int", "bool", "str | None", "bool | None", "tuple[str, ...]"})
"""The types, as they are written, of fields that hold no node."""
_FIELDS = _Fields()
