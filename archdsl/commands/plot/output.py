"""What the kinds of plots share: their options, and how numbers and pictures are written."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from archdsl.commands.common import library, say, say_json
from archdsl.commands.completing import networks
from archdsl.commands.options import AnyFunction, format_option
from archdsl.files import FileFault, write_atomically
from archdsl.plots.figures import NoFigure, label_of
from archdsl.records import dataclass
from archdsl.views.plot import PICTURES, WRITTEN, PictureWritten, Plot, files_text

specs_argument = click.argument("specs", nargs=-1, required=True, metavar="SPEC...", shell_complete=networks)
log_option = click.option("--log", is_flag=True, help="A logarithmic axis for widths.")


@dataclass(frozen=True)
class Wanted:
    """What is written and printed: paths with their forms, in the order asked for."""

    outputs: tuple[tuple[Path, str], ...]
    force: bool
    title: str | None
    format: str

    @property
    def draws(self) -> bool:
        """Whether a picture is among them, which needs matplotlib."""
        return any(form in PICTURES for _, form in self.outputs)


def output_options(function: AnyFunction) -> Any:
    """`--output`, `--force`, `--title` and `--format`, which the command gets as one `wanted`."""

    @functools.wraps(function)
    def with_wanted(*, outputs: tuple[str, ...], force: bool, title: str | None, format_: str, **options: Any) -> Any:
        return function(wanted=_wanted(outputs, force, title, format_), **options)

    suffixes = ", ".join(["." + form for form in WRITTEN])
    decorate: Any = with_wanted
    for option in (
        format_option("table", "json", "csv"),
        click.option("--title", metavar="TEXT", help="Draw a title; a paper has it in the caption."),
        click.option("--force", is_flag=True, help="Overwrite files that exist."),
        click.option(
            "-o",
            "--output",
            "outputs",
            metavar="FILE",
            multiple=True,
            help=f"What to write, by its suffix: {suffixes}. Repeatable.",
        ),
    ):
        decorate = option(decorate)
    return decorate


def _wanted(outputs: tuple[str, ...], force: bool, title: str | None, format_: str) -> Wanted:
    """The outputs, if they can be written, which is known before anything is compiled."""
    found: dict[Path, str] = {}
    for text in outputs:
        path = Path(text)
        form = path.suffix.removeprefix(".").lower()
        if form not in WRITTEN:
            message = f"'{text}' has none of the suffixes {', '.join(['.' + form for form in WRITTEN])}"
            raise click.BadParameter(message, param_hint="--output")
        if path in found:
            raise click.BadParameter(f"'{text}' is there twice", param_hint="--output")
        if os.path.lexists(path) and not force:
            raise click.ClickException(f"{path} exists already; --force overwrites it")
        found[path] = form
    wanted = Wanted(tuple(found.items()), force, title, format_)
    if wanted.draws:
        library("matplotlib", "pictures need", "plot")
    return wanted


def deliver(plot: Plot, wanted: Wanted) -> None:
    """Write the files and print the numbers; end with 1 if a claim of a model does not hold."""
    contents = _contents(plot, wanted)
    written = []
    for (path, form), content in zip(wanted.outputs, contents, strict=True):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content, wanted.force)
        except OSError as error:
            raise click.ClickException(f"{path.parent}: {(error.strerror or 'cannot be written').lower()}") from None
        except FileFault as fault:
            raise click.ClickException(f"{path}: {fault.message}") from None
        written.append(PictureWritten(str(path), form, len(content)))
    if wanted.format == "json":
        say_json(plot.report(written))
    elif wanted.format == "csv":
        say(plot.csv())
    else:
        say(plot.text() + files_text(written))
    if any(each.diagnostics.failed for each in plot.models):
        raise click.exceptions.Exit(1)


@contextmanager
def figures_told() -> Iterator[None]:
    """Why there is no figure is the end of the command."""
    try:
        yield
    except NoFigure as fault:
        raise click.ClickException(str(fault)) from None


def _contents(plot: Plot, wanted: Wanted) -> list[bytes]:
    """What the files hold; a picture is drawn once for each form."""
    figure = None
    if wanted.draws:
        with figures_told():
            figure = plot.figure()
        if wanted.title is not None:
            figure = replace(figure, title=label_of(wanted.title), headed=True)
    made = {form: plot.content(form, figure) for form in dict.fromkeys([form for _, form in wanted.outputs])}
    return [made[form] for _, form in wanted.outputs]
