"""`archdsl paper`: a paper's table again, from the compiler's own figures, beside the printed ones."""

from __future__ import annotations

from collections.abc import Callable

import click

from archdsl.commands.common import say, say_json
from archdsl.commands.completing import tables
from archdsl.commands.options import format_option
from archdsl.commands.printed import papers
from archdsl.commands.progress import comparing
from archdsl.papers.compare import compare, listed
from archdsl.papers.figures import TableReport
from archdsl.papers.names import UnknownTable, choose
from archdsl.papers.networks import Networks
from archdsl.views.paper import faults, listing, paper_csv, paper_report, tables_text
from archdsl.zoo import declared

EPILOG = """
\b
Examples:
  archdsl paper                                    which papers and tables there are
  archdsl paper PAPER:5
  archdsl paper PAPER figure 15                    the same as PAPER:figure-15
  archdsl paper PAPER --format json > tables.json  all tables of a paper

Flops, params and acts are counted anew; accuracies and times are the paper's, as it reports them. Exit code 1 if a
figure differs and the network says nothing of it.
"""


@click.command(short_help="Print a paper's table again, with the compiler's figures beside it.", epilog=EPILOG)
@click.argument("words", nargs=-1, metavar="[TABLE]", shell_complete=tables)
@format_option("table", "json", "csv", "md")
def command(words: tuple[str, ...], format_: str) -> None:
    """Print a paper's TABLE again, with the compiler's own figures beside the printed ones; without one, list all."""
    known = papers()
    text = " ".join(words)
    if not text.strip():
        if words:
            raise click.BadParameter("it names no table", param_hint="TABLE")
        _say([listed(paper, each) for paper in known for each in paper.tables], format_, listing)
        return
    try:
        chosen = choose(text, known)
    except UnknownTable as fault:
        raise click.BadParameter(str(fault), param_hint="TABLE") from None
    networks = Networks(declared())
    reports = []
    for paper, each in chosen:
        with comparing(f"{paper.key}:{each.id}") as done:
            reports.append(compare(paper, each, networks, done))
    _say(reports, format_, tables_text)
    if faults(reports):
        raise click.exceptions.Exit(1)


def _say(reports: list[TableReport], format_: str, text: Callable[..., str]) -> None:
    if format_ == "json":
        say_json(paper_report(reports))
    elif format_ == "csv":
        say(paper_csv(reports))
    else:
        say(text(reports, markdown=format_ == "md"))
