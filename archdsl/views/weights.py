"""What `archdsl weights` shows: what became of every tensor of both sides."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from archdsl import emission
from archdsl.compiler import Compiled
from archdsl.numbers import approximate, is_number
from archdsl.records import documented
from archdsl.views.failure import diagnostic_reports
from archdsl.views.head import head
from archdsl.views.tables import optional_size, table
from archdsl.visible import visible
from archdsl.weights import COUNTER, REVERSED, Loaded, differences
from archdsl.weights.checkpoints import Checkpoint
from archdsl.weights.conversion import Converted
from archdsl.weights.trial import TrialReport


@documented
class TensorReport:
    """A tensor of the emitted module, of the checkpoint, or one of each."""

    status: Literal["loaded", "adapted", "new", "unused"]
    name: str | None
    """In the emitted module; null for an unused one."""
    shape: list[int] | None
    checkpoint_name: str | None
    """In the checkpoint; null for a new one."""
    checkpoint_shape: list[int] | None
    """Null too for an entry that is no tensor."""
    rule: str | None
    """How an adapted one is made: reshape, reversed, sum, mean, repeat; why one is new or unused."""
    cast_from: str | None
    """The type of the checkpoint's numbers, where they are written as another."""


@documented
class ChoiceReport:
    """A tensor of the emitted module that could take another one of the checkpoint as well: nothing tells."""

    name: str
    takes: str
    others: list[str]


@documented
class InputReport:
    """What the checkpoint's network takes for input, and no shape shows; null where nothing tells."""

    library: str | None
    """Whose names the checkpoint has."""
    channel_order: Literal["rgb", "bgr"] | None
    reversed: bool
    """Whether the input channels are written in reverse order: the module takes RGB."""
    largest: int | None
    """Pixels are from 0 to this."""
    mean: list[float] | None
    """Of red, green and blue, in this order."""
    std: list[float] | None
    interpolation: str | None
    resize: int | None
    """The shorter side before the crop."""
    crop: int | None
    differences: list[str]
    """Where the model's `preprocess` says something else."""


@documented
class WeightsReport:
    """The output of `archdsl weights SPEC CHECKPOINT --format json`: what became of every tensor of both sides."""

    archdsl: str
    spec: str
    model: str
    hash: str
    checkpoint: str
    output: str
    """The file that was written."""
    written: bool
    """False with --dry-run."""
    loaded: int
    """How many tensors were taken as they are."""
    adapted: int
    new: int
    unused: int
    tensors: list[TensorReport]
    """Those of the module in the order of its operations, then the unused ones."""
    input: InputReport
    orders: int
    """How many orders fit between which nothing decides: 1 where the order is sure."""
    choices: list[ChoiceReport]
    """What these orders differ in."""
    check: TrialReport | None
    """Null without --check."""
    notes: list[str]
    diagnostics: list[dict[str, Any]]


def weights_report(result: Compiled, spec: str, made: Converted, output: str, *, written: bool) -> WeightsReport:
    """The JSON of converted weights; `output` is the file that they are for."""
    plan, found = made.plan, made.checkpoint
    tensors = [_loaded_report(entry, found) for entry in plan.loaded]
    places = {f"{node.path}.": index for index, node in enumerate(result.network.nodes)}
    tensors += [TensorReport("new", e.name, list(e.shape), None, None, e.why, None) for e in plan.new]
    tensors.sort(key=lambda t: places.get(f"{(t.name or '').rpartition('.')[0]}.", -1))
    tensors += [TensorReport("unused", None, None, e.name, list(e.shape), e.why, None) for e in plan.unused]
    tensors += [TensorReport("unused", None, None, name, None, why, None) for name, why in found.others.items()]
    counts: dict[str, Any] = {
        status: sum(t.status == status for t in tensors) for status in ("loaded", "adapted", "new", "unused")
    }
    fields = head(result, spec) | {"input": _input_report(made, result)}  # not the network's, but the checkpoint's
    return WeightsReport(
        **fields,
        checkpoint=found.path,
        output=output,
        written=written,
        **counts,
        tensors=tensors,
        orders=plan.orders,
        choices=[ChoiceReport(choice.ours, choice.takes, list(choice.others)) for choice in plan.choices],
        check=made.check,
        notes=list(found.notes),
        diagnostics=diagnostic_reports(result.diagnostics),
    )


def _input_report(made: Converted, result: Compiled) -> InputReport:
    """What the checkpoint's network takes, beside what the model says of its own images."""
    about = emission.about_of(result, result.name, "", ())
    preprocess = result.model.preprocess
    interpolation, crop = (preprocess[key].value if key in preprocess else None for key in ("interpolation", "crop"))
    lines = differences(
        made.inputs,
        tuple(map(float, about.mean)),
        tuple(map(float, about.std)),
        interpolation if isinstance(interpolation, str) else None,
        approximate(crop) if is_number(crop) else None,
    )
    reversed_ = any(REVERSED in entry.rules for entry in made.plan.loaded)
    return InputReport(reversed=reversed_, differences=lines, **asdict(made.inputs))


def _loaded_report(entry: Loaded, found: Checkpoint) -> TensorReport:
    held = found.tensors[entry.theirs].dtype
    cast = held if held != ("int64" if entry.ours.endswith(f".{COUNTER}") else "float32") else None
    status: Any = "adapted" if entry.rule is not None else "loaded"
    return TensorReport(status, entry.ours, list(entry.shape), entry.theirs, list(entry.their_shape), entry.rule, cast)


def weights_text(report: WeightsReport, inputs: str) -> str:
    """A line for each tensor, and what they come to; `inputs` says what the checkpoint's network takes."""
    headers = ["status", "tensor", "shape", "checkpoint", "its shape", "rule", "cast from", "could take"]
    could = {choice.name: choice.others for choice in report.choices}
    rows = [
        [
            t.status,
            t.name,
            optional_size(t.shape),
            t.checkpoint_name,
            optional_size(t.checkpoint_shape),
            t.rule,
            t.cast_from,
            ", ".join(could.get(t.name or "", [])),
        ]
        for t in report.tensors
    ]
    optional = ("rule", "cast from", "could take")
    kept = [i for i, header in enumerate(headers) if header not in optional or any(row[i] for row in rows)]
    listed = table([headers[i] for i in kept], [[row[i] for i in kept] for row in rows])
    counts = f"{report.loaded:,} loaded, {report.adapted:,} adapted, {report.new:,} new, {report.unused:,} unused"
    reverse = "; the first convolution's input channels are reversed, so that the module takes RGB"
    notes = [f"input: {inputs}{reverse if report.input.reversed else ''}"]
    notes += [f"warning: {line}" for line in report.input.differences]
    notes += [f"note: {note}" for note in report.notes]
    if report.check is not None:
        check = report.check
        notes.append(
            f"check: {check.outputs:,} outputs differ by {check.max_difference:.3g} at most from {check.file}'s; "
            f"the largest is {check.largest:.4g}"
        )
    ending = wrote(report.output, report.written)
    title = f"{report.model}, hash {report.hash[:16]}, from {visible(report.checkpoint)}\n"
    return "\n".join([title, listed, counts, *map(visible, notes), ending]) + "\n"


def wrote(path: str, written: bool) -> str:
    """What was done, or would be done without --dry-run."""
    return f"{'wrote' if written else 'would write'} {path}"
