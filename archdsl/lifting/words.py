"""Values and operations as the language writes them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from archdsl.analysis.labels import OF_TENSORS
from archdsl.analysis.prelude import PRELUDE
from archdsl.graph.faults import RuleError
from archdsl.graph.operations.activations import Elementwise
from archdsl.graph.operations.base import Operation
from archdsl.graph.operations.convolution import settle_padding
from archdsl.graph.operations.kinds import Axis, Kind, OrNone, Padding, Pair, Wholes
from archdsl.graph.plain import plain_text
from archdsl.graph.shapes import Size
from archdsl.numbers.text import MAX_DECIMALS
from archdsl.syntax import faults

PLACES = ("input", "stem", "stages", "head", "features", "stage")
"""What a model's text calls its parts."""
RESERVED = frozenset((*faults.RESERVED, *faults.CONSTANTS, *faults.ITEM_WORDS, *PRELUDE, *PLACES, "arch", "x"))
"""Names that a text cannot give to anything of its own, or had better not."""
INFIX = {operation: sign for sign, operation in OF_TENSORS.items()}
CALLED = {"maximum": "max", "minimum": "min"}
MOST_DIGITS = 60
"""More than the fraction of a double of the size of a setting has."""


class Word(str):
    """A name of the program, or a call of one, as a value."""

    __slots__ = ()


def value_text(value: Any) -> str:
    """A setting's value in canonical form as an expression. A number of many digits is one with an exponent, where a
    quotient would have as many digits twice."""
    if isinstance(value, Word):
        return str(value)
    if isinstance(value, Fraction):
        digits = next((n for n in range(MAX_DECIMALS, MOST_DIGITS) if 10**n % value.denominator == 0), MAX_DECIMALS)
        if digits > MAX_DECIMALS:
            return f"{value.numerator * (10**digits // value.denominator)}e-{digits}"
    return plain_text(value)


def pair_text(value: tuple[int, int]) -> str:
    """(height, width): one number where both are equal."""
    return str(value[0]) if value[0] == value[1] else value_text(Size(value))


def padding_text(value: str | tuple[int, int, int, int]) -> str:
    """A padding in canonical form, as short as it can be said."""
    if isinstance(value, str):
        return value_text(value)
    top, bottom, left, right = value
    return pair_text((top, left)) if top == bottom and left == right else value_text(value)


def setting_kind(operation: Operation, name: str) -> Kind:
    """The kind of a setting where it is not none."""
    kind = next(a.kind for a in operation.attributes if a.name == name)
    return kind.kind if isinstance(kind, OrNone) else kind


def symmetric(operation: Operation) -> tuple[int, ...] | None:
    """The padding that a window has where none is given; none where it has to be given."""
    values = {**dict(operation.constants), "padding": "symmetric"}
    try:
        settle_padding(values)
    except RuleError:  # an even kernel
        return None
    found: tuple[int, ...] = values["padding"]
    return found


def setting_text(operation: Operation, name: str, value: Any) -> str:
    """The value of one setting."""
    kind = setting_kind(operation, name)
    if value is None:
        return value_text(value)
    if isinstance(kind, Padding):
        return padding_text(value)
    if isinstance(kind, Axis):
        return str(value)
    if isinstance(kind, Pair):
        return pair_text(value)
    if isinstance(kind, Wholes) and kind.size and len(value) > 1:
        return value_text(Size(value))
    return value_text(value)


def settings_of(operation: Operation) -> dict[str, Any]:
    """Settings that differ from what an operation has without them."""
    found = {}
    for attribute in operation.attributes:
        value = getattr(operation, attribute.name)
        if isinstance(attribute.kind, Padding):
            if value == symmetric(operation):
                continue
        elif not attribute.required and value == attribute.kind.check(attribute.name, attribute.default):
            continue
        found[attribute.name] = value
    return found


def call_text(operation: Operation, given: Mapping[str, str] | None = None) -> str:
    """An operation with its settings, as it stands behind an arrow. `given` has expressions for some of them."""
    told = {name: setting_text(operation, name, value) for name, value in settings_of(operation).items()}
    told |= given or {}
    order = [attribute.name for attribute in operation.attributes if attribute.name in told]
    order.sort(key=lambda name: name != operation.leading)
    parts = [told[name] if name == operation.leading else f"{name}: {told[name]}" for name in order]
    return operation.name + (f"({', '.join(parts)})" if parts else "")


def applied_text(operation: Operation, operands: list[str], given: Mapping[str, str] | None = None) -> str:
    """An operation of several values, as an expression."""
    if operation.name in INFIX and len(operands) == 2:
        return f" {INFIX[operation.name]} ".join(operands)
    if operation.name in CALLED:
        return f"{CALLED[operation.name]}({', '.join(operands)})"
    if operation.name == "joint_softmax":
        return f"softmax([{', '.join(operands)}])"
    call = call_text(operation, given)
    name, _, rest = call.partition("(")
    return f"{name}({', '.join(operands)}{', ' + rest[:-1] if rest else ''})"


def used_name(operation: Operation) -> str | None:
    """The name that a text has to `use` for an operation; none where it needs none."""
    if operation.name in INFIX or operation.name in CALLED:
        return None
    if operation.name in PRELUDE and PRELUDE[operation.name].operation is not None:
        return None  # one of the names that every file sees
    return "softmax" if operation.name == "joint_softmax" else operation.name


def is_activation(operation: Operation) -> bool:
    """Whether one may stand for another as a setting: without settings of its own, element by element, and named."""
    plain = isinstance(operation, Elementwise) and not operation.attributes
    return plain and operation.name not in ("square", "sqrt", "exp", "identity")


__all__ = [
    "RESERVED",
    "Word",
    "applied_text",
    "call_text",
    "is_activation",
    "setting_kind",
    "settings_of",
    "symmetric",
    "used_name",
    "value_text",
]
