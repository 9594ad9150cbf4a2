"""`archdsl diff`: what differs between two models, and what it costs.

Exit codes are those of diff(1): 0 the same, 1 different, 2 trouble (a usage error, or a model that does not compile).
"""

from __future__ import annotations

import click

from archdsl.commands.common import compiled, request_of, say, say_json
from archdsl.commands.options import color_option, convention_option, format_option
from archdsl.graph.cost import count
from archdsl.views.diff import Side, diff_report, diff_text

DIFFERENT = 1
TROUBLE = 2
EPILOG = """
\b
Examples:
  archdsl diff a.arch b.arch
  archdsl diff family.arch:small family.arch:large
  archdsl diff net.arch other.arch --format json

Layout, comments, names of locals, claims and sources are without meaning. Exit codes, as of diff(1): 0 both mean the
same; 1 they differ; 2 trouble: the command line, or a file that does not compile.
"""


@click.command(short_help="Compare two models by meaning and by cost.", epilog=EPILOG)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@convention_option
@format_option("text", "json")
@color_option
def command(a: str, b: str, convention_name: str, format_: str, color: str | None) -> None:
    """Compare two models by meaning and by cost. A and B are each a FILE, or FILE:MODEL."""
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
