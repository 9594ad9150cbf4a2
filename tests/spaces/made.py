"""Spaces that are put together without a text, for what asks for their draws alone."""

from __future__ import annotations

from typing import Any

from archdsl.spaces.laws import Draw, Grid, Items, Law
from archdsl.spaces.space import Space


def space_of_draws(*draws: Draw) -> Space:
    """A space of which nothing but the draws is asked."""
    nothing: Any = None
    return Space("made", nothing, nothing, draws, (), nothing, nothing)


def whole(first: int, last: int, step: int = 1) -> Law:
    return Law(Grid(first, step, (last - first) // step + 1))


def listed(*values: Any) -> Law:
    return Law(Items(values))
