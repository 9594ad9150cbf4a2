"""trackio: SQLite files in a folder, which `trackio show` shows.

It tells nobody what it cannot write: whether it has a run is asked when the run ends.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from archdsl.quiet import quiet
from archdsl.tracking.tracker import Epoch, Sent, TrackerFault

REMOTE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")
"""Of the environment: where else it would send to, which nobody asked of us."""


def write_to(folder: str | None) -> None:
    """Have trackio write to a folder, or to its own, and not to the network: to be said before it is loaded."""
    for name in REMOTE:
        os.environ.pop(name, None)
    if folder is not None:
        os.environ["TRACKIO_DIR"] = str(Path(folder).absolute())


class Trackio:
    """Writes a project of the folder that `write_to` was told."""

    def __init__(self, folder: str | None) -> None:
        self.folder = Path(folder) if folder is not None else None
        self.place = folder or "its folder"
        self.begun: Sent | None = None

    def begin(self, run: Sent, *, known: bool) -> None:
        with quiet():
            import trackio

            if known and not self._has(run):
                raise TrackerFault(
                    f"trackio at {self.place} no longer has the run {run.identity}: --again logs it anew"
                )
            try:
                if self.folder is not None:
                    self.folder.mkdir(parents=True, exist_ok=True)
                trackio.init(
                    project=run.project,
                    name=_name(run),
                    config=run.settings,
                    resume="allow",
                    auto_log_gpu=False,
                    auto_log_cpu=False,
                )
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else None
                raise TrackerFault(f"trackio at {self.place}: {(reason or str(error)).lower()}") from None
        self.begun = run

    def send(self, epochs: Sequence[Epoch]) -> None:
        with quiet():
            import trackio

            for epoch in epochs:
                trackio.log(epoch.figures, step=epoch.step)

    def end(self, *, complete: bool) -> None:  # noqa: ARG002 - it knows no end
        if self.begun is None:
            return
        with quiet():
            import trackio

            trackio.finish()
            there = self._has(self.begun)
        if not there:
            raise TrackerFault(f"trackio at {self.place} has not written the run {self.begun.identity}")

    def _has(self, run: Sent) -> bool:
        import trackio

        try:
            return _name(run) in [each.name for each in trackio.Api().runs(run.project)]
        except ValueError:  # there is no such project
            return False


def _name(run: Sent) -> str:
    return f"{run.name}-{run.identity}"


__all__ = ["Trackio", "write_to"]
