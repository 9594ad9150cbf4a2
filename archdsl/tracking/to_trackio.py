"""trackio: SQLite files in a folder, which `trackio show` shows."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archdsl.tracking.tracker import Epoch, Sent, TrackerFault


class Trackio:
    """Writes a project of that folder; none is the library's own folder."""

    def __init__(self, folder: str | None) -> None:
        self.folder = folder
        self.run: Any = None

    def begin(self, run: Sent, *, known: bool) -> None:
        if self.folder is not None:
            if known and not (Path(self.folder) / f"{run.project}.db").is_file():
                raise TrackerFault(f"{self.folder} no longer has the project {run.project}: --again logs the run anew")
            os.environ["TRACKIO_DIR"] = str(Path(self.folder).absolute())  # read when the library is loaded
        with _quiet():
            import trackio

            try:
                self.run = trackio.init(
                    project=run.project,
                    name=f"{run.name}-{run.identity}",
                    config=run.settings,
                    resume="allow",
                    auto_log_gpu=False,
                    auto_log_cpu=False,
                )
            except (OSError, ValueError) as error:
                raise TrackerFault(f"trackio at {self.folder or 'its folder'}: {error}") from None

    def send(self, epochs: Sequence[Epoch]) -> None:
        with _quiet():
            for epoch in epochs:
                self.run.log(epoch.figures, step=epoch.step)

    def end(self, *, complete: bool) -> None:  # noqa: ARG002 - it knows no end
        if self.run is not None:
            with _quiet():
                self.run.finish()


@contextlib.contextmanager
def _quiet() -> Any:
    """Standard output is the report's."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


__all__ = ["Trackio"]
