"""Layers of ours with theirs, and what was not decided."""

from __future__ import annotations

from typing import NamedTuple

from archdsl.records import dataclass
from archdsl.weights.layers import Layer
from archdsl.weights.search import Pairs


class Choice(NamedTuple):
    """An operation of ours that could take several of theirs."""

    ours: Layer
    takes: Layer
    others: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Layers of ours with theirs; none where the checkpoint lacks the classifier."""

    pairs: Pairs
    notes: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    """What several orders that fit disagree on, where nothing decides between them."""
    orders: int = 1
    """How many orders fit, and are not ruled out."""
