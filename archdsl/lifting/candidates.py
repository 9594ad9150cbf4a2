"""The blocks of the standard library that a part of a network can be: those of one input, with what they can hold.

What a block can hold is read off its text: of every operation at least and at most so many, and so many places for
whatever its settings put there. A part that holds anything else is not tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

from archdsl.analysis.answers import plain_defaults
from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.labels import OF_TENSORS
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Builtin, Definition, Module, Primitive, children, walk
from archdsl.analysis.resolve import load_library
from archdsl.analysis.values import Value
from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.records import dataclass
from archdsl.syntax import ast


@dataclass(frozen=True)
class Bounds:
    """What a block can hold."""

    least: Counter[str]
    most: Counter[str]
    free: int
    """So many operations of any name besides."""
    endless: bool
    """Whether there is no most: it has operations for every element of a list."""

    def admit(self, counts: Counter[str]) -> bool:
        """Whether a part with so many operations of each name can be such a block."""
        if any(counts[name] < number for name, number in self.least.items()):
            return False
        return self.endless or (counts - self.most).total() <= self.free


@dataclass(frozen=True, eq=False)
class Candidate:
    """A block of the library."""

    module: str
    """`std.resnet`."""
    definition: Definition
    defaults: Mapping[str, Value]
    """Of the settings whose default is a value."""
    bounds: Bounds
    direct: Mapping[str, frozenset[str]]
    """For a setting that the text hands on as it is: the names of the settings that get it, of operations or blocks."""

    @property
    def name(self) -> str:
        """Its name in its module."""
        return self.definition.name


class Candidates:
    """The blocks of one input of the standard library."""

    def __init__(self, compiler: Compiler) -> None:
        self.modules: dict[str, Module] = {}
        for name in compiler.library.names:
            module = load_library(name, compiler.read, compiler.library, Diagnostics())
            if module is not None:
                self.modules[name] = module
        self.all: list[Candidate] = []
        known: dict[Definition, Bounds] = {}
        for name, module in self.modules.items():
            for own, of in module.names.items():
                if own in module.used or not isinstance(of, Definition) or of.kind != "block":
                    continue
                if len(of.inputs) == 1 and not of.variadic:
                    self.all.append(Candidate(name, of, _defaults(of), _bounds(of, known), _direct(of)))

    def seen(self, candidate: Candidate) -> int:
        """How many modules of the library declare or use a block."""
        of = candidate.definition
        return sum(any(found is of for found in module.names.values()) for module in self.modules.values())

    def visible(self, module: str) -> set[str]:
        """The blocks that a module declares or uses, by their modules and names."""
        names = self.modules[module].names.items()
        return {f"{of.module.name}.{of.name}" for _, of in names if isinstance(of, Definition)}


def _defaults(of: Definition) -> Mapping[str, Value]:
    try:
        return plain_defaults(of)
    except (Fault, AlreadyReported):  # a default that asks for a setting which has none
        return {}


def _direct(of: Definition) -> Mapping[str, frozenset[str]]:
    """The settings that get each of a block's own as it is."""
    found: dict[str, set[str]] = {}
    for node in walk(of.declaration):
        if not isinstance(node, ast.Call) or not isinstance(node.function, ast.Reference):
            continue
        called = of.module.names.get(node.function.name)
        if not isinstance(called, Primitive) and not (isinstance(called, Definition) and called.kind == "block"):
            continue
        for argument in node.arguments:
            value, name = argument.value, argument.name.text if argument.name is not None else _leading(called)
            if isinstance(value, ast.Reference) and value.name in of.parameter_names and name:
                found.setdefault(value.name, set()).add(name)
    return {name: frozenset(names) for name, names in found.items()}


def _leading(called: Definition | Primitive) -> str:
    """What an argument without a name is for; empty where that is not known."""
    if isinstance(called, Primitive):
        return called.operation.leading or ""
    return called.parameter_names[0] if called.parameter_names else ""


def _bounds(of: Definition, known: dict[Definition, Bounds]) -> Bounds:
    """What a block of the library can hold; blocks use each other in no circle."""
    if of not in known:
        reading = _Reading(of, known)
        known[of] = Bounds(reading.least(), reading.most, reading.free, reading.endless)
    return known[of]


class _Reading:
    """The text of a block, read for what it can hold."""

    def __init__(self, of: Definition, known: dict[Definition, Bounds]) -> None:
        self.of, self.known = of, known
        self.defaults = _defaults(of)
        self.most: Counter[str] = Counter()
        self.free, self.endless = 0, False
        body = of.declaration.body
        self.entries = list(body.entries) if body is not None else []
        for node in [*self.entries, *([of.declaration.value] if of.declaration.value is not None else [])]:
            self._count(node, True)

    def _named(self, name: str) -> str | Bounds | None:
        """What a name of the text stands for: an operation, or a block."""
        found = self.of.module.names.get(name, PRELUDE.get(name))
        if isinstance(found, Builtin) and found.operation is not None:
            found = found.operation
        if isinstance(found, Primitive):
            return found.operation.name
        if isinstance(found, Definition) and found.kind == "block":
            return _bounds(found, self.known)
        return None

    def _count(self, node: ast.Node, applied: bool) -> None:
        """Everything that a node can put into a network. `applied`: a setting that stands here is a block, where it is
        no number."""
        if isinstance(node, ast.Element | ast.Comprehension):
            self.endless = True
        if isinstance(node, ast.Arithmetic) and node.operator in OF_TENSORS:
            self.most[OF_TENSORS[node.operator]] += 1
        if isinstance(node, ast.Reference):
            self._count_named(node.name, applied)
        flows = applied and not isinstance(node, ast.Argument | ast.Comparison)
        for below in children(node):
            condition = isinstance(node, ast.Conditional | ast.Optional) and below is node.condition
            operand = isinstance(node, ast.Arithmetic) and isinstance(below, ast.Reference)
            self._count(below, flows and not condition and not operand)

    def _count_named(self, name: str, applied: bool) -> None:
        if name in self.of.locals:
            number = isinstance(self.defaults.get(name), int | str | Fraction)
            self.free += name in self.of.parameter_names and applied and not number
            return
        named = self._named(name)
        if isinstance(named, Bounds):
            self.most += named.most
            self.free, self.endless = self.free + named.free, self.endless or named.endless
        elif named is not None:
            self.most[named] += 1

    def least(self) -> Counter[str]:
        """What is there whatever the settings are: what every way through the text needs."""
        needed: Counter[str] = Counter()
        bound = self.entries[::-1]
        value = self.of.declaration.value
        if value is not None:
            needed = self._needs(value)
        for entry in bound:
            if isinstance(entry, ast.Return):
                for part in entry.values:
                    needed += self._needs(part)
            elif isinstance(entry, ast.Binding) and any(needed[f"={name.text}"] for name in entry.names):
                needed += self._needs(entry.value)
        return Counter({name: number for name, number in needed.items() if not name.startswith("=")})

    def _needs(self, node: ast.Node) -> Counter[str]:
        """The operations that a node is sure to put there, and the local names that it is sure to read, behind `=`."""
        if isinstance(node, ast.Conditional):
            return self._needs(node.then) & self._needs(node.otherwise)
        if isinstance(node, ast.Optional | ast.Element | ast.Comprehension):
            return Counter()
        if isinstance(node, ast.Argument) and (node.name is not None or isinstance(node.value, ast.Reference)):
            return self._read(node.value)  # a setting, or a value
        if isinstance(node, ast.Reference):
            named = self._named(node.name) if node.name not in self.of.locals else None
            if isinstance(named, Bounds):
                return named.least
            return Counter([f"={node.name}" if named is None else named])
        found: Counter[str] = Counter()
        for below in children(node):
            found += self._needs(below)
        return found

    def _read(self, node: ast.Node) -> Counter[str]:
        return Counter([f"={node.name}"] if isinstance(node, ast.Reference) and node.name in self.of.locals else [])


__all__ = ["Bounds", "Candidate", "Candidates"]
