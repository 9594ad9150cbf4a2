"""`archdsl space diff`: how two spaces differ.

Exit codes are those of diff(1): 0 the same, 1 different, 2 trouble (a usage error, or a space that does not compile).
"""

from __future__ import annotations

import click

from archdsl.commands.common import say, say_json
from archdsl.commands.completing import spaces
from archdsl.commands.options import color_option, format_option
from archdsl.commands.space.common import opened
from archdsl.spaces.comparison import compared
from archdsl.views.space_diff import space_diff_report, space_diff_text

DIFFERENT = 1
TROUBLE = 2


@click.command(
    short_help="How two spaces differ.",
    epilog="""
\b
Examples:
  archdsl space diff spaces.arch:NAME spaces.arch:OTHER
  archdsl space diff a.arch b.arch --format json

Exit codes, as of diff(1): 0 both mean the same; 1 they differ; 2 trouble: the command line, or a file that does not
compile.
""",
)
@click.argument("a", metavar="A", shell_complete=spaces)
@click.argument("b", metavar="B", shell_complete=spaces)
@format_option("text", "json")
@color_option
def diff(a: str, b: str, format_: str, color: str | None) -> None:
    """Compare two spaces: draws that got fewer, more or other values, requirements, and sizes."""
    compare_spaces(a, b, color=color, as_json=format_ == "json")


def compare_spaces(a: str, b: str, *, color: str | None, as_json: bool) -> None:
    """Say how two spaces differ, and end with diff's exit codes."""
    spaces = []
    for text in (a, b):
        try:
            spaces.append(opened(text, None, color=color, as_json=as_json)[0].space)
        except click.exceptions.Exit:
            raise click.exceptions.Exit(TROUBLE) from None
    report = space_diff_report(compared(*spaces), (a, b))
    if as_json:
        say_json(report)
    else:
        say(space_diff_text(report))
    if not report.same:
        raise click.exceptions.Exit(DIFFERENT)
