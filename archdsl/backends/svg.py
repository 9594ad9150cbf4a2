"""A picture of a network: its stages and blocks from top to bottom, with what each stage costs.

Equal blocks in a row are one line. Every figure is a text; bars and colours only repeat it, so that a print in grey
says the same. There is no script and no reference to anything outside the file, and every text is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from html import escape
from textwrap import wrap
from unicodedata import east_asian_width

from archdsl import __version__
from archdsl.backends import About
from archdsl.backends.summary import (
    TIMES,
    Stage,
    label_of,
    output_title,
    parts_of,
    plain,
    shape_of,
    size,
    stages_of,
    words_of,
)
from archdsl.graph.cost import SUFFIXES, Cost, count
from archdsl.graph.network import Network, Value
from archdsl.records import dataclass

INK, GREY, RULE = "#111111", "#4D4D4D", "#8C8C8C"
PANEL, TRACK = "#F3F6F9", "#E3E6E9"
FLOPS, PARAMS = "#0072B2", "#E69F00"
"""Blue and orange of Okabe and Ito's palette, dark and light in grey."""

WIDTH, MARGIN = 900, 28
BOX = 452
"""The width of a stage's box, with room for the texts of every spec here."""
MIDDLE = MARGIN + 40
"""Where the arrows run."""
COLUMNS = {"flops": 624, "params": 760, "acts": 872}
"""The right ends of the columns of figures."""
BAR = 72
LINE, GAP = 17, 30
"""Heights: of a line of text, and between two boxes."""
SPACE = 14
"""At least, between two texts on one line."""
LETTER = 0.6
"""The mean width of a letter, of its size: that of a wide sans-serif."""


def emit(network: Network, about: About) -> dict[str, str]:
    """`NAME.svg`."""
    cost = count(network)
    picture = _Picture(network, about, cost)
    picture.head()
    picture.flow()
    picture.foot()
    return {f"{about.name}.svg": picture.text()}


# Numbers


def short(number: int) -> str:
    """Three digits with the unit's letter: `3.97 G`."""
    for letter, places in reversed(SUFFIXES.items()):
        if number >= 10**places:
            scaled = Decimal(number).scaleb(-places)
            digits = max(0, 2 - scaled.adjusted())
            return f"{scaled:,.{digits}f} {letter}" if number < 10**18 else f"{Decimal(number):.2e}"
    return str(number)


def full(number: int) -> str:
    """All digits, or the size of a number that no column holds."""
    return f"{number:,}" if number < 10**12 else f"{Decimal(number):.4e}"


# Drawing


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of text in a box, `step` below the one before."""

    step: int
    left: str
    right: str = ""
    indent: int = 0
    size: int = 12
    fill: str = INK
    style: str = "normal"


class _Picture:
    """Draws from top to bottom; `y` is where the next thing stands."""

    def __init__(self, network: Network, about: About, cost: Cost) -> None:
        self.network = network
        self.about = about
        self.cost = cost
        self.stages = stages_of(network, parts_of(network, cost))
        self.homes = {i: stage.path for stage in self.stages for part in stage.parts for i in part.nodes}
        self.out: list[str] = []
        self.y = 0.0

    def text(self) -> str:
        """The file. Its identifiers carry the network's hash, so that two pictures may stand on one page."""
        height = round(self.y + MARGIN)
        mark = self.network.hash[:12]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title-{mark} desc-{mark}" '
            f'font-family="sans-serif" font-size="13" fill="{INK}">\n'
            f'<title id="title-{mark}">{_escaped(self.network.name)}</title>\n'
            f'<desc id="desc-{mark}">{_escaped(self._description(), 100_000)}</desc>\n'
            f'<rect width="{WIDTH}" height="{height}" fill="#FFFFFF"/>\n' + "".join(self.out) + "</svg>\n"
        )

    def _description(self) -> str:
        network, cost = self.network, self.cost
        parts = [
            f"{self.about.doc}",
            f"A network of {len(network.nodes):,} operations, from {size(network.input)}"
            f" to {', '.join([size(network.shape(value)) for value in network.outputs]) or 'features'}:"
            f" {int(cost.flops):,} flops ({cost.convention.unit}), {int(cost.params):,} params,"
            f" {int(cost.acts):,} acts.",
        ]
        for stage in self.stages:
            blocks = ", ".join([f"{len(run.parts)}{TIMES}{run.first.block or 'a block'}" for run in stage.runs])
            parts.append(
                f"{stage.path}: {blocks}, to {self._shapes(stage.parts[-1].outputs)}, {stage.sum('flops'):,} flops, "
                f"{stage.sum('params'):,} params, {stage.sum('acts'):,} acts."
            )
        return " ".join(parts)

    def _shapes(self, values: Sequence[Value]) -> str:
        shapes = list(dict.fromkeys([size(self.network.shape(value)) for value in values]))
        return ", ".join(shapes[:3]) + (", …" if len(shapes) > 3 else "")

    # The parts of the picture

    def head(self) -> None:
        """Name, origin and totals."""
        network, about = self.network, self.about
        self.y = MARGIN + 16
        self.words(MARGIN, self.y, network.name, 22, WIDTH - 2 * MARGIN, weight="bold")
        self.y += 5
        for line in wrap(plain(about.doc, 400), 108)[:2]:
            self.y += LINE
            self.words(MARGIN, self.y, line, 13, WIDTH - 2 * MARGIN)
        origin = " ".join([about.spec, *about.changes])
        self.y += LINE
        facts = [f"hash {network.hash[:16]}", *([origin] if origin else []), f"archdsl {__version__}"]
        self.words(MARGIN, self.y, " · ".join(facts), 12, WIDTH - 2 * MARGIN, fill=GREY)
        self.y += 18
        tile = (WIDTH - 2 * MARGIN + 16) / 3
        units = {"flops": "flops (multiply-adds)", "params": "params", "acts": "acts"}
        for place, (measure, unit) in enumerate(units.items()):
            x, number = MARGIN + place * tile, int(getattr(self.cost, measure))
            self.line(x, self.y, x + tile - 16, self.y, {"flops": FLOPS, "params": PARAMS}.get(measure, RULE), 3)
            self.words(x, self.y + 26, short(number), 22, tile - 16, unit, weight="bold")
            self.words(x, self.y + 44, f"{number:,}", 12, tile - 16, fill=GREY)
        self.y += 80
        for measure, x in COLUMNS.items():
            self.words(x, self.y, measure, 12, 120, anchor="end", weight="bold")
        self.y += 8

    def flow(self) -> None:
        """The input, the stages with arrows between, the output."""
        network = self.network
        self.pill(f"input {size(network.input)}")
        before: str | None = None
        for stage in self.stages:
            taken = [value for part in stage.parts for value in part.inputs if self.home(value) != stage.path]
            self.gap(before, [value for value in taken if self.home(value) == before], labelled=before is not None)
            others = dict.fromkeys([self.home(value) or "input" for value in taken if self.home(value) != before])
            self.stage(stage, list(others))
            before = stage.path
        self.gap(before, [value for value in network.outputs if self.home(value) == before], labelled=False)
        for number, value in enumerate(network.outputs):
            place = "" if self.home(value) == before else f" of {self.home(value) or 'input'}"
            self.pill(f"{output_title(network, number)} {size(network.shape(value))}{place}")
            self.y += 6

    def foot(self) -> None:
        """What the figures mean."""
        convention = self.cost.convention
        self.y += 22
        self.line(MARGIN, self.y, WIDTH - MARGIN, self.y, RULE, 1)
        self.y += 4
        texts = [
            ("flops", convention.unit),
            ("params", convention.params.unit),
            ("acts", convention.acts.unit),
            ("counted", f"for one image, by convention {convention.name} {convention.version}: {convention.text}"),
            *[(name, text) for name, text in self.about.citation.items()],
        ]
        for name, text in texts:
            for place, line in enumerate(wrap(plain(text, 400), 116)):
                self.y += 16
                if not place:
                    self.words(MARGIN, self.y, name, 11, 70, weight="bold", fill=GREY)
                self.words(MARGIN + 76, self.y, line, 11, WIDTH - 2 * MARGIN - 70, fill=GREY)

    def home(self, value: Value) -> str | None:
        """The stage that a value comes from; none for the network's input."""
        return self.homes.get(value.node)

    def pill(self, text: str) -> None:
        """Where tensors enter and leave."""
        self.box(BOX, 28, 14, "#FFFFFF")
        self.words(MARGIN + 14, self.y + 19, text, 13, BOX - 28, weight="bold")
        self.y += 28

    def gap(self, before: str | None, values: Sequence[Value], *, labelled: bool = True) -> None:
        """An arrow with the shapes of the values, if there are any, and the features that are given out here."""
        if values:
            tip = self.y + GAP - 2
            self.line(MIDDLE, self.y + 2, MIDDLE, tip - 6, INK, 1.5)
            points = f"{MIDDLE - 4},{tip - 8:g} {MIDDLE + 4},{tip - 8:g} {MIDDLE},{tip:g}"
            self.out.append(f'<polygon points="{points}"/>\n')
            if labelled:
                self.words(MIDDLE + 12, self.y + 19, self._shapes(values), 12, 200)
        features = [feature for feature in self.network.features if self.home(feature.value) == before]
        texts = [f.name + (f" (stride {f.stride})" if f.stride is not None else "") for f in features]
        if texts:
            word = "features" if len(texts) > 1 else "feature"
            self.words(MARGIN + BOX, self.y + 19, f"{word} {', '.join(texts)}", 12, 200, anchor="end", style="italic")
        self.y += GAP

    def stage(self, stage: Stage, others: Sequence[str]) -> None:
        """A box with a line or two for each run of blocks; beside it the figures."""
        lone = len(stage.runs) == 1 and not stage.runs[0].first.in_stage
        depth = sum([len(run.parts) for run in stage.runs if ".blocks." in run.first.path])
        blocks = f"{depth} block{'s' if depth != 1 else ''}" if depth else ""
        shapes = [shape_of(self.network, run) for run in stage.runs]
        change = len(set(shapes)) > 1 or any("…" in shape for shape in shapes)
        lines: list[_Line] = []
        for run, shape in zip(stage.runs, shapes, strict=True):
            own: list[_Line] = []
            if not lone:
                name = (run.first.block or "block") + (f"{TIMES}{len(run.parts)}" if len(run.parts) > 1 else "")
                own.append(_Line(19 if lines else 18, f"{label_of(run)}: {name}"))
            words = words_of(self.network, run)
            if words:
                own.append(_Line(18 if lone else 15, words, indent=0 if lone else 12, size=11, fill=GREY))
            lines += _beside(own, shape) if shape and change and not lone else own
        if others:
            lines.append(_Line(16, f"takes {', '.join(others)}", size=11, style="italic"))
        top = self.y
        height = max(46, 30 + sum([line.step for line in lines]))
        self.box(BOX, height, 4, PANEL)
        self.words(MARGIN + 14, top + 20, stage.path, 13, 145, weight="bold")
        self.words(MARGIN + BOX - 14, top + 20, stage.runs[0].first.block if lone else blocks, 12, 265, anchor="end")
        y = top + 20
        for line in lines:
            y += line.step
            room = BOX - 28 - line.indent
            self.words(MARGIN + 14 + line.indent, y, line.left, line.size, room, fill=line.fill, style=line.style)
            self.words(MARGIN + BOX - 14, y, line.right, 12, room, anchor="end")
        self.figures(stage, top)
        self.y = top + height

    def figures(self, stage: Stage, top: float) -> None:
        """Flops and params with a bar for the share, acts."""
        for measure, x in COLUMNS.items():
            part, whole = stage.sum(measure), int(getattr(self.cost, measure))
            self.words(x, top + 20, full(part), 13, 124, anchor="end")
            if not whole:
                continue
            self.words(x, top + 38, f"{100 * part / whole:.1f} %", 11, 50, anchor="end", fill=GREY)
            colour = {"flops": FLOPS, "params": PARAMS}.get(measure)
            if colour is not None:
                left = x - 48 - BAR
                self.bar(left, top + 30, BAR, TRACK, RULE)
                self.bar(left, top + 30, BAR * float(Fraction(part, whole)), colour)

    # Marks

    def words(self, x: float, y: float, text: str, size: float, room: float, unit: str = "", **marks: str) -> None:
        """A line of text, cut where it is longer than its room; a unit of ours follows in small letters."""
        shown = escape(_fitting(text, room / (size * LETTER)))
        if not shown:
            return
        names = {"anchor": "text-anchor", "weight": "font-weight", "style": "font-style", "fill": "fill"}
        plainly = {"fill": INK, "style": "normal"}
        more = "".join([f' {names[name]}="{mark}"' for name, mark in marks.items() if plainly.get(name) != mark])
        default = "" if size == 13 else f' font-size="{size:g}"'
        behind = f'<tspan dx="6" font-size="12" font-weight="normal">{unit}</tspan>' if unit else ""
        self.out.append(f'<text x="{x:g}" y="{y:g}"{default}{more}>{shown}{behind}</text>\n')

    def box(self, width: float, height: float, radius: float, fill: str) -> None:
        """A rounded box at the left margin and the present height."""
        self.out.append(
            f'<rect x="{MARGIN}" y="{self.y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" fill="{fill}" '
            f'stroke="{GREY}"/>\n'
        )

    def bar(self, x: float, y: float, width: float, fill: str, stroke: str = "") -> None:
        """A bar that repeats a figure."""
        edge = f' stroke="{stroke}" stroke-width="0.5"' if stroke else ""
        self.out.append(f'<rect x="{x:g}" y="{y:g}" width="{width:.2f}" height="9" fill="{fill}"{edge}/>\n')

    def line(self, x: float, y: float, to_x: float, to_y: float, colour: str, width: float) -> None:
        """A straight line between two points."""
        self.out.append(
            f'<line x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}" stroke="{colour}" stroke-width="{width:g}"/>\n'
        )


def _beside(lines: Sequence[_Line], right: str) -> list[_Line]:
    """The lines with a text to the right of the first that has room for it, or below them."""
    for place, line in enumerate(lines):
        if line.indent + _width(line.left, line.size) + SPACE + _width(right, 12) <= BOX - 28:
            return [*lines[:place], replace(line, right=right), *lines[place + 1 :]]
    return [*lines, _Line(15, "", right)]


def _width(text: str, size: float) -> float:
    """About how wide a text is drawn; ideographs and the like count for nearly two letters."""
    return (len(text) + 0.7 * sum([east_asian_width(char) in "WF" for char in text])) * size * LETTER


def _fitting(text: str, letters: float) -> str:
    """A text cut to so many letters of mean width; ideographs and the like count for nearly two."""
    shown = plain(text, max(1, int(letters)))
    wide = sum([east_asian_width(char) in "WF" for char in shown])
    return plain(shown, max(1, int(letters - 0.7 * wide))) if wide else shown


def _escaped(text: str, most: int = 200) -> str:
    return escape(plain(text, most))


__all__ = ["emit"]
