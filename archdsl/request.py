"""What is asked of a model in short forms: `NAME:4` for a scaling, `flops=16G` for a budget, `256x192` for an input.

The command line and the Python interface share them. A form that is none is a `RequestError`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from archdsl.compiler import Changes
from archdsl.graph.cost import MEASURES

_BLANK = " \t\r\n"
"""What the language takes for nothing; other blanks are refused, not left out."""
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_WITH_FACTOR = re.compile(rf"({_NAME})(?:=([^:]+))?:(.+)", re.DOTALL)
_BARE = re.compile(rf"({_NAME})(?:=(.+))?", re.DOTALL)
_BUDGET = re.compile(r"(\w+)=([0-9][0-9.]*(?:[eE][0-9]+)?[KMGT]?)", re.ASCII)
_PERCENT = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*%", re.ASCII)
_FACTOR = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
_RANGE = re.compile(rf"({_FACTOR})\.\.({_FACTOR})", re.ASCII)
_LIST = re.compile(rf"{_FACTOR}(?:,{_FACTOR})*", re.ASCII)
_STRATEGY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:=[^:]+)?", re.ASCII)
_GRID = 1000
"""Factors between the ends of a range are whole thousandths, as those that `--to` finds."""
_EXTENTS = re.compile(r"[0-9]{1,12}(?:\s*[xX]\s*[0-9]{1,12}){1,2}", re.ASCII)


class RequestError(ValueError):
    """Why a form was not understood. `option` is that of the command line."""

    def __init__(self, message: str, option: str) -> None:
        super().__init__(message)
        self.option = option


def changes_of(
    settings: Sequence[str] = (),
    scalings: Sequence[str] = (),
    budget: str | None = None,
    input_: str | None = None,
    recipe: str | None = None,
    within: str | None = None,
) -> Changes:
    """The changes that short forms ask for."""
    return Changes(settings_of(settings), scaling_calls(scalings, budget, within), _input(input_), recipe)


def words_of(
    settings: Sequence[str] = (),
    scalings: Sequence[str] = (),
    budget: str | None = None,
    input_: str | None = None,
    *,
    within: str | None = None,
    model: str | None = None,
    classes: int | None = None,
    resolution: int | None = None,
) -> list[str]:
    """What was asked for, as options of the command line: `--set head.classes=10`, `--scale NAME:4`."""
    given: tuple[tuple[str, Sequence[object]], ...] = (
        ("model", [model]),
        ("set", settings),
        ("classes", [classes]),
        ("scale", scalings),
        ("to", [budget]),
        ("within", [within]),
        ("input", [input_]),
        ("resolution", [resolution]),
    )
    return [f"--{option} {text}" for option, texts in given for text in texts if text not in (None, "")]


def settings_of(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`head.classes=10` -> ("head.classes", "10")."""
    found = []
    for text in texts:
        name, sign, value = text.partition("=")
        name, value = name.strip(_BLANK), value.strip(_BLANK)
        if not (sign and name and value):
            raise RequestError(f"'{text}' is not NAME=VALUE, for example head.classes=10", "--set")
        found.append((name, value))
    return tuple(found)


def scaling_calls(specs: Sequence[str], budget: str | None, within: str | None = None) -> tuple[str, ...]:
    """Scalings as calls in the language: `name:4` -> `name(4)`, `name=3/5:4` -> `name(4, 3/5)`.

    A bare name takes the budget: `name` -> `name(solve(flops: 16G))`, `name(solve(flops: 16G, within: 1/100))`.
    """
    goal = None
    if budget is not None:
        measure, amount = budget_of(budget, "--to", "16G")
        goal = f"solve({measure}: {amount}{_share(within)})"
    elif within is not None:
        raise RequestError("it is a share of a budget: add --to flops=16G", "--within")
    calls: list[str] = []
    bare = 0
    for spec in specs:
        text = spec.strip(_BLANK)
        factor, name = _WITH_FACTOR.fullmatch(text), _BARE.fullmatch(text)
        if factor is not None:
            first, second, value = factor.groups()
            calls.append(f"{first}({value}, {second})" if second else f"{first}({value})")
        elif name is not None:
            bare += 1
            if goal is None:
                raise RequestError(f"'{spec}' has no factor: write {name[1]}:4, or add --to flops=16G", "--scale")
            calls.append(f"{name[1]}({goal}, {name[2]})" if name[2] else f"{name[1]}({goal})")
        elif text:
            calls.append(text)
        else:
            raise RequestError("it names no scaling, for example NAME:4", "--scale")
    if goal is not None and bare != 1:
        raise RequestError(f"it solves for the factor of one bare --scale NAME, and there are {bare}", "--to")
    return tuple(calls)


def budget_of(text: str, option: str, example: str) -> tuple[str, str]:
    """`flops=16G` -> ("flops", "16G")."""
    found = _BUDGET.fullmatch(text.strip())
    if found is None or found[1] not in MEASURES:
        message = f"'{text}' is not MEASURE=AMOUNT, for example flops={example}; the measures are {', '.join(MEASURES)}"
        raise RequestError(message, option)
    return found[1], found[2]


def _share(text: str | None) -> str:
    """`1%` -> `, within: 1/100`."""
    if text is None:
        return ""
    found = _PERCENT.fullmatch(text.strip())
    if found is None or Fraction(found[1]) >= 100:
        raise RequestError(f"'{text}' is not a share of the budget below 100 %, for example 1%", "--within")
    return f", within: {found[1]}/100"


def _input(text: str | None) -> str | None:
    if text is not None and _EXTENTS.fullmatch(text.strip()) is None:
        raise RequestError(f"'{text}' is not a size, for example 3x256x192 or 256x192", "--input")
    return text


# Of pictures of scalings


def strategies_of(text: str) -> list[str]:
    """`NAME,NAME=2/3` -> the names, each once."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if _STRATEGY.fullmatch(name) is None:
            raise RequestError(f"'{name}' is not NAME or NAME=VALUE", "--strategies")
    return list(dict.fromkeys(names))


def factors_of(text: str, steps: int) -> list[Fraction]:
    """`1..4` -> 1, 1.414, 2, 2.828, 4 for two steps from a factor to its double."""
    ends = _RANGE.fullmatch(text.strip())
    if ends is None and _LIST.fullmatch(text.strip()) is None:
        message = f"'{text}' is neither A..B nor a list of factors, for example 1..32 or 1,2,4"
        raise RequestError(message, "--factors")
    given = [Fraction(part) for part in (ends.groups() if ends is not None else text.strip().split(","))]
    if min(given) <= 0:
        raise RequestError("a factor is more than 0", "--factors")
    if ends is None:
        return sorted(set(given))
    first, last = given
    if first >= last:
        raise RequestError(f"'{text}' does not rise", "--factors")
    from math import log2

    number = max(1, round(log2(last / first) * steps))
    between = [round(float(first) * float(last / first) ** (step / number) * _GRID) for step in range(1, number)]
    return sorted({first, *[Fraction(thousandths, _GRID) for thousandths in between if thousandths], last})


def decimal(factor: Fraction) -> str:
    """All digits of a factor, which has few: `2.828`."""
    return f"{factor.numerator}" if factor.denominator == 1 else f"{float(factor):f}".rstrip("0")
