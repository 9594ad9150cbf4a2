"""What `archdsl paper` shows: a paper's table again, from the compiler's own figures, beside the printed ones."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from archdsl import __version__
from archdsl.graph.conventions import CONVENTIONS
from archdsl.papers.figures import FAULTS, Agreement, Figure, PaperRow, TableReport
from archdsl.records import documented
from archdsl.views.tables import Cell, render_csv, render_markdown, table
from archdsl.visible import visible

REPORTED = "as reported by the paper"
_WIDTH = 110
"""Columns of a note."""

Shown: TypeAlias = tuple[str, list[str], bool]
"""A column of text: its heading, its cells, and whether it is set right."""

_SUMMARY: dict[Agreement, str] = {
    "same": "as printed",
    "convention": "as printed by another convention",
    "truncated": "as printed, cut off",
    "size": "as printed at another size of image",
    "explained": "otherwise, with a reason",
    "unexplained": "OTHERWISE, WITHOUT A REASON",
    "missing": "OF A NETWORK THAT IS NOT THERE",
    "no network": "of networks that archdsl does not have",
    "guess": "of networks that archdsl does not have, beside a guess",
    "not compared": "that are not compared",
}


_MARKS: dict[Agreement, str] = {
    "explained": "differs",
    "unexplained": "DIFFERS",
    "missing": "MISSING",
    "guess": "guess",
}
"""What stands behind a figure; that it is the printed one needs no word."""


@documented
class PaperReport:
    """The output of `archdsl paper --format json`."""

    archdsl: str
    tables: list[TableReport]
    faults: int
    """How many figures differ without a reason, or have no network though the row names one."""


def paper_report(reports: Sequence[TableReport]) -> PaperReport:
    """The JSON of tables, or of a list of them without rows."""
    return PaperReport(__version__, list(reports), faults(reports))


def faults(reports: Sequence[TableReport]) -> int:
    """How many figures differ without a reason, or belong to a network that should be there."""
    rows = [row for report in reports for row in report.rows]
    figures = [figure for row in rows for figure in (*row.figures, *row.structure)]
    untrained = [cost for report in reports for cost in report.training if cost.by_area is None]
    return sum([figure.agreement in FAULTS for figure in figures]) + len(untrained)


# The list of tables


def listing(reports: Sequence[TableReport], *, markdown: bool) -> str:
    """Which tables there are, and of which papers."""
    headers = ["name", "table", "rows", "compared", "about"]
    rows: list[list[Cell]] = [[f"{r.paper}:{r.id}", r.name, r.size, r.compared, r.about] for r in reports]
    if markdown:
        return render_markdown(headers, rows)
    cited = dict.fromkeys((r.paper, f"{r.title} ({r.authors}, {r.published})") for r in reports)
    width = max([len(key) for key, _ in cited])
    papers = "".join([f"{key:{width}}  {text}\n" for key, text in cited])
    return f"{table(headers, rows)}\n{papers}"


# Tables


def tables_text(reports: Sequence[TableReport], *, markdown: bool) -> str:
    """The tables one below the other."""
    return "\n".join([_Page(report, markdown).text() for report in reports])


class _Page:
    """One table as text: its head, its rows, what else there is of them, and what the marks mean."""

    def __init__(self, report: TableReport, markdown: bool) -> None:
        self.report = report
        self.markdown = markdown
        self.notes: dict[str, int] = {}
        for row in report.rows:  # in the rows' order, whatever column refers to them
            self._label(row)
            for figure in row.figures:
                self._mark(figure, row)

    def text(self) -> str:
        r = self.report
        head = f"{r.name} of {r.title} ({r.authors}, {r.published})"
        parts = [f"## {head}\n\n{r.about}\n" if self.markdown else f"{head}\n{r.about}\n", self._rows()]
        if any(row.structure for row in r.rows):
            parts.append(self._structure())
        if r.ratios:
            parts.append(self._ratios())
        if r.training:
            parts.append(self._training())
        parts += [self._legend(), self._notes(), self._summary()]
        return "\n".join([part for part in parts if part])

    def _note(self, text: str) -> str:
        """The number of a note, `[1]`."""
        return f"[{self.notes.setdefault(text, len(self.notes) + 1)}]"

    def _rows(self) -> str:
        """Each printed figure with ours and a mark; then what is reported."""
        rows = self.report.rows
        groups: list[tuple[str, list[Shown]]] = []
        first = [("row", [self._label(row) for row in rows], False)]
        if any(row.scaling is not None for row in rows):
            first.append(("scaling", [row.scaling or "" for row in rows], False))
        if any(row.input is not None for row in rows):
            first.append(("input", ["" if row.input is None else str(row.input) for row in rows], True))
        groups.append(("", first))
        for column in dict.fromkeys(figure.column for row in rows for figure in row.figures):
            found = [next((f for f in row.figures if f.column == column), None) for row in rows]
            right = self.report.kind in ("networks", "spaces", "recipes")
            columns = [("printed", [f.printed or "" if f is not None else "" for f in found], right)]
            if any(f is not None and f.ours is not None for f in found):
                columns.append(("ours", [f.ours or "" if f is not None else "" for f in found], right))
            marks = [self._mark(f, row) if f is not None else "" for f, row in zip(found, rows, strict=True)]
            if any(marks):
                columns.append(("", marks, False))
            groups.append((column, columns))
        reported = [
            (heading, [row.reported.get(key) or ("-" if key in row.reported else "") for row in rows], False)
            for key, heading in self.report.headings.items()
        ]
        if reported:
            groups.append((REPORTED, reported))
        return _grouped(groups, markdown=self.markdown)

    def _label(self, row: PaperRow) -> str:
        numbers = [self._note(row.note)] if row.note else []
        if any(figure.agreement in ("no network", "guess") for figure in row.figures) and self.report.without_network:
            numbers.append(self._note(self.report.without_network))
        return " ".join([row.row, *numbers])

    def _mark(self, figure: Figure, row: PaperRow) -> str:
        """Empty where ours is what is printed."""
        words = _MARKS.get(figure.agreement, "")
        if figure.agreement in ("convention", "truncated", "size"):
            own = figure.agrees_by in self.report.conventions
            at = [f"at {figure.agrees_at}"] if figure.agrees_at is not None else []
            cut = ["cut off"] if figure.truncated else []
            words = " ".join([*cut, *at, *([] if own else [f"by {figure.agrees_by}"])])
        if figure.note is not None:
            named = row.model or row.space or self.report.model
            words += f" {self._note(f'{named}: {figure.note}')}"
        return words

    def _structure(self) -> str:
        rows = [row for row in self.report.rows if row.structure]
        headers = ["row", *[figure.column for figure in rows[0].structure]]
        cells = [[row.row, *[figure.ours or "MISSING" for figure in row.structure]] for row in rows]
        text = render_markdown(headers, cells) if self.markdown else table(headers, cells)
        return f"the {'recipes' if rows[0].recipe else 'networks'} as their specs give them:\n\n{text}"

    def _ratios(self) -> str:
        """A line for each scaling and network, with the formula's value and the measured one for each measure."""
        ratios = self.report.ratios
        measures = list(dict.fromkeys(ratio.measure for ratio in ratios))
        pairs = list(dict.fromkeys((ratio.row, ratio.network) for ratio in ratios))
        by_place = {(ratio.row, ratio.network, ratio.measure): ratio for ratio in ratios}
        groups: list[tuple[str, list[Shown]]] = [
            ("", [("row", [row for row, _ in pairs], False), ("network", [name for _, name in pairs], False)])
        ]
        for measure in measures:
            found = [by_place[(*pair, measure)] for pair in pairs]
            columns = [("formula", [r.formula for r in found], True), ("measured", [r.ratio for r in found], True)]
            groups.append((measure, columns))
        text = _grouped(groups, markdown=self.markdown)
        return f"how often as large networks become, by a factor s of {ratios[0].factor}:\n\n{text}"

    def _training(self) -> str:
        """A line for each network that is trained progressively."""
        headers = ["row", "network", "recipe", "sizes of the stages", "images", "flops"]
        rows: list[list[Cell]] = [
            [c.row, c.network, c.recipe, ", ".join(c.sizes), c.by_area or "MISSING", c.by_flops or "MISSING"]
            for c in self.report.training
        ]
        text = render_markdown(headers, rows) if self.markdown else table(headers, rows)
        return f"what progressive learning costs, as a share of as many steps at the last size, not of time:\n\n{text}"

    def _legend(self) -> str:
        """What the columns and the marks mean."""
        lines: list[tuple[str, str]] = []
        figures = [figure for row in self.report.rows for figure in row.figures]
        if self.report.kind == "networks" or any(row.structure and row.recipe is None for row in self.report.rows):
            usual = CONVENTIONS[self.report.conventions[0]]
            digits = "to the printed digits; " if figures else ""
            lines.append(("ours", f"{digits}by the convention {usual.name}: {usual.text}"))
            lines.append(("flops", usual.unit))
        if self.report.kind == "spaces":
            lines.append(("ours", "to the printed digits; JSON has the exact numbers"))
        if any(figure.agreement == "guess" for figure in figures):
            lines.append(("guess", "ours is of a guess at the network, which the paper does not define"))
        if any(figure.truncated for figure in figures):
            lines.append(("cut off", "the exact figure has the printed digits where it is cut off and not rounded"))
        if any(figure.agrees_at is not None for figure in figures):
            lines.append(("at", "the printed figure is of images of that height and width, not of the row's"))
        others = dict.fromkeys(f.agrees_by for f in figures if f.agrees_by not in (None, *self.report.conventions))
        lines += [
            (f"by {name}", f"the printed figure counts otherwise: {CONVENTIONS[str(name)].text}") for name in others
        ]
        if self.markdown:
            return "".join([f"- {word}: {text}\n" for word, text in lines])
        width = max([len(word) for word, _ in lines], default=0)
        return "".join([f"{word:{width}}  {text}\n" for word, text in lines])

    def _notes(self) -> str:
        texts = [f"[{number}] {text}" for text, number in self.notes.items()]
        if self.report.note:
            texts.insert(0, self.report.note)
        if self.markdown:
            return "".join([f"- {visible(text)}\n" for text in texts])
        return "".join(
            [
                textwrap.fill(visible(text), _WIDTH, subsequent_indent="    " if text.startswith("[") else "") + "\n"
                for text in texts
            ]
        )

    def _summary(self) -> str:
        found = Counter(figure.agreement for row in self.report.rows for figure in row.figures)
        parts = [f"{found[each]} {words}" for each, words in _SUMMARY.items() if found[each]]
        total = sum(found.values())
        if not total:
            return "nothing that can be counted is printed\n"
        return f"{total} printed figure{'' if total == 1 else 's'}: {', '.join(parts)}\n"


def _grouped(groups: list[tuple[str, list[Shown]]], *, markdown: bool) -> str:
    """Columns under the titles of their groups."""
    columns = [(title, *column) for title, inside in groups for column in inside]
    rows = list(zip(*[cells for _, _, cells, _ in columns], strict=True))
    if markdown:
        headers = [", ".join([word for word in (title, heading) if word]) for title, heading, _, _ in columns]
        return render_markdown(headers, rows)
    shown = []
    headers = []
    for _, heading, cells, right in columns:
        texts = [visible(cell) for cell in cells]
        width = max([len(text) for text in (heading, *texts)])
        headers.append(heading.rjust(width) if right else heading)
        shown.append([text.rjust(width) if right and text else text for text in texts])
    lines = table(headers, list(zip(*shown, strict=True))).split("\n")
    starts = [0, *[i + 1 for i, (a, b) in enumerate(zip(lines[1], lines[1][1:], strict=False)) if (a, b) == (" ", "-")]]
    above = ""
    index = 0
    for title, inside in groups:
        above = above.ljust(starts[index]) + title if title else above
        index += len(inside)
    return "\n".join([*([above] if above else []), *lines])


def paper_csv(reports: Sequence[TableReport]) -> str:
    """A line for each printed figure, or for each table of a list."""
    if not any(report.rows for report in reports):
        tables: list[list[Cell]] = [
            [f"{r.paper}:{r.id}", r.paper, r.name, r.size, r.compared, r.about] for r in reports
        ]
        return render_csv(["name", "paper", "table", "rows", "compared", "about"], tables)
    headers = ["paper", "table", "row", "model", "input", "column", "printed", "ours", "exact", "convention"]
    lines: list[list[Cell]] = []
    for report in reports:
        for row in report.rows:
            start = [report.paper, report.id, row.row, row.model, row.input]
            lines += [
                [*start, f.column, f.printed, f.ours, f.computed, f.convention, f.agreement, f.note]
                for f in [*row.figures, *row.structure]
            ]
            lines += [
                [*start, report.headings[key], value, None, None, None, "reported", None]
                for key, value in row.reported.items()
            ]
    return render_csv([*headers, "agreement", "note"], lines)
