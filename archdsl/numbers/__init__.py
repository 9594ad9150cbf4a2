"""Exact real numbers: the arithmetic of the language.

A number is an `int`, a `Fraction` that is not whole, or an `Irrational` (roots, logarithms, and sums, products
and quotients of them). An operation returns the exact result, as an `int` or `Fraction` wherever it is known to
be rational: `4 ^ (1/2)` is 2 and `log(8) / log(2)` is 3. Comparisons and roundings are decided exactly, or
refused with `NumberError`; no double decides anything, and none leaves but through `approximate`. Sizes
are limited by `MAX_BITS`, and results over it are refused before they are computed.

`faults` has the limits and the error, `integers` and `enclose` what integers can do, `irrational` the normal
form, `decide` order and rounding, `text` the source form, and `arithmetic` the operations on all numbers.
"""

from archdsl.numbers.arithmetic import (
    Operand,
    absolute,
    add,
    ceil,
    compare,
    divide,
    floor,
    floor_divide,
    gcd,
    is_number,
    lcm,
    log,
    maximum,
    minimum,
    modulo,
    multiply,
    negate,
    power,
    round_half_even,
    subtract,
)
from archdsl.numbers.decide import approximate, describe
from archdsl.numbers.faults import MAX_BITS, NumberError, normalise, size, work
from archdsl.numbers.irrational import Irrational, Number
from archdsl.numbers.text import format_number

__all__ = [
    "MAX_BITS",
    "Irrational",
    "Number",
    "NumberError",
    "Operand",
    "absolute",
    "add",
    "approximate",
    "ceil",
    "compare",
    "describe",
    "divide",
    "floor",
    "floor_divide",
    "format_number",
    "gcd",
    "is_number",
    "lcm",
    "log",
    "maximum",
    "minimum",
    "modulo",
    "multiply",
    "negate",
    "normalise",
    "power",
    "round_half_even",
    "size",
    "subtract",
    "work",
]
