"""`archdsl weights`: a checkpoint of another library as a file that the emitted module loads.

Which tensor goes where is decided by `archdsl.backends.weights`; here are the files, the numbers and the report. A
checkpoint is a stranger's file: nothing in it is run, and its names are escaped where they are shown.
"""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from archdsl import __version__
from archdsl.backends.weights import (
    CLASSIFIER_RULES,
    COUNTER,
    INPUT_RULES,
    Loaded,
    Mismatch,
    Plan,
    map_state,
    unwrapped,
)
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
from archdsl.compiler import Compilation
from archdsl.diagnostics import Diagnostic, Diagnostics
from archdsl.files import FileFault, write_atomically
from archdsl.render import visible
from archdsl.report import TensorReport, WeightsReport, diagnostic_reports
from archdsl.source import Source, Span

EPILOG = """
\b
Examples:
  archdsl weights net.arch checkpoint.pth -o net.safetensors
  archdsl weights net.arch checkpoint.safetensors --dry-run
  archdsl weights net.arch checkpoint.pth --set head.classes=10 --classifier-rule new
  archdsl weights net.arch checkpoint.pth --input 1x224x224 --input-rule sum

CHECKPOINT is a .pth or .pt file of timm, torchvision or pycls, or a .safetensors file, of the same network. Its tensors
go to operations by their order and their shapes; every tensor of both sides is reported as loaded, adapted, new or
unused, and what cannot be mapped is an error that names the first difference. The order of a .pth file is surer: a
.safetensors file sorts the names, and they stand for the order.

Strides, paddings and the eps of norms stand in no checkpoint: weights of a network that differs in these alone are
taken, and compute something else. Numbers are written as float32. The extra archdsl[torch] is needed.
"""

SUFFIX = ".safetensors"
CONTAINERS = ("state_dict", "model", "model_state")
"""The entries of training checkpoints that hold the weights."""
AVERAGED = ("state_dict_ema", "model_ema", "ema_state", "ema")
"""Those that hold averaged weights."""
MOST_CONTAINERS = 4

_CODE = re.compile(r"GLOBAL (\S+)")


class WeightsFault(Exception):
    """What is wrong with a checkpoint or an output, in one sentence, and what would mend it."""

    def __init__(self, file: str, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.file = file
        self.message = message
        self.help = help


@dataclass(frozen=True)
class Checkpoint:
    """The weights in a file: name -> tensor, by names without what wrappers put before them."""

    tensors: Mapping[str, Any]
    others: tuple[str, ...]
    """The names of entries that are no tensors."""
    ordered: bool
    """Whether the file keeps the order in which modules were registered."""
    notes: tuple[str, ...]


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
    format_: str,
    **options: Any,
) -> None:
    """Bring a checkpoint of timm, torchvision or pycls to the names of the emitted module."""
    request = request_of(file, as_json=format_ == "json", **options)
    result = compiled(request)
    if result.network is None:
        return
    target = Path(output or f"{result.name}{SUFFIX}")
    try:
        if not dry_run:
            _check_target(target, checkpoint, force)
        found = read_checkpoint(checkpoint, ema)
        try:
            plan = map_state(
                result.network,
                {name: tuple(tensor.shape) for name, tensor in found.tensors.items()},
                ordered=found.ordered,
                input_rule=input_rule,
                classifier_rule=classifier_rule,
                allow_unused=allow_unused,
            )
        except Mismatch as fault:
            raise WeightsFault(checkpoint, fault.message, fault.help) from None
        if found.others and not allow_unused:
            message = f"its entry {found.others[0]} is no tensor"
            raise WeightsFault(checkpoint, message, "--allow-unused leaves such entries out, and lists them")
        state = _state_of(plan, found, checkpoint)
        if not dry_run:
            content = _library("safetensors.torch").save(state)
            _write(target, content, force)
    except WeightsFault as fault:
        _fail(request, fault)
    report = _report(result, request, checkpoint, target, plan, found, written=not dry_run)
    if request.as_json:
        say_json(report)
    else:
        say(_text(report))
    finish(result)


def _fail(request: Request, fault: WeightsFault) -> NoReturn:
    """Report a fault, and end with 1. It is not a fault of a program, and has no code."""
    if request.as_json:
        diagnostics = Diagnostics()
        where = Span(Source(fault.file, ""), 0, 0)
        diagnostics.add(Diagnostic("", visible(fault.message), where, help=fault.help))
        fail(request, diagnostics)
    click.echo(f"error: {visible(fault.file)}: {visible(fault.message)}", err=True)
    if fault.help is not None:
        click.echo(f"help: {visible(fault.help)}", err=True)
    raise click.exceptions.Exit(1)


def _library(name: str) -> Any:
    """torch, or safetensors.torch."""
    try:
        return import_module(name)
    except ImportError:
        missing = name.split(".")[0]
        raise click.ClickException(
            f"weights needs {missing}, which is not installed: pip install 'archdsl[torch]'"
        ) from None


# Reading


def read_checkpoint(path: str, averaged: bool = False) -> Checkpoint:
    """The weights in a file. Raises `WeightsFault`, and `click.ClickException` where a library is missing."""
    _library("torch")
    if not os.path.isfile(path):
        raise WeightsFault(path, "there is no such file" if not os.path.lexists(path) else "not a regular file")
    if path.endswith(SUFFIX):
        content, ordered = _read_safetensors(path), False
    else:
        content, ordered = _read_torch(path), True
    entries, notes = _weights_in(path, content, averaged)
    torch = _library("torch")
    if any(not isinstance(name, str) for name in entries):
        raise WeightsFault(path, "its entries have no names")
    tensors = {name: entry for name, entry in entries.items() if isinstance(entry, torch.Tensor)}
    if not tensors:
        message = f"it holds no weights; its entries are {', '.join(list(entries)[:8]) or 'none'}"
        held = next((name for name in AVERAGED if name in entries), None)
        raise WeightsFault(path, message, f"--ema takes {held}" if held else None)
    short, removed = unwrapped(tensors)
    if removed:
        notes.append(f"names stand without the `{removed}` before all of them")
    others = tuple(name for name in entries if name not in tensors)
    return Checkpoint({short[name]: tensor for name, tensor in tensors.items()}, others, ordered, tuple(notes))


def _read_safetensors(path: str) -> Any:
    safetensors = _library("safetensors.torch")
    try:
        return safetensors.load_file(path)
    except Exception as fault:  # the library's own error is no public class of all its versions
        raise WeightsFault(path, f"it is cut off, or no safetensors file{_reason(fault)}") from None


def _read_torch(path: str) -> Any:
    """What torch reads without running code."""
    torch = _library("torch")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of formats: that the file is refused says more
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as fault:  # a damaged file makes torch raise nearly anything
        text, named = str(fault), _CODE.search(str(fault))
        if named is not None or "TorchScript" in text or (_is_pickle(path) and "Unsupported" in text):
            what = f" ({named[1]})" if named is not None else ""
            message = f"it holds pickled code{what}, which archdsl does not run"
            raise WeightsFault(path, message, "save the state dict alone: torch.save(model.state_dict(), …)") from None
        raise WeightsFault(path, f"it is cut off, or no checkpoint{_reason(fault)}") from None


def _is_pickle(path: str) -> bool:
    """Whether a file begins as pickles do, and not for example as text."""
    with open(path, "rb") as file:
        return file.read(1) == b"\x80"


def _reason(fault: Exception) -> str:
    """The library's reason, where it says one."""
    line = str(fault).split("\n")[0].split(". ")[0].rstrip(".")
    return f": {line}" if " " in line and not line.startswith("Weights only load failed") else ""


def _weights_in(path: str, content: Any, averaged: bool) -> tuple[Mapping[Any, Any], list[str]]:
    """The entries of the state dict, out of the containers around it, and which these were."""
    notes: list[str] = []
    wanted = AVERAGED if averaged else CONTAINERS
    for _ in range(MOST_CONTAINERS):
        if not isinstance(content, Mapping):
            raise WeightsFault(path, f"it holds a {type(content).__name__}, and no state dict")
        name = next((name for name in wanted if isinstance(content.get(name), Mapping)), None)
        if name is None:
            break
        left = ", ".join(str(other) for other in content if other != name)
        notes.append(f"the weights are those of {name}" + (f"; the file also has {left}" if left else ""))
        content, wanted = content[name], CONTAINERS
    if wanted is AVERAGED:
        raise WeightsFault(path, f"it has no averaged weights; its entries are {', '.join(map(str, [*content][:8]))}")
    return content, notes


# Numbers


def _state_of(plan: Plan, found: Checkpoint, path: str) -> dict[str, Any]:
    """The tensors to write, by our names."""
    torch = _library("torch")
    state = {}
    for entry in plan.loaded:
        tensor = found.tensors[entry.theirs].detach()
        counts = entry.ours.endswith(f".{COUNTER}")
        if tensor.layout != torch.strided or not (tensor.is_floating_point() or (counts and not tensor.is_complex())):
            raise WeightsFault(path, f"its {entry.theirs} holds {tensor.dtype}, which is no number of a weight")
        if entry.rule in INPUT_RULES:
            tensor = _channels(tensor.to(torch.float64), entry)
        number = torch.int64 if counts else torch.float32
        # A copy of its own: tensors of a checkpoint may share memory, which safetensors refuses.
        state[entry.ours] = tensor.to(number).reshape(entry.shape).clone(memory_format=torch.contiguous_format)
    return state


def _channels(weight: Any, entry: Loaded) -> Any:
    """The weight with other input channels. It is added up in order and in float64, the same on every machine."""
    ours, theirs = entry.shape[1], entry.their_shape[1]
    if entry.rule == "repeat":
        return weight[:, [channel % theirs for channel in range(ours)]] * (theirs / ours)
    total = weight[:, :1].clone()
    for channel in range(1, theirs):
        total += weight[:, channel : channel + 1]
    return total if entry.rule == "sum" else (total / theirs).expand(-1, ours, -1, -1)


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


def _report(
    result: Compilation, request: Request, path: str, target: Path, plan: Plan, found: Checkpoint, *, written: bool
) -> WeightsReport:
    tensors = [_loaded_report(entry, found) for entry in plan.loaded]
    places = {f"{node.path}.": index for index, node in enumerate(result.network.nodes)} if result.network else {}
    tensors += [TensorReport("new", e.name, list(e.shape), None, None, e.why, None) for e in plan.new]
    tensors.sort(key=lambda t: places.get(f"{(t.name or '').rpartition('.')[0]}.", -1))
    tensors += [TensorReport("unused", None, None, e.name, list(e.shape), e.why, None) for e in plan.unused]
    tensors += [TensorReport("unused", None, None, name, None, "no tensor", None) for name in found.others]
    counts = {status: sum(t.status == status for t in tensors) for status in ("loaded", "adapted", "new", "unused")}
    return WeightsReport(
        archdsl=__version__,
        spec=request.shown,
        model=result.name,
        hash=result.network.hash if result.network is not None else "",
        checkpoint=path,
        output=str(target),
        written=written,
        **counts,
        tensors=tensors,
        notes=[*found.notes, *plan.notes],
        diagnostics=diagnostic_reports(result.diagnostics),
    )


def _loaded_report(entry: Loaded, found: Checkpoint) -> TensorReport:
    held = str(found.tensors[entry.theirs].dtype).removeprefix("torch.")
    cast = held if held != ("int64" if entry.ours.endswith(f".{COUNTER}") else "float32") else None
    status: Any = "adapted" if entry.rule is not None else "loaded"
    return TensorReport(status, entry.ours, list(entry.shape), entry.theirs, list(entry.their_shape), entry.rule, cast)


def _text(report: WeightsReport) -> str:
    """A line for each tensor, and what they come to."""
    headers = ["status", "tensor", "shape", "checkpoint", "its shape", "rule", "cast from"]
    rows = [
        [t.status, t.name, _size(t.shape), t.checkpoint_name, _size(t.checkpoint_shape), t.rule, t.cast_from]
        for t in report.tensors
    ]
    kept = [i for i, header in enumerate(headers) if header not in ("rule", "cast from") or any(row[i] for row in rows)]
    listed = table([headers[i] for i in kept], [[row[i] for i in kept] for row in rows])
    counts = f"{report.loaded:,} loaded, {report.adapted:,} adapted, {report.new:,} new, {report.unused:,} unused"
    lines = [visible(f"note: {note}") for note in report.notes]
    ending = f"wrote {report.output}" if report.written else f"would write {report.output}"
    return (
        "\n".join(
            [
                f"{report.model}, hash {report.hash[:16]}, from {visible(report.checkpoint)}\n",
                listed,
                counts,
                *lines,
                ending,
            ]
        )
        + "\n"
    )


def _size(shape: list[int] | None) -> str:
    return "" if shape is None else size(shape) or "number"
