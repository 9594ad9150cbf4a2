"""The laws of draws from their text: `log_uniform(8 .. 1024, quantum: 8)` to a `Law`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from archdsl import limits
from archdsl.analysis.check_space import LAWS
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.trace import fault, show_value
from archdsl.analysis.values import Block, Environment, Value, is_list, kind_of, whole
from archdsl.graph.shapes import Range
from archdsl.numbers import Irrational, normalise
from archdsl.records import dataclass
from archdsl.spaces.laws import Draw, Grid, Items, Law
from archdsl.syntax import ast

_LEAST, _MOST = Fraction(1, 10**300), 10**300
"""What a logarithm in doubles may be taken of."""


@dataclass(frozen=True, slots=True)
class Written:
    """A law as it stands on the right of `~`."""

    law: Law
    count: int | None = None
    tied: bool = False
    reweighted: bool = False

    def draw(self, name: str) -> Draw:
        return Draw(name, self.law, self.count, self.tied)


def written_law(ctx: Context, e: ast.Expression, env: Environment, *, fine: bool = False) -> Written:
    """The law of a draw. Raises `Fault` or `AlreadyReported`.

    With `fine`, a law over numbers has a quantum where none is given: see `_fine`.
    """
    match e:
        case ast.Call(function=ast.Reference(name="reweighted"), arguments=(ast.Argument(value=inner),)):
            found = written_law(ctx, inner, env, fine=fine)
            return Written(found.law, found.count, found.tied, reweighted=True)
        case ast.Call(
            function=ast.Reference(name="each" | "tied" as word),
            arguments=(ast.Argument(value=number), ast.Argument(value=inner)),
        ):
            return Written(_law(ctx, inner, env, fine), _length(ctx, number, env), word == "tied")
        case _:
            return Written(_law(ctx, e, env, fine))


def _length(ctx: Context, e: ast.Expression, env: Environment) -> int:
    value = ctx.evaluate(e, env)
    if not whole(value):
        code = "E303" if isinstance(value, Fraction | Irrational) else "E301"
        raise fault(code, f"the length of a list is a whole number, not {_shown(value)}", e, env)
    if not 1 <= value <= limits.MAX_DIMENSIONS:
        message = f"the length of a list of draws is from 1 to {limits.MAX_DIMENSIONS}, not {show_value(value)}"
        raise fault("E302", message, e, env)
    return value


def _law(ctx: Context, e: ast.Expression, env: Environment, fine: bool) -> Law:
    if not isinstance(e, ast.Call) or not isinstance(e.function, ast.Reference) or e.function.name not in _MAKERS:
        raise AlreadyReported  # the resolver reported it
    named = {a.name.text: a.value for a in e.arguments if a.name is not None}
    given = tuple([a.value for a in e.arguments if a.name is None])
    if not given or not named.keys() <= set(LAWS[e.function.name]):
        raise AlreadyReported
    ctx.spend(1, e, env)
    return _MAKERS[e.function.name](_Call(ctx, e, given, named, env, fine))


class _Call(NamedTuple):
    """A law's call with its arguments."""

    ctx: Context
    e: ast.Call
    given: tuple[ast.Expression, ...]
    named: Mapping[str, ast.Expression]
    env: Environment
    fine: bool


# Numbers at equal distances


def _int(call: _Call) -> Law:
    ctx, _, given, _, env, _ = call
    low, high = _ends(ctx, given[0], env)
    for end in (low, high):
        if not whole(end):
            help_ = f"write `uniform({given[0].span.text}, quantum: …)`"
            raise fault("E303", f"`int` goes over whole numbers, not to {show_value(end)}", given[0], env, help=help_)
    return Law(_grid(given[0], low, high, 1, env))


def _uniform(call: _Call) -> Law:
    ctx, e, given, named, env, fine = call
    if "quantum" not in named and not fine:
        help_ = f"write `uniform({given[0].span.text}, quantum: …)`"
        raise fault("E306", "`uniform` needs `quantum`, the distance of its values", e, env, help=help_)
    low, high = _ends(ctx, given[0], env)
    quantum = _quantum(ctx, named["quantum"], env) if "quantum" in named else _fine(high - low, high - low)
    return Law(_grid(given[0], low, high, quantum, env))


def _log_uniform(call: _Call) -> Law:
    ctx, e, given, named, env, fine = call
    low, high = _ends(ctx, given[0], env)
    by_itself = _fine(low, high - low) if fine and low > 0 and not (whole(low) and whole(high)) else 1
    quantum = _quantum(ctx, named["quantum"], env) if "quantum" in named else by_itself
    grid = _grid(given[0], low, high, quantum, env)
    below = Fraction(low) - Fraction(quantum) / 2
    if below <= 0:
        message = f"the law begins at {show_value(normalise(below))}, half a quantum below {show_value(low)}"
        least = show_value(normalise(Fraction(2 * low)))
        help_ = f"give a `quantum` below {least}" if low > 0 else "the logarithm needs numbers above 0"
        raise fault("E302", message, given[0], env, help=help_)
    if below < _LEAST or high > _MOST:
        message = f"the ends of `log_uniform` lie from 1e-300 to 1e300, not {_shown_range(low, high)}"
        raise fault("E302", message, given[0], env)
    if grid.size > limits.MAX_LOG_DOMAIN:
        message = f"`log_uniform` has at most {limits.MAX_LOG_DOMAIN:,} values, not {grid.size:,}"
        raise fault("E394", message, e, env, help="give a larger `quantum`")
    return Law(grid, "log")


def _fine(least: int | Fraction, length: int | Fraction) -> Fraction:
    """The power of ten that is a hundredth to a thousandth of `least`, or the first larger one by which at most a
    million values lie along `length`."""
    quantum = Fraction(1)
    while quantum * 100 > least > 0:
        quantum /= 10
    while quantum * 1000 <= least:
        quantum *= 10
    while length / quantum >= limits.MAX_LOG_DOMAIN:
        quantum *= 10
    return quantum


def _ends(ctx: Context, e: ast.Expression, env: Environment) -> tuple[int | Fraction, int | Fraction]:
    value = ctx.evaluate(e, env)
    if not isinstance(value, Range):
        message = f"a law goes over a range such as `1 .. 16`, not {kind_of(value)}"
        raise fault("E301", message, e, env)
    low, high = value.lo, value.hi
    for end in (low, high):
        if type(end) is not int and type(end) is not Fraction:
            help_ = "round it to some digits: `round(1000 * (…)) / 1000`"
            raise fault("E301", f"an end of the range is a fraction, not {_shown(end)}", e, env, help=help_)
    if high < low:
        message = f"the range {_shown_range(low, high)} is empty"
        raise fault("E302", message, e, env, help=f"write `{show_value(high)} .. {show_value(low)}`")
    return low, high


def _quantum(ctx: Context, e: ast.Expression, env: Environment) -> int | Fraction:
    value = ctx.evaluate(e, env)
    if type(value) is not int and type(value) is not Fraction:
        raise fault("E301", f"`quantum` is a fraction, not {_shown(value)}", e, env)
    if value <= 0:
        raise fault("E302", f"`quantum` must be greater than 0, not {show_value(value)}", e, env)
    return value


def _grid(e: ast.Expression, low: int | Fraction, high: int | Fraction, step: int | Fraction, env: Environment) -> Grid:
    steps = Fraction(high - low) / step
    size = steps.numerator // steps.denominator + 1
    if steps.denominator != 1:
        last = show_value(normalise(Fraction(low) + (size - 1) * Fraction(step)))
        after = show_value(normalise(Fraction(low) + size * Fraction(step)))
        message = f"{show_value(high)} is no value of the law: from {show_value(low)} by {show_value(step)}"
        raise fault("E302", message, e, env, help=f"end it at {last} or at {after}")
    if size > limits.MAX_DOMAIN:
        message = f"a draw has at most {limits.MAX_DOMAIN:,} values, not {show_value(size)}"
        raise fault("E394", message, e, env)
    return Grid(low, step, size)


# Listed values


def _power_of_two(call: _Call) -> Law:
    ctx, _, given, _, env, _ = call
    low, high = _ends(ctx, given[0], env)
    for end in (low, high):
        if not whole(end) or end < 1 or end & (end - 1):
            raise fault("E302", f"{show_value(end)} is no power of two: 1, 2, 4, …", given[0], env)
    first, last = (int(end).bit_length() - 1 for end in (low, high))
    return Law(Items(tuple([1 << power for power in range(first, last + 1)])))


def _one_of(call: _Call) -> Law:
    ctx, e, given, named, env, _ = call
    if len(given) > limits.MAX_LIST:
        raise fault("E394", f"`one_of` has at most {limits.MAX_LIST:,} values, not {len(given):,}", e, env)
    values: list[Value] = []
    seen: set[tuple[type, object]] = set()
    for written in given:
        value = ctx.evaluate(written, env)
        verify_value(value, written, env)
        key = (type(value), (value.name, value) if isinstance(value, Block) else value)
        if key in seen:
            message = f"{show_value(value)} stands in `one_of` twice"
            raise fault("E203", message, written, env, help="give it a larger weight: `weights: […]`")
        seen.add(key)
        values.append(value)
    domain = Items(tuple(values))
    if "weights" not in named:
        return Law(domain)
    return Law(domain, "weights", _weights(ctx, named["weights"], len(values), env))


def verify_value(value: Value, e: ast.Expression, env: Environment) -> None:
    """What `one_of` may hold: a table keeps it, and it compares."""
    if isinstance(value, Irrational):
        help_ = "round it to some digits: `round(1000 * (…)) / 1000`"
        raise fault("E301", f"a drawn number is a fraction, not {_shown(value)}", e, env, help=help_)
    if not (value is None or isinstance(value, bool | int | Fraction | str | Block)):
        taken = "draw the number of the list, and take it in a derived name: `[…][i]`" if is_list(value) else None
        message = f"a number, a string, a block, `none`, `true` or `false` is drawn, not {kind_of(value)}"
        raise fault("E301", message, e, env, help=taken)


def _weights(ctx: Context, e: ast.Expression, count: int, env: Environment) -> tuple[Fraction, ...]:
    value = ctx.evaluate(e, env)
    if not is_list(value):
        raise fault("E301", f"`weights` is a list of numbers, not {kind_of(value)}", e, env)
    if len(value) != count:
        raise fault("E309", f"`weights` has {len(value)} numbers for {count} values", e, env)
    found = []
    for weight in value:
        if type(weight) is not int and type(weight) is not Fraction:
            raise fault("E301", f"a weight is a fraction, not {_shown(weight)}", e, env)
        if weight <= 0:
            help_ = "a value that is never drawn is left out"
            raise fault("E302", f"a weight must be greater than 0, not {show_value(weight)}", e, env, help=help_)
        found.append(Fraction(weight))
    total = sum(found)
    return tuple([weight / total for weight in found])


_Maker: TypeAlias = Callable[[_Call], Law]

_MAKERS: Mapping[str, _Maker] = {
    "int": _int,
    "uniform": _uniform,
    "log_uniform": _log_uniform,
    "power_of_two": _power_of_two,
    "one_of": _one_of,
}


def _shown(value: Value) -> str:
    return show_value(value) if isinstance(value, int | Fraction | Irrational) else kind_of(value)


def _shown_range(low: Value, high: Value) -> str:
    return f"{show_value(low)} .. {show_value(high)}"
