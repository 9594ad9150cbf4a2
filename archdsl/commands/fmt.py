"""`archdsl fmt`: the canonical layout."""

from __future__ import annotations

from pathlib import Path

import click

from archdsl.commands.common import tell, use_color
from archdsl.commands.completing import sources
from archdsl.commands.options import color_option
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.files import FileFault, write_atomically
from archdsl.project import STDIN, Project, expand
from archdsl.syntax.formatter import format_checked
from archdsl.terminal import note, say_program
from archdsl.views.fmt import difference, summary
from archdsl.visible import visible

EPILOG = """
\b
Examples:
  archdsl fmt net.arch                 rewrite one file
  archdsl fmt specs/                   rewrite all .arch files below a folder
  archdsl fmt --check --diff specs/    for continuous integration: change nothing, say what would change
  archdsl fmt - < net.arch             from standard input to standard output

Files are replaced whole, or not at all. Exit codes: 0 good; 1 a file does not parse, or, with --check, would change.
"""


@click.command(short_help="Bring files into the canonical layout.", epilog=EPILOG)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=sources)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file would change.")
@click.option("--diff", "wants_diff", is_flag=True, help="Write nothing; print what would change.")
@color_option
def command(files: tuple[str, ...], check: bool, wants_diff: bool, color: str | None) -> None:
    """Bring files into the canonical layout. FILE may be a folder, or - for standard input."""
    diagnostics = Diagnostics()
    changed: list[str] = []
    unwritten: list[str] = []
    paths = expand(files)
    for path in paths:
        try:
            source = Project(path).source()
            text = format_checked(source)
        except Fault as fault:
            diagnostics.add(fault.diagnostic)
            continue
        if text != source.text:
            changed.append(path)
            if wants_diff:
                say_program(difference(source, text))
            elif not check and path != STDIN:
                try:
                    write_atomically(Path(path), text, force=True)
                except FileFault as fault:
                    unwritten.append(f"error: {visible(path)} was not written: {fault.message}")
        if path == STDIN and not (check or wants_diff):
            say_program(text)
    tell(diagnostics, use_color(color))
    for line in unwritten:
        note(line)
    if paths != [STDIN]:
        note(summary(len(paths) - len(diagnostics), changed, check or wants_diff))
    if diagnostics.failed or unwritten or (check and changed):
        raise click.exceptions.Exit(1)
