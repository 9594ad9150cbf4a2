"""What a tracker is: something that a run is sent to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any, Protocol

from archdsl.records import dataclass


class TrackerFault(Exception):
    """Why a run cannot be sent; the text is one sentence."""


@dataclass(frozen=True)
class Epoch:
    """A line of metrics.jsonl: its figures by name, the step that they belong to, and when they were."""

    step: int
    figures: dict[str, float]
    when: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Sent:
    """A run as a tracker is told of it."""

    name: str
    project: str
    identity: str
    """Letters and digits that no other run has."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Numbers, texts, conditions and none by name."""


class Tracker(Protocol):
    """Where a run goes. Each method raises `TrackerFault`."""

    def begin(self, run: Sent, *, known: bool) -> None:
        """Begin a run, or go on with one that is `known`: it must be there."""

    def send(self, epochs: Sequence[Epoch]) -> None:
        """Send the figures of epochs. A library that writes in the background has them at the latest at the `end`."""

    def end(self, *, complete: bool) -> None:
        """Leave the run: it is `complete`, or more may come."""


__all__ = ["Epoch", "Sent", "Tracker", "TrackerFault"]
