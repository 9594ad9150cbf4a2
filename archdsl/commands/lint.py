"""`archdsl lint`: what an inference engine runs badly or not at all, each with the document that says so."""

from __future__ import annotations

import sys
from typing import Any

import click

from archdsl import __version__
from archdsl.commands.common import compiled, finish, request_of, say, say_json
from archdsl.commands.completing import networks
from archdsl.commands.linted import completed, shipped, target_named
from archdsl.commands.options import change_options, classes_option, format_option, without_short_forms
from archdsl.linting.findings import findings
from archdsl.linting.rules import RuleFault
from archdsl.views.lint import TargetReport, TargetsReport, lint_report, lint_text, targets_text

EPILOG = """
\b
Examples:
  archdsl lint net.arch --target hexagon
  archdsl lint net.arch --target tensor-cores --fail
  archdsl lint net.arch --target ours.json --format json
  archdsl lint --list

Rules are data, and each names its source: nothing is measured here, and what no rule speaks of may be slow as well.
`archdsl export` and `archdsl bench` measure. A file of rules of one's own has the form of specs/targets/*.json.
The exit code is 0 whatever is found; with --fail, 1 where something is.
"""


@click.command(short_help="Say what an inference engine runs badly, and who says so.", epilog=EPILOG)
@click.argument("file", required=False, shell_complete=networks)
@click.option(
    "--target", metavar="NAME", shell_complete=completed, help="An engine of --list, or a .json file of rules."
)
@click.option("--list", "listed", is_flag=True, help="List the engines, in place of all else.")
@click.option("--fail", "fails", is_flag=True, help="End with 1 where something is found.")
@change_options
@classes_option
@format_option("text", "json")
def command(
    file: str | None,
    target: str | None,
    listed: bool,
    fails: bool,
    classes: int | None,
    format_: str,
    **options: Any,
) -> None:
    """Say what an inference engine runs badly or not at all, where it stands, and who says so."""
    if listed:
        known = shipped()
        if format_ == "json":
            told = [TargetReport(each.name, each.text, len(each.rules)) for each in known]
            say_json(TargetsReport(__version__, told))
        else:
            say(targets_text(known))
        return
    if file is None or target is None:
        raise click.UsageError("say which network and which engine: FILE --target NAME, one of --list.")
    chosen = target_named(target)
    request = request_of(file, as_json=format_ == "json", **without_short_forms(options, classes))
    result = compiled(request)
    try:
        found = findings(result.network, chosen)
    except RuleFault as fault:
        raise click.ClickException(f"{target}: {fault}") from None
    if request.as_json:
        say_json(lint_report(result, request.shown, chosen, found))
    else:
        say(lint_text(result, chosen, found, request.color and sys.stdout.isatty()))
    finish(result)
    if fails and found:
        raise click.exceptions.Exit(1)
