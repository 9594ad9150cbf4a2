"""What arithmetic may refuse, and the limits beyond which it does.

The limits hold for every value that leaves `archdsl.numbers`. Sizes are estimated before anything is
computed, so that a refusal costs microseconds, whatever was asked for.
"""

from __future__ import annotations

import threading
from fractions import Fraction
from typing import Literal

MAX_BITS = 4096
"""Bits of a numerator, a denominator, a coefficient or the base of a root."""
MAX_TERMS = 32
"""Terms of an irrational number."""
MAX_PARTS = 64
"""Exponentials and logarithms that enclosing an irrational number takes: two for a root, one for a logarithm."""
MAX_DIGITS = 320
"""Decimal digits to which a decision encloses an irrational number before it gives up."""

Kind = Literal["limit", "domain", "undecided"]


class NumberError(ValueError):
    """An operation has no result. `message` is one lower-case sentence with the numbers in it.

    `kind` is `limit` for a result over the stated size, `domain` for a division by zero, a root of a negative
    number or a logarithm of what is not positive, `undecided` for two numbers that agree to `MAX_DIGITS` and are
    not known to be equal.
    """

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message


def count(n: int) -> str:
    """A count for a message, which a hostile program may have made long."""
    return str(n) if n < 10**12 else f"some 2^{n.bit_length() - 1}"


def normalise(value: int | Fraction) -> int | Fraction:
    """The rational number as the language keeps it: an `int` where it is whole.

    Raises `NumberError` (limit) for a numerator or denominator of more than `MAX_BITS` bits.
    """
    numerator, denominator = value.numerator, value.denominator
    bits = max(numerator.bit_length(), denominator.bit_length())
    if bits > MAX_BITS:
        raise NumberError("limit", f"a number of {bits} bits is over the limit of {MAX_BITS}")
    return numerator if denominator == 1 else value


def size(value: int | Fraction) -> int:
    """The bits of a rational number, numerator and denominator together."""
    return value.numerator.bit_length() + value.denominator.bit_length()


# Work is counted, not timed: the same program meets the same limit on every machine. One unit is about what a step
# of the evaluator costs, a microsecond. The count is the thread's own and only grows; who has a budget takes
# differences.


class _Meter(threading.local):
    spent = 0


_METER = _Meter()


def work() -> int:
    """The work that irrational numbers have cost in this thread so far, in units of about a microsecond."""
    return _METER.spent


def charge(units: int) -> None:
    """Count work."""
    _METER.spent += units
