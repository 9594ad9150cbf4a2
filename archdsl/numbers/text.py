"""Numbers as source text."""

from __future__ import annotations

import math
from fractions import Fraction

from archdsl.numbers.integers import Rational
from archdsl.numbers.irrational import Irrational, Log, Number, Power, Term, root, times

MAX_DECIMALS = 12
"""Digits after the point up to which a finite decimal expansion is written out."""


def format_number(value: Number) -> str:
    """The number as an expression of the language: `96`, `31.41`, `1/12`, `128 * 2^(4/5)`, `log(2)/log(3)`."""
    if not isinstance(value, Irrational):
        return _rational(value)
    text = ""
    for _, product, coefficient in sorted([_term(term) for term in value.terms]):
        sign = "-" if coefficient < 0 else "+"
        text += f" {sign} {product}" if text else f"{'-' * (coefficient < 0)}{product}"
    return text


def shorten(value: Number, length: int = 40) -> str:
    """The text of a number for a message, cut in the middle where it is long."""
    try:
        text = format_number(value)
    except ValueError:
        # More digits than Python converts. No result of ours has as many, but an operand may.
        return "a number of thousands of digits"
    return text if len(text) <= length else f"{text[: length // 2]}…{text[-length // 4 :]}"


def _rational(value: Rational) -> str:
    n, d = value.numerator, value.denominator
    if d == 1:
        return str(n)
    if d < 10**MAX_DECIMALS:
        twos = (d & -d).bit_length() - 1
        fives = round(math.log(d >> twos, 5))
        digits = max(twos, fives)
        if digits <= MAX_DECIMALS and d == 2**twos * 5**fives:
            whole, part = divmod(abs(n) * 10**digits // d, 10**digits)
            return f"{'-' * (n < 0)}{whole}.{part:0{digits}}"
    return f"{n}/{d}"


def _term(term: Term) -> tuple[int, str, Rational]:
    """A term's place among others, its text without a sign, and its coefficient."""
    # The root of a fraction is written as one of a whole number, or as two where that is over the limits.
    roots = [root(term.base.numerator, term.exponent), root(term.base.denominator, -term.exponent)]
    product = times(*roots)
    if not product.factors:
        roots = [product]
    size = _rational(abs(Fraction(term.coefficient)) * math.prod([part.coefficient for part in roots]))
    over = [f"{part.base}^({part.exponent})" for part in roots if part.exponent]
    over += [_factor(factor, n) for factor, n in term.factors if n > 0]
    under = [_factor(factor, -n) for factor, n in term.factors if n < 0]
    over = ([] if size == "1" and over else [size]) + sorted(over)
    return len(over) + len(under), "/".join([" * ".join(over), *sorted(under)]), term.coefficient


def _factor(factor: Log | Power, n: int) -> str:
    if isinstance(factor, Log):
        text = f"log({format_number(factor.of)})"
    elif factor.exponent == -1:
        return f"1/{_operand(factor.of)}" if n == 1 else f"(1/{_operand(factor.of)})^{n}"
    else:
        exponent = factor.exponent
        above = format_number(exponent) if isinstance(exponent, Irrational) else str(exponent)
        text = f"{_operand(factor.of)}^({above})"
    return text if n == 1 else f"{text}^{n}" if isinstance(factor, Log) else f"({text})^{n}"


def _operand(value: Number) -> str:
    """The number as the base of a power or a divisor."""
    text = format_number(value)
    return text if text.replace(".", "").isdigit() else f"({text})"
