"""The words at the top of an emitted file: what it is, what it costs, whose it is."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from archdsl import __version__
from archdsl.backends import About
from archdsl.backends.torch.printer import WIDTH
from archdsl.graph.cost import count, group_of
from archdsl.graph.network import Network
from archdsl.graph.shapes import show_shape

OWNED = "This file needs PyTorch alone, not archdsl. It is yours: use, change and share it as you like."


def header_lines(network: Network, about: About, notes: Sequence[str] = ()) -> list[str]:
    """The module's docstring, with paragraphs of notes. Whatever a stranger's file says, it stays within the string."""
    doc = " ".join(about.doc.split()) or f"The network {network.name}."
    lines = _wrapped(doc)
    made = about.spec + "".join([f" {change}" for change in about.changes])
    lines += ["", *_wrapped(f"Compiled by archdsl {__version__} from {made or network.name}.")]
    lines += _wrapped(f"Network {network.hash}")
    for note in notes:
        lines += ["", *_wrapped(note)]
    lines += ["", *cost_table(network)]
    if about.citation:
        lines += [""]
        for name, text in about.citation.items():
            lines += _wrapped(f"{name}: {text}")
    lines += ["", *_wrapped(OWNED)]
    clean = [_quoted(line) for line in lines]
    clean[-1] = clean[-1].rstrip()
    return [f'"""{clean[0]}', *clean[1:], '"""']


def cost_table(network: Network) -> list[str]:
    """Shape and counts of each stage, as a table in plain text."""
    cost = count(network)
    rows = [["stage", "output", "flops", "params", "acts"]]
    shapes: dict[str, str] = {}
    blocks: dict[str, set[str]] = {}
    for node in network.nodes:
        key = group_of(node.path, "stage")
        shapes[key] = show_shape(node.shapes[0])
        if key.startswith("stages."):
            blocks.setdefault(key, set()).add(group_of(node.path, "block"))
    for group in cost.by("stage"):
        number = len([b for b in blocks.get(group.key, ()) if ".blocks." in b])
        name = f"{group.key} ({number} blocks)" if number > 1 else group.key
        rows.append([name, shapes[group.key], f"{group.flops:,}", f"{group.params:,}", f"{group.acts:,}"])
    rows.append(["total", "", f"{cost.flops:,}", f"{cost.params:,}", f"{cost.acts:,}"])
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1])]
        cells += [row[column].rjust(widths[column]) for column in (2, 3, 4)]
        lines.append("    " + "  ".join(cells).rstrip())
    one = f"Cost of one image of {show_shape(network.input)}; flops are multiply-adds:"
    return [one, "", *lines]


def _wrapped(text: str) -> list[str]:
    clean = " ".join(text.split())
    return textwrap.wrap(clean, WIDTH, break_long_words=False, break_on_hyphens=False) or [""]


def _quoted(line: str) -> str:
    """A line within a docstring: no backslash escapes, no quotes end it."""
    return line.replace("\\", "\\\\").replace('"', '\\"')
