"""`archdsl explore`: the page, served on this machine or written as a site that needs no server."""

from __future__ import annotations

import os
import secrets
import webbrowser
from pathlib import Path

import click

from archdsl.commands.common import library
from archdsl.commands.completing import networks
from archdsl.diagnostics import Fault
from archdsl.explorer.engine import Given
from archdsl.explorer.site import NoSite, site_folder
from archdsl.files import FileFault
from archdsl.project import STDIN, Project
from archdsl.resources import spec_files
from archdsl.terminal import note, say
from archdsl.views.diagnostics import render_text
from archdsl.zoo import locate

EPILOG = """
\b
Examples:
  archdsl explore net.arch                  the page in the browser, with this file
  archdsl explore                           the page with a network that ships
  archdsl explore --static site/            a site that runs the compiler in the browser, for any web server

The server answers to this machine alone, at an address with a key. The file is written only when `Save` is pressed. A
site of --static asks nothing of any server but its own files.
"""


@click.command(short_help="Edit and see networks in the browser.", epilog=EPILOG)
@click.argument("file", required=False, shell_complete=networks)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Of 127.0.0.1; 0: any that is free."
)
@click.option("--open/--no-open", "open_", default=None, help="Open the browser; by default where there is a screen.")
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 3600),
    default=20.0,
    show_default=True,
    metavar="S",
    help="That one question of the page may take.",
)
@click.option("--static", "static", metavar="DIR", help="Write a site that needs no server, and end.")
@click.option("--force", is_flag=True, help="With --static: replace a site that was written before.")
def command(file: str | None, port: int, open_: bool | None, seconds: float, static: str | None, force: bool) -> None:
    """Show FILE in the browser, with its faults, costs, pictures and scalings while it is edited.

    FILE is a file, FILE:MODEL, or a network that ships with archdsl.
    """
    if force and static is None:
        raise click.UsageError("--force is for --static.")
    try:
        site = site_folder()
    except NoSite as fault:
        raise click.ClickException(str(fault)) from None
    given = _given(file)
    if static is not None:
        _write(Path(static), site, given, force)
        return
    _serve(given, site, port, seconds, open_)


def _given(file: str | None) -> Given:
    """The file of the page, which can be read."""
    if file is None:
        return Given()
    if file == STDIN:
        raise click.UsageError("The page reads its file again: give one, not standard input.")
    try:
        place = locate(file)
        Project(place.file).source()
    except Fault as fault:
        note(render_text(fault.diagnostic, False))
        raise click.exceptions.Exit(1) from None
    path = place.shown.partition(":")[0]
    if path in spec_files() and not any(map(os.path.lexists, (file, file.rpartition(":")[0]))):
        return Given(None, place.model, path)  # it was named, not its file: nobody writes what is installed
    return Given(place.file, place.model)


def _serve(given: Given, site: Path, port: int, seconds: float, open_: bool | None) -> None:
    uvicorn = library("uvicorn", "the server needs", "web")
    library("starlette", "the server needs", "web")
    from archdsl.explorer.server import Served, app_of
    from archdsl.explorer.socket import NoPort, listening
    from archdsl.explorer.watched import Watched

    try:
        socket = listening(port)
    except NoPort as fault:
        raise click.ClickException(str(fault)) from None
    with socket:
        port, key = socket.getsockname()[1], secrets.token_urlsafe(16)
        file = Watched(Project(given.file)) if given.file is not None else None
        served = Served(given, key, port, site / "page", seconds, file, lambda: server.should_exit)
        address = f"http://127.0.0.1:{port}/{key}/"
        say(f"{address}\nCtrl-C ends it.\n")
        server = uvicorn.Server(
            uvicorn.Config(
                app_of(served), log_level="warning", access_log=False, timeout_graceful_shutdown=3, lifespan="on"
            )
        )
        if open_ or (open_ is None and _has_screen()):
            webbrowser.open(address)
        server.run(sockets=[socket])


def _has_screen() -> bool:
    return os.name == "nt" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _write(folder: Path, site: Path, given: Given, force: bool) -> None:
    from archdsl.explorer.static import write_site

    try:
        size = write_site(folder, site, given, force=force)
    except (FileFault, NoSite) as fault:
        raise click.ClickException(f"{folder}: {fault}") from None
    say(f"{folder}: {size:,} bytes; show it with any web server, for example: python -m http.server -d {folder}\n")
