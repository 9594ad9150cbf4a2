"""`--watch`: a command that runs again whenever a file that it read has changed.

Files are asked for their stamps, a few times a second: this finds changes on every file system, and of just the files
that were read, wherever they are. An editor may write a file by putting another in its place, so that it is gone for a
moment: nothing runs until the files stay as they are, and those that were there are there again or do not come back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn, TypeAlias

import click

from archdsl.files import Stamp, noting_reads, stamp_of
from archdsl.project import STDIN, expand
from archdsl.terminal import PIPE_CLOSED, note, say, writes_to_terminal

Stamps: TypeAlias = dict[str, Stamp | None]

PAUSE = 0.2
"""Seconds between two looks, at least; a look at very many files takes at most a tenth of the time."""
PATIENCE = 10
"""So many looks a file that is gone is waited for."""


def watch(run: Callable[[], None], given: tuple[str, ...], wait: Callable[[float], None] = time.sleep) -> NoReturn:
    """Run, and run again whenever a file changed that was read, or that is new in a folder that was given.

    What a run finds wrong it has said, and the next change may mend it. A fault of the command line ends the command,
    and so does Ctrl-C.
    """
    if STDIN in given:
        raise click.UsageError("--watch reads files again, and standard input can be read once.")
    while True:
        before = stamps_of(_named(given))
        with noting_reads() as read:
            _run(run)
        stamps = before | read
        number = len([stamp for stamp in stamps.values() if stamp is not None])
        note(f"watching {number:,} file{'' if number == 1 else 's'}; Ctrl-C ends")
        changed = _change(stamps, given, wait)
        if writes_to_terminal():
            click.clear()
        else:
            say(f"--- {', '.join(changed)}\n")


def _run(run: Callable[[], None]) -> None:
    try:
        run()
    except click.exceptions.Exit as end:
        if end.exit_code == PIPE_CLOSED:
            raise
    except click.UsageError:
        raise
    except click.ClickException as fault:
        note(f"Error: {fault.format_message()}")


def _change(known: Mapping[str, Stamp | None], given: tuple[str, ...], wait: Callable[[float], None]) -> list[str]:
    """Wait for a change, and until it is over; the files that it changed, by name."""
    missed = 0
    last: Stamps | None = None
    while True:
        begun = time.monotonic()
        now = stamps_of({*known, *_named(given)})
        spent = time.monotonic() - begun
        changed = [path for path, stamp in now.items() if stamp != known.get(path)]
        gone = any(now[path] is None for path in changed)
        if changed and now == last and (not gone or missed >= PATIENCE):
            return sorted([_shown(path) for path in changed])
        missed = missed + 1 if gone else 0
        last = now
        wait(max(PAUSE, 10 * spent))


def stamps_of(paths: Iterable[str]) -> Stamps:
    return {path: stamp_of(path) for path in paths}


def _named(given: tuple[str, ...]) -> set[str]:
    """The files that were given, those of folders, and the tables of rows."""
    files = [file for text in expand(given) for file in (text, text.rpartition(":")[0]) if os.path.isfile(file)]
    return {os.path.abspath(file) for file in files}


def _shown(path: str) -> str:
    """A path from the current folder, where it is below it."""
    below = os.path.relpath(path)
    return path if below.startswith(os.pardir) else below


__all__ = ["watch"]
