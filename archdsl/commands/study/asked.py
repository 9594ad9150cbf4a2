"""What the options of `archdsl study rank` say: lists, ranges, shares; another text is a fault of the option."""

from __future__ import annotations

import math
import re

import click

from archdsl.ranks.values import DEFAULT

_RANGE = re.compile(r"([0-9]{1,5})\.\.([0-9]{1,5})", re.ASCII)
TENTHS = "0.1..1"


def parts_of(text: str, option: str) -> list[str]:
    """What stands between commas that are in no brackets."""
    found = [part.strip() for part in re.split(r",(?![^(]*\))", text)]
    if not all(found):
        raise click.BadParameter(f"'{text}' has an empty part", param_hint=option)
    return list(dict.fromkeys(found))


def names_of(text: str | None, known: list[str]) -> tuple[str, ...]:
    names = parts_of(text, "--layers") if text is not None else known
    for name in names:
        if name not in known:
            raise click.BadParameter(f"there is no layer '{name}'; there are {', '.join(known)}", param_hint="--layers")
    return tuple(names)


def _number(text: str, low: float, high: float, option: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low < value <= high:
        raise click.BadParameter(f"'{text}' is no number above {low:g} and up to {high:g}", param_hint=option)
    return value


def ratios_of(text: str) -> list[float]:
    if text.strip() == TENTHS:
        return [step / 10 for step in range(1, 11)]
    return sorted({_number(part, 0, 1, "--ratios") for part in parts_of(text, "--ratios")})


def tolerances_of(text: str) -> list[str]:
    parts = parts_of(text, "--tolerances")
    return [part if part == DEFAULT else f"{_number(part, 0, 1, '--tolerances'):g}" for part in parts]


def range_of(text: str, option: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(text.strip())
    if found is None or not 1 <= int(found[1]) <= int(found[2]) <= 4096:
        raise click.BadParameter(f"'{text}' is not A..B of whole numbers from 1 to 4096", param_hint=option)
    return int(found[1]), int(found[2])


__all__ = ["TENTHS", "names_of", "parts_of", "range_of", "ratios_of", "tolerances_of"]
