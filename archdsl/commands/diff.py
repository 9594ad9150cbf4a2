"""`archdsl diff`: what differs between two models, and what it costs; or between two spaces.

Exit codes are those of diff(1): 0 the same, 1 different, 2 trouble (a usage error, or a model that does not compile).
"""

from __future__ import annotations

import click
from click.core import ParameterSource

from archdsl.commands.common import compiled, request_of, say, say_json
from archdsl.commands.completing import networks_and_spaces
from archdsl.commands.options import color_option, convention_option, format_option
from archdsl.commands.space.common import names_space
from archdsl.commands.space.diff import compare_spaces
from archdsl.graph.cost import count
from archdsl.views.diff import Side, diff_report, diff_text
from archdsl.zoo import declared_spaces

DIFFERENT = 1
TROUBLE = 2
EPILOG = """
\b
Examples:
  archdsl diff a.arch b.arch
  archdsl diff family.arch:small family.arch:large
  archdsl diff net.arch other.arch --format json
  archdsl diff spaces.arch:wide spaces.arch:narrow      as `archdsl space diff` does

Layout, comments, names of locals, claims and sources are without meaning. Exit codes, as of diff(1): 0 both mean the
same; 1 they differ; 2 trouble: the command line, or a file that does not compile.
"""


@click.command(short_help="Compare two models by meaning and by cost, or two spaces.", epilog=EPILOG)
@click.argument("a", metavar="A", shell_complete=networks_and_spaces)
@click.argument("b", metavar="B", shell_complete=networks_and_spaces)
@convention_option
@format_option("text", "json")
@color_option
def command(a: str, b: str, convention_name: str, format_: str, color: str | None) -> None:
    """Compare two models by meaning and by cost, or two spaces. A and B are each a FILE, or FILE:NAME."""
    spaces = [text for text in (a, b) if names_space(text)]
    if len(spaces) == 1 and {a, b} - set(spaces) <= set(declared_spaces()):  # a name of a network and of a space
        spaces = [a, b]
    if len(spaces) == 1:
        one, other = spaces[0], b if spaces[0] == a else a
        message = f"{one} is a space and {other} is none: archdsl space contains {one} {other} tells of a member"
        raise click.UsageError(message)
    if spaces:
        if click.get_current_context().get_parameter_source("convention_name") is ParameterSource.COMMANDLINE:
            raise click.UsageError("--convention is for models; what a space counts by stands in its text.")
        compare_spaces(a, b, color=color, as_json=format_ == "json")
        return
    sides = []
    for text in (a, b):
        try:
            result = compiled(request_of(text, color=color, as_json=format_ == "json"))
        except click.exceptions.Exit:
            raise click.exceptions.Exit(TROUBLE) from None
        sides.append(Side(text, result, count(result.network, convention_name)))
    report = diff_report(*sides)
    if format_ == "json":
        say_json(report)
    else:
        say(diff_text(report))
    if not report.same:
        raise click.exceptions.Exit(DIFFERENT)
