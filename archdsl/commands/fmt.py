"""`archdsl fmt`: the canonical layout."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from archdsl.commands.common import color_option, tell, use_color
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.files import FileFault, write_atomically
from archdsl.project import STDIN, Project, expand
from archdsl.render import visible
from archdsl.source import Source
from archdsl.syntax.formatter import format_source
from archdsl.syntax.parser import parse
from archdsl.terminal import note, say_program

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
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
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
            text = formatted(source)
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
        note(_summary(len(paths) - len(diagnostics), changed, check or wants_diff))
    if diagnostics.failed or unwritten or (check and changed):
        raise click.exceptions.Exit(1)


def formatted(source: Source) -> str:
    """The canonical layout. Raises `Fault` where the text does not parse.

    Nothing that would change the meaning is handed out.
    """
    text = format_source(source)
    if text != source.text:
        before, _ = parse(source)
        after, faults = parse(Source(source.name, text))
        if faults or before != after:
            raise RuntimeError(f"the layout of {source.name} would change its meaning")
    return text


def difference(source: Source, text: str) -> str:
    """A unified diff."""
    old, new = source.text.splitlines(keepends=True), text.splitlines(keepends=True)
    name = visible(source.name)
    lines = difflib.unified_diff(old, new, name, f"{name} (formatted)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ no newline at the end\n" for line in lines)


def _summary(parsed: int, changed: list[str], kept: bool) -> str:
    same = parsed - len(changed)
    verb = "would be reformatted" if kept else "reformatted"
    parts = [f"{_files(len(changed))} {verb}"] if changed else []
    parts += [f"{_files(same)} {'is' if same == 1 else 'are'} in the canonical layout"] if same or not changed else []
    listed = (
        "".join(f"{verb.removeprefix('would be ')}: {visible(path)}\n" for path in changed)
        if not kept
        else "".join(f"would change: {visible(path)}\n" for path in changed)
    )
    return listed + ", ".join(parts)


def _files(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"
