"""Rounds of turns over networks, in random order, each turn a row that is written before the next one begins."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from archdsl.measuring.ledger import Ledger
from archdsl.measuring.rows import RowFault, Subject, Turn, different, turn_of, turns
from archdsl.measuring.settings import Effort, How, Job
from archdsl.measuring.turns import TurnFault, taken
from archdsl.records import dataclass

Tell = Callable[[int, int], None]
"""Told how many turns are done, and of how many."""


@dataclass(frozen=True)
class Entry:
    """A network with its emitted module."""

    subject: Subject
    text: str
    class_name: str


def conditions(how: How, machine: Mapping[str, Any], convention: str) -> dict[str, Any]:
    """The conditions of a file's rows, as `rows.CONDITIONS` names them."""
    given = {"batch": how.batch, "device": how.device, "dtype": how.dtype, "layout": how.layout}
    return {**machine, **given, "compiled": how.compiled, "clock": how.clock, "convention": convention}


def known_turns(ledger: Ledger, wanted: Mapping[str, Any]) -> list[Turn]:
    """The rows that a file has already. Raises `RowFault` where they were measured under other conditions."""
    found = turns(ledger.rows)
    other = different(found[0], wanted) if found else None
    if other:
        raise RowFault(f"it was measured under other conditions: {other}; name another file, or --force begins anew")
    return found


def unique(entries: Sequence[Entry]) -> list[Entry]:
    """The entries without those that are an earlier one's network at its input: a factor of 1, for example."""
    found: dict[tuple[str, tuple[int, ...]], Entry] = {}
    for each in entries:
        found.setdefault((each.subject.hash, each.subject.input), each)
    return list(found.values())


def left(found: Sequence[Turn], entries: Sequence[Entry], works: Sequence[str], rounds: int) -> int:
    """How many of the turns that are asked for were not measured."""
    done = _done(found)
    return sum(_key(each, work, n) not in done for each in entries for work in works for n in range(1, rounds + 1))


def measure(
    ledger: Ledger,
    entries: Sequence[Entry],
    works: Sequence[str],
    how: How,
    effort: Effort,
    machine: Mapping[str, Any],
    tell: Tell | None = None,
) -> None:
    """Measure what the ledger has not. A network that fails has a row that says why, and no more turns this time."""
    done, failing = _done(turns(ledger.rows)), set()
    every = [(each, work) for each in entries for work in works]
    total = len(every) * effort.rounds
    for number in range(1, effort.rounds + 1):
        order = random.Random(f"{effort.seed}:{number}").sample(every, len(every))
        for place, (each, work) in enumerate(order):
            if tell is not None:
                tell((number - 1) * len(every) + place, total)
            if _key(each, work, number) in done or (each.subject, work) in failing:
                continue
            job = Job(each.text, each.class_name, each.subject.input, work)
            answer: dict[str, Any] | str
            try:
                answer = taken(job, how, effort)
            except TurnFault as fault:
                answer = str(fault)
                failing.add((each.subject, work))
            ledger.add(asdict(turn_of(each.subject, work, number, how, effort, machine, answer)))


def _done(found: Sequence[Turn]) -> set[tuple[str, str, str, int]]:
    return {(t.hash, t.input, t.work, t.round) for t in found if t.measured_seconds is not None}


def _key(each: Entry, work: str, number: int) -> tuple[str, str, str, int]:
    return each.subject.hash, "x".join(map(str, each.subject.input)), work, number


__all__ = ["Entry", "Tell", "conditions", "known_turns", "left", "measure", "unique"]
