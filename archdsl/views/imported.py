"""What `archdsl import` shows: what was lifted, the proof of it, and what is missing."""

from __future__ import annotations

from archdsl.graph.cost import count
from archdsl.graph.shapes import show_shape
from archdsl.lifting.imported import Imported
from archdsl.lifting.proof import Compared, Proof
from archdsl.records import documented
from archdsl.views.head import counts
from archdsl.visible import visible

MAX_LISTED = 20
"""As many gaps are listed in a text."""


@documented
class GapReport:
    """An operation of the source that the language does not have, or cannot say in this use."""

    operation: str
    """As the source calls it."""
    path: str
    """The module that it stands in."""
    reason: str


@documented
class RecognisedReport:
    """A block of the standard library that parts of the network are."""

    block: str
    module: str
    """The module of the library: `std.resnet`."""
    place: str
    """Where the parts stand: `stages`, `stem`, `head`, or `blocks`, within blocks of the text's own."""
    count: int
    """How many parts are this block."""
    total: int
    """Of how many that were looked at together."""


@documented
class ImportReport:
    """What came of an import."""

    source: str
    name: str
    """Of the model."""
    path: str
    """The file that was written; empty where none was."""
    text: str
    """The text; empty where there is none."""
    lines: int
    hash: str
    """Of the network; empty where there is none."""
    params: int
    flops: int
    acts: int
    same_as: str
    """The network that ships and has the same hash; empty where none has."""
    differs_in_training_from: list[str]
    """Networks that ship and differ in dropout and stochastic depth alone."""
    recognised: list[RecognisedReport]
    """The blocks of the library that the text uses."""
    proof: Proof | None
    """What was checked; null where there is no text."""
    proved: bool
    gaps: list[GapReport]
    unused: list[str]
    """Tensors of the source that take no part in its output."""
    notes: list[str]


def import_report(found: Imported, source: str, name: str, path: str) -> ImportReport:
    """The JSON of an import."""
    network = found.written.compiled.network if found.written is not None else None
    amounts = counts(count(network)) if network is not None else {"params": 0, "flops": 0, "acts": 0}
    return ImportReport(
        source=source,
        name=name,
        path=path,
        text=found.written.text if found.written is not None else "",
        lines=len(found.written.text.splitlines()) if found.written is not None else 0,
        hash=network.hash if network is not None else "",
        **amounts,
        same_as=found.same,
        differs_in_training_from=list(found.similar),
        recognised=[
            RecognisedReport(one.block, one.module, one.place, one.count, one.total)
            for one in (found.written.recognised if found.written is not None else ())
        ],
        proof=found.proof,
        proved=found.proof is not None and found.proof.holds,
        gaps=[GapReport(gap.operation, gap.path, gap.reason) for gap in found.lifted.gaps],
        unused=list(found.lifted.unused),
        notes=list(found.notes),
    )


def import_text(report: ImportReport) -> str:
    """The same for people."""
    lines = [f"{visible(report.source)}: {_verdict(report)}"]
    if report.hash:
        lines.append(
            f"  {report.params:,} parameters, {report.flops:,} flops, {report.lines} lines, hash {report.hash[:16]}"
        )
    if report.same_as:
        lines.append(f"  the same hash as {report.same_as}, which ships with archdsl")
    if report.differs_in_training_from:
        lines.append(f"  but for dropout and stochastic depth it is {', '.join(report.differs_in_training_from)}")
    if report.recognised:
        lines.append(f"  blocks of the library: {', '.join([_recognised(one) for one in report.recognised])}")
    if report.proof is not None:
        lines += [f"  {line}" for line in _proof_lines(report.proof)]
    for gap in report.gaps[:MAX_LISTED]:
        place = f" in {visible(gap.path)}" if gap.path else ""
        lines.append(f"  not lifted: {visible(gap.operation)}{place}: {visible(gap.reason)}")
    if len(report.gaps) > MAX_LISTED:
        lines.append(f"  and {len(report.gaps) - MAX_LISTED} more")
    if report.unused:
        lines.append(f"  {_unused(report.unused)}")
    lines += [f"  note: {visible(note)}" for note in report.notes]
    if report.path:
        lines.append(f"wrote {visible(report.path)}")
    return "\n".join(lines) + "\n"


def _recognised(one: RecognisedReport) -> str:
    """A block of the library, and for what it stands."""
    name = f"{one.block} of {one.module}"
    if one.place in ("stem", "head"):
        return f"{name} for the {one.place}"
    if one.place == "blocks":
        return f"{name} in {one.count} {'place' if one.count == 1 else 'places'} within blocks"
    return f"{name} for {one.count} of {one.total} {'block' if one.total == 1 else 'blocks'}"


def _unused(names: list[str]) -> str:
    """The tensors that no output depends on."""
    first = visible(names[0])
    many = f"{len(names)} tensors take no part in the output: {first}, …"
    return many if len(names) > 1 else f"{first} takes no part in the output"


def _verdict(report: ImportReport) -> str:
    if report.proved:
        return "proved equal"
    if report.proof is not None:
        return f"NOT PROVED: {visible(report.proof.fault)}"
    return "not lifted" if report.gaps else "no text of ours compiles to it"


def _proof_lines(proof: Proof) -> list[str]:
    if not proof.structure:
        return [_compared_line(one) for one in proof.compared]
    params = f"{proof.params:,} parameters"
    params += " in both" if proof.params == proof.source_params else f", and {proof.source_params:,} in the source"
    found = [f"{params}; {proof.mapped:,} tensors mapped"]
    return found + [_compared_line(one) for one in proof.compared]


def _compared_line(one: Compared) -> str:
    size = show_shape(tuple(one.input))
    if one.refused:
        return f"{size}: not compared: {visible(one.refused)}"
    told = "equal" if one.equal else "DIFFERENT"
    images = "1 random image" if one.images == 1 else f"{one.images} random images"
    return f"{size}, {images}, in doubles: {told}, by {one.max_difference:.2g} of {one.largest:.4g}"


__all__ = ["GapReport", "ImportReport", "RecognisedReport", "import_report", "import_text"]
