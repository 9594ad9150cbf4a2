"""Kinds of values that options have, beyond click's own."""

from __future__ import annotations

import math
from typing import Any

import click

from archdsl.suggest import nearest


class Share(click.FloatRange):
    """A number of 0 to 1; what is no number is refused, which no bound refuses."""

    def __init__(self) -> None:
        super().__init__(0, 1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number. Raises `click.BadParameter`."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is no number.", param, ctx)
        return number


class Name(click.Choice[str]):
    """One of a few names; of what is near one, the fault says which."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """All names, and the nearest."""
        told = super().get_invalid_choice_message(value, ctx)
        near = nearest(str(value), [str(name) for name in self.choices])
        return told if near is None else f"{told} Did you mean '{near}'?"


__all__ = ["Name", "Share"]
