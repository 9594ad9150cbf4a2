"""The text of a JSON file as a network, built again through the rules of the graph.

A file may be a stranger's: what does not follow the form is a ValueError that names the place, and a
message shows of the file's words nothing that a terminal acts on.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import NoReturn

from archdsl.backends.json.document import FORMAT, FORMAT_VERSION
from archdsl.graph.faults import RuleError
from archdsl.graph.initializers import Initializer
from archdsl.graph.network import Builder, Feature, Network, Value
from archdsl.graph.operations import OPERATIONS, Operation
from archdsl.graph.operations.base import Attribute
from archdsl.graph.operations.kinds import OrNone, Pair
from archdsl.graph.shapes import EXTENT_MAX, Range, Shape, Size, show, show_shape

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
    names = [
        _name({"name": part}, "name", "output_names", NAME)
        for part in _list(document.get("output_names", []), "output_names")
    ]
    if names and len(names) != len(outputs):
        raise ValueError(f"output_names: there are {len(outputs)} outputs, and {len(names)} names")
    if len(set(names)) < len(names):
        raise ValueError("output_names: each name stands for one output")
    network = builder.finish(_name(document, "name", "the file", NAME), outputs, features, tuple(names))
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
    if isinstance(value, dict) and "distribution" in value:
        amount = _read_setting(attribute, _get(value, "amount", place), f"{place}, amount")
        if value["distribution"] not in ("constant", "normal") or not isinstance(amount, Fraction) or len(value) > 2:
            raise ValueError(f'{place}: a start has the distribution "constant" or "normal" and an exact amount')
        return Initializer(str(value["distribution"]), amount)
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
            f"{place}: an object is numerator and denominator, first and last, top, bottom, left, right, or "
            "distribution and amount"
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
    if not 1 <= len(extents) <= 3 or not all(1 <= extent <= EXTENT_MAX for extent in extents):
        raise ValueError(f"{place}: a shape has 1 to 3 extents from 1 to {EXTENT_MAX}")
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
