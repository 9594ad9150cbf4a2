"""Properties that hold for every program, on random architectures made of random blocks (`strategies.py`)."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sampling import many
from strategies import Program, compile_text, network_of, programs

from archdsl.closed_forms import formula_network, formulas_of
from archdsl.compiler import Compiled
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import count
from archdsl.graph.ledger import COLUMNS
from archdsl.graph.network import Network, Node
from archdsl.graph.operations import OPERATIONS
from archdsl.source import Source
from archdsl.syntax.formatter import format_source
from archdsl.syntax.parser import parse, tokens

PROFILE = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
MEASURES = ("flops", "params", "acts")


# Counts


@settings(PROFILE, max_examples=many(25))
@given(programs())
def test_ledger_and_groups_add_up(program: Program) -> None:
    network = network_of(program.text())
    for convention in CONVENTIONS:
        cost = count(network, convention)
        for measure in (*MEASURES, "buffers"):
            total = getattr(cost, measure)
            assert sum(getattr(row, measure) for row in cost.rows) == total
            for grouping in ("stage", "block", "op"):
                groups = cost.by(grouping)  # type: ignore[arg-type]
                assert sum(getattr(group, measure) for group in groups) == total
                assert sum(group.nodes for group in groups) == len(network.nodes)
        for column in COLUMNS:
            assert sum(getattr(row.ledger, column) for row in cost.rows) == getattr(cost.ledger, column)


def extent(size: int, kernel: int, stride: int, dilation: int, pads: Any) -> int:
    """PyTorch's formula for a window's output; with "same", TensorFlow's."""
    if pads == "same":
        return -(-size // stride)
    return (size + pads[0] + pads[1] - dilation * (kernel - 1) - 1) // stride + 1


AXES = {"channels": 0, "tokens": 1, "height": 1, "width": 2}


def by_hand(node: Node, shapes: list[tuple[int, ...]]) -> tuple[list[tuple[int, ...]], Counter[str]]:
    """Output shapes and counts of a node, by other formulas than the compiler's: sums over outputs and taps."""
    of: Any = node.operation
    c, *rest = shapes[0]
    counts: Counter[str] = Counter()
    outputs = [shapes[0]]
    match of.name:
        case "conv" | "std_conv" | "max_pool" | "avg_pool":
            dilation = getattr(of, "dilation", (1, 1))
            pads = ("same", "same") if of.padding == "same" else (of.padding[:2], of.padding[2:])
            h, w = (extent(rest[i], of.kernel[i], of.stride[i], dilation[i], pads[i]) for i in (0, 1))
            outputs = [((of.width if of.name in ("conv", "std_conv") else c), h, w)]
            if of.name in ("conv", "std_conv"):
                dot = len(range(0, c, of.groups)) * of.kernel[0] * of.kernel[1]  # c / groups channels, every tap
                counts["flops"] = of.width * h * w * (dot + of.bias)
                counts["params"] = of.width * (dot + of.bias + (of.name == "std_conv" and of.gain is not None))
            counts["acts"] = outputs[0][0] * h * w
        case "conv_transpose":
            outputs = [(of.width, rest[0] * of.stride[0], rest[1] * of.stride[1])]  # kernels that equal their strides
            spread = of.width * of.kernel[0] * of.kernel[1]
            counts["flops"] = c * rest[0] * rest[1] * spread + of.bias * of.width * outputs[0][1] * outputs[0][2]
            counts["params"] = c * spread + of.bias * of.width
            counts["acts"] = of.width * outputs[0][1] * outputs[0][2]
        case "channel_conv":
            counts["flops"], counts["params"] = c * (of.kernel + of.bias), of.kernel + of.bias
            counts["acts"] = c
        case "resize":
            outputs = [(c, *shapes[1][1:])]
        case "linear":
            places = rest[0] if len(rest) == 1 else 1
            outputs = [(of.width, *rest)] if len(rest) == 1 else [(of.width,)]
            counts["params"] = of.width * (c + of.bias)
            counts["flops"], counts["acts"] = places * counts["params"], places * of.width
        case "tokens":
            outputs = [(c, rest[0] * rest[1])]
        case "map":
            outputs = [(c, *shapes[1][1:])]
        case "token":
            outputs = [(c,)]
        case "attention":
            maps = len(shapes[2]) == 3
            (width, keys), split = (shapes[2][::-1][:2], c) if maps else (shapes[2], of.heads)
            outputs = [(c, rest[0], width) if maps else (width, rest[0])]
            c, width = (c * rest[1], c * width) if maps else (c, width)
            keys //= of.parts or (keys // of.size if of.size else 1)
            counts["flops"] = sum((c // split + width // split) * keys for _ in range(rest[0] * split))
        case "matmul":
            (rows, inner), (_, columns) = [shape[1:] if len(shape) == 3 else shape[::-1] for shape in shapes]
            products = max(c, shapes[1][0]) if len(rest) == 2 else 1
            outputs = [(products, rows, columns) if len(rest) == 2 else (columns, rows)]
            counts["flops"] = sum(inner * columns for _ in range(rows)) * products
        case "transpose":
            outputs = [(c, *rest[::-1]) if len(rest) == 2 else (rest[0], c)]
        case "split_heads":
            outputs = [(of.heads, rest[0], len(range(0, c, of.heads)))]
        case "merge_heads":
            outputs = [(c * rest[1], rest[0])]
        case "relative_logits":
            outputs = [(c, rest[0], rest[0])]
        case "relative_bias":
            height, width = of.size
            outputs = [(of.heads, height * width, height * width)]
            sign = abs if of.offsets == "absolute" else int
            differences = [{sign(i - j) for i in range(side) for j in range(side)} for side in of.size]
            counts["params"] = of.heads * len(differences[0]) * len(differences[1])
        case "batch_norm" | "group_norm" | "layer_norm":
            counts["params"] = c + c if getattr(of, "affine", True) else 0
            counts["buffers"] = c + c + 1 if of.name == "batch_norm" else 0
        case "layer_scale" | "prelu":
            counts["params"] = c
        case "global_pool" | "global_max_pool":
            outputs = [(c, 1, 1)]
        case "adaptive_avg_pool":
            outputs = [(c, *of.size)]
        case "flatten":
            outputs = [(c * rest[0] * rest[1] if rest else c,)]
        case "concat":
            at = AXES[of.over]
            outputs = [(*shapes[0][:at], sum(shape[at] for shape in shapes), *shapes[0][at + 1 :])]
        case "split":
            at = AXES[of.over]
            outputs = [(*shapes[0][:at], shapes[0][at] // of.parts, *shapes[0][at + 1 :])] * of.parts
        case "slice":
            outputs = [(len(range(of.channels.lo, of.channels.hi + 1)), *rest)]
        case "pad_channels":
            outputs = [(of.to, *rest)]
        case "upsample":
            outputs = [(c, rest[0] * of.factor[0], rest[1] * of.factor[1])]
        case "joint_softmax":
            outputs = shapes
        case "add" | "sub" | "mul" | "div" | "maximum" | "minimum":
            outputs = [tuple(map(max, *shapes))]
        case "mean" | "sum" | "max" | "min":
            gone = (1, 2) if of.over == "space" else (AXES[of.over],)
            outputs = [tuple(1 if at in gone else n for at, n in enumerate(shapes[0]))]
        case "reshape":
            outputs = [of.to]
        case "parameter":
            outputs = [of.shape]
            counts["params"] = math.prod(of.shape)
        case _:
            assert of.name in OPERATIONS
    return outputs, counts


@settings(PROFILE, max_examples=many(30))
@given(programs())
def test_count_equals_a_count_by_hand(program: Program) -> None:
    network = network_of(program.text())
    shapes: dict[tuple[int, int], tuple[int, ...]] = {(-1, 0): (program.channels, program.height, program.width)}
    totals: Counter[str] = Counter()
    for index, node in enumerate(network.nodes):
        outputs, counts = by_hand(node, [shapes[value] for value in node.inputs])
        assert tuple(outputs) == node.shapes, node
        shapes.update({(index, position): shape for position, shape in enumerate(outputs)})
        totals += counts
    cost = count(network)
    assert {m: getattr(cost, m) for m in (*MEASURES, "buffers")} == {m: totals[m] for m in (*MEASURES, "buffers")}


# Formulas


@settings(PROFILE, max_examples=many(10))
@given(programs(), st.sampled_from(sorted(CONVENTIONS)))
def test_formula_equals_count(program: Program, convention: str) -> None:
    result = compile_text(program.text())
    assert result.model is not None
    assert isinstance(result, Compiled)
    forms = formulas_of(result.model, convention)
    cost = count(result.network, convention)
    assert forms.at() == {measure: getattr(cost, measure) for measure in MEASURES}
    for stage, group in zip(forms.stages, cost.by("stage"), strict=True):
        assert stage.stage == group.key
        for measure in MEASURES:
            values = {s: next(k.value for k in forms.symbols if k.name == s.name) for s in _symbols(stage, measure)}
            assert getattr(stage.total, measure).subs(values) == getattr(group, measure)
    assert formula_network(result.model).hash == result.network.hash


def _symbols(stage: Any, measure: str) -> set[Any]:
    found: set[Any] = getattr(stage.total, measure).free_symbols
    return found


@settings(PROFILE, max_examples=many(13))
@given(programs(), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2), st.lists(st.integers(1, 4), min_size=5))
def test_formula_at_other_values_equals_the_count_of_that_network(
    program: Program, factor: int, taller: int, wider: int, depths: list[int]
) -> None:
    """Wider, on a larger input, deeper; what decides on the structure, equal widths and remainders, stays."""
    if _paths(program.scaled(factor)) != _paths(program):
        factor = 1  # a block asks whether its width is greater than a number
    result = compile_text(program.text())
    assert result.model is not None
    forms = formulas_of(result.model)
    names = {symbol.name for symbol in forms.symbols}
    if program.per_block:
        depths = [stage.depth for stage in program.stages]  # a rule of the index gives other values to other blocks
    stages = tuple(replace(stage, depth=depths[i]) for i, stage in enumerate(program.stages))
    stages = tuple(
        new if f"d_{i}" in names else old for i, (new, old) in enumerate(zip(stages, program.stages, strict=True))
    )
    # The strides of a program divide 64, so that 64 more leave every remainder as it was.
    square = program.height == program.width
    other = replace(program, stages=stages).scaled(factor, 64 * taller, 64 * (taller if square else wider))
    values = {"r": other.height, "r_h": other.height, "r_w": other.width, "w_stem": other.stem_width * factor}
    for i, stage in enumerate(stages):
        values |= {f"w_{i}": stage.width * factor, f"d_{i}": stage.depth}
    cost = count(network_of(other.text()))
    try:
        at = forms.at({name: value for name, value in values.items() if name in names})
    except ValueError as refused:
        assert "do not hold there" in str(refused)  # noqa: PT017
        return
    assert at == {measure: getattr(cost, measure) for measure in MEASURES}


def _paths(program: Program) -> list[str]:
    return [node.path for node in network_of(program.text()).nodes]


# Text


@settings(PROFILE, max_examples=many(15))
@given(programs())
def test_format_keeps_the_tree_and_is_stable(program: Program) -> None:
    source = Source("entry.arch", program.text())
    formatted = Source("entry.arch", format_source(source))
    assert parse(formatted)[0] == parse(source)[0]
    assert format_source(formatted) == formatted.text
    assert network_of(formatted.text).hash == network_of(source.text).hash


def relaid(text: str, rng: random.Random) -> str:
    """The same tokens with other white space and comments between them."""
    words = []
    for _, start, end in tokens(Source("entry.arch", text)):
        if text[start] == "#":
            continue
        word = text[start:end]
        gaps = (" ", "  ", "\n", "\t", " \n\n ", "\r\n", " # a comment -> { [\n")
        words.append(word + rng.choice(gaps[:-1] if word == "x" else gaps))  # `3 x 4` has no comment behind its x
    return "".join(words)


def renamed(text: str, rng: random.Random) -> str:
    """The same program with every name of its own replaced by another, one for one."""
    names = sorted(set(re.findall(r"\bzz\w+", text)))
    fresh = [f"{rng.choice(('a', 'model', 'block', 'x', 'Q_'))}zz{i}" for i in range(len(names))]
    rng.shuffle(fresh)
    table = dict(zip(names, fresh, strict=True))
    return re.sub(r"\bzz\w+", lambda found: table[found.group()], text)


@settings(PROFILE, max_examples=many(15))
@given(programs(), st.integers(0, 2**32))
def test_hash_ignores_layout_order_and_names(program: Program, seed: int) -> None:
    text, rng = program.text(), random.Random(seed)
    expected = network_of(text).hash
    assert network_of(relaid(text, rng)).hash == expected
    assert network_of(replace(program, order=program.order[::-1]).text()).hash == expected
    assert network_of(renamed(text, rng)).hash == expected
    assert network_of(renamed(relaid(text, rng), rng)).hash == expected


@settings(PROFILE, max_examples=many(15))
@given(programs())
def test_hash_and_cost_are_those_of_every_form(program: Program) -> None:
    networks = [network_of(program.text(form)) for form in program.forms]
    assert len({network.hash for network in networks}) == 1
    assert len({count(network).flops for network in networks}) == 1
    assert len({tuple(node.path for node in network.nodes) for network in networks}) == 1


def structure(network: Network) -> list[Any]:
    """All that the hash stands for, in the order of nodes."""
    nodes = [(type(node.operation), node.operation.constants, node.inputs) for node in network.nodes]
    return [network.input, nodes, network.outputs]


MUTATIONS = (
    (r"kernel: 3\b", "kernel: 5"),
    (r"kernel: 1\b", "kernel: 3"),
    (r"stride: 1\b", "stride: 2"),
    (r"stride: 2\b", "stride: 1"),
    (r"\bwidth: \[?32\b", None),
    (r"\b96\b", "128"),
    (r"bias: true", "bias: false"),
    (r"-> gelu\b", "-> tanh"),
    (r"batch_norm\b(?!,)", "batch_norm(eps: 1/7)"),
)


@settings(PROFILE, max_examples=many(15))
@given(programs(), st.data())
def test_hash_changes_with_the_network_alone(program: Program, data: st.DataObject) -> None:
    text = program.text()
    body = text.index("block zz")
    places = [
        (found, new if new is not None else found.group().replace("32", "64"))
        for pattern, new in MUTATIONS
        for found in re.finditer(pattern, text)
        if found.start() > body
    ]
    assume(places)
    place, new = data.draw(st.sampled_from(places))
    changed = text[: place.start()] + new + text[place.end() :]
    try:
        after = network_of(changed)
    except AssertionError:
        assume(False)  # for example, branches of different strides do not add
    before = network_of(text)
    assert (before.hash == after.hash) == (structure(before) == structure(after))


@settings(PROFILE, max_examples=many(10))
@given(programs())
def test_hash_changes_with_every_dimension(program: Program) -> None:
    stages = program.stages
    deeper = replace(program, stages=(replace(stages[0], depth=stages[0].depth + 1), *stages[1:]))
    wider = replace(program, stages=(*stages[:-1], replace(stages[-1], width=stages[-1].width + 32)))
    strided = replace(program, stages=(replace(stages[0], stride=3 - stages[0].stride), *stages[1:]))
    others = [program, deeper, wider, strided, program.scaled(2), program.scaled(1, 64, 0), program.scaled(1, 0, 64)]
    hashes = [network_of(other.text()).hash for other in others]
    assert len(set(hashes)) == len(hashes)
