"""Turns as rows of a file, and what many rows say of a network: the median of its rounds, and their middle half."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from archdsl.measuring.settings import Effort, How
from archdsl.records import dataclass, documented

CONDITIONS = (
    *("batch", "device", "dtype", "layout", "compiled", "threads", "clock"),
    *("device_name", "torch", "flush_denormal", "memory_kept", "convention"),
)
"""Columns that all rows of a file agree in: times under others are not comparable."""


@documented
class Turn:
    """A line of a file of measurements: one network, one kind of work, one round."""

    network: str
    """Its label: the model's name, or one that no other network of the file has."""
    spec: str
    """As given."""
    strategy: str | None
    """The scaling; null for the network as given."""
    factor: float | None
    """By which it scales."""
    hash: str
    input: str
    """Channels, height, width: 3x224x224."""
    flops: int
    """Exact, of one image, by the convention; as are params and acts."""
    params: int
    acts: int
    convention: str
    """Its name and version."""
    work: str
    """inference or training."""
    round: int
    batch: int
    """Images of a pass."""
    measured_seconds: float | None
    """The median over single passes; null where it failed."""
    measured_low_seconds: float | None
    """The quartiles of the same."""
    measured_high_seconds: float | None
    measured_passes: int | None
    measured_memory_bytes: int | None
    """At the peak; null where the system does not tell."""
    load: float | None
    """What ran on the machine beside it: the mean number of processes that wanted a core in the minute before."""
    failure: str | None
    """Why it was not measured."""
    device: str
    device_name: str
    dtype: str
    layout: str
    compiled: bool
    threads: int
    clock: str
    """wall, or cpu: the time that the process spends on all cores."""
    torch: str
    python: str
    system: str
    cpus: int | None
    flush_denormal: bool
    """Whether numbers too small for full precision count as 0."""
    memory_kept: bool
    """Whether the process keeps memory that it frees while it is timed."""
    seconds: float
    """That were asked for in a round."""
    seed: int


@dataclass(frozen=True)
class Subject:
    """A network to be measured."""

    label: str
    spec: str
    strategy: str | None
    factor: float | None
    hash: str
    input: tuple[int, ...]
    flops: int
    params: int
    acts: int
    convention: str

    @property
    def shown(self) -> str:
        """What it is called beside others: `net w 2`."""
        return self.label if self.strategy is None else f"{self.label} {self.strategy} {self.factor:g}"


@documented
class Measured:
    """A network with one kind of work. Counts are exact and of one image; what is measured is of a pass."""

    network: str
    spec: str
    strategy: str | None
    """The scaling; null for the network as given."""
    factor: float | None
    hash: str
    input: str
    """Channels, height, width."""
    flops: int
    params: int
    acts: int
    work: str
    """inference or training."""
    rounds: int
    """Those in which it was measured."""
    measured_seconds: float | None
    """The median of the rounds, of which each gives the median of its passes; null where it failed."""
    measured_low_seconds: float | None
    """The quartiles of the rounds."""
    measured_high_seconds: float | None
    measured_memory_bytes: int | None
    """At the peak."""
    failure: str | None


def turn_of(
    subject: Subject, work: str, round_: int, how: How, effort: Effort, machine: Mapping[str, Any], answer: Any
) -> Turn:
    """The row of a turn; `answer` is what the process said, or a text that says why it said nothing."""
    failed = isinstance(answer, str)
    low, middle, high = (None, None, None) if failed else quartiles(answer["times"])
    return Turn(
        network=subject.label,
        spec=subject.spec,
        strategy=subject.strategy,
        factor=subject.factor,
        hash=subject.hash,
        input="x".join(map(str, subject.input)),
        flops=subject.flops,
        params=subject.params,
        acts=subject.acts,
        convention=subject.convention,
        work=work,
        round=round_,
        batch=how.batch,
        measured_seconds=middle,
        measured_low_seconds=low,
        measured_high_seconds=high,
        measured_passes=None if failed else answer["passes"],
        measured_memory_bytes=None if failed else answer["memory"],
        load=None if failed else answer["load"],
        failure=answer if failed else None,
        device=how.device,
        dtype=how.dtype,
        layout=how.layout,
        compiled=how.compiled,
        clock=how.clock,
        seconds=effort.seconds,
        seed=effort.seed,
        **{name: machine[name] for name in MACHINE},
    )


MACHINE = ("device_name", "threads", "torch", "python", "system", "cpus", "flush_denormal", "memory_kept")
"""Columns that the process tells."""


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The quartiles of numbers, by linear interpolation between them; of one number, that number."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


class RowFault(ValueError):
    """Why rows are not those of measurements: one lower-case sentence."""


def turns(rows: Iterable[Mapping[str, Any]]) -> list[Turn]:
    """The rows of a file. Raises `RowFault` for a row that is none, or that was measured under other conditions."""
    found: list[Turn] = []
    for number, row in enumerate(rows, 1):
        missing = [field.name for field in fields(Turn) if field.name not in row]
        if missing:
            raise RowFault(f"row {number:,} has no {missing[0]}: it is none of `archdsl bench`")
        turn = Turn(**{field.name: row[field.name] for field in fields(Turn)})
        wrong = [name for name in _NUMBERS if not isinstance(getattr(turn, name), (int, float))]
        odd = [name for name in _NUMBERS_OR_NONE if not isinstance(getattr(turn, name), (int, float, type(None)))]
        if wrong or odd:
            raise RowFault(f"the {(wrong or odd)[0]} of row {number:,} is no number")
        if found and (other := different(found[0], turn)):
            raise RowFault(f"row {number:,} was measured under other conditions than the first: {other}")
        found.append(turn)
    return found


_NUMBERS = ("flops", "params", "acts", "round", "batch")
_NUMBERS_OR_NONE = ("factor", "measured_seconds", "measured_memory_bytes")


def different(was: Turn, now: Turn | Mapping[str, Any]) -> str | None:
    """In what the conditions of two rows differ, if in anything: `threads was 1, is 2`."""
    for name in CONDITIONS:
        before, after = getattr(was, name), now[name] if isinstance(now, Mapping) else getattr(now, name)
        if before != after:
            return f"{name} was {before}, is {after}"
    return None


def measured(found: Sequence[Turn]) -> list[Measured]:
    """The networks of rows: the cheapest first, each with its scalings by strategy and factor."""
    groups: dict[tuple[str, str, str], list[Turn]] = {}
    least: dict[str, int] = {}
    for turn in found:
        groups.setdefault((turn.hash, turn.input, turn.work), []).append(turn)
        least[turn.network] = min(turn.flops, least.get(turn.network, turn.flops))

    def place(each: Measured) -> tuple[Any, ...]:
        return least[each.network], each.network, each.work, each.strategy or "", each.factor or 0.0

    return sorted([_of(group) for group in groups.values()], key=place)


def _of(group: Sequence[Turn]) -> Measured:
    first, done = group[0], [turn for turn in group if turn.measured_seconds is not None]
    times = [turn.measured_seconds for turn in done if turn.measured_seconds is not None]
    low, middle, high = quartiles(times) if times else (None, None, None)
    peaks = [turn.measured_memory_bytes for turn in done if turn.measured_memory_bytes is not None]
    return Measured(
        network=first.network,
        spec=first.spec,
        strategy=first.strategy,
        factor=first.factor,
        hash=first.hash,
        input=first.input,
        flops=first.flops,
        params=first.params,
        acts=first.acts,
        work=first.work,
        rounds=len({turn.round for turn in done}),
        measured_seconds=middle,
        measured_low_seconds=low,
        measured_high_seconds=high,
        measured_memory_bytes=int(statistics.median(peaks)) if peaks else None,
        failure=None if done else group[-1].failure,
    )


__all__ = [
    "CONDITIONS",
    "Measured",
    "RowFault",
    "Subject",
    "Turn",
    "different",
    "measured",
    "quartiles",
    "turn_of",
    "turns",
]
