# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""What every primitive operation is: one frozen class that holds all that the compiler knows of it.

An instance is a configured operation; its fields are its settings. The class states the settings (name,
kind, default, one line of text), the shape rule (`infer`), the cost rule (`cost`), the parameters
(`tensors`), what autograd keeps (`saved`), and what it does to channels and strides. The decorator
`operation` makes the dataclass and enters it into `OPERATIONS`; a class that lacks a rule cannot be made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

from archdsl.graph.faults import RuleError
from archdsl.graph.ledger import Ledger
from archdsl.graph.operations.kinds import Kind
from archdsl.graph.shapes import Dim, Shape, differ, is_one, noun, show_shape
from archdsl.records import dataclass


class _Required:
    __slots__ = ()

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()
"""The default of an attribute that has none."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A setting of an operation. `default` is a value of the language, or `REQUIRED`."""

    name: str
    kind: Kind
    default: Any
    doc: str

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is REQUIRED


@dataclass(frozen=True, slots=True)
class Tensor:
    """A parameter or buffer of an operation: its name in PyTorch, its shape, and its ledger column."""

    name: str
    shape: Shape
    column: str

    @property
    def is_parameter(self) -> bool:
        """Whether it is learned; else it is a buffer."""
        return self.column not in ("running_statistics", "counters")


@dataclass(frozen=True, slots=True)
class Saved:
    """What PyTorch's autograd keeps of one operation for the backward pass, beyond parameters.

    `inputs` and `outputs` are the positions of kept tensors. The rest is extra: `values`, `indices`
    (int64) and `masks` (one byte) count elements for each image, `statistics` elements for each batch.
    `crossed` are the positions, of two inputs, of those that are kept for the other's gradient alone.
    """

    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    values: Dim = 0
    indices: Dim = 0
    masks: Dim = 0
    statistics: Dim = 0
    crossed: tuple[int, ...] = ()


NOTHING_SAVED = Saved()
INPUT_SAVED = Saved(inputs=(0,))
OUTPUT_SAVED = Saved(outputs=(0,))


class Operation:
    """A configured primitive operation."""

    __slots__ = ()

    name: ClassVar[str]
    """The name in the language's module `std.ops`."""
    arity: ClassVar[int | None] = 1
    """The number of inputs; none: one or more."""
    optional: ClassVar[int] = 0
    """How many inputs it may have beyond that number."""
    leading: ClassVar[str | None] = None
    """The setting that may be given without its name."""
    commutative: ClassVar[bool] = False
    """Whether the order of inputs is without meaning."""
    folds: ClassVar[bool] = False
    """Whether several operands are joined two by two, from the first on: `add(a, b, c)` is `a + b + c`."""
    among: ClassVar[str | None] = None
    """The operation in its place where several values flow in and nothing says what it goes over: it goes over them,
    element by element."""
    views: ClassVar[bool] = False
    """Whether the outputs share the input's memory; at inference at least, see `shares_memory`."""
    training_only: ClassVar[bool] = False
    """Whether it acts in training alone: at inference it hands on its input."""
    learned: ClassVar[bool] = False
    """Whether its output is its parameter, the same for every image: it takes no memory beside the weights. What such
    an operation has as its input is without meaning, but for the number of images."""
    takes_size: ClassVar[bool] = False
    """Whether the last input says how high and wide the output is, and nothing else."""
    lists: ClassVar[bool] = False
    """Whether it gives a list of outputs, also where that is a list of one."""
    later: ClassVar[Mapping[str, Any]] = {}
    """Settings that the operation got later, each with the value for what it did before: with that one they are no part
    of the hash, which stays as it was."""
    counts_channels: ClassVar[bool] = False
    """Whether its settings fit one number of input channels, so that it refuses another or means something else."""
    attributes: ClassVar[tuple[Attribute, ...]] = ()

    @classmethod
    def takes(cls, inputs: int) -> bool:
        """Whether it takes so many inputs."""
        return inputs >= 1 if cls.arity is None else 0 <= inputs - cls.arity <= cls.optional

    @property
    def mixes(self) -> bool:
        """Whether every output channel is a weighted sum over all input channels, however many those are."""
        return False

    def stride_behind(self, stride: int) -> int | None:
        """The nominal stride of the outputs behind an input of a stride; none without places in the image."""
        return stride

    @property
    def kind(self) -> str:
        """The name under which conventions count it: the name, or finer where a tool tells more apart."""
        return self.name

    @property
    def constants(self) -> tuple[tuple[str, Any], ...]:
        """All settings by name, in canonical form: what two equal operations agree on."""
        return tuple((attribute.name, getattr(self, attribute.name)) for attribute in self.attributes)

    def shares_memory(self, training: bool) -> bool:
        """Whether the outputs share the input's memory."""
        return self.views

    @classmethod
    def bind(cls, settings: Mapping[str, Any]) -> Self:
        """The operation with these settings, checked, and with the defaults of the others.

        Raises E301, E302, E303 for a value, E305 for padding, E306 for a missing or unknown setting.
        """
        values = dict(cls._defaults)
        for name, value in settings.items():
            kind = cls._kinds.get(name)
            if kind is None:
                known = ", ".join(cls._kinds) or "none"
                raise RuleError("E306", f"{cls.name} has no setting {name}; it has {known}", attribute=name)
            values[name] = kind.check(name, value)
        for name in cls._required:
            if name not in settings:
                raise RuleError("E306", f"{cls.name} needs {name}", attribute=name, help=f"{cls.name}({name}: …)")
        cls.settle(values)
        return cls(**values)

    _defaults: ClassVar[dict[str, Any]]
    _kinds: ClassVar[dict[str, Kind]]
    _required: ClassVar[tuple[str, ...]]

    @classmethod
    def words(cls, setting: str) -> Mapping[str, Any]:
        """What the expression of a setting sees beside all other names."""
        kind = cls._kinds.get(setting)
        return kind.words if kind is not None else {}

    @classmethod
    def settle(cls, values: dict[str, Any]) -> None:
        """Check settings against each other and bring them into canonical form, in place."""

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shapes of the outputs, without the batch: (C, H, W), (C, N) or (C,). Raises E304 and E401 to E404.

        The shapes are those of the module of the same name in `torch.nn`, but that of tokens has their number first.
        """
        raise NotImplementedError

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """The terms, for one image: counts of elements and of multiply-adds, which a convention weighs."""
        raise NotImplementedError

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """The parameters and buffers, in PyTorch's order."""
        return ()

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """What autograd keeps for the backward pass, as PyTorch's `derivatives.yaml` and its kernels have it."""
        raise NotImplementedError


OPERATIONS: dict[str, type[Operation]] = {}
"""All primitive operations, by their name in `std.ops`."""

AnyOperation = TypeVar("AnyOperation", bound=Operation)


def attribute(kind: Kind, doc: str, default: Any = REQUIRED, *, settled: bool = False) -> Any:
    """A field that is a setting. With `settled`, the canonical form of the default depends on other settings."""
    metadata = {"attribute": (kind, doc, default)}
    if default is REQUIRED or settled:
        return field(metadata=metadata)
    return field(default=kind.check("default", default), metadata=metadata)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(attribute,))
def operation(cls: type[AnyOperation]) -> type[AnyOperation]:
    """Make a class a frozen dataclass with its table of attributes, and enter it into `OPERATIONS`."""
    made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    table = tuple(
        Attribute(entry.name, kind, default, doc)
        for entry in fields(made)  # type: ignore[arg-type]
        for kind, doc, default in [entry.metadata["attribute"]]
    )
    for rule in ("infer", "cost", "saved"):
        if getattr(made, rule) is getattr(Operation, rule):
            raise TypeError(f"{made.__name__} lacks the rule {rule}")
    made.attributes = table
    made._kinds = {entry.name: entry.kind for entry in table}
    made._required = tuple(entry.name for entry in table if entry.required)
    made._defaults = {e.name: e.kind.check(e.name, e.default) for e in table if not e.required}
    if made.name in OPERATIONS:
        raise TypeError(f"there are two operations {made.name}")
    OPERATIONS[made.name] = made
    return made


def need_map(name: str, shape: Shape) -> tuple[Dim, Dim, Dim]:
    """Channels, height and width of a map; E403 for a vector and for tokens."""
    if len(shape) != 3:
        raise RuleError(
            "E403",
            f"{name} needs a map of channels x height x width and got {noun(shape)} of {show_shape(shape)}",
            help=f"move {name} before {'flatten' if len(shape) == 1 else 'tokens'}",
        )
    return shape[0], shape[1], shape[2]


def need_tokens(name: str, shape: Shape) -> tuple[Dim, Dim]:
    """Channels and number of tokens; E403 for a map and for a vector."""
    if len(shape) != 2:
        raise RuleError(
            "E403",
            f"{name} needs tokens of channels x number and got {noun(shape)} of {show_shape(shape)}",
            help=f"put tokens before {name}" if len(shape) == 3 else f"move {name} to where the tokens are",
        )
    return shape[0], shape[1]


def axes_of(name: str, over: str, shape: Shape) -> tuple[int, ...]:
    """The positions in a shape of what an operation goes over: channels, space, height, width, or tokens. Raises E403
    where the shape has none such."""
    if over == "tokens":
        need_tokens(name, shape)
    elif over != "channels":
        need_map(name, shape)
    return {"channels": (0,), "tokens": (1,), "height": (1,), "width": (2,), "space": (1, 2)}[over]


def refuse_tokens(name: str, shape: Shape, help: str) -> None:
    """E403 for tokens."""
    if len(shape) == 2:
        raise RuleError("E403", f"{name} needs a map or a vector and got tokens of {show_shape(shape)}", help=help)


def need_joint(name: str, a: Shape, b: Shape) -> Shape:
    """The shape of two values taken together: an extent of 1 is repeated as often as the other asks. E401 where they
    have not as many dimensions, or where two extents differ and neither is 1."""
    joint = [_joint(one, other) for one, other in zip(a, b, strict=True)] if len(a) == len(b) else [None]
    if any(extent is None for extent in joint):
        raise RuleError(
            "E401",
            f"{name} needs equal shapes, or an extent of 1 where they differ, and got {show_shape(a)} and "
            f"{show_shape(b)}",
        )
    return tuple(joint)


def _joint(a: Dim, b: Dim) -> Dim | None:
    """The extent of both. A plain 1 is looked at first, so that nothing is decided on a formula beside it."""
    if isinstance(a, int) and a == 1:
        return b
    if (isinstance(b, int) and b == 1) or not differ(a, b):
        return a
    return b if is_one(a) else a if is_one(b) else None
