"""What is done element by element, and arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from archdsl.lifting.axes import Seen
from archdsl.lifting.curves import fused
from archdsl.lifting.layouts import (
    broadcast,
    one_value,
)
from archdsl.lifting.learned import is_of_channels, parameter_like, start_of
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.normed import normed
from archdsl.lifting.reading import Call, Held, Padded, Reading, Row, number
from archdsl.lifting.stacks import beside


def elementwise(name: str, **settings: str) -> Row:
    """An operation that keeps the shape; settings of ours, each with the argument that gives it."""

    def row(reading: Reading, call: Call) -> Any:
        seen = call["self"] if call["self"] is not None else call["input"]
        given = {ours: call[theirs] for ours, theirs in settings.items() if call[theirs] is not None}
        told = {ours: value if isinstance(value, str) else number(value) for ours, value in given.items()}
        return reading.kept(name, one_value(seen), told)

    return row


def hardtanh(reading: Reading, call: Call) -> Any:
    """`relu6`."""
    low, high = call["min_val"], call["max_val"]
    low, high = (-1 if low is None else low), (1 if high is None else high)
    if call.operation.startswith("clamp"):
        low, high = call["min"], call["max"]
    if low == 0 and high is None:
        return reading.kept("relu", one_value(call["self"]))
    if (low, high) != (0, 6):
        ends = " and ".join([str(end) for end in (low, high) if end is not None])
        raise Unliftable(f"values are cut at {ends}, and the language has cuts at 0 and at 0 and 6")
    return reading.kept("relu6", one_value(call["self"]))


def elu(reading: Reading, call: Call) -> Any:
    """`elu`."""
    if call["scale"] not in (None, 1) or call["input_scale"] not in (None, 1):
        raise Unliftable("an ELU with scales")
    return reading.kept(
        "elu", one_value(call["self"]), {"alpha": number(1 if call["alpha"] is None else call["alpha"])}
    )


def softplus(reading: Reading, call: Call) -> Any:
    """`softplus`."""
    if call["beta"] not in (None, 1) or call["threshold"] not in (None, 20):
        raise Unliftable("a softplus of another sharpness")
    return reading.kept("softplus", one_value(call["self"]))


def drops(name: str, argument: str) -> Row:
    """What acts in training alone; nothing at a rate of 0."""

    def row(reading: Reading, call: Call) -> Any:
        seen, rate = call["input"] if call["input"] is not None else call["self"], float(call[argument] or 0)
        if rate == 0:
            return seen
        return reading.kept(name, one_value(seen), {"rate": number(rate)})

    return row


def arithmetic(name: str) -> Row:
    """`add`, `sub`, `mul`, `div` of two values, of a value and a number, or of one and a learned tensor."""

    def row(reading: Reading, call: Call) -> Any:
        a, b = call["self"], call["other"]
        alpha = call["alpha"]
        if alpha not in (None, 1):
            raise Unliftable("a summand with a factor")
        if call["rounding_mode"] is not None:
            raise Unliftable("a quotient that is rounded")
        one, two = _operand(a), _operand(b)
        parts = beside(reading, name, one, two)
        if parts is not None:
            return parts
        if isinstance(one, Seen) and isinstance(two, Seen):
            return fused(reading, broadcast(reading, name, one, two))
        if isinstance(one, Seen):
            return _with_constant(reading, name, one, two, first=True)
        if isinstance(two, Seen):
            return _with_constant(reading, name, two, one, first=False)
        raise Unliftable("nothing flows in")

    return row


def _operand(value: Any) -> Any:
    if isinstance(value, Padded):
        return one_value(value)
    if isinstance(value, Held) and value.tensor.numel() == 1 and not value.learned:
        return float(value.tensor)
    return value


def _with_constant(reading: Reading, name: str, seen: Seen, other: Any, *, first: bool) -> Any:
    if isinstance(other, int | float):
        return _with_number(reading, name, seen, number(other), first=first)
    if not isinstance(other, Held):
        raise Unliftable("an operand that is neither a tensor nor a number")
    if not other.learned:
        raise Unliftable("a constant tensor, which the language does not have")
    axis = is_of_channels(seen, other)
    if name == "mul" and axis:
        start = start_of(reading, other)
        settings = {"init": start} if isinstance(start, Fraction) else {}
        flat = Held(other.tensor.reshape(-1), other.names, True)
        return reading.kept("layer_scale", seen, settings, {"weight": flat})
    whole = normed(reading, seen, other) if name == "add" and axis else None
    if whole is not None:
        return whole
    learned = parameter_like(reading, seen, other)
    return broadcast(reading, name, *((seen, learned) if first else (learned, seen)))


def _with_number(reading: Reading, name: str, seen: Seen, value: Fraction, *, first: bool) -> Any:
    if name == "mul":
        return seen if value == 1 else fused(reading, reading.kept("scale", seen, {"factor": value}))
    if name == "add":
        return seen if value == 0 else reading.kept("affine", seen, {"term": value})
    if name == "sub":
        if first:
            return seen if value == 0 else reading.kept("affine", seen, {"term": -value})
        return reading.kept("affine", seen, {"factor": Fraction(-1), "term": value})
    if first:
        return seen if value == 1 else fused(reading, reading.kept("scale", seen, {"factor": 1 / value}))
    return reading.kept("reciprocal", seen, {"numerator": value})


def negative(reading: Reading, call: Call) -> Any:
    """`scale(-1)`."""
    return reading.kept("scale", one_value(call["self"]), {"factor": Fraction(-1)})


def power(reading: Reading, call: Call) -> Any:
    """`square`, `sqrt`, and the third power as a square times the value."""
    exponent = call["exponent"]
    if exponent == 3:
        seen = one_value(call["self"])
        return broadcast(reading, "mul", reading.kept("square", seen), seen)
    name = {2: "square", 0.5: "sqrt"}.get(exponent)
    if name is None:
        raise Unliftable(f"a power of {exponent}")
    return reading.kept(name, one_value(call["self"]))


def extremum(name: str) -> Row:
    """`maximum`, `minimum` of two values."""

    def row(reading: Reading, call: Call) -> Any:
        if not isinstance(call["self"], Seen) or not isinstance(call["other"], Seen):
            raise Unliftable("of a value and a constant")
        return broadcast(reading, name, call["self"], call["other"])

    return row
