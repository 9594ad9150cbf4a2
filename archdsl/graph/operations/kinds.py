"""The kinds of value that a setting of an operation can have: type and range, checked exactly.

`check` takes a value of the language (int, Fraction, str, bool, None, tuple, `Size`, `Range`, or a
`Symbolic`) and returns it in canonical form, or raises E301 (wrong type), E302 (out of range) or E303
(not a whole number). A bool is not a number. `text` is the kind in words, for the reference and messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from archdsl.graph.faults import RuleError
from archdsl.graph.initializers import Initializer
from archdsl.graph.shapes import EXTENT_MAX, Range, Size, show
from archdsl.graph.symbolic import Symbolic


def wrong_type(name: str, expected: str, value: object) -> RuleError:
    """E301: what the setting must be, and what it is."""
    return RuleError("E301", f"{name} must be {expected}, not {show(value)}", attribute=name)


class Maker(NamedTuple):
    """A word that makes a value of one number, given by its name: `normal(std: 0.02)`."""

    argument: str
    make: Callable[[Any], Any]


class Kind:
    """A type with a range."""

    text: str
    words: Mapping[str, Any] = {}
    """What the expression of such a setting sees beside all other names: values, or the `Maker` of one."""

    def check(self, name: str, value: Any) -> Any:
        """The value in canonical form, or a `RuleError` that names the setting."""
        raise NotImplementedError


class Whole(Kind):
    """A whole number of a range."""

    def __init__(self, lo: int, hi: int = EXTENT_MAX) -> None:
        self.lo = lo
        self.hi = hi
        self.text = f"a whole number from {lo} to {hi}"

    def check(self, name: str, value: Any) -> Any:
        """An int or a `Symbolic`; a fraction of denominator 1 as an int. Raises E301, E302, E303."""
        if isinstance(value, Symbolic):
            if not value.is_whole():
                raise self._broken(name, value.value)
        elif type(value) is not int:
            if not isinstance(value, Fraction):
                raise wrong_type(name, "a whole number", value)
            if value.denominator != 1:
                raise self._broken(name, value)
            value = value.numerator
        if not self.lo <= value <= self.hi:
            raise RuleError("E302", f"{name} must be {self.text}, not {show(value)}", attribute=name)
        return value

    def _broken(self, name: str, value: Any) -> RuleError:
        help_ = f"round it: {name}: round(…), which gives {show(round(value))}"
        return RuleError("E303", f"{name} is {show(value)}, which is not a whole number", attribute=name, help=help_)


class Rational(Kind):
    """An exact number of a range, whose ends may be left out of it."""

    def __init__(
        self, text: str, lo: int | None = None, hi: int | None = None, *, without: tuple[int, ...] = ()
    ) -> None:
        self.text = text
        self.lo = lo
        self.hi = hi
        self.without = without

    def check(self, name: str, value: Any) -> Fraction:
        """A fraction that is no zero or infinity as a double. Raises E301, E302."""
        plain = value.value if isinstance(value, Symbolic) else value
        if isinstance(plain, bool) or not isinstance(plain, (int, Fraction)):
            raise wrong_type(name, "a number", value)
        outside = (self.lo is not None and plain < self.lo) or (self.hi is not None and plain > self.hi)
        if outside or plain in self.without:
            raise RuleError("E302", f"{name} must be {self.text}, not {show(plain)}", attribute=name)
        try:
            vanishes = plain != 0 and plain.numerator / plain.denominator == 0
        except OverflowError:
            raise RuleError("E302", f"{name} is too large for a double", attribute=name) from None
        if vanishes:
            raise RuleError("E302", f"{name} is too small for a double", attribute=name)
        return Fraction(plain)


class Flag(Kind):
    """true or false."""

    text = "true or false"

    def check(self, name: str, value: Any) -> bool:
        """A truth value. Raises E301."""
        if not isinstance(value, bool):
            raise wrong_type(name, "true or false", value)
        return value


class Choice(Kind):
    """One of some strings."""

    def __init__(self, *values: str) -> None:
        self.values = values
        self.text = " or ".join(f'"{value}"' for value in values)

    def check(self, name: str, value: Any) -> str:
        """One of the strings. Raises E301, E302."""
        if not isinstance(value, str):
            raise wrong_type(name, self.text, value)
        if value not in self.values:
            raise RuleError("E302", f"{name} must be {self.text}, not {show(value)}", attribute=name)
        return value


class Pair(Kind):
    """A whole number for both directions, or `height x width`. Canonical: (height, width)."""

    def __init__(self, lo: int = 1) -> None:
        self.whole = Whole(lo)
        self.text = f"{self.whole.text}, or height x width of such"

    def check(self, name: str, value: Any) -> tuple[Any, Any]:
        """(height, width). Raises E301, E302, E303."""
        if isinstance(value, tuple):
            if not isinstance(value, Size) or len(value) != 2:
                raise wrong_type(name, "a whole number or height x width", value)
            return self.whole.check(name, value[0]), self.whole.check(name, value[1])
        side = self.whole.check(name, value)
        return side, side


class Padding(Kind):
    """What `conv` and the pools accept as padding; `convolution.settle_padding` makes it canonical."""

    text = '"symmetric", "same", a whole number, height x width, or [top, bottom, left, right]'

    def __init__(self) -> None:
        self.whole = Whole(0)

    def check(self, name: str, value: Any) -> str | tuple[Any, ...]:
        """A word, or (top, bottom, left, right). Raises E301, E302, E303."""
        if isinstance(value, str):
            if value not in ("symmetric", "same"):
                raise RuleError("E302", f"{name} must be {self.text}, not {show(value)}", attribute=name)
            return value
        if isinstance(value, Size) and len(value) == 2:
            h, w = (self.whole.check(name, side) for side in value)
            return h, h, w, w
        if isinstance(value, tuple) and not isinstance(value, Size) and len(value) == 4:
            return tuple(self.whole.check(name, side) for side in value)
        if isinstance(value, tuple):
            raise wrong_type(name, self.text, value)
        side = self.whole.check(name, value)
        return side, side, side, side


class Wholes(Kind):
    """A list of whole numbers, at most `most` of them; a size is one too where `size` says so."""

    def __init__(self, lo: int, most: int, *, size: bool = False) -> None:
        self.whole = Whole(lo)
        self.most = most
        self.size = size
        self.text = f"a list of 1 to {most} whole numbers from {lo}"

    def check(self, name: str, value: Any) -> tuple[Any, ...]:
        """A tuple of whole numbers. Raises E301, E302, E303."""
        if not isinstance(value, tuple) or (isinstance(value, Size) and not self.size):
            raise wrong_type(name, "a list of whole numbers", value)
        if not 1 <= len(value) <= self.most:
            raise RuleError("E302", f"{name} must be {self.text}, not {len(value)}", attribute=name)
        return tuple(self.whole.check(name, part) for part in value)


class Band(Kind):
    """A range `lo .. hi` of indices from 0, both included."""

    text = "a range lo .. hi of channels, counted from 0, both included"

    def __init__(self) -> None:
        self.whole = Whole(0)

    def check(self, name: str, value: Any) -> Range:
        """A range that is not empty. Raises E301, E302, E303."""
        if not isinstance(value, Range):
            raise wrong_type(name, "a range lo .. hi", value)
        lo, hi = self.whole.check(name, value.lo), self.whole.check(name, value.hi)
        if hi < lo:
            raise RuleError("E302", f"{name} is {show(lo)} .. {show(hi)}, which is empty", attribute=name)
        return Range(lo, hi)


class OrNone(Kind):
    """A kind, or none."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.text = f"{kind.text}, or none"

    def check(self, name: str, value: Any) -> Any:
        """None, or what the kind makes of the value. Raises as the kind."""
        return None if value is None else self.kind.check(name, value)


class Axis(Choice):
    """The dimensions that an operation goes over, by name."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.text = f"{', '.join(names[:-1])} or {names[-1]}"
        self.words = {value: value for value in self.values}


class Start(Kind):
    """How a learned tensor starts: a number for all of it, or a distribution. Canonical: an `Initializer` with an exact
    number."""

    text = "zeros, ones, a number, or normal(std: …)"
    words: Mapping[str, Any] = {
        "zeros": Fraction(0),
        "ones": Fraction(1),
        "normal": Maker("std", lambda std: Initializer("normal", std)),
    }

    def check(self, name: str, value: Any) -> Initializer:
        """A start. Raises E301, E302."""
        if isinstance(value, (int, Fraction, Symbolic)) and not isinstance(value, bool):
            return Initializer("constant", NUMBER.check(name, value))
        if not isinstance(value, Initializer) or value.kind not in ("constant", "normal"):
            raise wrong_type(name, self.text, value)
        return Initializer(value.kind, (NUMBER if value.kind == "constant" else DEVIATION).check(name, value.scale))


EXTENT = Whole(1)
DEVIATION = Rational("a standard deviation, at least 0", 0)
RATE = Rational("a rate, at least 0 and less than 1", 0, 1, without=(1,))
POSITIVE = Rational("a number greater than 0", 0, without=(0,))
MOMENTUM = Rational("a number from 0 to 1", 0, 1)
NUMBER = Rational("a number")
FLAG = Flag()
PAIR = Pair()
PADDING = Padding()
