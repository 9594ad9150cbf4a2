"""A program of PyTorch, operation by operation, as a network of ours. What an operation becomes stands in `rows.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from archdsl.graph.blocks import INPUT, Value
from archdsl.graph.faults import RuleError
from archdsl.graph.network import Builder, Node
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.operations.base import Operation
from archdsl.graph.shapes import Shape, Size
from archdsl.lifting.axes import Seen, fresh, size_of
from archdsl.lifting.lifted import Gap, Lifted, Origin, Unliftable
from archdsl.records import dataclass


@dataclass(frozen=True, eq=False)
class Standard:
    """How weights are standardized."""

    eps: float
    gain: Held | None
    """A learned factor of every channel."""
    factor: float
    """A number beside it."""


@dataclass(frozen=True, eq=False)
class Held:
    """A tensor that is the same for every image."""

    tensor: Any
    names: tuple[str, ...] = ()
    """Of the program's tensors that it is made of."""
    learned: bool = False
    places: Any = None
    """Which element of that stands where, where it is a look at it."""
    base: Any = None
    """The one learned tensor that it is a look at, or is worked out from."""
    computed: bool = False
    """Whether it is worked out from that: more than its elements in another order."""
    factor: float | None = None
    """Where it is the base times a number: that."""
    standard: Standard | None = None
    """Where it is the base, brought to a mean of 0 and a deviation of 1."""


@dataclass(frozen=True, eq=False)
class Padded:
    """A map with a border that what comes next takes."""

    seen: Seen
    pads: tuple[int, int, int, int]
    """Top, bottom, left, right."""
    value: float


CHECKS = {"_assert_tensor_metadata", "_assert_async"}
"""Operations that give nothing: a program asks by them whether it is right."""


@dataclass(frozen=True, eq=False)
class Product:
    """A product of two values as matrices that may be a part of attention: with a factor, with what is added to it, and
    as shares of 1, once they are taken of it."""

    first: Seen
    second: Seen
    factor: float = 1.0
    added: Any = None
    shares: bool = False


@dataclass(frozen=True, eq=False)
class Stack:
    """Values beside each other, in a dimension that the program has for them."""

    parts: tuple[Seen, ...]
    place: int


LOOKS = {"tokens", "map", "transpose", "split_heads", "merge_heads", "flatten", "reshape", "token"}
"""Operations that look at the same elements: one look at a value is enough."""


MATRICES = {"split_heads", "matmul", "transpose", "attention", "relative_bias", "parameter", "reshape"}
"""Operations whose height and width are no places of an image."""


class Hole:
    """The result of what could not be lifted."""


HOLE = Hole()


@dataclass(frozen=True, eq=False)
class Call:
    """One operation of the program."""

    operation: str
    arguments: Mapping[str, Any]
    shape: tuple[int, ...]
    """Of its (first) result, the images included."""
    modules: tuple[tuple[str, str], ...]

    def __getitem__(self, name: str) -> Any:
        return self.arguments.get(name)


EXACT, SINGLE = 1e-12, 1e-6
"""How far the constants of a program may be from what was meant, of 1: in double precision, and in single."""


Row: TypeAlias = "Callable[[Reading, Call], Any]"
"""What an operation of a program becomes."""


class Reading:
    """What of a program has been read."""

    def __init__(self, shape: Shape, images: int, *, split: bool = False) -> None:
        self.images = images
        """How many the program was made for."""
        self.split = split
        """Whether it has in several operations what it was written as in one: attention in products, say."""
        self.rounding = SINGLE if split else EXACT
        self._looks: dict[str, tuple[Value, ...]] = {}
        self._learned: dict[str, Value] = {}
        self.builder = Builder(shape)
        self.origins: list[Origin] = []
        self.gaps: list[Gap] = []
        self.notes: dict[str, None] = {}
        self.maps: dict[tuple[int, int], Value] = {(int(shape[1]), int(shape[2])): INPUT}
        """The last map of each height and width."""
        self.whole: dict[int, tuple[Value, ...]] = {}
        """Of values that were joined one by one: all that an operation joins."""
        self.input = fresh(INPUT, shape, "bchw")
        self.modules: tuple[tuple[str, str], ...] = ()

    def apply(
        self,
        name: str,
        inputs: Sequence[Value],
        settings: Mapping[str, Any] | None = None,
        tensors: Mapping[str, Held] | None = None,
    ) -> tuple[Value, ...]:
        """An operation of ours on values; its outputs. Raises `Unliftable`."""
        held = dict(tensors or {})
        if any(tensor.learned and tensor.computed for tensor in held.values()):
            raise Unliftable("weights that are worked out from other numbers")
        known = f"{name} {list(inputs)} {settings}" if name in LOOKS else ""
        if known in self._looks:
            return self._looks[known]
        try:
            found = self.enter(OPERATIONS[name].bind(settings or {}), inputs)
        except RuleError as fault:
            raise Unliftable(fault.message) from None
        sources = tuple([source for tensor in held.values() for source in tensor.names])
        tensors_of = {key: tensor.tensor for key, tensor in held.items()}
        self.origins[-1] = Origin(self.modules, tensors_of, sources)
        for value in found:
            shape = self.builder.shape(value)
            if len(shape) == 3 and name not in MATRICES:
                self.maps[int(shape[1]), int(shape[2])] = value
        if known:
            self._looks[known] = found
        return found

    def enter(self, operation: Operation, inputs: Sequence[Value]) -> tuple[Value, ...]:
        """An operation without tensors, as it is; its outputs. Raises `RuleError`."""
        path = self.modules[-1][0] if self.modules else ""
        found = self.builder.apply(operation, inputs, _named(path, operation.name))
        self.origins.append(Origin(self.modules, {}, ()))
        return found

    def made_by(self, value: Value, *names: str) -> Node | None:
        """The operation that gave a value, where it is one of these."""
        node = self.builder.nodes[value.node] if value.node >= 0 else None
        return node if node is not None and node.operation.name in names else None

    def parameter(self, held: Held, tensor: Any, shape: Sequence[int], start: Any) -> Value:
        """A learned tensor of the program as a value: one, wherever the program takes it in this form."""
        key = f"{held.names} {list(shape)}"
        if key not in self._learned:
            given = Size(tuple(shape)) if len(shape) > 1 else tuple(shape)
            tensors = {"weight": Held(tensor, held.names, True)}
            (self._learned[key],) = self.apply("parameter", [INPUT], {"shape": given, "init": start}, tensors)
        return self._learned[key]

    def new(
        self,
        name: str,
        inputs: Sequence[Value],
        form: str,
        settings: Mapping[str, Any] | None = None,
        tensors: Mapping[str, Held] | None = None,
    ) -> Seen:
        """An operation with one output, in a form."""
        (value,) = self.apply(name, inputs, settings, tensors)
        return fresh(value, [int(extent) for extent in self.builder.shape(value)], form)

    def kept(
        self,
        name: str,
        seen: Seen,
        settings: Mapping[str, Any] | None = None,
        tensors: Mapping[str, Held] | None = None,
    ) -> Seen:
        """An operation that keeps the shape, wherever the program has the dimensions."""
        (value,) = self.apply(name, [seen.value], settings, tensors)
        return Seen(value, seen.axes, seen.dims)

    def lifted(
        self, outputs: Sequence[Value], name: str, tensors: Mapping[str, Any], names: tuple[str, ...] = ()
    ) -> Lifted:
        """The network with these outputs, by these names. Operations that they do not need are left out, also here."""
        network = self.builder.finish(name, outputs, names=names)
        kept = needed(self.builder, outputs)
        origins = tuple([self.origins[index] for index in kept])
        used = {source for origin in origins for source in origin.sources}
        unused = tuple([key for key in tensors if key not in used and not key.endswith("num_batches_tracked")])
        return Lifted(network, origins, tuple(self.gaps), unused, tuple(self.notes))


def needed(builder: Builder, outputs: Sequence[Value]) -> list[int]:
    """The operations that some outputs need, in order."""
    found = set()
    waiting = [value.node for value in outputs]
    while waiting:
        index = waiting.pop()
        if index >= 0 and index not in found:
            found.add(index)
            waiting += [value.node for value in builder.nodes[index].inputs]
    return sorted(found)


def _named(path: str, name: str) -> str:
    words = [re.sub(r"\W", "_", part) for part in path.split(".") if part]
    return ".".join([*words, name])


def number(value: float) -> Fraction:
    """A number of a program as it was written: the shortest decimal that gives the double, or, where that is long, the
    quotient of small numbers that does."""
    decimal = Fraction(repr(float(value)))
    if decimal.denominator <= 10**9:
        return decimal
    quotient = Fraction(value).limit_denominator(100_000)
    return quotient if float(quotient) == value else decimal


def pair(value: Any, default: int | None = None) -> Size:
    """(height, width) of a setting that has one number or two."""
    if value is None or (isinstance(value, Sequence) and not value):
        value = default
    if isinstance(value, int):
        return Size((value, value))
    found = [int(part) for part in value]
    return Size((found[0], found[-1]))


def parts_of(value: Any) -> Iterator[Any]:
    """The values in an argument."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from parts_of(part)
    else:
        yield value


def unexpected(fault: Exception) -> str:
    """What is said of a use of an operation that no row expects."""
    return f"a use of it that is not known: {type(fault).__name__}: {fault}"


def read_calls(
    reading: Reading,
    calls: Sequence[tuple[Any, Call]],
    rows: Mapping[str, Callable[[Reading, Call], Any]],
    values: dict[Any, Any],
    fold: Callable[[Any, Call], Any],
) -> None:
    """Every operation of a program, in its order: `values` has what each gave. What cannot be lifted is a `Hole`, and
    what needs one is too. `fold` works out what is the same for every image."""
    for key, call in calls:
        given = list(parts_of(list(call.arguments.values())))
        if any(part is HOLE for part in given):
            values[key] = HOLE
            continue
        if call.operation in CHECKS:
            continue
        reading.modules = call.modules
        images = [part for part in given if isinstance(part, Seen | Padded | Stack | Product)]
        try:
            if not images:
                values[key] = fold(key, call)
            elif call.operation in rows:
                values[key] = rows[call.operation](reading, call)
            else:
                raise Unliftable("the language has no such operation")
        except Unliftable as fault:
            reading.gaps.append(Gap(call.operation, call.modules[-1][0] if call.modules else "", str(fault)))
            values[key] = HOLE
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as fault:  # a use that no row expects
            reading.gaps.append(Gap(call.operation, call.modules[-1][0] if call.modules else "", unexpected(fault)))
            values[key] = HOLE


__all__ = [
    "HOLE",
    "Call",
    "Held",
    "Padded",
    "Product",
    "Reading",
    "Stack",
    "needed",
    "number",
    "pair",
    "parts_of",
    "read_calls",
    "size_of",
    "unexpected",
]
