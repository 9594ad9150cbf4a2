"""How far a command is: one line of a terminal that is gone at the end, and nothing where standard error is none."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

AnyThing = TypeVar("AnyThing")
PATIENCE = 2.0
"""Seconds before a table shows how far it is."""
_BAR = 30


@contextmanager
def solving() -> Iterator[Callable[[int], None] | None]:
    """Counts the factors that `solve` tries."""
    with _line() as write:
        if write is None:
            yield None
            return

        def tell_progress(tried: int) -> None:
            if tried % 50 == 0:
                write(f"solving: {tried} factors tried ")

        yield tell_progress


@contextmanager
def comparing(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar of rows that are done, for what takes long."""
    begin = time.monotonic()
    shown = False
    with _line() as write:
        if write is None:
            yield None
            return

        def done(rows: int, of: int) -> None:
            nonlocal shown
            if shown or time.monotonic() - begin > PATIENCE:
                shown = True
                bar = ("#" * (_BAR * rows // of)).ljust(_BAR, "-")
                write(f"{label}  [{bar}]  {rows}/{of} ")

        yield done


@contextmanager
def counting(label: str, of: int | None = None) -> Iterator[Callable[[int, int], None] | None]:
    """Counts the settings of a space that were looked at, and those accepted, for what takes long."""
    begin = time.monotonic()
    with _line() as write:
        if write is None:
            yield None
            return

        def tell_progress(looked: int, accepted: int) -> None:
            if time.monotonic() - begin > PATIENCE:
                all_ = f" of {of:,}" if of is not None else ""
                write(f"{label}: {looked:,}{all_} settings, {accepted:,} accepted ")

        yield tell_progress


@contextmanager
def studying(of: int) -> Iterator[Callable[[int, str], None]]:
    """A line for each trial that ends, on standard error; on a terminal, above a bar of those that have ended."""
    with _line() as write:

        def tell_progress(done: int, line: str) -> None:
            if write is None:
                print(line, file=sys.stderr, flush=True)
                return
            bar = ("#" * (_BAR * done // max(1, of))).ljust(_BAR, "-")
            write(f"\033[K{line}\n[{bar}]  {done}/{of} ")

        yield tell_progress


@contextmanager
def telling(label: str) -> Iterator[Callable[[str], None]]:
    """What is done next, for work whose length nobody knows."""
    with _line() as write:

        def tell_progress(step: str) -> None:
            if write is not None:
                write(f"\033[K{label}: {step} …")

        yield tell_progress


def progress_bar(label: str, things: Sequence[AnyThing]) -> Any:
    """A bar while a loop goes over things; a context manager that yields them."""
    hidden = not sys.stderr.isatty()
    return click.progressbar(things, label=label, file=sys.stderr, hidden=hidden, show_pos=True, width=30)


@contextmanager
def _line() -> Iterator[Callable[[str], None] | None]:
    """Writes a line of the terminal over and over, and clears it at the end."""
    if not sys.stderr.isatty():
        yield None
        return
    shown = False

    def write(text: str) -> None:
        nonlocal shown
        shown = True
        print(f"\r{text}", end="", file=sys.stderr, flush=True)

    try:
        yield write
    finally:
        if shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
