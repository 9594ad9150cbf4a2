# ruff: noqa: ARG002 - click hands the context to every method
"""The command line: a group whose commands are loaded when they are called.

Exit codes: 0 good, 1 the input is at fault, 2 the command line is (`diff` has its own, as diff(1) has), 3 a fault of
archdsl itself. No input ends in a traceback; with the environment's `ARCHDSL_TRACEBACK` a fault of ours does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from archdsl import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "compile": ("compile", "Write a model as standalone PyTorch, with a training entry point."),
    "train": ("train", "Train a model by a recipe, in a folder that can repeat the run."),
    "check": ("check", "Check files: names, shapes, and the figures they claim."),
    "cost": ("cost", "Count flops, params, acts and memory of a model, exactly."),
    "show": ("show", "Print the resolved model as canonical .arch."),
    "zoo": ("zoo", "List the networks that ship with archdsl."),
    "paper": ("paper", "Print a paper's table again, with the compiler's figures beside it."),
    "explain": ("explain", "Explain an error code, or how a model's numbers came about."),
    "fmt": ("fmt", "Bring files into the canonical layout."),
    "diff": ("diff", "Compare two models by meaning and by cost."),
    "plot": ("plot", "Draw block widths, channels, scalings or stages."),
    "weights": ("weights", "Bring a checkpoint of another library to the emitted module's names."),
}
"""Command -> its module in `archdsl.commands`, and what `archdsl --help` says of it."""

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
PIPE_CLOSED = 141
INTERRUPTED = 130
OUR_FAULT = 3


class Commands(click.Group):
    """A group that imports a command's module when the command is called, and not for the list of commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"archdsl.commands.{COMMANDS[cmd_name][0]}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from archdsl.analysis.suggest import nearest

            guess = nearest(args[0], COMMANDS)
            hint = f" Did you mean '{guess}'?" if guess else f" There are {', '.join(COMMANDS)}."
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=Commands, context_settings=CONTEXT, no_args_is_help=True)
@click.version_option(__version__, prog_name="archdsl", message="%(prog)s %(version)s")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Color diagnostics; auto: on a terminal, unless NO_COLOR is set.",
)
@click.pass_context
def cli(ctx: click.Context, color: str) -> None:
    """A small text language for convolutional networks, and its compiler.

    \b
    Examples:
      archdsl compile net.arch --scale NAME:4 -o out/    a PyTorch module, and a script that trains it
      archdsl check specs/                          every file, and every figure it claims
      archdsl cost net.arch                         flops, params and acts by stage
      archdsl cost net.arch --scale NAME:4          after a scaling by 4
      archdsl explain net.arch --scale NAME:4       where each scaled number came from
      archdsl explain E304                          what an error means
      archdsl diff net.arch other.arch              what differs, and what it costs

    Exit codes: 0 good; 1 the input is at fault; 2 the command line is. FILE may be - for standard input.
    """
    ctx.obj = color


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; its exit code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    try:
        code = cli.main(arguments, prog_name="archdsl", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as fault:
        fault.show()
        return fault.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        silence()
        return PIPE_CLOSED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except Exception as fault:
        if os.environ.get("ARCHDSL_TRACEBACK"):
            raise
        print(f"archdsl: a fault of archdsl itself: {type(fault).__name__}: {str(fault)[:500]}", file=sys.stderr)
        print("please report it, with the file and the output under ARCHDSL_TRACEBACK=1", file=sys.stderr)
        return OUR_FAULT
    return code if isinstance(code, int) else 0


def silence() -> None:
    """Lead standard output into nothing, so that nothing fails when Python flushes it at the end."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
