"""What `archdsl weights --to` shows: what each tensor of an edited network is made of, and how far outputs differ."""

from __future__ import annotations

from collections import Counter

from archdsl import __version__
from archdsl.compiler import Compiled
from archdsl.records import documented
from archdsl.views.tables import size, table
from archdsl.views.weights import wrote
from archdsl.visible import visible
from archdsl.weights.editing import Edited
from archdsl.weights.edits.making import MeasuredReport
from archdsl.weights.layers import COUNTER

MAX_REASONS = 12
"""As many are told in the text."""


@documented
class EditedTensorReport:
    """A tensor of the edited network."""

    name: str
    shape: list[int]
    source: str | None
    """The tensor of the original that it is made of; null where it is of none."""
    rule: str
    """kept; copied (channels), divided (by the number of copies), sliced, zero-padded, kernel zero-padded, kernel
    cropped, in this order; zeroed, identity, new (it stays as it starts, and is not in the file)."""


@documented
class EditReport:
    """The output of `archdsl weights SPEC CHECKPOINT --to EDITED --format json`."""

    archdsl: str
    spec: str
    model: str
    hash: str
    edited: str
    """The edited network's file, as given."""
    edited_model: str
    edited_hash: str
    checkpoint: str
    output: str
    written: bool
    """False with --dry-run."""
    preserved: bool
    """Whether the edited network gives what the original does, as both graphs and the rules tell, in a test."""
    reasons: list[str]
    """Why it gives something else."""
    measured: MeasuredReport | None
    """Null where the outputs cannot be compared, as `notes` say."""
    tensors: list[EditedTensorReport]
    """In the order of the edited network's operations."""
    dropped: list[str]
    """Tensors of the original that nothing is made of."""
    notes: list[str]


def edit_report(
    old: Compiled, new: Compiled, specs: tuple[str, str], made: Edited, output: str, *, written: bool
) -> EditReport:
    """The JSON of edited weights; `specs` are the files of both networks."""
    return EditReport(
        archdsl=__version__,
        spec=specs[0],
        model=old.name,
        hash=old.network.hash,
        edited=specs[1],
        edited_model=new.name,
        edited_hash=new.network.hash,
        checkpoint=made.converted.checkpoint.path,
        output=output,
        written=written,
        preserved=not made.edit.reasons,
        reasons=list(made.edit.reasons),
        measured=made.measured,
        tensors=[
            EditedTensorReport(e.name, list(e.shape), e.source, e.rule if e.name in made.state else "new")
            for e in made.edit.made
        ],
        dropped=list(made.edit.dropped),
        notes=[*made.converted.checkpoint.notes, *made.notes],
    )


def edit_text(report: EditReport) -> str:
    """A line for each tensor, what they come to, and the difference that was measured."""
    listed = [tensor for tensor in report.tensors if not tensor.name.endswith(f".{COUNTER}")]
    rows = [[t.rule, t.name, size(t.shape), t.source if t.source != t.name else "same name"] for t in listed]
    lines = [f"{report.model} to {report.edited_model}, from {visible(report.checkpoint)}\n"]
    lines.append(table(["rule", "tensor", "shape", "made of"], rows))
    counts = Counter(tensor.rule for tensor in listed)
    told = [f"{count:,} {rule}" for rule, count in counts.most_common()]
    lines.append(", ".join(told) + (f"; {len(report.dropped):,} of the original left out" if report.dropped else ""))
    if report.preserved:
        lines.append("by these rules the edited network gives what the original does")
    else:
        lines.append("the edited network gives something else:")
        lines += [f"  {visible(reason)}" for reason in report.reasons[:MAX_REASONS]]
        more = len(report.reasons) - MAX_REASONS
        lines += [f"  and {more:,} more reasons, which --format json lists"] if more > 0 else []
    if report.measured is not None:
        found = report.measured
        lines.append(
            f"measured: {found.outputs:,} outputs of {found.images} random images of {size(found.input)} differ by "
            f"{found.max_difference:.3g} at most; the largest is {found.largest:.4g}"
        )
    lines += [f"note: {visible(note)}" for note in report.notes]
    lines.append(wrote(report.output, report.written))
    return "\n".join(lines) + "\n"
