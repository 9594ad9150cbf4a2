"""What is asked of a model in short forms: `NAME:4` for a scaling, `flops=16G` for a budget, `256x192` for an input.

The command line and the Python interface share them. A form that is none is a `RequestError`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.compiler import Changes
from archdsl.graph.cost import MEASURES

_BLANK = " \t\r\n"
"""What the language takes for nothing; other blanks are refused, not left out."""
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_WITH_FACTOR = re.compile(rf"({_NAME})(?:=([^:]+))?:(.+)", re.DOTALL)
_BARE = re.compile(rf"({_NAME})(?:=(.+))?", re.DOTALL)
_BUDGET = re.compile(r"(\w+)=([0-9][0-9.]*(?:[eE][0-9]+)?[KMGT]?)", re.ASCII)
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
) -> Changes:
    """The changes that short forms ask for."""
    return Changes(settings_of(settings), scaling_calls(scalings, budget), _input(input_), recipe)


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


def scaling_calls(specs: Sequence[str], budget: str | None) -> tuple[str, ...]:
    """Scalings as calls in the language: `name:4` -> `name(4)`, `name=3/5:4` -> `name(4, 3/5)`.

    A bare name takes the budget: `name` -> `name(solve(flops: 16G))`.
    """
    goal = _solve(budget) if budget is not None else None
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


def _solve(budget: str) -> str:
    found = _BUDGET.fullmatch(budget.strip())
    if found is None or found[1] not in MEASURES:
        measures = ", ".join(MEASURES)
        message = f"'{budget}' is not MEASURE=AMOUNT, for example flops=16G; the measures are {measures}"
        raise RequestError(message, "--to")
    return f"solve({found[1]}: {found[2]})"


def _input(text: str | None) -> str | None:
    if text is not None and _EXTENTS.fullmatch(text.strip()) is None:
        raise RequestError(f"'{text}' is not a size, for example 3x256x192 or 256x192", "--input")
    return text
