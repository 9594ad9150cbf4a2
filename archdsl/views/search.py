"""What `archdsl study search` shows: what was searched for how, and the members that are best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from archdsl import __version__
from archdsl.records import documented
from archdsl.views.tables import Cell, table
from archdsl.visible import visible

SHOWN = 10
"""Members that a text lists where there is one objective."""


@documented
class ObjectiveReport:
    """A figure that a search makes small or large."""

    name: str
    direction: Literal["minimize", "maximize"]


@documented
class FoundReport:
    """A member that a search proposed."""

    member: int
    """The number of its row in population.jsonl: `DIR/population.jsonl:17` names the network."""
    state: str
    """done, pruned, diverged, refused, failed, or `open` where it has not ended."""
    values: dict[str, float] | None
    """The objectives; null where one was not measured."""
    flops: int
    params: int
    acts: int
    hash: str
    index: int | None
    """The number of its draw under the seed; where it was no draw, of its setting."""


@documented
class SearchReport:
    """The output of `archdsl study search SPACE --format json`."""

    archdsl: str
    folder: str
    space: str
    sampler: Literal["random", "tpe", "nsga2"]
    seed: int
    objectives: list[ObjectiveReport]
    step_unit: float
    """Seconds of the step that a reward takes for 1."""
    storage: str
    """The URL of Optuna's storage, without a password."""
    study: str
    """The name of the study there."""
    trials: int
    """Members that were asked for."""
    exhausted: bool
    """Whether all members of the space are proposed, or no further one was found."""
    members: list[FoundReport]
    """In the order in which they were proposed."""
    front: list[int]
    """The numbers of the members that no other is better than in all objectives; of one objective, those with its best
    value."""


def found_report(
    number: int, row: Mapping[str, Any], figures: Mapping[str, Any] | None, values: Mapping[str, float] | None
) -> FoundReport:
    """A member with what came of it: its row, its figures if it has ended, and the objectives."""
    state = "open" if figures is None else str(figures.get("status", "done"))
    return FoundReport(
        member=number,
        state=state,
        values=dict(values) if values is not None else None,
        flops=int(row["flops"]),
        params=int(row["params"]),
        acts=int(row["acts"]),
        hash=str(row["hash"]),
        index=row["index"],
    )


def search_report(
    folder: str,
    search: Mapping[str, Any],
    space: str,
    place: tuple[str, str],
    trials: int,
    found: Sequence[FoundReport],
    front: Sequence[int],
    objectives: Sequence[ObjectiveReport],
    *,
    exhausted: bool,
) -> SearchReport:
    """`search` is what the folder says of it; `place` Optuna's URL and the name there."""
    return SearchReport(
        archdsl=__version__,
        folder=folder,
        space=space,
        sampler=search["sampler"],
        seed=search["seed"],
        objectives=list(objectives),
        step_unit=search["step_unit"],
        storage=place[0],
        study=place[1],
        trials=trials,
        exhausted=exhausted,
        members=list(found),
        front=list(front),
    )


def search_text(report: SearchReport) -> str:
    """How far it is, and the best members: the front of several objectives, or the first of one."""
    names = [each.name for each in report.objectives]
    states = [each.state for each in report.members]
    counts = [f"{states.count(state):,} {state}" for state in dict.fromkeys(states)]
    lines = [
        f"{visible(report.folder)}: {len(states):,} members of {report.space} by {report.sampler}, "
        f"seed {report.seed}: {', '.join(counts) or 'none'}"
    ]
    if report.exhausted and len(states) < report.trials:
        lines.append(f"no further member was found: {report.trials:,} were asked for")
    known = [each for each in report.members if each.values is not None]
    if not known:
        return "\n".join([*lines, "nothing was measured"]) + "\n"
    first = report.objectives[0]
    known.sort(key=lambda each: _key(each, first.direction))
    if len(names) > 1:
        known = [each for each in known if each.member in report.front]
        lines.append(f"the front of {', '.join(names)}: {len(known):,} members that no other is better than in all")
    elif len(known) > SHOWN:
        known = known[:SHOWN]
        lines.append(f"the first {SHOWN} by {names[0]}")
    header = ("member", *names, *[name for name in ("flops", "params", "acts") if name not in names], "hash")
    return "\n".join(lines) + "\n\n" + table(header, [_cells(each, names) for each in known])


def _key(found: FoundReport, direction: str) -> tuple[float, int]:
    value = next(iter((found.values or {}).values()), 0.0)
    return (-value if direction == "maximize" else value, found.member)


def _cells(found: FoundReport, names: Sequence[str]) -> tuple[Cell, ...]:
    values = found.values or {}
    shown: list[Cell] = [int(values[n]) if float(values[n]).is_integer() else f"{values[n]:.6g}" for n in names]
    costs = {"flops": found.flops, "params": found.params, "acts": found.acts}
    return (found.member, *shown, *[cost for name, cost in costs.items() if name not in names], found.hash[:12])


__all__ = ["FoundReport", "ObjectiveReport", "SearchReport", "found_report", "search_report", "search_text"]
