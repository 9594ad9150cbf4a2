"""A picture in a notebook, with its numbers: what `Compiled.plot` gives."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archdsl.compiler import Compiled
from archdsl.files import FileFault, write_atomically
from archdsl.graph.conventions import CONVENTIONS, DEFAULT
from archdsl.once import cached_property
from archdsl.plots.figures import Figure, label_of
from archdsl.records import dataclass
from archdsl.views.plot import PICTURES, WRITTEN, Plot, Plotted
from archdsl.views.plot_networks import channels_plot, stages_plot, widths_plot

KINDS = {"widths": ("fit", "log"), "channels": ("log",), "stages": ("shares", "convention")}
"""The pictures of networks, each with its options."""


@dataclass(frozen=True)
class Picture:
    """A figure that a notebook shows, and its rows: `picture.rows`, `picture.save("widths.pdf")`.

    It is drawn when it is shown or written. That needs matplotlib, of the extra `plot`.
    """

    plot: Plot

    @property
    def rows(self) -> list[Any]:
        """The numbers that are drawn: a record for each block or stage."""
        return self.plot.rows

    @cached_property
    def svg(self) -> str:
        """The figure as SVG, the same bytes as `archdsl plot` writes. Raises ImportError without matplotlib."""
        return self.content("svg").decode()

    @cached_property
    def _figure(self) -> Figure:
        return self.plot.figure()

    def content(self, form: str) -> bytes:
        """What a file of a form holds: svg, pdf, png, html, csv or json. Raises ImportError as `svg` does."""
        return self.plot.content(form, self._figure if form in PICTURES else None)

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write a file, of the form that its suffix names.

        Raises ValueError for another suffix, FileExistsError, and OSError where it cannot be written.
        """
        place = Path(path)
        form = place.suffix.removeprefix(".").lower()
        if form not in WRITTEN:
            raise ValueError(f"{place} has none of the suffixes {', '.join(['.' + form for form in WRITTEN])}")
        if os.path.lexists(place) and not force:
            raise FileExistsError(f"{place} exists already; force=True overwrites it")
        content = self.content(form)
        try:
            write_atomically(place, content, force)
        except FileFault as fault:
            raise OSError(f"{place}: {fault.message}") from None

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": self.plot.text()}

    def __repr__(self) -> str:
        return f"<picture: {self.plot.title}, {len(self.plot.rows)} rows>"


def picture_of(kind: str, networks: Sequence[tuple[str, str, Compiled]], options: Mapping[str, Any]) -> Picture:
    """A picture of networks: of each its name, the file as given, and the compilation. Raises ValueError."""
    labels = [label_of(name) for name, _, _ in networks]
    apart = [f"{x} #{labels[:i].count(x) + 1}" if labels.count(x) > 1 else x for i, x in enumerate(labels)]
    found = [
        Plotted(label, spec, result.network, (), result.diagnostics)
        for label, (_, spec, result) in zip(apart, networks, strict=True)
    ]
    if kind not in KINDS:
        raise ValueError(f"there is no picture {kind!r}; there are {', '.join(KINDS)}")
    unknown = [name for name in options if name not in KINDS[kind]]
    if unknown:
        raise ValueError(f"a picture of {kind} has no option {unknown[0]!r}; it has {', '.join(KINDS[kind])}")
    if kind == "stages":
        name = options.get("convention", DEFAULT.name)
        if name not in CONVENTIONS:
            raise ValueError(f"there is no convention {name!r}; there are {', '.join(CONVENTIONS)}")
        return Picture(stages_plot(found, CONVENTIONS[name], shares=bool(options.get("shares"))))
    if kind == "channels":
        return Picture(channels_plot(found, log=bool(options.get("log"))))
    return Picture(widths_plot(found, fit=bool(options.get("fit", True)), log=bool(options.get("log"))))


__all__ = ["Picture", "picture_of"]
