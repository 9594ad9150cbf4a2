"""The form of the file that a network is written as: one class for each kind of object in it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeAlias

from archdsl.records import dataclass

FORMAT: Literal["archdsl network"] = "archdsl network"
FORMAT_VERSION: Literal[1] = 1
"""Grows when a reader of the last version would misread a file."""

DOCUMENTED: dict[str, Any] = {"use_attribute_docstrings": True}

Extents: TypeAlias = list[int]
Place: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Ratio:
    """An exact number: numerator / denominator."""

    numerator: int
    denominator: int


@dataclass(frozen=True)
class Sides:
    """Zeros on each side of a map."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True)
class Band:
    """Consecutive channels, counted from 0, first and last included."""

    first: int
    last: int


@dataclass(frozen=True)
class Start:
    """How a learned tensor starts."""

    distribution: Literal["constant", "normal"]
    amount: Ratio
    """The number that all elements are, or the standard deviation."""


Setting: TypeAlias = bool | int | str | Extents | Ratio | Sides | Band | Start | None
"""The value of a setting; a list is [height, width], or the list of whole numbers that the setting asks for."""


@dataclass(frozen=True)
class TensorEntry:
    """A parameter or buffer."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    name: str
    """Its name in PyTorch, below the path of its operation."""
    shape: Extents
    """Empty for a single number."""
    kind: Literal["weights", "biases", "norm_parameters", "other_parameters", "running_statistics", "counters"]
    """The term of the ledger that its elements are counted in."""


@dataclass(frozen=True)
class CostEntry:
    """Counts in the convention of `totals`, for one image."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    flops: int
    params: int
    acts: int
    buffers: int
    """Stored elements that are not learned."""


@dataclass(frozen=True)
class NodeEntry:
    """An operation applied to values."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    path: str
    """Its module path."""
    operation: str
    """Its name in the language's module std.ops."""
    settings: dict[str, Setting]
    """All of them, defaults too, in canonical form."""
    operands: list[Place]
    """Pairs [node, output], in their order; a node is an earlier place in `nodes`, and -1 is the network's input."""
    shapes: list[Extents]
    """Of the outputs: channels, height, width, or the extent of a vector; without the batch."""
    parameters: list[TensorEntry]
    """What is learned, in PyTorch's order."""
    buffers: list[TensorEntry]
    """What is stored and not learned, in PyTorch's order."""
    ledger: dict[str, int]
    """What is computed and stored, term by term, in no convention; a term that is missing is 0."""
    cost: CostEntry


@dataclass(frozen=True)
class BlockEntry:
    """A block of the text that operations were made by."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    path: str
    block: str
    """Its name in the language."""
    module: str
    """The module that declares it."""
    first: int
    """The place in `nodes` of its first operation."""
    last: int
    """The place in `nodes` of its last operation."""


@dataclass(frozen=True)
class FeatureEntry:
    """A value that the network gives out under a name."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    name: str
    value: Place
    stride: int | None
    """To the input, where it has one."""


@dataclass(frozen=True)
class TotalsEntry:
    """The sums of all operations' counts, and what is counted."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    convention: str
    convention_version: str
    flops_unit: str
    params_unit: str
    acts_unit: str
    flops: int
    params: int
    acts: int
    buffers: int
    """Stored elements that are not learned."""


@dataclass(frozen=True)
class Document:
    """A resolved network: `NAME.json`, as `archdsl emit` writes it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    format: Literal["archdsl network"]
    format_version: Literal[1]
    archdsl: str
    """The version of archdsl."""
    name: str
    """The model's."""
    spec: str
    """The file that it was compiled from, as given."""
    changes: list[str]
    """What was changed on the way, as given."""
    hash: str
    """A digest of what the network computes; layout and names do not change it."""
    doc: str
    """The comment above the model."""
    citation: dict[str, str]
    """The model's source: paper, table, code, …"""
    mean: list[Ratio]
    """Of the images that the model is made for, a channel; empty where the model does not say."""
    std: list[Ratio]
    input: Extents
    """Channels, height, width."""
    totals: TotalsEntry
    outputs: list[Place]
    """Pairs [node, output]."""
    output_names: list[str]
    """A name for each output; empty where they have none."""
    features: list[FeatureEntry]
    blocks: list[BlockEntry]
    """The outer before the inner; a reader can do without."""
    nodes: list[NodeEntry]
    """In an order in which every operand stands before its use."""


def schema() -> dict[str, Any]:
    """The JSON schema of the file."""
    from pydantic import TypeAdapter

    found = TypeAdapter(Document).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
