"""What the package knows of itself, as pages: the help of its commands, the codes of diagnostics, its functions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from archdsl.cli import cli
from archdsl.codes import codes

MODULES = ("archdsl.api", "archdsl.population", "archdsl.notebook", "archdsl.pictures", "archdsl.editor")


def write(out: Path) -> list[str]:
    """Write `cli/*.md`, `codes.md` and `api.md`; the commands, in their order."""
    (out / "cli").mkdir()
    context = click.Context(cli, info_name="archdsl", **cli.context_settings)
    names = cli.list_commands(context)
    for name in names:
        command = cli.get_command(context, name)
        if command is None:
            raise LookupError(name)
        text = "\n".join(_help(command, context, name))
        (out / "cli" / f"{name}.md").write_text(f"# archdsl {name}\n\n{text}", encoding="utf-8")
    (out / "codes.md").write_text(_codes(), encoding="utf-8")
    (out / "api.md").write_text(_api(), encoding="utf-8")
    return names


def _help(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    """The help of a command, and of each below it."""
    context = click.Context(command, parent=parent, info_name=name, terminal_width=100)
    yield from ("```text", command.get_help(context).rstrip(), "```", "")
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                yield from (f"## {context.command_path} {inner}", "")
                yield from _help(found, context, inner)


def _codes() -> str:
    lines = ["# Diagnostics", "", "Every code, with a text that has it and one that has not.", ""]
    for code in codes().values():
        lines += [f"## {code.code}: {code.title}", "", code.explanation.replace("<", "&lt;"), ""]
        for word, text in (("wrong", code.wrong), ("right", code.right)):
            if text is not None:
                lines += [f"{word}:", "", "````arch", text.rstrip("\n"), "````", ""]
    return "\n".join(lines)


def _api() -> str:
    from importlib.util import find_spec

    found = [name for name in MODULES if find_spec(name) is not None]
    return "\n".join(["# Python", "", *[line for name in found for line in (f"::: {name}", "")]])
