"""What `archdsl weights` shows of a map that it proposes, and of weights by the names of another library."""

from __future__ import annotations

from typing import Literal

from archdsl import __version__
from archdsl.compiler import Compiled
from archdsl.records import documented
from archdsl.views.tables import optional_size, table
from archdsl.views.weights import wrote
from archdsl.visible import visible
from archdsl.weights.back import Returned
from archdsl.weights.layers import COUNTER
from archdsl.weights.proposing import Proposed


@documented
class MapReport:
    """The output of `archdsl weights SPEC CHECKPOINT --propose-map FILE --format json`."""

    archdsl: str
    spec: str
    model: str
    checkpoint: str
    map: str
    """The file that was written."""
    written: bool
    """False with --dry-run."""
    operations: int
    """Operations of the network with weights."""
    lines: int
    """Lines of the map."""
    open: int
    """Operations of which nothing is known: `?` stands in their lines."""
    undecided: int
    """Operations that could take something else as well, as a remark above their line says."""
    fault: str | None
    """Why the checkpoint could not be mapped as a whole; null where it could."""
    complete: bool
    """Whether --map takes the file as it is."""


@documented
class BackTensorReport:
    """A tensor that is written, or that is not."""

    status: Literal["moved", "adapted", "left"]
    name: str | None
    """In the emitted module; null where none goes there."""
    shape: list[int] | None
    their_name: str
    """As it is written; of one that is left out, as it stands in --like's file."""
    their_shape: list[int]
    rule: str | None
    """How an adapted one is made: reshape, reversed; why one is left out."""


@documented
class BackReport:
    """The output of `archdsl weights SPEC CHECKPOINT --back --format json`: weights by another library's names."""

    archdsl: str
    spec: str
    model: str
    hash: str
    checkpoint: str
    like: str | None
    """The checkpoint whose names and types are taken; null with a map alone."""
    output: str
    written: bool
    """False with --dry-run."""
    moved: int
    adapted: int
    left: int
    tensors: list[BackTensorReport]
    """In the order in which they are written."""
    notes: list[str]


def map_report(result: Compiled, spec: str, checkpoint: str, file: str, made: Proposed, *, written: bool) -> MapReport:
    """The JSON of a proposed map."""
    complete = not made.open and made.fault is None
    return MapReport(
        archdsl=__version__,
        spec=spec,
        model=result.name,
        checkpoint=checkpoint,
        map=file,
        written=written,
        operations=made.operations,
        lines=made.lines,
        open=made.open,
        undecided=made.undecided,
        fault=made.fault,
        complete=complete,
    )


def map_text(report: MapReport) -> str:
    """What the map says, and what is to do."""
    lines = [f"{report.operations:,} operations of {report.model} in {report.lines:,} lines"]
    if report.fault is not None:
        lines.append(f"not all could be mapped: {visible(report.fault)}")
    if report.open:
        lines.append(f"{report.open:,} are open: write the checkpoint's module in place of each `?`")
    if report.undecided:
        lines.append(f"{report.undecided:,} could take something else as well: look at the remarks above them")
    lines.append(f"{wrote(report.map, report.written)}; --map {report.map} checks it")
    return "\n".join(lines) + "\n"


def back_report(
    result: Compiled, spec: str, made: Returned, like: str | None, output: str, *, written: bool
) -> BackReport:
    """The JSON of weights that were brought back."""
    tensors = [
        BackTensorReport(
            "moved" if e.rule is None else "adapted", e.ours, list(e.shape), e.theirs, list(e.their_shape), e.rule
        )
        for e in made.moved
    ]
    left = [BackTensorReport("left", None, None, e.name, list(e.shape), e.why) for e in made.left]
    adapted = sum(t.status == "adapted" for t in tensors)
    return BackReport(
        archdsl=__version__,
        spec=spec,
        model=result.name,
        hash=result.network.hash,
        checkpoint=made.mine.path,
        like=like,
        output=output,
        written=written,
        moved=len(tensors) - adapted,
        adapted=adapted,
        left=len(left),
        tensors=[*tensors, *left],
        notes=[*made.mine.notes, *made.notes],
    )


def back_text(report: BackReport) -> str:
    """A line for each tensor, and what they come to."""
    rows = [
        [t.status, t.name, optional_size(t.shape), t.their_name, optional_size(t.their_shape), t.rule]
        for t in report.tensors
        if not t.their_name.endswith(f".{COUNTER}")
    ]
    headers = ["status", "tensor", "shape", "written as", "its shape", "rule"]
    lines = [f"{report.model}, hash {report.hash[:16]}, from {visible(report.checkpoint)}\n", table(headers, rows)]
    lines.append(
        f"{report.moved:,} moved, {report.adapted:,} adapted, {report.left:,} left out; counters are not listed"
    )
    lines += [f"note: {visible(note)}" for note in report.notes]
    lines.append(wrote(report.output, report.written))
    return "\n".join(lines) + "\n"
