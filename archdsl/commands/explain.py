"""`archdsl explain`: an error code, or how the numbers of a model came about."""

from __future__ import annotations

import re
from typing import Any

import click

from archdsl.codes import codes
from archdsl.commands.common import compiled, finish, request_of, say, say_json
from archdsl.commands.completing import codes_and_networks
from archdsl.commands.options import change_options, format_option
from archdsl.views.explain import code_report, code_text, explain_report, explain_text

EPILOG = """
\b
Examples:
  archdsl explain E304                          what an error means, with an example
  archdsl explain net.arch                      where widths come from, and what `fit` made of them
  archdsl explain net.arch --scale NAME:4       base, multiplied, rounded, adjusted
  archdsl explain net.arch --scale NAME --to flops=16G --format json
"""
_CODE = re.compile(r"[EeWw][0-9]{3}")


@click.command(short_help="Explain an error code, or how a model's numbers came about.", epilog=EPILOG)
@click.argument("target", metavar="CODE|FILE", shell_complete=codes_and_networks)
@change_options
@format_option("text", "json")
def command(target: str, format_: str, **options: Any) -> None:
    """Explain an error code, or how the numbers of a model came about."""
    if _CODE.fullmatch(target):
        _code(target.upper(), as_json=format_ == "json")
        return
    request = request_of(target, as_json=format_ == "json", **options)
    result = compiled(request)
    if format_ == "json":
        say_json(explain_report(result, request.file))
    else:
        say(explain_text(result))
    finish(result)


def _code(code: str, *, as_json: bool) -> None:
    known = list(codes())
    found = codes().get(code)
    if found is None:
        near = [each for each in known if each[:2] == code[:2]]
        hint = f"; there are {', '.join(near)}" if near else f"; codes are {known[0]} to {known[-1]}"
        raise click.UsageError(f"There is no code {code}{hint}.")
    if as_json:
        say_json(code_report(found))
    else:
        say(code_text(found))
