"""The stages and blocks of a network as Graphviz text: `dot -Tsvg NAME.dot > NAME.svg`.

A cluster for each stage, a node for each block with its shape and cost, an edge for each value that goes from block to
block. Texts may come from a stranger: they stand within double quotes alone, and no name of theirs is an identifier.

How a network falls into blocks (`parts_of`) is here too, for every picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.backends import About
from archdsl.graph.blocks import Application
from archdsl.graph.cost import Cost, count, group_of
from archdsl.graph.network import INPUT, Network, Value
from archdsl.graph.shapes import Shape

TIMES = " \N{MULTIPLICATION SIGN} "
MAX_TEXT = 200
"""Characters of one text that are shown."""


# A network's blocks


@dataclass(slots=True)
class Part:
    """A block of a network with its cost: a stem, a head, a block of a stage, or what stands before it."""

    path: str
    stage: str
    """The path of its stage; its own where it stands in none."""
    block: str
    """What it is made by, in the language's words; nothing where that is not known."""
    nodes: list[int]
    inputs: list[Value]
    """The values of other parts that it takes, each once, in the order of their first use."""
    outputs: list[Value]
    """Its values that others take, or that the network gives out."""
    flops: int = 0
    params: int = 0
    acts: int = 0

    @property
    def in_stage(self) -> bool:
        return self.stage != self.path


def parts_of(network: Network, cost: Cost) -> list[Part]:
    """The blocks in the order of their first operation. Their costs add up to the network's."""
    names = _block_names(network)
    parts: dict[str, Part] = {}
    homes: list[Part] = []
    for index, (node, row) in enumerate(zip(network.nodes, cost.rows, strict=True)):
        path = group_of(node.path, "block")
        part = parts.get(path)
        if part is None:
            part = parts[path] = Part(path, group_of(path, "stage"), names.get(path, ""), [], [], [])
        part.nodes.append(index)
        part.flops += int(row.flops)
        part.params += int(row.params)
        part.acts += int(row.acts)
        homes.append(part)
    given = {*network.outputs, *(feature.value for feature in network.features)}
    for part in parts.values():
        taken = [value for index in part.nodes for value in network.nodes[index].inputs]
        part.inputs = list(dict.fromkeys([v for v in taken if v.node < 0 or homes[v.node] is not part]))
        given.update(part.inputs)
    for value in sorted(given - {INPUT}):
        homes[value.node].outputs.append(value)
    return list(parts.values())


def _block_names(network: Network) -> dict[str, str]:
    """What the blocks are called in the text: `simple_stem`, or `conv -> relu` for a short sequence of operations."""
    found: dict[str, list[str]] = {}
    for step in network.root.steps:
        inner = step.applied
        name = inner.declared.name if isinstance(inner, Application) else network.nodes[inner].operation.name
        found.setdefault(group_of(step.label, "block"), []).append(name)
    return {path: " -> ".join(names) for path, names in found.items() if len(names) <= 3}


def size(shape: Shape) -> str:
    """Channels, height and width with multiplication signs."""
    return TIMES.join([str(int(extent)) for extent in shape])


def plain(text: str, most: int = MAX_TEXT) -> str:
    """A text on one line, of printable characters, cut where it is long.

    Control characters, marks that turn the direction of text, and halves of characters become blanks.
    """
    line = " ".join("".join([char if char.isprintable() else " " for char in text[: 8 * most]]).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


# Graphviz

HEAD = """\
digraph {
  graph [rankdir=TB, fontname="sans-serif", fontsize=11, labelloc=t, nodesep=0.4, ranksep=0.35, bgcolor="white"];
  node [shape=box, style="rounded,filled", fillcolor="white", fontname="sans-serif", fontsize=11, margin="0.14,0.07"];
  edge [fontname="sans-serif", fontsize=9, arrowsize=0.7];
"""


def emit(network: Network, about: About) -> dict[str, str]:
    """`NAME.dot`."""
    cost = count(network)
    parts = parts_of(network, cost)
    homes = {index: number for number, part in enumerate(parts) for index in part.nodes}
    lines = [f"  label={_title(network, about, cost)};\n", f"  input [label={_quote('input', size(network.input))}];\n"]
    stages: dict[str, list[int]] = {}
    for number, part in enumerate(parts):
        stages.setdefault(part.stage, []).append(number)
    for cluster, (stage, numbers) in enumerate(stages.items()):
        members = [parts[number] for number in numbers]
        if not any(part.in_stage for part in members):
            lines += [f"  {_node(network, number, parts[number])}" for number in numbers]
            continue
        total = f"{sum(p.flops for p in members):,} flops", f"{sum(p.params for p in members):,} params"
        lines.append(f"  subgraph cluster_{cluster} {{\n")
        lines.append(
            f'    label={_quote(stage)}; labeljust=l; style="rounded,filled"; color="#888888"; fillcolor="#EEF3F7";\n'
        )
        # The stage's cost stands in a node of its own: arrows would cross it in the label.
        lines.append(f'    stage{cluster} [label={_quote("in all", *total)}, style="", shape=plaintext];\n')
        lines.append(f"    {{ rank=same; stage{cluster}; block{numbers[0]}; }}\n")
        lines += [f"    {_node(network, number, parts[number])}" for number in numbers]
        lines.append("  }\n")
    for number, part in enumerate(parts):
        for value in part.inputs:
            lines.append(_edge(_place(value, homes), f"block{number}", size(network.shape(value))))
    for number, value in enumerate(network.outputs):
        shape = size(network.shape(value))
        lines.append(f"  output{number} [label={_quote('output', shape)}];\n")
        lines.append(_edge(_place(value, homes), f"output{number}", shape))
    for number, feature in enumerate(network.features):
        stride = f"stride {feature.stride}" if feature.stride is not None else ""
        lines.append(f"  feature{number} [label={_quote(f'feature {feature.name}', stride)}];\n")
        lines.append(_edge(_place(feature.value, homes), f"feature{number}", size(network.shape(feature.value)), True))
    return {f"{about.name}.dot": HEAD + "".join(lines) + "}\n"}


def _title(network: Network, about: About, cost: Cost) -> str:
    return _quote(
        network.name,
        " ".join([about.spec, *about.changes]),
        f"hash {network.hash[:16]}",
        f"{int(cost.flops):,} flops, {int(cost.params):,} params, {int(cost.acts):,} acts",
        f"flops: {cost.convention.unit} (convention {cost.convention.name} {cost.convention.version})",
    )


def _node(network: Network, number: int, part: Part) -> str:
    name = part.path.removeprefix(f"{part.stage}.") if part.in_stage else part.path
    shapes = ", ".join([size(network.shape(value)) for value in part.outputs])
    costs = f"{part.flops:,} flops", f"{part.params:,} params"
    return f"block{number} [label={_quote(f'{name}: {part.block}' if part.block else name, shapes, *costs)}];\n"


def _place(value: Value, homes: dict[int, int]) -> str:
    return "input" if value.node < 0 else f"block{homes[value.node]}"


def _edge(start: str, end: str, shape: str, dashed: bool = False) -> str:
    return f'  {start} -> {end} [label=" {shape}"{", style=dashed" if dashed else ""}];\n'


def _quote(*lines: str) -> str:
    r"""Lines of a label as one quoted string, empty ones left out.

    Within quotes Graphviz reads `\"`, escapes such as `\N` and `\l`, and entities such as `&lt;`; nothing else, so a
    text without these stays text. A quoted string is never an HTML-like label.
    """
    texts = [plain(line).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for line in lines if line]
    return '"' + r"\n".join(texts) + '"'


__all__ = ["Part", "emit", "parts_of", "plain", "size"]
