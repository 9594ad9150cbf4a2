# ruff: noqa: ARG002 - click hands the context to every method
"""The command line: a group whose commands are loaded when they are called.

Exit codes: 0 good, 1 the input is at fault, 2 the command line is (`diff` has its own, as diff(1) has), 3 a fault of
archdsl itself, 4 something of the machine: a full or closed stream, no current folder, no memory, a library. No input
ends in a traceback; with the environment's `ARCHDSL_TRACEBACK` codes 3 and 4 do.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from archdsl import __version__, terminal

COMMANDS: dict[str, tuple[str, str]] = {
    "compile": ("compile", "Write a model as standalone PyTorch, with a training entry point."),
    "train": ("train", "Train a model by a recipe, in a folder that can repeat the run."),
    "log": ("log", "Send the epochs of runs to TensorBoard, MLflow, W&B or trackio."),
    "check": ("check", "Check files: names, shapes, and the figures they claim."),
    "cost": ("cost", "Count flops, params, acts and memory of a model, exactly."),
    "show": ("show", "Print the resolved model as canonical .arch."),
    "zoo": ("zoo", "List the networks that ship with archdsl."),
    "paper": ("paper", "Print a paper's table again, with the compiler's figures beside it."),
    "explain": ("explain", "Explain an error code, or how a model's numbers came about."),
    "fmt": ("fmt", "Bring files into the canonical layout."),
    "explore": ("explore", "Edit and see networks in the browser."),
    "diff": ("diff", "Compare two models by meaning and by cost."),
    "plot": ("plot", "Draw block widths, channels, scalings, stages, spaces, populations, or what was measured."),
    "space": ("space", "Sample, count, list and compare design spaces."),
    "population": ("population", "Statistics of populations: distributions, the best, comparisons."),
    "bench": ("bench", "Measure time and memory of emitted modules beside their counts."),
    "study": ("study", "Train populations; study the rank of layers, the spectrum of features."),
    "lsp": ("lsp", "The language server, which editors start."),
    "completion": ("completion", "Print what makes a shell complete archdsl's words."),
    "export": ("export", "Write a network for an inference engine, compared in it."),
    "lint": ("lint", "Say what an inference engine runs badly, and who says so."),
    "identify": ("identify", "Say which shipped networks a checkpoint's shapes fit."),
    "import": ("import_", "Write a PyTorch network as a text, with a proof."),
    "weights": ("weights", "Bring a checkpoint of another library to the emitted module's names."),
}
"""Command -> its module in `archdsl.commands`, and what `archdsl --help` says of it."""

COMPLETE = "_ARCHDSL_COMPLETE"
"""The variable by which a shell asks for words; click answers."""
CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
INTERRUPTED = 130
OUR_FAULT = 3
LIBRARIES = frozenset(
    {
        "torch",
        "torchao",
        "executorch",
        "onnx",
        "onnxruntime",
        "onnxscript",
        "openvino",
        "safetensors",
        "numpy",
        "matplotlib",
        "PIL",
        "pyarrow",
        "scipy",
        "optuna",
        "ray",
        "sqlalchemy",
        "mlflow",
        "tensorboard",
        "trackio",
        "wandb",
        "starlette",
        "uvicorn",
    }
)


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
            from archdsl.suggest import nearest

            guess = nearest(args[0], COMMANDS)
            hint = f" Did you mean '{guess}'?" if guess else f" There are {', '.join(COMMANDS)}."
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Commands and options that begin so, of which no command is imported."""
        names = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

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

    Exit codes: 0 good; 1 the input is at fault; 2 the command line is; 4 the machine is: a full disk, a closed stream.
    FILE may be - for standard input.
    """
    ctx.obj = color


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; its exit code."""
    terminal.open_streams()
    if COMPLETE in os.environ:
        from archdsl.completion import register

        register()
    try:
        code = _run(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        terminal.silence(sys.stdout)
        return terminal.PIPE_CLOSED
    except (OSError, MemoryError) as fault:
        if os.environ.get("ARCHDSL_TRACEBACK"):
            raise
        terminal.last_words(f"archdsl: {terminal.reason_of(fault)}")
        terminal.silence(sys.stdout)  # what is left in it cannot be written either
        return terminal.ENVIRONMENT
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = cli.main(arguments, prog_name="archdsl", standalone_mode=False)
    except click.ClickException as fault:
        shown = io.StringIO()
        fault.show(shown)
        terminal.note(shown.getvalue().rstrip("\n"))
        return fault.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except (OSError, MemoryError):
        raise
    except Exception as fault:
        if os.environ.get("ARCHDSL_TRACEBACK"):
            raise
        told = f"{type(fault).__name__}: {str(fault)[:500]}"
        library = _library_of(fault)
        if library is not None:
            terminal.last_words(f"archdsl: {library} could not do it: {told}")
            return terminal.ENVIRONMENT
        terminal.last_words(
            f"archdsl: a fault of archdsl itself: {told}",
            "please report it, with the file and the output under ARCHDSL_TRACEBACK=1",
        )
        return OUR_FAULT
    return code if isinstance(code, int) else 0


def _library_of(fault: BaseException) -> str | None:
    """The library that raised a fault, where that is one that archdsl runs networks or draws with."""
    names = [type(fault).__module__]
    step = fault.__traceback__
    while step is not None:
        names.append(str(step.tb_frame.f_globals.get("__name__", "")))
        step = step.tb_next
    for name in (names[0], names[-1]):
        if name.partition(".")[0] in LIBRARIES:
            return name.partition(".")[0]
    return None
