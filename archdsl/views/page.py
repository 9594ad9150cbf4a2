"""A figure as an HTML page: the picture, what it shows, and its numbers, in one file that asks for nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from archdsl import __version__
from archdsl.plots.figures import Figure, Series
from archdsl.views.tables import Cell, format_cell

STYLE = """
:root { color-scheme: light; }
body { background: #fff; color: #111; font: 16px/1.5 sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
figure { margin: 1.5rem 0; }
figure svg { display: block; height: auto; margin: 0 auto; width: 100%; }
figcaption { color: #444; font-size: .9rem; margin-top: 1rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
caption { color: #444; padding: .4rem 0; text-align: left; }
th, td { border-bottom: 1px solid #ddd; padding: .2rem .7rem; text-align: left; }
th { border-bottom-color: #555; }
.n { text-align: right; }
footer { color: #555; font-size: .8rem; margin-top: 2rem; }
@media print { body { margin: 0; max-width: none; } thead { display: table-header-group; } tr { break-inside: avoid; } }
"""

MARK = re.compile(r"<use([^>]*?)\s*/>")
NUMBER = re.compile(r"-?[0-9][0-9,.]*|", re.ASCII)


def page(figure: Figure, svg: str, headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """The page of a figure that was drawn as SVG, with the rows behind it."""
    title = escape(figure.title)
    picture = re.sub(r' xmlns(?::\w+)?="[^"]*"', "", svg[svg.index("<svg") :].rstrip())
    for panel in figure.panels:
        for series in panel.series:
            picture = _said(picture, series)
    notes = "".join([f"<p>{escape(note)}</p>\n" for note in figure.notes])
    width = max([float(found) for found in re.findall(r'<svg[^>]* width="([0-9.]+)pt"', picture)], default=500)
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{STYLE}figure svg {{ max-width: {width * 2:.0f}px; }}
</style>
</head>
<body>
<h1>{title}</h1>
<figure>
{picture}
<figcaption>
{notes}</figcaption>
</figure>
<div class="table">
{_table(headers, rows)}</div>
<footer>archdsl {__version__}</footer>
</body>
</html>
"""


def _said(picture: str, series: Series) -> str:
    """The picture in which a line, or each bar, says what it is where one points at it."""
    if series.form in ("scatter", "marks"):
        return _said_of_points(picture, series)
    words = {series.key: series.texts[0] if series.form == "band" and series.texts else series.label}
    if series.form == "bars":
        words = {f"{series.key}-{i}": f"{series.label}: {text}" for i, text in enumerate(series.texts)}
    for key, text in words.items():
        if text:
            place = f'<g id="{key}">'
            picture = picture.replace(place, f"{place}<title>{escape(text)}</title>", 1)
    return picture


def _said_of_points(picture: str, series: Series) -> str:
    """The picture in which each point of a series says what it is."""
    begin = picture.find(f'<g id="{series.key}">')
    end = picture.find('<g id="', begin + 1)
    part = picture[begin:end]
    marks = list(MARK.finditer(part))
    if begin < 0 or len(marks) != len(series.texts):  # some points share a place beyond what is drawn
        return picture
    made, at = [], 0
    for mark, text in zip(marks, series.texts, strict=True):
        made += [part[at : mark.start()], f"<use{mark[1]}><title>{escape(text)}</title></use>"]
        at = mark.end()
    return picture[:begin] + "".join(made) + part[at:] + picture[end:]


def _table(headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    right = [all(NUMBER.fullmatch(format_cell(row[i])) for row in rows) for i in range(len(headers))]
    marks = [' class="n"' if is_right else "" for is_right in right]
    head = "".join([f'<th scope="col"{m}>{escape(text)}</th>' for text, m in zip(headers, marks, strict=True)])
    lines = [
        "<tr>"
        + "".join([f"<td{m}>{escape(format_cell(cell))}</td>" for cell, m in zip(row, marks, strict=True)])
        + "</tr>\n"
        for row in rows
    ]
    body = "".join(lines)
    return (
        f"<table>\n<caption>The numbers drawn</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}</tbody>\n</table>\n"
    )
