"""The options of `archdsl weights`, and of what else reads a checkpoint."""

from __future__ import annotations

import click

from archdsl.commands.options import AnyFunction
from archdsl.weights import CHANNEL_ORDERS, CLASSIFIER_RULES, INPUT_RULES
from archdsl.weights.trial import TOLERANCE

ENTRIES = (
    click.option("--ema", is_flag=True, help="Take the checkpoint's averaged weights."),
    click.option("--entry", metavar="NAME", help="Take the weights in this entry of a training checkpoint: swa."),
)
OPTIONS = (
    click.option(
        "--input-rule",
        type=click.Choice(list(INPUT_RULES)),
        help="How to make other input channels. "
        + "; ".join(f"{name}: {text}" for name, text in INPUT_RULES.items())
        + ".",
    ),
    click.option(
        "--classifier-rule",
        type=click.Choice(list(CLASSIFIER_RULES)),
        help="What becomes of a classifier for other classes. new: it stays as it starts, and out of the file.",
    ),
    click.option(
        "--allow-unused", is_flag=True, help="Leave out what no operation has, an auxiliary head for example."
    ),
    click.option(
        "--channel-order",
        type=click.Choice(CHANNEL_ORDERS),
        help="The order of colours that the checkpoint's network takes; by its library otherwise. bgr is reversed.",
    ),
    click.option("--accept-order", is_flag=True, help="Take the first order, where several fit and nothing decides."),
    click.option("--check", metavar="FILE", help="Compare with a given output; write nothing where it differs."),
    click.option(
        "--tolerance",
        type=click.FloatRange(min=0, max=1),
        default=TOLERANCE,
        show_default=True,
        help="The difference that --check allows, as a share of the largest output.",
    ),
    click.option("--map", "map_", metavar="FILE", help="Take which tensor goes where from this file, and check it."),
    click.option(
        "--propose-map",
        "propose_map",
        metavar="FILE",
        help="Write a map for --map instead of weights: which tensor goes where, as far as that is known.",
    ),
    click.option(
        "--back",
        "is_back",
        is_flag=True,
        help="The other way: CHECKPOINT is the emitted module's, and is written by the names of --like or --map.",
    ),
    click.option("--like", metavar="FILE", help="With --back: a checkpoint that has the names, shapes and types."),
)


def entry_options(function: AnyFunction) -> AnyFunction:
    """`--ema` and `--entry`, of which `check_entry` takes one."""
    for option in reversed(ENTRIES):
        function = option(function)
    return function


def check_entry(ema: bool, entry: str | None) -> None:
    """Raises click.UsageError where both are given."""
    if ema and entry is not None:
        raise click.UsageError("--ema and --entry are two ways to say which weights: give one")


def weights_options(function: AnyFunction) -> AnyFunction:
    """How a checkpoint is read, and which rules decide."""
    for option in reversed(OPTIONS):
        function = option(function)
    return entry_options(function)
