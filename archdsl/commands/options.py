"""The options that commands share, and what they say in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from archdsl.commands.completing import family_names, measures, models, networks, recipes, scalings, settings
from archdsl.compiler import Compiled
from archdsl.graph.conventions import CONVENTIONS, DEFAULT
from archdsl.request import words_of
from archdsl.zoo import families

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

_SCRIPT = "archdsl.script"
COLORS = ("auto", "always", "never")


class WithScriptOptions(click.Command):
    """A command that takes options of the training script behind `--`, beside any number of arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            place = args.index("--")
            ctx.meta[_SCRIPT] = args[place + 1 :]
            args = args[:place]
        return super().parse_args(ctx, args)


def script_options() -> list[str]:
    """What stood behind `--`."""
    return list(click.get_current_context().meta.get(_SCRIPT, ()))


def given(option: str, value: str | None) -> list[str]:
    """An option of the training script, if it was given."""
    return [f"{option}={value}"] if value is not None else []


def color_option(function: AnyFunction) -> AnyFunction:
    """`--color`, over the group's."""
    return click.option("--color", type=click.Choice(COLORS), help="Color diagnostics; overrides the group's.")(
        function
    )


def format_option(*formats: str) -> Callable[[AnyFunction], AnyFunction]:
    """`--format`; the first is the default."""
    return click.option(
        "--format",
        "format_",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="Form of the output.",
    )


def convention_option(function: AnyFunction) -> AnyFunction:
    """`--convention`, as `convention_name`."""
    return click.option(
        "--convention",
        "convention_name",
        type=click.Choice(list(CONVENTIONS)),
        default=DEFAULT.name,
        show_default=True,
        help="Whose counting.",
    )(function)


def network_argument(function: AnyFunction) -> AnyFunction:
    """FILE, of which a network is taken."""
    return click.argument("file", shell_complete=networks)(function)


def family_option(text: str) -> Callable[[AnyFunction], AnyFunction]:
    """`--family`, as `wanted`: families of networks that ship."""
    return click.option(
        "--family",
        "wanted",
        multiple=True,
        metavar="FAMILY",
        shell_complete=family_names,
        callback=_known,
        help=f"{text}; repeatable.",
    )


def _known(_ctx: click.Context, _parameter: click.Parameter, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Families that there are."""
    known = families() if wanted else {}
    for family in wanted:
        if family not in known:
            raise click.BadParameter(f"{family!r} is none of {', '.join(known)}")
    return wanted


def watch_option(function: AnyFunction) -> AnyFunction:
    """`--watch`; see `watching.watch`."""
    return click.option("--watch", is_flag=True, help="Run again when a file changes that was read; Ctrl-C ends.")(
        function
    )


def for_a_reader(watch: bool, format_: str, *formats: str) -> None:
    """Refuse `--watch` with formats that programs read: one output after the other is none."""
    if watch and format_ not in formats:
        raise click.UsageError(f"--watch prints for a reader: --format {' or '.join(formats)}.")


def recipe_option(function: AnyFunction) -> AnyFunction:
    """`--recipe`."""
    return click.option(
        "--recipe",
        metavar="NAME",
        shell_complete=recipes,
        help="How it is trained: a recipe of the file or of std.recipes; else the model's own.",
    )(function)


def processes_option(function: AnyFunction) -> AnyFunction:
    """`--processes` of a training."""
    help_ = "Of this machine, by torchrun."
    range_ = click.IntRange(1)
    return click.option("--processes", type=range_, default=1, show_default=True, metavar="N", help=help_)(function)


def name_option(function: AnyFunction) -> AnyFunction:
    """`--name` of what is emitted; see `chosen_name`."""
    return click.option(
        "--name", metavar="NAME", help="Of the files and the module; the model's, with its scaling, if not given."
    )(function)


def classes_option(function: AnyFunction) -> AnyFunction:
    """`--classes`; see `without_short_forms`."""
    return click.option("--classes", type=click.IntRange(1), metavar="N", help="Short for --set head.classes=N.")(
        function
    )


def model_option(function: AnyFunction) -> AnyFunction:
    """`--model`."""
    return click.option(
        "--model", metavar="NAME", shell_complete=models, help="The model, where the file has several."
    )(function)


def change_options(function: AnyFunction) -> AnyFunction:
    """`--model`, `--set`, `--scale`, `--to`, `--within` and `--input`: which model, and what changes in it."""
    options = (
        model_option,
        click.option(
            "--set",
            "settings",
            metavar="NAME=VALUE",
            shell_complete=settings,
            multiple=True,
            help="A parameter of the model, or a path as in `with`: head.classes=10.",
        ),
        click.option(
            "--scale",
            "scalings",
            metavar="SPEC",
            shell_complete=scalings,
            multiple=True,
            help="Scale: NAME:4, NAME=SECOND:4, a call in the language, or a bare NAME with --to. Repeatable.",
        ),
        click.option(
            "--to",
            "budget",
            metavar="MEASURE=AMOUNT",
            shell_complete=measures,
            help="Solve the bare --scale for a budget: flops=16G.",
        ),
        click.option(
            "--within",
            metavar="SHARE%",
            help="Where the factor misses the budget of --to by more, say 1%: step single stages' depths and widths.",
        ),
        click.option("--input", "input_", metavar="SIZE", help="The input: 3x256x192, or 256x192."),
        color_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


def without_short_forms(
    options: Mapping[str, Any], classes: int | None, resolution: int | None = None
) -> dict[str, Any]:
    """The options with what `--classes` and `--resolution` stand for."""
    found = dict(options)
    if resolution is not None:
        if found["input_"] is not None:
            raise click.UsageError("--resolution and --input both give the input's size.")
        found["input_"] = f"{resolution}x{resolution}"
    if classes is not None:
        found["settings"] = (*found["settings"], f"head.classes={classes}")
    return found


def changes_in_words(options: Mapping[str, Any], classes: int | None, resolution: int | None = None) -> list[str]:
    """What was changed, as it was written."""
    given = {name: options[name] for name in ("model", "settings", "scalings", "budget", "within", "input_")}
    return words_of(**given, classes=classes, resolution=resolution)


def chosen_name(name: str | None, result: Compiled, options: Mapping[str, Any]) -> str:
    """The name of the files and the module: the one asked for, or the model's with what was asked of it."""
    from archdsl import emission

    try:
        given = [options[key] for key in ("scalings", "budget", "input_", "within")]
        return emission.chosen_name(name, result.name, *given)
    except emission.NameFault as fault:
        wrong = f"{fault}; give another" if name is None else str(fault)
        raise click.BadParameter(wrong, param_hint="--name") from None
