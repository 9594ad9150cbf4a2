"""The fault that a rule of the graph reports: a setting out of range, shapes that do not fit.

A `RuleError` says what is wrong with the program's own numbers. It knows no place in the source; who
calls a rule knows the spans and makes the diagnostic. Codes: E301 to E306 for settings, E391 for the
limit on nodes, E401 to E404 for shapes.
"""

from __future__ import annotations


class RuleError(Exception):
    """A program breaks a rule of the graph.

    `code` is the diagnostic's code, `message` one lower-case sentence, `attribute` the setting at fault
    where one is, and `help` an edit that would mend it.
    """

    def __init__(self, code: str, message: str, *, attribute: str | None = None, help: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.attribute = attribute
        self.help = help

    def __repr__(self) -> str:
        return f"RuleError({self.code!r}, {self.message!r})"
