"""The stages and blocks of a network as Graphviz text: `dot -Tsvg NAME.dot > NAME.svg`.

A cluster for each stage, a node for each block with its shape and cost, an edge for each value that goes from block to
block. Texts may come from a stranger: they stand within double quotes alone, and no name of theirs is an identifier.
"""

from __future__ import annotations

from archdsl.backends import About
from archdsl.backends.summary import Part, output_title, parts_of, plain, size
from archdsl.graph.cost import Cost, count
from archdsl.graph.network import Network, Value

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
        lines.append(f"  output{number} [label={_quote(output_title(network, number), shape)}];\n")
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


__all__ = ["emit"]
