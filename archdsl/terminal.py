"""What the command line prints, and what happens where it cannot: the only way to the standard streams.

Names of files, of members of archives and in strangers' data may hold what moves a terminal's cursor or shows a text in
another order. `printable` writes such characters as escapes, and every text goes through it; colors are added by
`render`, which escapes for itself. A stream that is closed, full or gone ends the command with one line and
`ENVIRONMENT`, not as a fault of archdsl.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator

import click

from archdsl.source import FORBIDDEN

PIPE_CLOSED = 141
ENVIRONMENT = 4
"""The exit code where a stream, a folder or the memory of the machine fails."""
_LONE_RETURN = re.compile(r"\r(?!\n)")


def printable(text: str) -> str:
    """A text without control characters, bidirectional marks and halves of characters: they are `\\u{…}`."""
    text = FORBIDDEN.sub(lambda found: f"\\u{{{ord(found[0]):X}}}", text)
    return _LONE_RETURN.sub(r"\\u{D}", text)


def say(text: str) -> None:
    """Text on standard output. Ends the command quietly where no one reads it; raises OSError where it is full."""
    _write(printable(text))


def say_program(text: str) -> None:
    """The text of a program on standard output: in UTF-8, whatever the locale, since no other text can be compiled."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None or (sys.stdout.encoding or "").lower().replace("-", "") == "utf8":
        _write(printable(text))
        return
    with _quiet_pipe():
        sys.stdout.flush()
        buffer.write(printable(text).encode("utf-8"))
        buffer.flush()


def writes_to_terminal() -> bool:
    """Whether standard output is a terminal, whose screen can be cleared."""
    return sys.stdout.isatty()


def note(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(printable(text) + "\n")


def _write(text: str) -> None:
    with _quiet_pipe():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextlib.contextmanager
def _quiet_pipe() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        silence(sys.stdout)
        raise click.exceptions.Exit(PIPE_CLOSED) from None


def open_streams() -> None:
    """Give a closed standard stream its place again, so that no file that is opened later gets it.

    What is written to a closed standard output fails then as it does for other programs.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number < 2 else os.O_WRONLY)
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8", write_through=True)
    if sys.stderr is None:
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), encoding="utf-8", write_through=True)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def silence(stream: object) -> None:
    """Lead a stream into nothing, so that nothing fails when Python flushes it at the end."""
    try:
        number = stream.fileno()  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return  # a stream of a test or of an editor
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, number)
    os.close(nothing)


def last_words(*lines: str) -> None:
    """Lines on standard error, where anything may have failed, standard error too."""
    try:
        for line in lines:
            note(line)
        sys.stderr.flush()
    except (OSError, ValueError):
        silence(sys.stderr)


def reason_of(fault: OSError | MemoryError) -> str:
    """What of the machine failed, in one sentence."""
    if isinstance(fault, MemoryError):
        return "there is not enough memory"
    try:
        os.getcwd()
    except OSError:
        return "the current folder does not exist any more"
    reason = (fault.strerror or str(fault) or type(fault).__name__).lower()
    return f"{fault.filename}: {reason}" if fault.filename is not None else f"the output cannot be written: {reason}"
