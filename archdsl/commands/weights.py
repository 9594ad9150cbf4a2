"""`archdsl weights`: a checkpoint of another library as a file that the emitted module loads.

A checkpoint is a stranger's file: nothing in it is run, and its names are escaped where they are shown.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from archdsl.commands.common import compiled, request_of
from archdsl.commands.completing import files, networks
from archdsl.commands.options import change_options, format_option
from archdsl.commands.weighing import Written, back, bring, edit, edited_network, propose
from archdsl.commands.weight_options import check_entry, weights_options
from archdsl.weights.checkpoints import SUFFIX
from archdsl.weights.conversion import Choices

EPILOG = """
\b
Examples:
  archdsl weights net.arch checkpoint.pth -o net.safetensors
  archdsl weights net.arch checkpoint.safetensors --dry-run
  archdsl weights net.arch checkpoint.pth --set head.classes=10 --classifier-rule new
  archdsl weights net.arch checkpoint.pth --input 1x224x224 --input-rule sum
  archdsl weights net.arch checkpoint.pth --check logits.safetensors
  archdsl weights net.arch checkpoint.pth --propose-map net.map
  archdsl weights net.arch checkpoint.pth --map net.map
  archdsl weights net.arch net.safetensors --back --like checkpoint.pth -o theirs.pth
  archdsl weights net.arch net.safetensors --to wider.arch -o wider.safetensors
  archdsl weights net.arch net.safetensors --to net.arch --scale NAME:2 -o deeper.safetensors

CHECKPOINT is a .pth or .pt file of timm, torchvision or pycls, weights alone or a checkpoint of their training, or a
.safetensors file, of the same network. Its tensors go to operations by their order, their shapes and their names; every
tensor of both sides is reported as loaded, adapted, new or unused, and what cannot be mapped is an error that names the
first difference. Where several orders fit and nothing tells which is right, the operations that they differ in are
listed, and nothing is written without --accept-order or --check. The order of a .pth file is surer: a .safetensors file
sorts the names.

What nothing tells, a map says: --propose-map writes a small text, `stages.{a}.blocks.{b}.conv1 = layer{a+1}.{b}.conv1`,
with `?` for what is open; --map takes it, and checks that it gives all tensors away, each once, in their shapes. With
--back weights of the emitted module are written by the other library's names, bit for bit what they were.

With --to NETWORK the weights are those of a network that was edited: wider layers copy channels, and what reads them
takes its share of each; added blocks give what they take; larger kernels are zero around the old ones; what fits
nothing is sliced, padded with zeros, or new. The report has a rule for each tensor, says whether the network then gives
what it did, and measures it. --set, --scale and --input are then the edited network's; a --to with `=` is a budget.

The report says what the checkpoint's network takes for input, as far as its names tell: pycls feeds its networks BGR,
so the first convolution's input channels are reversed, and the module takes RGB.

Strides, paddings and the eps of norms stand in no checkpoint: weights of a network that differs in these alone are
taken, and compute something else. --check FILE tells: FILE holds an `input` that the checkpoint's network was given and
its `output`, as .safetensors, .npz or .pt. Numbers are written as float32. The extra archdsl[torch] is needed.
"""


@click.command(short_help="Bring a checkpoint to the emitted module's names.", epilog=EPILOG)
@click.argument("file", metavar="SPEC", shell_complete=networks)
@click.argument("checkpoint", shell_complete=files)
@change_options
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="The file to write, as torch.save does unless it is .safetensors; SPEC's name with .safetensors otherwise.",
)
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would be written.")
@weights_options
@format_option("table", "json")
def command(
    file: str,
    checkpoint: str,
    output: str | None,
    force: bool,
    dry_run: bool,
    check: str | None,
    tolerance: float,
    propose_map: str | None,
    is_back: bool,
    like: str | None,
    format_: str,
    **options: Any,
) -> None:
    """Bring a checkpoint of timm, torchvision or pycls to the names of the emitted module."""
    choices = Choices(**{field.name: options.pop(field.name) for field in fields(Choices)})
    check_entry(choices.ema, choices.entry)
    if is_back and (propose_map or check or (like is None and choices.map_ is None)):
        raise click.UsageError("--back goes with --like FILE or --map FILE, and without --propose-map and --check")
    if (propose_map and (choices.map_ or check or output)) or (like is not None and not is_back):
        raise click.UsageError("--propose-map goes without --map, --check and -o; --like goes with --back")
    to = edited_network(options)
    if to is not None and (is_back or propose_map or check):
        raise click.UsageError("--to goes without --back, --propose-map and --check")
    request = request_of(file, as_json=format_ == "json", **({} if to is not None else options))
    result = compiled(request)
    target = Path(output or f"{result.name}{SUFFIX}")
    if propose_map is not None:
        return propose(request, result, checkpoint, choices, Written(Path(propose_map), force, dry_run))
    if to is not None:
        new = request_of(to, as_json=format_ == "json", **options)
        edited_target = Path(output or f"{Path(new.shown).stem.partition(':')[0]}{SUFFIX}")
        return edit(request, result, new, checkpoint, choices, Written(edited_target, force, dry_run))
    if is_back:
        return back(request, result, checkpoint, choices, like, Written(target, force, dry_run))
    asked = (check, tolerance) if check is not None else None
    return bring(request, result, checkpoint, choices, asked, Written(target, force, dry_run))
