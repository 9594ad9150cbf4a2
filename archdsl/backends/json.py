"""The whole network as JSON, and back.

`emit` writes every operation with its settings, operands, shapes, tensors and counts; `read` builds the network again,
through the rules of the graph, with the same hash and the same counts. One line holds one operation, so that two files
compare line by line. docs/schema/network.json is the form.

Figures are exact: a whole number is a JSON integer; any other number is a numerator over a denominator, never a float.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal, NoReturn, TypeAlias

from archdsl import __version__
from archdsl.backends import About
from archdsl.graph.blocks import Application
from archdsl.graph.cost import Row, count
from archdsl.graph.faults import RuleError
from archdsl.graph.network import Builder, Feature, Network, Node, Value
from archdsl.graph.operations import OPERATIONS, Operation
from archdsl.graph.operations.base import Attribute, Tensor
from archdsl.graph.operations.kinds import Kind, OrNone, Padding, Pair
from archdsl.graph.shapes import EXTENT_MAX, Range, Shape, Size, show, show_shape

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


Setting: TypeAlias = bool | int | str | Extents | Ratio | Sides | Band | None
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


# Writing


def emit(network: Network, about: About) -> dict[str, str]:
    """`NAME.json`: ASCII, a line for each field, block and operation."""
    fields = [f"  {json.dumps(name)}: {_lines(value)}" for name, value in asdict(document_of(network, about)).items()]
    return {f"{about.name}.json": "{\n" + ",\n".join(fields) + "\n}\n"}


def document_of(network: Network, about: About) -> Document:
    """The network and what is said of it, as plain values."""
    cost = count(network)
    convention = cost.convention
    return Document(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        archdsl=__version__,
        name=network.name,
        spec=about.spec,
        changes=list(about.changes),
        hash=network.hash,
        doc=about.doc,
        citation=dict(about.citation),
        mean=[_ratio(number) for number in about.mean],
        std=[_ratio(number) for number in about.std],
        input=_extents(network.input),
        totals=TotalsEntry(
            convention.name,
            convention.version,
            convention.unit,
            convention.params.unit,
            convention.acts.unit,
            int(cost.flops),
            int(cost.params),
            int(cost.acts),
            int(cost.buffers),
        ),
        outputs=[_place(value) for value in network.outputs],
        features=[FeatureEntry(f.name, _place(f.value), f.stride) for f in network.features],
        blocks=list(_blocks(network.root)),
        nodes=[_node(network, node, row) for node, row in zip(network.nodes, cost.rows, strict=True)],
    )


def _lines(value: Any) -> str:
    """A value on one line; a list of objects with a line for each."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n    " + ",\n    ".join([json.dumps(part) for part in value]) + "\n  ]"
    return json.dumps(value)


def _node(network: Network, node: Node, row: Row) -> NodeEntry:
    operation = node.operation
    tensors = network.tensors(node)
    return NodeEntry(
        path=node.path,
        operation=operation.name,
        settings={a.name: _setting(a.kind, getattr(operation, a.name)) for a in operation.attributes},
        operands=[_place(value) for value in node.inputs],
        shapes=[_extents(shape) for shape in node.shapes],
        parameters=[_tensor(tensor) for tensor in tensors if tensor.is_parameter],
        buffers=[_tensor(tensor) for tensor in tensors if not tensor.is_parameter],
        ledger={term: int(number) for term, number in row.ledger.terms().items()},
        cost=CostEntry(int(row.flops), int(row.params), int(row.acts), int(row.buffers)),
    )


def _tensor(tensor: Tensor) -> TensorEntry:
    return TensorEntry(tensor.name, _extents(tensor.shape), tensor.column)  # type: ignore[arg-type]


def _setting(kind: Kind, value: Any) -> Setting:
    """A setting in canonical form. A number that carries a formula is its value."""
    if isinstance(kind, OrNone):
        kind = kind.kind
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Range):
        return Band(int(value.lo), int(value.hi))
    if isinstance(value, tuple):
        return Sides(*_extents(value)) if isinstance(kind, Padding) else _extents(value)
    return _ratio(value) if isinstance(value, Fraction) else int(value)


def _blocks(application: Application) -> Iterator[BlockEntry]:
    for step in application.steps:
        if isinstance(step.applied, Application):
            block = step.applied
            nodes = list(_nodes(block))
            if nodes:
                yield BlockEntry(block.path, block.declared.name, block.declared.module, min(nodes), max(nodes))
            yield from _blocks(block)


def _nodes(application: Application) -> Iterator[int]:
    for step in application.steps:
        if isinstance(step.applied, int):
            yield step.applied
        else:
            yield from _nodes(step.applied)


def _ratio(value: Fraction) -> Ratio:
    return Ratio(value.numerator, value.denominator)


def _extents(shape: Shape) -> Extents:
    return [int(extent) for extent in shape]


def _place(value: Value) -> Place:
    return value.node, value.output


# Reading

MAX_MESSAGE = 300
"""Characters of a stranger's text that a message shows."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
PATH = re.compile(rf"(?:{NAME.pattern}|[0-9]+)(?:\.(?:{NAME.pattern}|[0-9]+))*", re.ASCII)
"""Names and places joined by dots. What is read may be written as code: no other text comes in as a path."""


def read(text: str) -> Network:
    """The network of a file that `emit` wrote: with the same hash and the same counts, without the blocks' tree.

    Raises ValueError, with the place, for anything else: no JSON, another format, a setting or a shape that the graph's
    rules refuse, a reference to what does not stand before it, shapes or a hash that are not the network's own.
    """
    document = _fields(_parse(text), "the file")
    if document.get("format") != FORMAT:
        raise ValueError(f"this is no network: its format must be {show(FORMAT)}, not {_shown(document.get('format'))}")
    version = document.get("format_version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise ValueError(f"this archdsl reads version {FORMAT_VERSION} of the format, not {_shown(version)}")
    builder = Builder(_read_shape(_get(document, "input", "the file"), "input"))
    nodes = _list(_get(document, "nodes", "the file"), "nodes")
    for index, entry in enumerate(nodes):
        _read_node(builder, entry, f"node {index}")
    outputs = [
        _read_value(builder, part, "outputs") for part in _list(_get(document, "outputs", "the file"), "outputs")
    ]
    if not outputs:
        raise ValueError("outputs: a network has one or more")
    features = [_read_feature(builder, part) for part in _list(_get(document, "features", "the file"), "features")]
    network = builder.finish(_name(document, "name", "the file", NAME), outputs, features)
    if len(network.nodes) != len(nodes):
        raise ValueError(f"of {len(nodes)} nodes only {len(network.nodes)} lead to an output or a feature")
    expected = _get(document, "hash", "the file")
    if network.hash != expected:
        raise ValueError(f"hash: it is {_shown(expected)}, and the network that stands here has {show(network.hash)}")
    return network


def _parse(text: str) -> object:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name stands twice in an object")
        return found

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no number")

    try:
        parsed: object = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except RecursionError:
        raise ValueError("this is no JSON of ours: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"this is no JSON of ours: {error}") from None
    return parsed


def _read_node(builder: Builder, entry: object, place: str) -> None:
    fields = _fields(entry, place)
    path = _name(fields, "path", place, PATH)
    place = f"{place}, {path}"
    name = _get(fields, "operation", place)
    found = OPERATIONS.get(name) if isinstance(name, str) else None
    if found is None:
        raise ValueError(f"{place}: there is no operation {_shown(name)}")
    settings = _fields(_get(fields, "settings", place), f"{place}, settings")
    attributes = {attribute.name: attribute for attribute in found.attributes}
    values = {
        key: _read_setting(attributes[key], value, f"{place}, {key}") if key in attributes else value
        for key, value in settings.items()
    }
    operands = [
        _read_value(builder, part, f"{place}, operands") for part in _list(_get(fields, "operands", place), place)
    ]
    try:
        operation: Operation = found.bind(values)
        outputs = builder.apply(operation, operands, path)
    except RuleError as error:
        raise ValueError(f"{place}: {_visible(error.message)}") from None
    shapes = _list(_get(fields, "shapes", place), place)
    expected = tuple([_read_shape(shape, f"{place}, shapes") for shape in shapes])
    shaped = tuple([builder.shape(value) for value in outputs])
    if shaped != expected:
        wrong, right = (", ".join(map(show_shape, some)) or "nothing" for some in (expected, shaped))
        raise ValueError(f"{place}: the shapes are {wrong}, and {operation.name} makes {right}")


def _read_setting(attribute: Attribute, value: object, place: str) -> object:
    """A setting as a value of the language, which the operation then checks."""
    kind = attribute.kind.kind if isinstance(attribute.kind, OrNone) else attribute.kind
    if isinstance(value, list):
        whole = tuple([_whole(part, place) for part in value])
        return Size(whole) if isinstance(kind, Pair) else whole
    if isinstance(value, dict):
        parts = {name: _whole(part, place) for name, part in value.items()}
        match parts:
            case {"numerator": numerator, "denominator": denominator, **rest} if not rest and denominator > 0:
                return Fraction(numerator, denominator)
            case {"first": first, "last": last, **rest} if not rest:
                return Range(first, last)
            case {"top": top, "bottom": bottom, "left": left, "right": right, **rest} if not rest:
                return top, bottom, left, right
        raise ValueError(
            f"{place}: an object is numerator and denominator, first and last, or top, bottom, left, right"
        )
    if isinstance(value, float):
        raise ValueError(f"{place}: {value!r} is not exact; write a numerator and a denominator")
    return value


def _read_value(builder: Builder, entry: object, place: str) -> Value:
    parts = _list(entry, place)
    if len(parts) != 2:
        raise ValueError(f"{place}: a value is [node, output]")
    node, output = _whole(parts[0], place), _whole(parts[1], place)
    if not -1 <= node < len(builder.nodes):
        raise ValueError(f"{place}: node {node} does not stand before its use")
    outputs = len(builder.nodes[node].shapes) if node >= 0 else 1
    if not 0 <= output < outputs:
        raise ValueError(f"{place}: node {node} has no output {output}")
    return Value(node, output)


def _read_feature(builder: Builder, entry: object) -> Feature:
    fields = _fields(entry, "features")
    stride = _get(fields, "stride", "features")
    if stride is not None and _whole(stride, "features, stride") < 1:
        raise ValueError("features, stride: it is at least 1, or null")
    value = _read_value(builder, _get(fields, "value", "features"), "features")
    return Feature(_name(fields, "name", "features", NAME), value, stride)  # type: ignore[arg-type]


def _read_shape(entry: object, place: str) -> Shape:
    extents = tuple([_whole(extent, place) for extent in _list(entry, place)])
    if len(extents) not in (1, 3) or not all(1 <= extent <= EXTENT_MAX for extent in extents):
        raise ValueError(f"{place}: a shape has 1 or 3 extents from 1 to {EXTENT_MAX}")
    return extents


def _fields(value: object, place: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{place}: this must be an object, not {_shown(value)}")
    return value


def _get(fields: dict[str, object], name: str, place: str) -> object:
    if name not in fields:
        raise ValueError(f"{place}: {name} is missing")
    return fields[name]


def _list(value: object, place: str) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"{place}: this must be a list, not {_shown(value)}")
    return value


def _whole(value: object, place: str) -> int:
    if type(value) is not int:
        raise ValueError(f"{place}: this must be a whole number, not {_shown(value)}")
    return value


def _name(fields: dict[str, object], name: str, place: str, pattern: re.Pattern[str]) -> str:
    value = _get(fields, name, place)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        wanted = "names and numbers joined by dots" if pattern is PATH else "letters, digits and underscores"
        raise ValueError(f"{place}: the {name} must be {wanted}, not {_shown(value)}")
    return value


def _shown(value: object) -> str:
    """A value of a stranger's file for a message."""
    if value is None or isinstance(value, bool | int | str):
        return _visible(show(value))
    return {dict: "an object", list: "a list", float: "a float"}.get(type(value), "something else")


def _visible(text: str) -> str:
    """A text that may hold a stranger's words: short, and with nothing that a terminal acts on."""
    shown = "".join([char if char.isprintable() else ascii(char)[1:-1] for char in text[:MAX_MESSAGE]])
    return shown + "…" if len(text) > MAX_MESSAGE else shown


__all__ = ["FORMAT", "FORMAT_VERSION", "Document", "document_of", "emit", "read", "schema"]
