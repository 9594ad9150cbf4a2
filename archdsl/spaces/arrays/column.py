"""Columns: numbers that have a value in each of many lanes, exact or enclosed by doubles.

An `Exact` column holds fractions of whole numbers, and knows a bound of them, so that nothing wraps around. A `Real`
one holds doubles with a bound of their error, and how to work out an element exactly: where a rounding or a comparison
lies within that error, it is decided so, by the numbers of the language. What they cannot decide, or what has no value,
makes its lane one that the ordinary compiler decides.

Every column, as every mask, knows on which dimensions of the space it depends: what is made without saying so depends
on all.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Self

import numpy as np

from archdsl import numbers
from archdsl.graph.symbolic import COMPARISONS, StandIn
from archdsl.spaces.arrays.elements import EXACT_ROUNDINGS, ON_NUMBERS, Element, logarithm, sign_of
from archdsl.spaces.arrays.lanes import EVERYTHING, WIDE, Array, Lanes, Mask, Split, Trend, Truth, Uneven
from archdsl.spaces.arrays.roundings import IN_DOUBLES, WHOLE, largest_of, quotient, size_of, to_whole
from archdsl.spaces.arrays.trends import together, trend_of

EPSILON = 2.0**-48
"""What an operation on doubles may be off by, relative to its result: 16 units of the last place, where none is off by
more than 4."""


class Column(StandIn):
    """A number with a value in each lane."""

    __slots__ = ("_addends", "_trend", "depends", "lanes")

    lanes: Lanes
    depends: int
    """The dimensions of the space that it depends on."""
    _trend: Trend
    _addends: tuple[Column, ...]

    @property
    def addends(self) -> tuple[Column, ...]:
        """Columns of which it is the sum: itself, where none are known."""
        return getattr(self, "_addends", (self,))

    @property
    def trend(self) -> Trend:
        """How it goes along the dimension that `lanes.along` says: see `trends.py`."""
        if not self.depends & self.lanes.along:
            return 0
        return getattr(self, "_trend", None)

    def going(self, trend: Trend) -> Self:
        """The same, which is known to go so."""
        if self.lanes.along:
            self._trend = trend
        return self

    def at_least(self, number: int) -> bool:
        """Whether none of its elements is less than a number, for certain."""
        raise NotImplementedError

    def at_most(self, number: int) -> bool:
        """Whether none of its elements is more than a number, for certain."""
        raise NotImplementedError

    def real(self) -> Real:
        """In doubles."""
        raise NotImplementedError

    def exactly(self, rows: Array, positions: Array) -> list[Element]:
        """The exact values of some elements; none where they cannot be had."""
        raise NotImplementedError

    def at(self, row: int, position: int) -> Element:
        """The exact value of an element; none where it cannot be had."""
        return self.exactly(np.array([row]), np.array([position]))[0]

    @property
    def shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    def _taken(self, other: object) -> Column | None:
        """An operand as a column; none for what is no number."""
        if isinstance(other, Column):
            return other
        return constant(self.lanes, other) if numbers.is_number(other) else None

    def __add__(self, other: object) -> Any:
        return self._operation("+", other, reflected=False)

    def __radd__(self, other: object) -> Any:
        return self._operation("+", other, reflected=True)

    def __sub__(self, other: object) -> Any:
        return self._operation("-", other, reflected=False)

    def __rsub__(self, other: object) -> Any:
        return self._operation("-", other, reflected=True)

    def __mul__(self, other: object) -> Any:
        return self._operation("*", other, reflected=False)

    def __rmul__(self, other: object) -> Any:
        return self._operation("*", other, reflected=True)

    def __truediv__(self, other: object) -> Any:
        return self._operation("/", other, reflected=False)

    def __rtruediv__(self, other: object) -> Any:
        return self._operation("/", other, reflected=True)

    def __pow__(self, other: object) -> Any:
        return self._operation("^", other, reflected=False)

    def __rpow__(self, other: object) -> Any:
        return self._operation("^", other, reflected=True)

    def __floordiv__(self, other: object) -> Any:
        quotient = self / other
        return quotient if quotient is NotImplemented else quotient.__floor__()

    def __rfloordiv__(self, other: object) -> Any:
        return (other / self).__floor__()

    def __mod__(self, other: object) -> Any:
        return self - other * (self // other)

    def __rmod__(self, other: object) -> Any:
        return other - (other // self) * self

    def __neg__(self) -> Column:
        return 0 - self  # type: ignore[no-any-return]

    def __pos__(self) -> Column:
        return self

    def __abs__(self) -> Column:
        return self if self.lanes.along and self.at_least(0) else self.extreme(1, -self)

    def _operation(self, sign: str, other: object, *, reflected: bool) -> Any:
        operand = self._taken(other)
        if operand is None:
            return NotImplemented
        a, b = (operand, self) if reflected else (self, operand)
        found: Column = _EXACT[sign](a, b) if isinstance(a, Exact) and isinstance(b, Exact) else _real(sign, a, b)
        found.depends = a.depends | b.depends
        if sign == "+" and self.lanes.decided is not None and not self.lanes.along and a.depends and b.depends:
            found._addends = (*a.addends, *b.addends)
        return found.going(trend_of(sign, a, b)) if self.lanes.along else found

    def __lt__(self, other: object) -> Any:
        return self._compared("<", other)

    def __le__(self, other: object) -> Any:
        return self._compared("<=", other)

    def __gt__(self, other: object) -> Any:
        return self._compared(">", other)

    def __ge__(self, other: object) -> Any:
        return self._compared(">=", other)

    def __eq__(self, other: object) -> Any:
        return self._compared("==", other)

    def __ne__(self, other: object) -> Any:
        return self._compared("!=", other)

    def __hash__(self) -> int:
        raise TypeError("a column has no hash")

    def _compared(self, sign: str, other: object) -> Any:
        operand = self._taken(other)
        if operand is None:
            return NotImplemented
        lanes, depends = self.lanes, self.depends | operand.depends
        trend = trend_of("-", self, operand) if lanes.along & depends else 0
        left: Array
        right: Array | int
        if not isinstance(self, Exact) or not isinstance(operand, Exact):
            lanes.rests(depends, trend)  # what has no value is left to the ordinary compiler
            left, right = _order(self, operand), 0
        else:
            left, right = _common(self, operand)
        if lanes.signs is not None and lanes.along & depends and left.shape[1] == 1:
            signs = (left > right) * 1 - (left < right)
            lanes.signs.append(lanes.each(signs).astype(np.int64))
        truth = COMPARISONS[sign](left, right)
        return Mask(lanes, truth, depends, steady=trend is not None, conjuncts=self._all_zero(sign, operand))

    def _all_zero(self, sign: str, other: Column) -> tuple[Mask, ...]:
        """A sum of what is not negative is zero where all of it is."""
        of = self.addends
        zero = sign == "==" and len(of) > 1 and not other.depends and other.at(0, 0) == 0
        return tuple([each == 0 for each in of]) if zero and all(each.at_least(0) for each in of) else ()

    def extreme(self, sign: int, other: object) -> Column:
        """The larger of two numbers, with -1 the smaller."""
        operand = self._taken(other)
        if operand is None:
            raise TypeError(f"{other!r} is not a number of the language")
        lanes = self.lanes
        kept, lanes.signs = lanes.signs, None  # the larger of two numbers goes as these do
        chosen = self >= operand if sign > 0 else self <= operand
        lanes.signs = kept
        return where(chosen, self, operand).going(together(self.trend, operand.trend))

    def gcd(self, other: object) -> Column:
        """The greatest common divisor of whole numbers."""
        return self._with_divisors(np.gcd, other)

    def lcm(self, other: object) -> Column:
        """The least common multiple of whole numbers."""
        return self._with_divisors(np.lcm, other)

    def _with_divisors(self, function: Any, other: object) -> Column:
        operand = self._taken(other)
        if not isinstance(self, Exact) or not isinstance(operand, Exact):
            raise TypeError(f"{other!r} is no whole number")
        a, b = self.reduced().tight(), operand.reduced().tight()
        if a.bound * b.bound >= WIDE:
            a, b = a.objects(), b.objects()
        return Exact(self.lanes, function(a.num, b.num), depends=a.depends | b.depends)

    def logarithm(self) -> Real:
        """The natural logarithm."""
        return self.real().logarithm()

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __index__(self) -> int:
        """The whole number that all lanes agree on; otherwise they are worked out apart."""
        whole = self.__floor__()
        if not isinstance(whole, Exact):
            raise TypeError("not a whole number")
        self.lanes.doubt((self != whole).truth, self.depends)
        found = self.lanes.alike(whole.num, self.depends)
        if found is not None:
            return int(found)
        if whole.num.shape[1] > 1:
            raise Uneven
        if not self.lanes.here.any():
            return 0
        raise Split(self.lanes.each(whole.num), self.depends)

    __int__ = __index__

    def __floor__(self) -> Column:
        return self._rounded("floor")

    def __ceil__(self) -> Column:
        return self._rounded("ceiling")

    def __round__(self, digits: None = None) -> Column:
        return self._rounded("round")

    def _rounded(self, name: str) -> Column:
        raise NotImplementedError


class Exact(Column):
    """Fractions: whole numbers by whole numbers above zero."""

    __slots__ = ("bound", "den", "num", "widest")

    def __init__(
        self,
        lanes: Lanes,
        num: Array,
        den: int | Array = 1,
        bound: int | None = None,
        widest: int | None = None,
        depends: int = EVERYTHING,
    ) -> None:
        """`bound` is not below any numerator's size, `widest` not below any denominator."""
        self.lanes, self.num, self.den, self.depends = lanes, num, den, depends
        self.bound = largest_of(num) if bound is None else bound
        self.widest = (den if isinstance(den, int) else largest_of(den)) if widest is None else widest

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.num.shape, (1, 1) if isinstance(self.den, int) else self.den.shape)

    def real(self) -> Real:
        values = self.num.astype(float) if self.whole else np.asarray(self.num / self.den).astype(float, copy=False)
        return Real(self.lanes, values, EPSILON, 0.0, self.exactly, self.depends).going(self.trend)

    def at_least(self, number: int) -> bool:
        return bool((self.num >= number * self.den).all())

    def at_most(self, number: int) -> bool:
        return bool((self.num <= number * self.den).all())

    def exactly(self, rows: Array, positions: Array) -> list[Element]:
        above: list[int] = _picked(self.num, rows, positions).tolist()
        if self.whole:
            return list(above)
        below = [self.den] * len(above) if isinstance(self.den, int) else _picked(self.den, rows, positions).tolist()
        return [numbers.normalise(Fraction(*pair)) for pair in zip(above, below, strict=True)]

    @property
    def whole(self) -> bool:
        """Whether all are whole numbers as they stand."""
        return isinstance(self.den, int) and self.den == 1

    def reduced(self) -> Exact:
        """Whole numbers where all that matter are; the other lanes are left to the ordinary compiler."""
        if self.whole:
            return self
        found = self._quotient("floor")
        self.lanes.doubt(np.asarray(found * self.den != self.num), self.depends)
        return Exact(self.lanes, found, bound=self.bound, depends=self.depends)

    def tight(self) -> Exact:
        """With the bounds that its numbers have."""
        return Exact(self.lanes, self.num, self.den, depends=self.depends).going(self.trend)

    def _rounded(self, name: str) -> Column:
        return self if self.whole else self._rounding(name).going(self.trend)

    def _rounding(self, name: str) -> Column:
        if name == "round" and 2 * self.bound + self.widest >= WIDE and self.num.dtype != object:
            wide = self.tight()
            if 2 * wide.bound + wide.widest >= WIDE:
                return wide.real()._rounded(name)
        bound = self.bound + 1 if name == "round" else self.bound
        return Exact(self.lanes, self._quotient(name), bound=bound, depends=self.depends)

    def _quotient(self, name: str) -> Array:
        """Numerators by denominators, rounded."""
        return quotient(self.num, self.den, name, in_doubles=max(self.bound, self.widest) < IN_DOUBLES)

    def objects(self) -> Exact:
        """In Python's whole numbers, which have no bound."""
        den = self.den if isinstance(self.den, int) else self.den.astype(object)
        return Exact(self.lanes, self.num.astype(object), den, self.bound, self.widest, self.depends).going(self.trend)


class Real(Column):
    """Doubles that are off by no more than `relative` of them and `absolute` beside; an element of them exactly."""

    __slots__ = ("_exactly", "absolute", "relative", "values")

    def __init__(
        self,
        lanes: Lanes,
        values: Array,
        relative: float,
        absolute: float,
        exactly: Callable[[Array, Array], list[Element]],
        depends: int = EVERYTHING,
    ) -> None:
        self.lanes, self.values, self.relative, self.absolute = lanes, values, relative, absolute
        self._exactly, self.depends = exactly, depends

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def real(self) -> Real:
        return self

    def exactly(self, rows: Array, positions: Array) -> list[Element]:
        return self._exactly(rows, positions)

    @property
    def error(self) -> Array:
        return np.abs(self.values) * self.relative + self.absolute

    def at_least(self, number: int) -> bool:
        return bool((self.values - self.error >= number).all())

    def at_most(self, number: int) -> bool:
        return bool((self.values + self.error <= number).all())

    def _rounded(self, name: str) -> Column:
        values, largest, trend = self.values, size_of(self.values), self.trend
        self.lanes.rests(self.depends, trend)  # what has no value is left to the ordinary compiler
        if not largest < WHOLE:  # or it is no number
            self.lanes.doubt(~(np.abs(values) < WHOLE), self.depends, trend)
            values = np.where(np.abs(values) < WHOLE, values, 0.0)
            largest = size_of(values)
        whole, close = to_whole(values, name, largest, self.relative, self.absolute)
        if close is not None:
            _decide(self, self.lanes.mattering(close), whole, EXACT_ROUNDINGS[name])
        return Exact(self.lanes, whole, bound=int(largest) + 1, depends=self.depends).going(trend)

    def logarithm(self) -> Real:
        """The natural logarithm."""
        values, least = self.values, float(np.min(self.values, initial=np.inf))
        self.lanes.rests(self.depends, self.trend)
        if not least > self.absolute:  # or one is no number
            positive = values > self.absolute
            self.lanes.doubt(~positive, self.depends, self.trend)
            values = np.where(positive, values, 1.0)
            least = float(np.min(values, initial=np.inf))
        off = self.relative + 2 * self.absolute / least

        def exactly(rows: Array, positions: Array) -> list[Element]:
            return [logarithm(element) for element in self.exactly(rows, positions)]

        return Real(self.lanes, np.log(values), EPSILON, 2 * off, exactly, self.depends).going(self.trend)


def constant(lanes: Lanes, value: Any) -> Column:
    """A number that is the same in all lanes."""
    if not isinstance(value, numbers.Irrational) and abs(value.numerator) < WIDE and value.denominator < WIDE:
        num, den = np.full((1, 1), value.numerator, np.int64), value.denominator
        return Exact(lanes, num, den, abs(value.numerator), depends=0)
    found = np.full((1, 1), numbers.approximate(value))
    return Real(lanes, found, EPSILON, 0.0, lambda rows, _: [value] * len(rows), 0)


def where(chosen: Mask, a: Column, b: Column) -> Column:
    """Of two columns the one, by lane."""
    truth, depends = chosen.truth, chosen.depends | a.depends | b.depends
    if isinstance(a, Exact) and isinstance(b, Exact):
        bound, widest = max(a.bound, b.bound), max(a.widest, b.widest)
        same = isinstance(a.den, int) and isinstance(b.den, int) and a.den == b.den
        den = a.den if same else np.where(truth, a.den, b.den)
        return Exact(a.lanes, np.where(truth, a.num, b.num), den, bound, widest, depends)
    one, other = a.real(), b.real()

    def exactly(rows: Array, positions: Array) -> list[Element]:
        first = _picked(truth, rows, positions).tolist()
        sides = zip(first, a.exactly(rows, positions), b.exactly(rows, positions), strict=True)
        return [left if chosen else right for chosen, left, right in sides]

    return Real(
        a.lanes,
        np.where(truth, one.values, other.values),
        max(one.relative, other.relative),
        max(one.absolute, other.absolute),
        exactly,
        depends,
    )


# Exact arithmetic


def _picked(values: Array, rows: Array, positions: Array) -> Array:
    """Some elements of an array that may have one row or one position for all."""
    found: Array = values[np.minimum(rows, values.shape[0] - 1), np.minimum(positions, values.shape[1] - 1)]
    return found


def _made(make: Callable[[Exact, Exact], Exact], a: Exact, b: Exact, sign: str, bounds: Any) -> Column:
    """What an operation makes, in numbers that hold it: `bounds` says of two columns how large it gets."""
    if bounds(a, b) >= WIDE:
        a, b = a.tight(), b.tight()
        if bounds(a, b) >= WIDE:
            return _real(sign, a, b)
    return make(a, b)


def _sum_bound(a: Exact, b: Exact) -> int:
    return max(a.bound * b.widest + b.bound * a.widest, a.widest * b.widest)


def _common(a: Exact, b: Exact) -> tuple[Array, Array]:
    """Numerators over a common denominator."""
    if isinstance(a.den, int) and isinstance(b.den, int) and a.den == b.den:
        return a.num, b.num
    if a.bound * b.widest >= WIDE or b.bound * a.widest >= WIDE:
        a, b = a.tight(), b.tight()
        if a.bound * b.widest >= WIDE or b.bound * a.widest >= WIDE:
            a, b = a.objects(), b.objects()
    return _times(a.num, b.den), _times(b.num, a.den)


def _times(a: Any, b: Any) -> Any:
    """A product of numerators or denominators, most of which are 1."""
    return a if isinstance(b, int) and b == 1 else b if isinstance(a, int) and a == 1 else a * b


def _add(a: Exact, b: Exact) -> Column:
    def make(a: Exact, b: Exact) -> Exact:
        if isinstance(a.den, int) and isinstance(b.den, int) and a.den == b.den:
            return Exact(a.lanes, a.num + b.num, a.den, a.bound + b.bound, a.den)
        bound = a.bound * b.widest + b.bound * a.widest
        num = _times(a.num, b.den) + _times(b.num, a.den)
        return Exact(a.lanes, num, _times(a.den, b.den), bound, a.widest * b.widest)

    return _made(make, a, b, "+", _sum_bound)


def _subtract(a: Exact, b: Exact) -> Column:
    return _add(a, Exact(b.lanes, -b.num, b.den, b.bound, b.widest))


def _product_bound(a: Exact, b: Exact) -> int:
    return max(a.bound * b.bound, a.widest * b.widest)


def _multiply(a: Exact, b: Exact) -> Column:
    def make(a: Exact, b: Exact) -> Exact:
        return Exact(a.lanes, a.num * b.num, _times(a.den, b.den), a.bound * b.bound, a.widest * b.widest)

    return _made(make, a, b, "*", _product_bound)


def _divide(a: Exact, b: Exact) -> Column:
    if b.num.size and int(b.num.min()) > 0:
        return _divide_by_positive(a, b)
    zero = b.num == 0
    b.lanes.doubt(np.asarray(zero), b.depends, b.trend if b.lanes.along and (b.num > 0).all() else None)
    num = b.den * np.where(b.num < 0, -1, 1)
    den: int | Array = np.where(zero, 1, np.abs(b.num))
    if not isinstance(den, int) and den.size == 1 and abs(int(den.flat[0])) < WIDE:
        den = int(den.flat[0])
    return _multiply(a, Exact(a.lanes, np.asarray(num), den, b.widest, max(b.bound, 1)))


def _divide_by_positive(a: Exact, b: Exact) -> Column:
    """What is by far the most frequent."""
    b.lanes.rests(b.depends, b.trend)

    def make(a: Exact, b: Exact) -> Exact:
        by: int | Array = int(b.num.flat[0]) if b.num.size == 1 else b.num
        num, den = np.asarray(_times(a.num, b.den)), _times(a.den, by)
        return Exact(a.lanes, num, den, a.bound * b.widest, a.widest * b.bound)

    return _made(make, a, b, "/", lambda a, b: max(a.bound * b.widest, a.widest * b.bound))


def _power(a: Exact, b: Exact) -> Column:
    """A power; of a whole exponent that all lanes share, exactly."""
    if b.whole and b.num.size == 1 and 0 <= int(b.num[0, 0]) <= 64:
        found: Column = constant(a.lanes, 1)
        for _ in range(int(b.num[0, 0])):
            found = found * a
        return found
    return _real("^", a, b)


_EXACT: dict[str, Callable[[Exact, Exact], Column]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "^": _power,
}


# Arithmetic in doubles


def _real(sign: str, a: Column, b: Column) -> Real:
    """An operation on doubles, with a bound of its error."""
    lanes, x, y = a.lanes, a.real(), b.real()
    operation = ON_NUMBERS[sign]

    def at(rows: Array, positions: Array) -> list[Element]:
        return [*map(operation, a.exactly(rows, positions), b.exactly(rows, positions))]

    with np.errstate(all="ignore"):
        if sign in "+-":
            values = x.values + y.values if sign == "+" else x.values - y.values
            size = size_of(x.values) * x.relative + size_of(y.values) * y.relative
            return Real(lanes, values, EPSILON, x.absolute + y.absolute + size, at)
        relative = x.relative + y.relative + EPSILON
        if sign == "*":
            absolute = 2 * x.absolute * size_of(y.values) if x.absolute else 0.0
            absolute += 2 * y.absolute * size_of(x.values) if y.absolute else 0.0
            return Real(lanes, x.values * y.values, relative, absolute, at)
        if sign == "/":
            zero = np.abs(y.values) <= y.error
            lanes.doubt(zero, y.depends, y.trend if lanes.along and (y.values > y.error).all() else None)
            divisor = np.where(zero, 1.0, y.values)
            least = float(np.min(np.abs(divisor), initial=np.inf))
            if y.absolute:
                relative += 2 * y.absolute / least
            return Real(lanes, x.values / divisor, relative, 2 * x.absolute / least if x.absolute else 0.0, at)
        return _real_power(lanes, x, y, at)


def _real_power(lanes: Lanes, x: Real, y: Real, at: Callable[[Array, Array], list[Element]]) -> Real:
    """A power of numbers above zero: the error grows with the exponent."""
    positive = x.values > x.error
    lanes.doubt(~positive, x.depends)
    base = np.where(positive, x.values, 1.0)
    logarithm = np.log(base)
    product = y.values * logarithm
    exponent, largest = size_of(y.values), size_of(logarithm)
    of_base = x.relative + (2 * x.absolute / float(np.min(base, initial=np.inf)) if x.absolute else 0.0)
    off = exponent * (of_base + EPSILON * largest) + (exponent * y.relative + y.absolute) * largest
    return Real(lanes, np.exp(product), 4 * off + EPSILON, 0.0, at)


def _order(a: Column, b: Column) -> Array:
    """-1, 0 or 1 by element: the sign of a - b."""
    difference = _real("-", a, b)
    found = np.sign(difference.values)
    with np.errstate(invalid="ignore"):
        close = ~(np.abs(difference.values) > difference.error)
    _decide(difference, a.lanes.mattering(close), found, sign_of)
    return found


def _decide(column: Real, close: Truth, found: Array, exactly: Callable[..., Element]) -> None:
    """Work out exactly what is too close to a boundary for doubles, and enter it."""
    lanes = column.lanes
    for axis in (0, 1):
        if close.shape[axis] > found.shape[axis]:
            close = np.asarray(close.any(axis=axis, keepdims=True))
    if not close.any():
        return
    rows, positions = np.nonzero(np.broadcast_to(close, found.shape))
    for row, position, value in zip(rows, positions, map(exactly, column.exactly(rows, positions)), strict=True):
        if value is None:
            lanes.unsure[row if found.shape[0] > 1 else slice(None)] = True
        else:
            found[row, position] = value


__all__ = ["Column", "Exact", "Real", "constant", "where"]
