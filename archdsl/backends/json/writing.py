"""A network as the text of a JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

from archdsl import __version__
from archdsl.backends import About
from archdsl.backends.json.document import (
    FORMAT,
    FORMAT_VERSION,
    Band,
    BlockEntry,
    CostEntry,
    Document,
    Extents,
    FeatureEntry,
    NodeEntry,
    Place,
    Ratio,
    Setting,
    Sides,
    Start,
    TensorEntry,
    TotalsEntry,
)
from archdsl.graph.blocks import Application
from archdsl.graph.cost import Row, count
from archdsl.graph.initializers import Initializer
from archdsl.graph.network import Network, Node, Value
from archdsl.graph.operations.base import Tensor
from archdsl.graph.operations.kinds import Kind, OrNone, Padding
from archdsl.graph.shapes import Range, Shape


def emit(network: Network, about: About) -> dict[str, str]:
    """`NAME.json`: ASCII, a line for each field, block and operation."""
    document = document_of(network, about)
    lines = [f"  {json.dumps(field.name)}: {_lines(getattr(document, field.name))}" for field in fields(document)]
    return {f"{about.name}.json": "{\n" + ",\n".join(lines) + "\n}\n"}


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
        output_names=list(network.output_names),
        features=[FeatureEntry(f.name, _place(f.value), f.stride) for f in network.features],
        blocks=list(_blocks(network.root)),
        nodes=[_node(network, node, row) for node, row in zip(network.nodes, cost.rows, strict=True)],
    )


def _lines(value: Any) -> str:
    """A value on one line; a list of objects with a line for each."""
    if isinstance(value, list) and value and is_dataclass(value[0]):
        return "[\n    " + ",\n    ".join([_ENCODER.encode(part) for part in value]) + "\n  ]"
    return _ENCODER.encode(value)


def _by_field(entry: Any) -> dict[str, Any]:
    """An entry of the document, field by field; its parts are not copied, as `asdict` would."""
    return {field.name: getattr(entry, field.name) for field in fields(entry)}


_ENCODER = json.JSONEncoder(default=_by_field)


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
    if isinstance(value, Initializer):
        return Start(value.kind, _ratio(Fraction(value.scale)))  # type: ignore[arg-type]
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
