"""`archdsl weights`: a checkpoint of another library as a file that the emitted module loads.

A checkpoint is a stranger's file: nothing in it is run, and its names are escaped where they are shown.
"""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from archdsl import api, emission
from archdsl.commands.common import compiled, finish, library, request_of, say, say_json
from archdsl.commands.completing import files, networks
from archdsl.commands.options import change_options, format_option
from archdsl.commands.refused import refuse
from archdsl.compiler import Compiled
from archdsl.views.weights import weights_report, weights_text
from archdsl.weights import CHANNEL_ORDERS, CLASSIFIER_RULES, INPUT_RULES, told_inputs
from archdsl.weights.checkpoints import SUFFIX, WeightsFault
from archdsl.weights.checkpoints.writing import check_target, write_weights
from archdsl.weights.conversion import Check, Choices, convert
from archdsl.weights.trial import TOLERANCE

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


@click.command(short_help="Bring a checkpoint to the emitted module's names.", epilog=EPILOG)
@click.argument("file", metavar="SPEC", shell_complete=networks)
@click.argument("checkpoint", shell_complete=files)
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
    check: str | None,
    tolerance: float,
    format_: str,
    **options: Any,
) -> None:
    """Bring a checkpoint of timm, torchvision or pycls to the names of the emitted module."""
    choices = Choices(**{field.name: options.pop(field.name) for field in fields(Choices)})
    if choices.ema and choices.entry is not None:
        raise click.UsageError("--ema and --entry are two ways to say which weights: give one")
    request = request_of(file, as_json=format_ == "json", **options)
    result = compiled(request)
    target = Path(output or f"{result.name}{SUFFIX}")
    asked = Check(check, tolerance, lambda: _module(result)) if check is not None else None
    try:
        if not dry_run:
            check_target(target, checkpoint, force)
        os.getcwd()  # where the current folder is gone, torch's libraries would end the process without a word of ours
        library("torch", "weights needs", "torch")
        save = library("safetensors.torch", "weights needs", "torch").save
        made = convert(result.network, checkpoint, choices, asked)
        if not dry_run:
            write_weights(target, save(made.state), force)
    except WeightsFault as fault:
        refuse(request.file, fault, request.as_json)
    report = weights_report(result, request.shown, made, str(target), written=not dry_run)
    if request.as_json:
        say_json(report)
    else:
        say(weights_text(report, told_inputs(made.inputs)))
    finish(result)


def _module(result: Compiled) -> Any:
    """The emitted module, live, in the mode that tests."""
    return api.Compiled(result, emission.about_of(result, result.name, "", ())).module().eval()
