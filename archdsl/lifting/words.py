"""Values and operations as the language writes them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from archdsl.graph.initializers import Initializer
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.operations.base import Operation
from archdsl.graph.operations.kinds import Axis
from archdsl.graph.shapes import Range, Size

RESERVED = {
    *("require", "return", "if", "else", "when", "or", "and", "not", "with", "for", "in", "true", "false", "none"),
    *("arch", "use", "block", "fn", "model", "models", "scaling", "recipe", "space", "x", "input", "stem", "stages"),
    *("head", "features", "stage", "round", "floor", "ceil", "abs", "log", "sqrt", "max", "min", "sum", "count"),
    *("binary64", "binary64_sum", "gcd", "lcm", "solve"),
}
"""Names that a text cannot give to anything of its own."""
INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
CALLED = {"maximum": "max", "minimum": "min"}
PRELUDE = frozenset({"sqrt", "max", "min", "sum"})
"""Operations that need no `use`."""


def number_text(value: Any) -> str:
    """An exact number: a decimal where it has few digits, else a quotient."""
    value = Fraction(value)
    if value.denominator == 1:
        return str(value.numerator)
    for digits in range(1, 7):
        if (10**digits) % value.denominator == 0:
            sign = "-" if value < 0 else ""
            whole, rest = divmod(abs(value.numerator) * (10**digits // value.denominator), 10**digits)
            return f"{sign}{whole}.{rest:0{digits}d}"
    for digits in range(7, 60):
        if (10**digits) % value.denominator == 0:
            return f"{value.numerator * (10**digits // value.denominator)}e-{digits}"
    return f"{value.numerator}/{value.denominator}"


def value_text(value: Any) -> str:
    """A setting's value in canonical form as an expression."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Range):
        return f"{value.lo} .. {value.hi}"
    if isinstance(value, Initializer):
        if value.kind == "constant":
            words = {0: "zeros", 1: "ones"}
            return next((w for n, w in words.items() if value.scale == n), number_text(value.scale))
        return f"{value.kind}(std: {number_text(value.scale)})"
    if isinstance(value, Size):
        return " x ".join(map(str, value))
    if isinstance(value, tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return number_text(value)


def pair_text(value: Any) -> str:
    """(height, width): one number where both are equal."""
    return str(value[0]) if value[0] == value[1] else f"{value[0]} x {value[1]}"


def padding_text(value: Any) -> str:
    """A padding in canonical form, as short as it can be said."""
    if isinstance(value, str):
        return f'"{value}"'
    top, bottom, left, right = value
    if top == bottom and left == right:
        return pair_text((top, left))
    return f"[{top}, {bottom}, {left}, {right}]"


def symmetric(operation: Operation) -> Any:
    """The padding that a window has where none is given; none where it has to be given."""
    try:
        given = {a.name: getattr(operation, a.name) for a in operation.attributes if a.name != "padding"}
        plain = {key: Size(value) if isinstance(value, tuple) else value for key, value in given.items()}
        return type(operation).bind(plain).padding  # type: ignore[attr-defined]
    except Exception:
        return None


def setting_text(operation: Operation, name: str, value: Any) -> str:
    """The value of one setting."""
    kind = next(a.kind for a in operation.attributes if a.name == name)
    if name == "padding" and operation.name != "conv_transpose":
        return padding_text(value)
    if isinstance(kind, Axis):
        return str(value)
    if (
        isinstance(value, tuple)
        and len(value) == 2
        and name in ("kernel", "stride", "dilation", "padding", "factor", "size", "output_padding", "window", "step")
    ):
        return pair_text(value)
    if name in ("shape", "to") and isinstance(value, tuple) and len(value) > 1:
        return " x ".join(map(str, value))
    return value_text(value)


def settings_of(operation: Operation) -> dict[str, Any]:
    """Settings that differ from what an operation has without them."""
    found = {}
    for attribute in operation.attributes:
        value = getattr(operation, attribute.name)
        if attribute.name == "padding" and operation.name != "conv_transpose":
            if value == symmetric(operation):
                continue
        elif not attribute.required and value == attribute.kind.check(attribute.name, attribute.default):
            continue
        found[attribute.name] = value
    return found


def call_text(operation: Operation, given: Mapping[str, str] | None = None) -> str:
    """An operation with its settings, as it stands behind an arrow. `given` has expressions for some of them; one that
    is empty is left out."""
    told = {name: setting_text(operation, name, value) for name, value in settings_of(operation).items()}
    for name, text in (given or {}).items():
        if text:
            told[name] = text
        else:
            told.pop(name, None)
    order = [attribute.name for attribute in operation.attributes if attribute.name in told]
    parts = [told[name] if name == operation.leading else f"{name}: {told[name]}" for name in order]
    if operation.leading in told:
        parts.sort(key=lambda part: part != told[operation.leading])  # type: ignore[index]
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
    if operation.name in INFIX or operation.name in CALLED or operation.name in PRELUDE:
        return None
    return "softmax" if operation.name == "joint_softmax" else operation.name


def is_activation(operation: Operation) -> bool:
    """Whether one may stand for another as a setting: without settings of its own, element by element, and named."""
    from archdsl.graph.operations.activations import Elementwise

    return (
        isinstance(operation, Elementwise)
        and not operation.attributes
        and operation.name
        not in (
            "square",
            "sqrt",
            "exp",
            "identity",
        )
    )


__all__ = [
    "OPERATIONS",
    "RESERVED",
    "applied_text",
    "call_text",
    "is_activation",
    "settings_of",
    "used_name",
    "value_text",
]
