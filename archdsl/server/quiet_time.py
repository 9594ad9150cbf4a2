"""Garbage is collected while nobody types.

What is kept of texts is a large heap, and a full collection goes over all of it: some 100 ms, which a keystroke would
wait for. So it is left to a moment in which no message comes, and what the process starts with is never gone over.
A document that is closed is such a moment too, and much of what was made of it is garbage then.
"""

from __future__ import annotations

import asyncio
import gc

PAUSE = 1.0
"""Seconds without a message after which somebody is taken not to type."""
THRESHOLDS = (2_000, 10, 100)
"""As `gc.set_threshold`: who types without a pause makes two million objects before a full collection."""


class QuietTime:
    """Collects what is garbage a moment after the last message; lives in the event loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        gc.collect()
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)

    def message(self) -> None:
        """A message has come: wait anew."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(PAUSE, gc.collect)


__all__ = ["QuietTime"]
