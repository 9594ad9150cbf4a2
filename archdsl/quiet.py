"""Libraries that print while they work are kept from the streams of a command; what they raise is told in one line."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What is written to standard output and standard error within, by Python or below it, goes nowhere; faults are
    raised as ever."""
    sys.stdout.flush()
    sys.stderr.flush()
    before = logging.root.manager.disable
    with tempfile.TemporaryFile() as nowhere, contextlib.ExitStack() as kept:
        for stream in (1, 2):
            try:
                copy = os.dup(stream)
            except OSError:  # closed by whoever started us: nothing can be written to it
                continue
            kept.callback(os.close, copy)
            kept.callback(os.dup2, copy, stream)
            os.dup2(nowhere.fileno(), stream)
        hidden = kept.enter_context(tempfile.TemporaryFile("w+"))
        kept.enter_context(contextlib.redirect_stdout(hidden))
        kept.enter_context(contextlib.redirect_stderr(hidden))
        kept.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(before)


def reason(fault: BaseException) -> str:
    """What a library says of a fault of its own, in one line; the kind of the fault where it says nothing."""
    return (str(fault).strip() or type(fault).__name__).splitlines()[0]


__all__ = ["quiet", "reason"]
