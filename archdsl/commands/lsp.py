"""`archdsl lsp`: the language server, which editors start."""

from __future__ import annotations

import os
import sys

import click

from archdsl import terminal

EPILOG = """
\b
Examples:
  archdsl lsp                what editors start
  archdsl lsp --tcp 7000     for an editor that connects

An editor starts it and speaks with it over standard input and output; docs/editors.md has the settings of VS Code,
Neovim, Helix, Zed and Emacs. What it has to say besides goes to standard error. The extra archdsl[lsp] is needed.
"""
INTERRUPTED = 130
MISSING = "the language server needs pygls, which is not installed: pip install 'archdsl[lsp]'"


@click.command(short_help="The language server, which editors start.", epilog=EPILOG)
@click.option("--stdio", is_flag=True, help="Standard input and output: as without it, for clients that say so.")
@click.option(
    "--tcp",
    "port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="Wait for one connection from this machine; 0 for any free port.",
)
def command(stdio: bool, port: int | None) -> None:
    """Answer an editor: faults while one types, hover, completion, definitions, renaming, hints, colours."""
    if stdio and port is not None:
        raise click.UsageError("--stdio and --tcp exclude each other.")
    if port is None and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError(
            "An editor starts it, and speaks with it over standard input. For one that connects: --tcp."
        )
    try:
        from archdsl.server.serve import serve_socket, serve_streams
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("pygls", "lsprotocol", "cattrs", "attrs"):
            raise
        raise click.ClickException(MISSING) from None
    try:
        if port is None:
            code = serve_streams()
        else:
            code = serve_socket(port, lambda at: terminal.note(f"listening on 127.0.0.1:{at}"))
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.stderr.flush()
    os._exit(code)  # threads that still work out an answer have nobody to give it to, and write no file
