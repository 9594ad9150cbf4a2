"""What the compiler says about a program: values, rendered elsewhere.

A `Diagnostic` is one fault of the input. Text, JSON and editor positions are renderings of the same
value. Inside a phase a fault that stops an evaluation travels as the exception `Fault`; every phase
catches it and adds it to its list of diagnostics, so that no exception leaves the compiler for a fault
of the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from archdsl.records import dataclass
from archdsl.source import Span

Severity = Literal["error", "warning"]

MAX_DIAGNOSTICS = 100
"""More than this many diagnostics of one run are counted, not kept."""


@dataclass(frozen=True, slots=True)
class Label:
    """Another place that matters, and what to say about it."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the span by a text; an empty span inserts."""

    span: Span
    replacement: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault: a stable code, a lower-case sentence, the place, and what would mend it.

    `label` stands under the span itself, `labels` at other places; `help` is a sentence that says the
    edit, `edits` is the same edit for a machine.
    """

    code: str
    message: str
    span: Span
    label: str = ""
    labels: tuple[Label, ...] = ()
    help: str | None = None
    edits: tuple[Edit, ...] = ()
    severity: Severity = "error"

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        return (self.span.source.name, self.span.start, self.span.end, self.code, self.message)


class Fault(Exception):
    """Carries a diagnostic from where a fault is found to the phase that collects it."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class Diagnostics:
    """The diagnostics of one run: no repeats, at most `MAX_DIAGNOSTICS`, sorted by place when read."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int, int, str], Diagnostic] = {}
        self.omitted = 0
        self.settled: set[tuple[str, int, int]] = set()
        """Places of which all is told: what is not written whole has one fault, and no other."""

    def settle(self, spans: Iterable[Span]) -> None:
        """Take no more diagnostics that stand in these places."""
        self.settled.update([(span.source.name, span.start, span.end) for span in spans])

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic, unless one of its code is known for the same place, or the place is settled."""
        place = (diagnostic.span.source.name, diagnostic.span.start, diagnostic.span.end, diagnostic.code)
        if place in self._kept or (self.settled and self._is_settled(*place[:3])):
            return
        if len(self._kept) >= MAX_DIAGNOSTICS:
            self.omitted += 1
            return
        self._kept[place] = diagnostic

    def _is_settled(self, name: str, start: int, end: int) -> bool:
        return any(name == of and first <= start and end <= last for of, first, last in self.settled)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(sorted(self._kept.values(), key=lambda d: d.sort_key))

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def full(self) -> bool:
        """Whether further diagnostics are only counted: then a phase need not look for more."""
        return len(self._kept) >= MAX_DIAGNOSTICS

    @property
    def errors(self) -> int:
        return sum(d.severity == "error" for d in self._kept.values())

    @property
    def failed(self) -> bool:
        return self.errors > 0
