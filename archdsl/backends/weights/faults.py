"""The fault of a checkpoint that cannot be mapped."""

from __future__ import annotations


class Mismatch(Exception):
    """The checkpoint cannot be mapped. `message` is one sentence, `help` what would mend it."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
