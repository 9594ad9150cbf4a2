"""A figure as SVG, PDF or PNG: the only module that knows matplotlib, which is imported when something is drawn.

Series differ in colour (Okabe and Ito's palette without its yellow, and grey), in dashes, in marks and in hatches, so
that a print in grey and a reader who sees other colours tell them apart. Texts are drawn as they are: `$` begins no
formula. The same figure gives the same bytes under the same version of matplotlib, whatever the user's settings are;
text in an SVG stays text.
"""

from __future__ import annotations

import hashlib
import io
import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from archdsl import __version__
from archdsl.plots.figures import Axis, Figure, Panel, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

Picture = Literal["svg", "pdf", "png"]
SALT = "archdsl"
"""What identifiers in an SVG are made from; random otherwise."""
PNG_DPI = 300


class Style(NamedTuple):
    """How a series looks, in each of the ways in which it must differ from the others."""

    color: str
    dash: tuple[float, ...]
    """Lengths of strokes and gaps, in widths of the line; none: no gaps."""
    mark: str
    hatch: str


STYLES = (
    Style("#0072B2", (), "o", ""),
    Style("#D55E00", (6, 2), "s", "/////"),
    Style("#009E73", (1, 1.3), "^", "....."),
    Style("#000000", (6, 1.6, 1.2, 1.6), "D", "xxxxx"),
    Style("#CC79A7", (3, 1.2), "v", "-----"),
    Style("#E69F00", (6, 1.4, 1.2, 1.4, 1.2, 1.4), "P", "+++++"),
    Style("#56B4E9", (9, 2.4), "X", "ooo"),
    Style("#707070", (2.2, 1.4, 1.2, 1.4), "*", "|||||"),
)
INK, GREY, GRID = "#000000", "#555555", "#DDDDDD"
GUIDES = ((1, 1.5), (4, 1.5, 1, 1.5), (7, 2), (2.5, 1))

COLUMN, PAGE = 3.5, 7.1
"""Inches: a column and a page of two, at which the sizes of letters hold."""
TEXT, SMALL, NOTE = 8, 7, 6
"""Points."""
LETTER = 0.6
"""The mean width of a letter, of its size."""
WIDE = 1000
"""A logarithmic axis of more than this, from end to end, marks powers of its base alone."""
MANY = 60
"""Points beyond which none is marked."""

SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.labelsize": TEXT,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": TEXT,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica"],
    "font.size": TEXT,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.6,
    "legend.edgecolor": "none",
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "path.simplify": False,
    "pdf.fonttype": 42,
    "savefig.dpi": PNG_DPI,
    "svg.fonttype": "none",
    "svg.hashsalt": SALT,
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "ytick.labelsize": SMALL,
    "ytick.major.width": 0.6,
}


def draw(figure: Figure, form: Picture) -> bytes:
    """The picture. Raises ImportError without matplotlib."""
    with _settled():
        drawing = _drawing(figure)
        if form == "svg":
            return _svg(drawing, figure).encode()
        stream = io.BytesIO()
        words: dict[str, Any] = {"Title": figure.title, "Creator": f"archdsl {__version__}"}
        if form == "pdf":
            words |= {"CreationDate": None, "Producer": None}
        else:
            words |= {"Software": words.pop("Creator")}
        drawing.savefig(stream, format=form, metadata=words)
        return stream.getvalue()


@contextmanager
def _settled() -> Iterator[None]:
    """Our settings and no others; nothing is said of fonts that lack a character."""
    import matplotlib

    said = logging.getLogger("matplotlib")
    level = said.level
    said.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), matplotlib.rc_context():
            warnings.simplefilter("ignore")
            matplotlib.rcdefaults()
            settings: Any = matplotlib.rcParams  # whose type lists every name of one version
            settings.update(SETTINGS)
            yield
    finally:
        said.setLevel(level)


def _drawing(figure: Figure) -> Drawing:
    """The panels between what stands above and below them, for which room is kept by its height in inches."""
    from matplotlib.figure import Figure as Drawing

    rows = math.ceil(len(figure.panels) / figure.columns)
    width = COLUMN if figure.columns == 1 else PAGE
    entries = _entries(figure)
    columns = _legend_columns([series.label for series in entries], width)
    legend = 0.135 * math.ceil(len(entries) / columns) + 0.08 if entries else 0.0
    words = figure.footnote[: int(width * 72 / (NOTE * LETTER))]
    note = 0.16 if words else 0.0
    head = wrap(figure.title, int(width * 72 / (TEXT * 0.66))) if figure.headed else []
    top = 0.15 * len(head) + 0.04 if head else 0.0
    panels = sum([_height(figure.panels[row * figure.columns]) for row in range(rows)])
    height = panels + legend + note + top
    drawing = Drawing(figsize=(width, height))
    layout: Any = drawing.get_layout_engine()
    layout.set(rect=(0, (legend + note) / height, 1, panels / height), w_pad=0.03, h_pad=0.03, wspace=0.02)
    axes = drawing.subplots(rows, figure.columns, squeeze=False, sharey="row" if figure.columns > 1 else False)
    for panel, place in zip(figure.panels, axes.flat, strict=False):
        _panel(place, panel)
    for place in axes.flat[len(figure.panels) :]:
        place.remove()
    for panel, place in zip(figure.panels, axes.flat, strict=False):  # of a row, all know by now how high it is
        if _from_zero(panel):
            place.set_ylim(bottom=0)
    if head:
        place_y = 1 - 0.02 / height
        drawing.text(0.5, place_y, "\n".join(head), fontsize=TEXT, fontweight="bold", ha="center", va="top")
    if entries:
        _legend(drawing, entries, columns, note / height)
    if words:
        drawing.text(0.06 / width, 0.05 / height, words, fontsize=NOTE, color=GREY, va="bottom")
    if rows > 1:
        _settle(drawing)
    return drawing


def _settle(drawing: Drawing) -> None:
    """Panels stay where the layout puts them, to a millionth of the picture: how it solves several rows differs in the
    last digits from one process to the next, and with them every identifier of an SVG."""
    drawing.draw_without_rendering()
    drawing.set_layout_engine("none")
    for axes in drawing.axes:
        left, bottom, width, height = [round(extent, 6) for extent in axes.get_position().bounds]
        axes.set_position((left, bottom, width, height))


def _height(panel: Panel) -> float:
    """Inches of one row of panels. Bars need as much as there are, other things a line for each name."""
    if not panel.y.names:
        return 2.35
    bars = sum([series.form == "bars" for series in panel.series])
    return 0.5 + len(panel.y.names) * (0.08 + 0.115 * bars) if bars else max(1.7, 0.5 + 0.26 * len(panel.y.names))


# Panels


def _panel(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title)
    if panel.x.log:
        axes.set_xscale("log", base=panel.x.log)
    if panel.y.log:
        axes.set_yscale("log", base=panel.y.log)
    _axis(axes.xaxis, panel.x, [x for series in panel.series for x, _ in series.points])
    _axis(axes.yaxis, panel.y, [y for series in panel.series for _, y in series.points])
    bars = [series for series in panel.series if series.form == "bars"]
    for series in panel.series:
        if series.form == "bars":
            _bars(axes, series, bars.index(series), len(bars))
        elif series.form == "band":
            _band(axes, series)
        else:
            _line(axes, series)
    if bars:
        axes.invert_yaxis()
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.22, y=0.02)
        axes.set_xlim(left=0)


def _from_zero(panel: Panel) -> bool:
    """Whether an axis begins at 0: one of lengths or shares, not of bars, which have their own."""
    bars = any(series.form == "bars" for series in panel.series)
    return (
        not bars
        and not panel.y.log
        and not panel.y.free
        and all(y >= 0 for series in panel.series for _, y in series.points)
    )


def _axis(axis: Any, said: Axis, values: Sequence[float]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    axis.set_label_text(said.label)
    if said.names:
        axis.set_ticks(range(len(said.names)), labels=said.names)
        return
    if said.log:
        wide = said.log == 2 or (values and max(values) > WIDE * min(values))
        axis.set_major_locator(LogLocator(base=said.log, subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10], integer=said.whole))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))


def _tick(value: float) -> str:
    return f"{value:,.10g}".replace("-", "\N{MINUS SIGN}") if abs(value) < 1e6 else f"{value:.3g}"


def _line(axes: Axes, series: Series) -> None:
    from matplotlib.lines import Line2D

    xs, ys = [x for x, _ in series.points], [y for _, y in series.points]
    line = Line2D(xs, ys, **_look(series))
    line.set_gid(series.key)
    axes.add_line(line)
    axes.autoscale_view()
    if series.form == "guide" and series.texts and series.points:
        x, y = series.points[-1]
        axes.annotate(
            series.texts[0], (x, y), xytext=(5, 0), textcoords="offset points", fontsize=NOTE, color=GREY, va="center"
        )


def _band(axes: Axes, series: Series) -> None:
    """An area, behind all lines: what lies below it is seen through it."""
    if not series.points:
        return
    color = STYLES[series.style % len(STYLES)].color
    xs, ys = [x for x, _ in series.points], [y for _, y in series.points]
    (area,) = axes.fill(xs, ys, facecolor=color, alpha=0.15, linewidth=0, zorder=1.2)
    area.set_gid(series.key)


def _look(series: Series) -> dict[str, Any]:
    """How a line is drawn, in the panel and in the legend."""
    style = STYLES[series.style % len(STYLES)]
    if series.form == "guide":
        dash = GUIDES[series.style % len(GUIDES)]
        return {"color": GREY, "linewidth": 0.9, "linestyle": (0, dash), "zorder": 1.5}
    if series.form == "line":
        return {"color": style.color, "linewidth": 0.9, "linestyle": (0, style.dash or (2.6, 1.3)), "zorder": 2.5}
    look: dict[str, Any] = {"color": style.color, "markeredgewidth": 0.8, "zorder": 3}
    if series.form in ("scatter", "marks"):
        size, edge, above = (2.2, 0.3, 2.2) if series.form == "scatter" else (4.5, 0.8, 3)
        look |= {"linestyle": "none", "marker": style.mark, "markersize": size, "markeredgewidth": edge}
        return look | {"markerfacecolor": "white" if series.style % 2 else style.color, "zorder": above}
    if len(series.points) <= MANY:
        look |= {"marker": style.mark, "markerfacecolor": "white" if series.style % 2 else style.color}
        look |= {"markersize": 4 if len(series.points) <= 20 else 3}
    if series.form == "steps":
        return {**look, "drawstyle": "steps-mid", "markersize": 2.6, "linewidth": 1.1}
    return {**look, "linestyle": (0, style.dash) if style.dash else "solid"}


def _bars(axes: Axes, series: Series, place: int, number: int) -> None:
    style = STYLES[series.style % len(STYLES)]
    size = 0.84 / number
    where = [x + (place - (number - 1) / 2) * size for x, _ in series.points]
    lengths = [y for _, y in series.points]
    bars = axes.barh(where, lengths, size * 0.9, **_fill(style))
    for index, bar in enumerate(bars):
        bar.set_gid(f"{series.key}-{index}")
    for y, length, text in zip(where, lengths, series.texts, strict=True):
        axes.annotate(
            text, (length, y), xytext=(2, -0.3), textcoords="offset points", fontsize=NOTE, va="center", color=INK
        )


def _fill(style: Style) -> dict[str, Any]:
    if not style.hatch:
        return {"facecolor": style.color, "edgecolor": style.color, "linewidth": 0.6}
    return {"facecolor": "white", "edgecolor": style.color, "linewidth": 0.6, "hatch": style.hatch}


# The legend


def _entries(figure: Figure) -> list[Series]:
    """The series that the legend names, each label once; one model's bars need none."""
    found: dict[str, Series] = {}
    for panel in figure.panels:
        for series in panel.series:
            if series.label:
                found.setdefault(series.label, series)
    only = list(found.values())
    return [] if len(only) == 1 and only[0].form == "bars" else only


def _legend_columns(labels: Sequence[str], width: float) -> int:
    """As many columns as fit side by side."""
    for columns in range(min(len(labels), 8), 1, -1):
        widest = sum([max(map(len, labels[column::columns])) for column in range(columns)])
        if widest * SMALL * LETTER + columns * 34 <= width * 72:
            return columns
    return 1


def _legend(drawing: Drawing, entries: Sequence[Series], columns: int, bottom: float) -> None:
    """Below the panels, row by row: matplotlib itself fills column by column."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    ordered = [entry for column in range(columns) for entry in entries[column::columns]]
    handles: list[Any] = []
    for entry in ordered:
        style = STYLES[entry.style % len(STYLES)]
        look = _fill(style) if entry.form == "bars" else _look(entry)
        look.pop("drawstyle", None)
        handles.append(Patch(**look) if entry.form == "bars" else Line2D([], [], **look))
    legend = drawing.legend(
        handles,
        [str(place) for place in range(len(ordered))],  # labels that begin with `_` would be left out
        loc="lower center",
        bbox_to_anchor=(0.5, bottom),
        ncols=columns,
        handlelength=3,
        columnspacing=1.4,
        labelspacing=0.3,
        borderaxespad=0,
        borderpad=0.2,
    )
    for text, entry in zip(legend.get_texts(), ordered, strict=True):
        text.set_text(entry.label)


# SVG


def _svg(drawing: Drawing, figure: Figure) -> str:
    """The SVG as a text: without the document type, which names an address, and with words for who cannot see it."""
    stream = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    drawing.savefig(stream, format="svg", metadata=nothing)
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    mark = hashlib.sha256(text.encode()).hexdigest()[:12]  # so that two pictures may stand on one page
    words = f"{' '.join(figure.notes)} Drawn by archdsl {__version__}."
    said = (
        f' role="img" aria-labelledby="title-{mark} desc-{mark}">\n'
        f' <title id="title-{mark}">{escape(figure.title)}</title>\n'
        f' <desc id="desc-{mark}">{escape(words)}</desc>'
    )
    return '<?xml version="1.0" encoding="utf-8"?>\n' + text.replace(">", said, 1)
