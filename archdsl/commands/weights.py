"""`archdsl weights`: a checkpoint of another library as a file that the emitted module loads.

Which tensor goes where is decided by `archdsl.weights`, what is in a checkpoint by `archdsl.weights.checkpoints`, its
numbers as ours by `archdsl.weights.tensors`; here is the report. A checkpoint is a stranger's file: nothing in it is
run, and its names are escaped where they are shown.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from archdsl import __version__, emission
from archdsl.commands.common import (
    Request,
    change_options,
    compiled,
    fail,
    finish,
    format_option,
    request_of,
    say,
    say_json,
)
from archdsl.commands.tables import size, table
from archdsl.commands.trial import MOST_TRIALS, TOLERANCE, Trial
from archdsl.compiler import Compiled
from archdsl.diagnostics import Diagnostic, Diagnostics, Label
from archdsl.files import FileFault, write_atomically
from archdsl.numbers import approximate, is_number
from archdsl.render import visible
from archdsl.report import ChoiceReport, InputReport, TensorReport, TrialReport, WeightsReport, diagnostic_reports
from archdsl.source import Source, Span
from archdsl.weights import (
    CHANNEL_ORDERS,
    CLASSIFIER_RULES,
    COUNTER,
    INPUT_RULES,
    REVERSED,
    Ambiguous,
    Inputs,
    Loaded,
    Mismatch,
    Plan,
    differences,
    inputs_of,
    map_state,
    told_inputs,
)
from archdsl.weights.checkpoints import (
    NO_TENSOR,
    SUFFIX,
    Checkpoint,
    WeightsFault,
    opened,
    read_checkpoint,
)
from archdsl.weights.tensors import lost, state_of

EPILOG = """
\b
Examples:
  archdsl weights net.arch checkpoint.pth -o net.safetensors
  archdsl weights net.arch checkpoint.safetensors --dry-run
  archdsl weights net.arch checkpoint.pth --set head.classes=10 --classifier-rule new
  archdsl weights net.arch checkpoint.pth --input 1x224x224 --input-rule sum
  archdsl weights net.arch checkpoint.pth --check logits.safetensors

CHECKPOINT is a .pth or .pt file of timm, torchvision or pycls, weights alone or a checkpoint of their training, or a
.safetensors file, of the same network. Its tensors go to operations by their order, their shapes and their names; every
tensor of both sides is reported as loaded, adapted, new or unused, and what cannot be mapped is an error that names the
first difference. Where several orders fit and nothing tells which is right, the operations that they differ in are
listed, and nothing is written without --accept-order or --check. The order of a .pth file is surer: a .safetensors file
sorts the names.

The report says what the checkpoint's network takes for input, as far as its names tell: pycls feeds its networks BGR,
so the first convolution's input channels are reversed, and the module takes RGB.

Strides, paddings and the eps of norms stand in no checkpoint: weights of a network that differs in these alone are
taken, and compute something else. --check FILE tells: FILE holds an `input` that the checkpoint's network was given and
its `output`, as .safetensors, .npz or .pt. Numbers are written as float32. The extra archdsl[torch] is needed.
"""

MOST_LISTED = 40
"""As many operations that could take another tensor are listed in an error."""


@click.command(short_help="Bring a checkpoint to the emitted module's names.", epilog=EPILOG)
@click.argument("file", metavar="SPEC")
@click.argument("checkpoint")
@change_options
@click.option("-o", "--output", metavar="FILE", help="The file to write; SPEC's name with .safetensors otherwise.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would be written.")
@click.option(
    "--input-rule",
    type=click.Choice(list(INPUT_RULES)),
    help="How to make other input channels. "
    + "; ".join(f"{name}: {text}" for name, text in INPUT_RULES.items())
    + ".",
)
@click.option(
    "--classifier-rule",
    type=click.Choice(list(CLASSIFIER_RULES)),
    help="What becomes of a classifier for other classes. new: it stays as it starts, and out of the file.",
)
@click.option("--allow-unused", is_flag=True, help="Leave out what no operation has, an auxiliary head for example.")
@click.option("--ema", is_flag=True, help="Take the checkpoint's averaged weights.")
@click.option("--entry", metavar="NAME", help="Take the weights in this entry of a training checkpoint: swa.")
@click.option(
    "--channel-order",
    type=click.Choice(CHANNEL_ORDERS),
    help="The order of colours that the checkpoint's network takes; by its library otherwise. bgr is reversed.",
)
@click.option("--accept-order", is_flag=True, help="Take the first order, where several fit and nothing decides.")
@click.option("--check", metavar="FILE", help="Compare with a given output; write nothing where it differs.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, max=1),
    default=TOLERANCE,
    show_default=True,
    help="The difference that --check allows, as a share of the largest output.",
)
@format_option("table", "json")
def command(
    file: str,
    checkpoint: str,
    output: str | None,
    force: bool,
    dry_run: bool,
    input_rule: str | None,
    classifier_rule: str | None,
    allow_unused: bool,
    ema: bool,
    entry: str | None,
    channel_order: Any,
    accept_order: bool,
    check: str | None,
    tolerance: float,
    format_: str,
    **options: Any,
) -> None:
    """Bring a checkpoint of timm, torchvision or pycls to the names of the emitted module."""
    if ema and entry is not None:
        raise click.UsageError("--ema and --entry are two ways to say which weights: give one")
    request = request_of(file, as_json=format_ == "json", **options)
    result = compiled(request)
    network = result.network
    target = Path(output or f"{result.name}{SUFFIX}")
    try:
        if not dry_run:
            _check_target(target, checkpoint, force)
        _library("torch")
        save = _library("safetensors.torch").save
        with opened(checkpoint) as content:
            found = read_checkpoint(checkpoint, content, ema, entry)
            inputs = inputs_of(found.tensors, found.arguments)
            if channel_order is not None:
                inputs = replace(inputs, channel_order=channel_order)

            def plan_by(order: int | None) -> Plan:
                return map_state(
                    network,
                    {name: tensor.shape for name, tensor in found.tensors.items()},
                    ordered=found.ordered,
                    input_rule=input_rule,
                    classifier_rule=classifier_rule,
                    allow_unused=allow_unused,
                    reverse=inputs.channel_order == "bgr",
                    order=order,
                )

            try:
                plan = plan_by(0 if accept_order or check is not None else None)
            except Ambiguous as fault:
                notes = [f"{c.ours} takes {c.takes}, and could take {', '.join(c.others)}" for c in fault.choices]
                raise WeightsFault(checkpoint, fault.message, fault.help, notes) from None
            except Mismatch as fault:
                raise WeightsFault(checkpoint, fault.message, fault.help) from None
            stranger = next((name for name, why in found.others.items() if why == NO_TENSOR), None)
            if stranger is not None and not allow_unused:
                message = f"its entry {stranger} is no tensor"
                raise WeightsFault(checkpoint, message, "--allow-unused leaves such entries out, and lists them")
            state, checked = state_of(plan, found), None
            if check is not None:
                trial = Trial(check, tolerance, result, reverse=inputs.channel_order == "bgr")
                plan, state, checked = _checked(trial, plan, state, plan_by, found, 1 if accept_order else MOST_TRIALS)
            missing = lost(plan, found, state)
        if not dry_run:
            _write(target, save(state), force)
    except WeightsFault as fault:
        _fail(request, fault)
    found = replace(found, notes=(*found.notes, *plan.notes, *missing))
    input_ = _input_report(inputs, plan, result)
    report = _report(result, request, target, plan, found, input_, checked, written=not dry_run)
    if request.as_json:
        say_json(report)
    else:
        say(_text(report, told_inputs(inputs)))
    finish(result)


def _checked(
    trial: Trial,
    plan: Plan,
    state: dict[str, Any],
    plan_by: Callable[[int | None], Plan],
    found: Checkpoint,
    most: int,
) -> tuple[Plan, dict[str, Any], TrialReport]:
    """The plan of the order that comes nearest to the given output, its weights, and how near that is."""
    tried = [(trial.compare(plan, state), plan, state)]
    for order in range(1, min(plan.orders, most)):
        other = plan_by(order)
        weights = state_of(other, found)
        tried.append((trial.compare(other, weights), other, weights))
        tried.sort(key=lambda one: one[0].max_difference)  # keeps the order of equals
        tried[2:] = []
    report, plan, state = tried[0]
    if not trial.holds(report):
        raise WeightsFault(*trial.failed(report, min(plan.orders, most)))
    if len(tried) > 1:
        more = "; another does as well" if trial.holds(tried[1][0]) else ""
        told = f"of these orders, one gives the output in {trial.path}, and is taken{more}"
        plan = replace(plan, notes=(*plan.notes, told))
        if not more:
            plan = replace(plan, choices=(), orders=1)
    return plan, state, report


def _fail(request: Request, fault: WeightsFault) -> NoReturn:
    """Report a fault, and end with 1. It is not a fault of a program, and has no code."""
    if request.as_json:
        diagnostics = Diagnostics()
        where = Span(Source(fault.file, ""), 0, 0)
        labels = tuple(Label(where, visible(note)) for note in fault.notes)
        diagnostics.add(Diagnostic("", visible(fault.message), where, labels=labels, help=fault.help))
        fail(request, diagnostics)
    click.echo(f"error: {visible(fault.file)}: {visible(fault.message)}", err=True)
    for note in fault.notes[:MOST_LISTED]:
        click.echo(f"note: {visible(note)}", err=True)
    if len(fault.notes) > MOST_LISTED:
        click.echo(f"note: and {len(fault.notes) - MOST_LISTED:,} more, which --format json lists", err=True)
    if fault.help is not None:
        click.echo(f"help: {visible(fault.help)}", err=True)
    raise click.exceptions.Exit(1)


def _library(name: str) -> Any:
    """torch, or safetensors.torch."""
    os.getcwd()  # where the current folder is gone, torch's own libraries would end the process without a word of ours
    try:
        return import_module(name)
    except ImportError:
        missing = name.split(".")[0]
        raise click.ClickException(
            f"weights needs {missing}, which is not installed: pip install 'archdsl[torch]'"
        ) from None


# Writing


def _check_target(target: Path, checkpoint: str, force: bool) -> None:
    """Before the work begins: whether the output may be written."""
    if not os.path.lexists(target):
        return
    with contextlib.suppress(OSError):
        if os.path.samefile(target, checkpoint):
            raise WeightsFault(str(target), "the output is the checkpoint itself", "choose another with -o")
    if not force:
        raise WeightsFault(str(target), "the file exists already", "--force replaces it")


def _write(target: Path, content: bytes, force: bool) -> None:
    """Write the file whole, or not at all."""
    try:
        write_atomically(target, content, force)
    except FileFault as fault:
        message = fault.message if fault.kind == "exists" else f"the file was not written: {fault.message}"
        raise WeightsFault(str(target), message) from None


# The report


def _input_report(inputs: Inputs, plan: Plan, result: Compiled) -> InputReport:
    """What the checkpoint's network takes, beside what the model says of its own images."""
    about = emission.about_of(result, result.name, "", ())
    preprocess = result.model.preprocess
    interpolation, crop = (preprocess[key].value if key in preprocess else None for key in ("interpolation", "crop"))
    lines = differences(
        inputs,
        tuple(map(float, about.mean)),
        tuple(map(float, about.std)),
        interpolation if isinstance(interpolation, str) else None,
        approximate(crop) if is_number(crop) else None,
    )
    reversed_ = any(REVERSED in (entry.rule or "").split(", ") for entry in plan.loaded)
    return InputReport(reversed=reversed_, differences=lines, **asdict(inputs))


def _report(
    result: Compiled,
    request: Request,
    target: Path,
    plan: Plan,
    found: Checkpoint,
    input_: InputReport,
    checked: TrialReport | None,
    *,
    written: bool,
) -> WeightsReport:
    tensors = [_loaded_report(entry, found) for entry in plan.loaded]
    places = {f"{node.path}.": index for index, node in enumerate(result.network.nodes)}
    tensors += [TensorReport("new", e.name, list(e.shape), None, None, e.why, None) for e in plan.new]
    tensors.sort(key=lambda t: places.get(f"{(t.name or '').rpartition('.')[0]}.", -1))
    tensors += [TensorReport("unused", None, None, e.name, list(e.shape), e.why, None) for e in plan.unused]
    tensors += [TensorReport("unused", None, None, name, None, why, None) for name, why in found.others.items()]
    counts = {status: sum(t.status == status for t in tensors) for status in ("loaded", "adapted", "new", "unused")}
    return WeightsReport(
        archdsl=__version__,
        spec=request.shown,
        model=result.name,
        hash=result.network.hash,
        checkpoint=found.path,
        output=str(target),
        written=written,
        **counts,
        tensors=tensors,
        input=input_,
        orders=plan.orders,
        choices=[ChoiceReport(choice.ours, choice.takes, list(choice.others)) for choice in plan.choices],
        check=checked,
        notes=list(found.notes),
        diagnostics=diagnostic_reports(result.diagnostics),
    )


def _loaded_report(entry: Loaded, found: Checkpoint) -> TensorReport:
    held = found.tensors[entry.theirs].dtype
    cast = held if held != ("int64" if entry.ours.endswith(f".{COUNTER}") else "float32") else None
    status: Any = "adapted" if entry.rule is not None else "loaded"
    return TensorReport(status, entry.ours, list(entry.shape), entry.theirs, list(entry.their_shape), entry.rule, cast)


def _text(report: WeightsReport, inputs: str) -> str:
    """A line for each tensor, and what they come to."""
    headers = ["status", "tensor", "shape", "checkpoint", "its shape", "rule", "cast from", "could take"]
    could = {choice.name: choice.others for choice in report.choices}
    rows = [
        [
            t.status,
            t.name,
            _size(t.shape),
            t.checkpoint_name,
            _size(t.checkpoint_shape),
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
    ending = f"wrote {report.output}" if report.written else f"would write {report.output}"
    title = f"{report.model}, hash {report.hash[:16]}, from {visible(report.checkpoint)}\n"
    return "\n".join([title, listed, counts, *map(visible, notes), ending]) + "\n"


def _size(shape: list[int] | None) -> str:
    return "" if shape is None else size(shape) or "number"
