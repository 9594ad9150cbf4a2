"""New epochs of a run to a tracker, once or until the run ends.

Before the first epoch is sent the folder knows the run's identity, and after each batch how far it is: a sending that
is ended at any moment goes on where it was. What was sent and not yet written down is sent again, under the same step.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from archdsl.records import dataclass
from archdsl.tracking.runs import RunFolder, digest_of
from archdsl.tracking.tracker import Sent, Tracker, TrackerFault

SECONDS = 1.0
"""Between two looks at metrics.jsonl."""


@dataclass(frozen=True)
class Outcome:
    """What became of a sending."""

    identity: str
    new: int
    """Epochs that were sent now."""
    epochs: int
    """Epochs that the tracker has."""
    length: int | None
    """Epochs of the whole run, where its folder says so."""

    @property
    def complete(self) -> bool:
        """Whether the tracker has the whole run; never where nothing says how long that is."""
        return self.length is not None and self.epochs >= self.length


@dataclass(frozen=True)
class Sending:
    """How runs are sent. `key` names tracker and place in logged.json."""

    key: str
    make: Callable[[], Tracker]
    project: str
    again: bool = False
    """Begin a new run there, whatever was sent before."""
    follow: bool = False
    tell: Callable[[RunFolder, Outcome], None] = lambda _folder, _outcome: None
    sleep: Callable[[float], None] = time.sleep

    def run(self, folder: RunFolder) -> Outcome:
        """Send what is new. With `follow` it ends when the run is complete. Raises `TrackerFault`."""
        epochs = folder.epochs()
        before = None if self.again else folder.sent(self.key)
        identity, count = (before[0], before[1]) if before is not None else (os.urandom(4).hex(), 0)
        if before is not None and digest_of(epochs[:count]) != before[2]:
            raise TrackerFault(
                f"{folder.shown()} has other epochs than were sent as run {identity}: the training began anew; "
                "--again logs it as another run"
            )
        outcome = Outcome(identity, 0, count, folder.length())
        if before is not None and len(epochs) == count and not (self.follow and not outcome.complete):
            return outcome
        tracker = self.make()
        tracker.begin(Sent(folder.name, self.project, identity, folder.settings()), known=before is not None)
        try:
            if before is None:
                folder.note(self.key, identity, [])
            outcome = self._sent(folder, tracker, outcome)
        finally:
            tracker.end(complete=outcome.complete)
        return outcome

    def _sent(self, folder: RunFolder, tracker: Tracker, outcome: Outcome) -> Outcome:
        start = outcome.epochs
        while True:
            epochs, length = folder.epochs(), folder.length()
            known = outcome.epochs
            if len(epochs) < known:
                raise TrackerFault(f"{folder.shown()} has fewer epochs than before: the training began anew")
            if len(epochs) > known:
                tracker.send(epochs[known:])
                folder.note(self.key, outcome.identity, epochs)
            outcome = Outcome(outcome.identity, len(epochs) - start, len(epochs), length)
            if len(epochs) > known:
                self.tell(folder, outcome)
            if outcome.complete or not self.follow:
                return outcome
            self.sleep(SECONDS)


__all__ = ["Outcome", "Sending"]
