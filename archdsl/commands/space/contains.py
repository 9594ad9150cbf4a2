"""`archdsl space contains`: whether a network is a member of a space."""

from __future__ import annotations

import click

from archdsl.commands.common import compiled, request_of, say, say_json
from archdsl.commands.completing import networks, spaces
from archdsl.commands.options import color_option, format_option
from archdsl.commands.space.common import looking, opened
from archdsl.spaces.membership import membership
from archdsl.views.space_contains import contains_report, contains_text

TROUBLE = 2


@click.command(
    short_help="Whether a network is a member, and as what.",
    epilog="""
\b
Examples:
  archdsl space contains spaces.arch:NAME net.arch
  archdsl space contains spaces.arch:NAME family.arch:net --format json

A network is a member if a setting gives one of the same hash, and is admitted. A space of no more than --tries settings
is gone through; of others the settings that the network's own parameters and stages suggest. `no member` is said where
it is certain, `not decided` else. Exit codes: 0 a member; 1 none, or not decided; 2 trouble.
""",
)
@click.argument("space", metavar="SPACE", shell_complete=spaces)
@click.argument("net", metavar="NET", shell_complete=networks)
@click.option(
    "--tries",
    type=click.IntRange(1, 100_000_000),
    default=1000,
    show_default=True,
    help="The most settings that are looked at.",
)
@format_option("text", "json")
@color_option
def contains(space: str, net: str, tries: int, format_: str, color: str | None) -> None:
    """Tell whether a network is a member of a space: with its draws, or with what refuses it."""
    as_json = format_ == "json"
    try:
        found, request = opened(space, None, color=color, as_json=as_json)
        result = compiled(request_of(net, color=color, as_json=as_json))
    except click.exceptions.Exit:
        raise click.exceptions.Exit(TROUBLE) from None
    with looking("looking for it", min(tries, found.space.settings)) as tell_progress:
        answer = membership(found, result, tries, tell_progress)
    report = contains_report(found, request.file, net, result.network.hash, answer)
    if as_json:
        say_json(report)
    else:
        say(contains_text(report))
    if answer.answer != "member":
        raise click.exceptions.Exit(1)
