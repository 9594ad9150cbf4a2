"""`archdsl completion`: the script with which a shell completes our words."""

from __future__ import annotations

import click

from archdsl.commands.common import say
from archdsl.completion import SHELLS, script

EPILOG = """
\b
Examples:
  eval "$(archdsl completion bash)"          in ~/.bashrc
  eval "$(archdsl completion zsh)"           in ~/.zshrc, behind compinit
  archdsl completion fish | source           in ~/.config/fish/config.fish

Completed are commands, options and their words; networks that ship, files and their models; of a file that was named,
and of the library, scalings, recipes and spaces; parameters of models; codes, conventions and tables of papers.
"""


@click.command(short_help="Print what makes a shell complete archdsl's words.", epilog=EPILOG)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script with which a SHELL completes the words of archdsl's command line."""
    say(script(shell, ctx.find_root().command))
