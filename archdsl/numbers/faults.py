"""What arithmetic may refuse, and the limits beyond which it does.

The limits hold for every value that leaves `archdsl.numbers`. Sizes are estimated before anything is
computed, so that a refusal costs microseconds, whatever was asked for.
"""

from __future__ import annotations

import math
import threading
from fractions import Fraction
from typing import Literal

MAX_BITS = 4096
"""Bits of a numerator, a denominator, a coefficient or the base of a root."""
MAX_TERMS = 32
"""Terms of the numerator, and of the denominator, of an irrational number."""
MAX_POWER = 256
"""Power of one logarithm, or of one opaque atom, within a term."""
MAX_WEIGHT = 4 * MAX_BITS
"""Bits of all integers of one irrational number together; each level of nesting counts for 512."""
MAX_REFINEMENT = 2 * MAX_BITS
"""Bits after the binary point to which a decision refines an irrational number before it gives up."""

MAX_DECISION = 400_000
"""Work of one decision, in the unit of `work`, after which it gives up."""

Kind = Literal["limit", "domain", "undecided"]


class NumberError(ValueError):
    """An operation has no result. `message` is one lower-case sentence with the numbers in it.

    `kind` is `limit` for a result over the stated size, `domain` for a division by zero, a root of a negative
    number or a logarithm of what is not positive, `undecided` for two numbers that agree to
    `MAX_REFINEMENT` bits, or to as many as `MAX_DECISION` allows, and are not known to be equal.
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


# Work is counted, not timed: the same program meets the same limit on every machine. One unit is about what a step
# of the evaluator costs, a microsecond. The count is the thread's own and only grows; who has a budget takes
# differences.


class _Meter(threading.local):
    spent = 0
    most: float = math.inf


_METER = _Meter()


class Exhausted(Exception):
    """A decision has taken `MAX_DECISION`."""


def work() -> int:
    """The work that irrational numbers have cost in this thread so far, in units of about a microsecond."""
    return _METER.spent


def charge(units: int) -> None:
    """Count work. Raises `Exhausted` within a decision that has taken too much."""
    _METER.spent += units
    if _METER.spent > _METER.most:
        raise Exhausted


class decision:
    """Within it `charge` raises once `MAX_DECISION` is taken. Decisions do not nest."""

    def __enter__(self) -> None:
        _METER.most = _METER.spent + MAX_DECISION

    def __exit__(self, *_: object) -> None:
        _METER.most = math.inf


class uncounted:
    """Within it work is not counted: that of a result which is kept for all."""

    def __enter__(self) -> None:
        self._before = _METER.spent, _METER.most
        _METER.most = math.inf

    def __exit__(self, *_: object) -> None:
        _METER.spent, _METER.most = self._before


def size(value: int | Fraction) -> int:
    """The bits of a rational number."""
    return value.numerator.bit_length() + value.denominator.bit_length()
