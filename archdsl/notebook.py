"""A widget for notebooks: a network scaled by a slider, with what it costs. Needs anywidget, of the extra `notebook`.

    widget = archdsl.notebook.scaling("net.arch")
    widget.factor, widget.compiled

Networks show themselves without it: a notebook prints `archdsl.compile(…)` as a table with its picture, and
`archdsl.compile(…).plot("widths")` as a figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from archdsl.analysis.changes import SCALINGS
from archdsl.analysis.program import Definition
from archdsl.api import Compiled, CompileError
from archdsl.api import compile as compile_spec
from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.graph.cost import MEASURES
from archdsl.plots.rows import widths_of
from archdsl.project import Project
from archdsl.request import RequestError, decimal, strategies_of
from archdsl.resources import read_data
from archdsl.views.head import counted_as
from archdsl.views.notebook import stage_lines
from archdsl.views.tables import size

if TYPE_CHECKING:
    from anywidget import AnyWidget

LEAST, MOST = 0.125, 64
"""The ends of the slider of factors."""
_GRID = 1000
"""Factors are whole thousandths, as those that `archdsl plot scaling` takes."""


def scaling(spec: str, strategies: Sequence[str] = (), **options: Any) -> AnyWidget:
    """A widget that scales a network: a list of strategies, a slider of factors, and the costs of what they give.

    `strategies` are scalings of `std.scaling` or of the file, "NAME" or "NAME=VALUE"; without them, all whose only
    parameter is a factor. `options` are those of `archdsl.compile` but `scale` and `to`. The widget's `strategy` and
    `factor` (0.125 to 64) can be set from Python too; `compiled` is the network that is shown, None where the
    scaling has none, and `shown` is all that the page draws, as plain data.

    Raises `CompileError` and ValueError as `archdsl.compile` does, and ImportError without anywidget.
    """
    for name in ("scale", "to", "within"):
        if name in options:
            raise ValueError(f"the widget scales: it takes no {name}")
    base = compile_spec(spec, **options)
    names = strategies_of(",".join(strategies)) if strategies else _scalings(base)
    if not names:
        raise ValueError(f"{spec} sees no scaling with a factor alone: name strategies")
    made: AnyWidget = _widget_class()(base, spec, options, names)
    return made


def _scalings(base: Compiled) -> list[str]:
    """The scalings that a file sees and whose only parameter is a factor, those of the file first."""
    program = base.compilation.program
    library = Compiler(Project("text.arch")).scope(program, Diagnostics()).library(SCALINGS)
    seen = [*program.entry.names.items(), *(library.names.items() if library is not None else ())]
    return list(
        dict.fromkeys(
            [
                name
                for name, named in seen
                if isinstance(named, Definition) and named.kind == "scaling" and len(named.parameters) == 1
            ]
        )
    )


def _shown(net: Compiled, base: Compiled) -> dict[str, Any]:
    """What is drawn of a scaled network. Numbers that a page cannot hold exactly are texts, as all counts are."""
    cost, before = net.cost, base.cost
    blocks = [width for _, widths in widths_of(net.network) for width in widths]
    return {
        "title": net.compilation.name,
        "input": size(net.network.input),
        "hash": net.hash[:16],
        "counted": f"flops are {counted_as(cost.convention)}",
        "totals": [_total(measure, int(getattr(cost, measure)), int(getattr(before, measure))) for measure in MEASURES],
        "stages": [
            {name: f"{cell:,}" if isinstance(cell, int) else cell for name, cell in asdict(line).items()}
            for line in stage_lines(net.compilation, cost)
        ],
        "widths": [int(width) for width in blocks],
        "fault": None,
    }


def _total(measure: str, count: int, before: int) -> dict[str, str]:
    return {
        "measure": measure,
        "count": f"{count:,}",
        "ratio": f"{float(Fraction(count, before)):.4g}" if before else "",
    }


@cache
def _widget_class() -> Any:
    """The widget's class, made when one is asked for: anywidget is an extra, and slow to load."""
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        message = "the widget needs anywidget, which is not installed: pip install 'archdsl[notebook]'"
        raise ImportError(message) from error

    class ScalingWidget(anywidget.AnyWidget):
        """See `archdsl.notebook.scaling`."""

        _esm = read_data("codegen/notebook/scaling.js")
        _css = read_data("codegen/notebook/scaling.css")
        strategies = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
        strategy = traitlets.Unicode().tag(sync=True)
        factor = traitlets.Float(1.0).tag(sync=True)
        ends = traitlets.List(traitlets.Float(), [LEAST, MOST], read_only=True).tag(sync=True)
        shown = traitlets.Dict().tag(sync=True)

        def __init__(self, base: Compiled, spec: str, options: dict[str, Any], names: list[str]) -> None:
            super().__init__()
            self.set_trait("strategies", names)
            self._base, self._spec, self._options = base, spec, options
            self.compiled: Compiled | None = None
            with self.hold_trait_notifications():
                self.strategy = names[0]
            self._update()
            self.observe(self._changed, ["strategy", "factor"])

        @traitlets.validate("strategy")
        def _known(self, proposal: Any) -> str:
            if proposal.value not in self.strategies:
                raise traitlets.TraitError(f"{proposal.value!r} is none of {', '.join(self.strategies)}")
            return str(proposal.value)

        @traitlets.validate("factor")
        def _within(self, proposal: Any) -> float:
            if not math.isfinite(proposal.value) or not LEAST <= proposal.value <= MOST:
                raise traitlets.TraitError(f"a factor is {LEAST} to {MOST}, not {proposal.value}")
            return round(float(proposal.value) * _GRID) / _GRID

        def _changed(self, _: Any) -> None:
            self._update()

        def _update(self) -> None:
            call = f"{self.strategy}:{decimal(Fraction(round(self.factor * _GRID), _GRID))}"
            try:
                self.compiled = compile_spec(self._spec, scale=call, **self._options)
                self.shown = _shown(self.compiled, self._base) | {"call": call}
            except (CompileError, RequestError) as fault:
                self.compiled = None
                self.shown = {"call": call, "fault": str(fault)}

    return ScalingWidget


__all__ = ["LEAST", "MOST", "scaling"]
