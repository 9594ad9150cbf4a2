"""The faults of a checkpoint that cannot be mapped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Mismatch(Exception):
    """The checkpoint cannot be mapped. `message` is one sentence, `help` what would mend it."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class Choosing(Protocol):
    """A tensor that could take the numbers of several."""

    @property
    def ours(self) -> str: ...
    @property
    def takes(self) -> str: ...
    @property
    def others(self) -> tuple[str, ...]: ...


class Ambiguous(Mismatch):
    """Several orders fit, and nothing decides between them. `choices` are the tensors that they differ in."""

    def __init__(self, choices: Sequence[Choosing], orders: int) -> None:
        first = choices[0]
        super().__init__(
            f"{orders:,} orders fit, and neither names nor the file's order tell which: "
            f"{first.ours} could take {first.takes} or {first.others[0]}",
            "--accept-order takes the first; --check FILE finds the one that gives a known output",
        )
        self.choices = tuple(choices)
