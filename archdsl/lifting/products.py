"""Products of matrices, and attention that is written as two of them with shares of 1 between."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archdsl.lifting.attention import attention, matmul
from archdsl.lifting.axes import Seen, permuted, size_of
from archdsl.lifting.elements import arithmetic
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Call, Held, Product, Reading, Row, parts_of
from archdsl.lifting.reductions import softmax

SAME = {"identity", "clone", "contiguous", "alias", "detach", "to", "_to_copy"}


def product(reading: Reading, call: Call) -> Any:
    """A product of matrices; attention, where one side is the shares of 1 of another product."""
    a = call["self"]
    b = call["other"] if call["other"] is not None else call["mat2"]
    if isinstance(a, Product):
        return _attended(reading, call, a, b)
    if not isinstance(a, Seen) or not isinstance(b, Seen) or min(len(a.dims), len(b.dims)) < 3:
        return matmul(reading, _worked_out(reading, call))
    if not reading.split:
        try:
            return matmul(reading, call)
        except Unliftable:  # in no layout of ours; as a part of attention it may be
            pass
    return Product(a, b)


def _attended(reading: Reading, call: Call, a: Product, b: Any) -> Any:
    if a.shares and isinstance(b, Seen):
        try:
            return _attention(reading, call, a, b)
        except Unliftable:  # attention of a form that ours does not have
            pass
    arguments = {key: _value(reading, call, one) for key, one in (("self", a), ("other", b))}
    return matmul(reading, replace(call, operation="matmul", arguments=arguments))


def _attention(reading: Reading, call: Call, a: Product, values: Seen) -> Any:
    query, first = _unscaled(reading, a.first)
    keys, second = _unscaled(reading, a.second)
    last = len(keys.dims) - 1
    keys = permuted(keys, [*range(last - 1), last, last - 1])
    factor, plainly = a.factor * first * second, size_of(query.dims[-1]) ** -0.5
    arguments = {
        "query": query,
        "key": keys,
        "value": values,
        "attn_mask": a.added,
        "scale": None if math.isclose(factor, plainly, rel_tol=reading.rounding) else factor,
    }
    return attention(reading, replace(call, operation="scaled_dot_product_attention", arguments=arguments))


def _unscaled(reading: Reading, seen: Seen) -> tuple[Seen, float]:
    """A value without the factor that it was multiplied by, and that."""
    node = reading.made_by(seen.value, "scale")
    if node is None:
        return seen, 1.0
    return Seen(node.inputs[0], seen.axes, seen.dims), float(node.operation.factor)  # type: ignore[attr-defined]


def step(call: Call) -> Product | None:
    """A product with a factor, with what is added to it, or as shares of 1; none where it is something else."""
    parts = call["self"], call["other"]
    given = next((part for part in (*parts, call["input"]) if isinstance(part, Product)), None)
    if given is None:
        return None
    if call.operation in SAME or (call.operation == "dropout" and not call["p"]):
        return given
    if given.shares:
        return None
    other = parts[1] if parts[0] is given else parts[0]
    if call.operation.endswith("softmax"):
        last = int(call["dim"]) in (-1, len(given.first.dims) - 1)
        return replace(given, shares=True) if last else None
    number = _number(other)
    if call.operation in ("mul", "div") and number is not None and given.added is None:
        if call.operation == "div" and (other is parts[0] or number == 0):
            return None
        return replace(given, factor=given.factor * number if call.operation == "mul" else given.factor / number)
    learned = isinstance(other, Seen) or (isinstance(other, Held) and other.learned)
    if call.operation == "add" and learned and given.added is None:
        return replace(given, added=other)
    return None


def _number(part: Any) -> float | None:
    if isinstance(part, Held) and not part.learned and part.tensor.numel() == 1:
        return float(part.tensor)
    return float(part) if isinstance(part, int | float) else None


def stepping(row: Row) -> Row:
    """A row that takes values alone, for products too: they go on as products where they may, or are worked out."""

    def taken(reading: Reading, call: Call) -> Any:
        if not any(isinstance(part, Product) for part in parts_of(list(call.arguments.values()))):
            return row(reading, call)
        found = step(call)
        return row(reading, _worked_out(reading, call)) if found is None else found

    return taken


def _worked_out(reading: Reading, call: Call) -> Call:
    arguments = {key: _value(reading, call, one) for key, one in call.arguments.items()}
    return replace(call, arguments=arguments)


def _value(reading: Reading, call: Call, part: Any) -> Any:
    """A product as a value of its own."""
    if isinstance(part, list):
        return [_value(reading, call, one) for one in part]
    if not isinstance(part, Product):
        return part
    found = matmul(reading, _of(call, "matmul", {"self": part.first, "other": part.second}))
    if part.factor != 1:
        found = arithmetic("mul")(reading, _of(call, "mul", {"self": found, "other": part.factor}))
    if part.added is not None:
        found = arithmetic("add")(reading, _of(call, "add", {"self": found, "other": part.added}))
    return softmax(reading, _of(call, "softmax", {"self": found, "dim": -1})) if part.shares else found


def _of(call: Call, operation: str, arguments: Mapping[str, Any]) -> Call:
    return replace(call, operation=operation, arguments=arguments)


__all__ = ["product", "stepping"]
