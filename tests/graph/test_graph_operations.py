"""Settings, shapes and rules of the primitive operations."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import many

from archdsl.graph.conventions import CONVENTIONS, KINDS
from archdsl.graph.faults import RuleError
from archdsl.graph.initializers import Initializer
from archdsl.graph.ledger import COLUMNS, Ledger
from archdsl.graph.operations import OPERATIONS, Conv, Linear, MaxPool, Operation
from archdsl.graph.operations.base import Saved
from archdsl.graph.operations.base import operation as make
from archdsl.graph.shapes import EXTENT_MAX, Range, Size, elements
from archdsl.graph.symbolic import Symbolic

pytestmark = pytest.mark.fast

EXAMPLES: dict[str, dict[str, Any]] = {
    "conv": {"width": 8, "kernel": 3},
    "linear": {"width": 5},
    "group_norm": {"groups": 2},
    "max_pool": {"kernel": 3, "stride": 2},
    "avg_pool": {"kernel": 2, "stride": 2},
    "adaptive_avg_pool": {"size": 2},
    "scale": {"factor": Fraction(1, 5)},
    **{name: {"over": "space"} for name in ("mean", "sum", "max", "min", "softmax")},
    "parameter": {"shape": Size((6, 1, 4)), "init": 0},
    "token": {"index": 2},
    "attention": {"heads": 3},
    "split_heads": {"heads": 3},
    "relative_bias": {"heads": 3, "size": Size((2, 3)), "init": 0},
    "dropout": {"rate": Fraction(1, 5)},
    "drop_path": {"rate": Fraction(1, 5)},
    "split": {"parts": 2},
    "slice": {"channels": Range(0, 2)},
    "pad_channels": {"to": 9},
    "channel_shuffle": {"groups": 3},
    "reshape": {"to": Size((12, 4, 3))},
    "upsample": {"factor": 2},
    "std_conv": {"width": 8, "kernel": 3},
    "conv_transpose": {"width": 8, "kernel": 2, "stride": 2},
    "channel_conv": {"kernel": 3},
}


def example(name: str) -> tuple[Operation, tuple[Any, ...]]:
    """A configured operation, and input shapes for it."""
    operation = OPERATIONS[name].bind(EXAMPLES.get(name, {}))
    if name == "map":
        return operation, ((6, 24), (5, 6, 4))
    if name == "relative_logits":
        return operation, ((2, 6, 3), (2, 6, 5))
    tokens = dict.fromkeys(("token", "attention", "split_heads"), (6, 5))
    shape = {"linear": (6, 1, 1), "channel_conv": (6, 1, 1), "matmul": (6, 4, 4), **tokens}.get(name, (6, 6, 4))
    return operation, (shape,) * (operation.arity or 3)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_all_rules(name: str) -> None:
    operation, inputs = example(name)
    outputs = operation.infer(*inputs)
    ledger = operation.cost(inputs, outputs)
    assert isinstance(ledger, Ledger)
    assert ledger.outputs == sum(elements(shape) for shape in outputs)
    assert isinstance(operation.saved(inputs, outputs), Saved)
    tensors = operation.tensors(inputs, outputs)
    for column in ("weights", "biases", "norm_parameters", "other_parameters", "running_statistics", "counters"):
        stored = sum(elements(tensor.shape) for tensor in tensors if tensor.column == column)
        assert stored == getattr(ledger, column), column
    assert operation.__doc__
    assert operation.kind in KINDS
    assert operation.leading is None or operation.leading in {attribute.name for attribute in operation.attributes}
    for attribute in operation.attributes:
        assert attribute.doc
        assert attribute.kind.text
        if not attribute.required:
            attribute.kind.check(attribute.name, attribute.default)
    assert operation == type(operation).bind(EXAMPLES.get(name, {}))
    assert hash(operation.constants) == hash(OPERATIONS[name].bind(EXAMPLES.get(name, {})).constants)


def test_an_operation_without_a_rule_cannot_be_made() -> None:
    class Nothing(Operation):
        """No rules."""

        name = "nothing"

    with pytest.raises(TypeError, match="lacks the rule infer"):
        make(Nothing)
    assert "nothing" not in OPERATIONS


def test_conventions_use_known_kinds_and_columns() -> None:
    for convention in CONVENTIONS.values():
        for total in (convention.flops, convention.params, convention.acts):
            assert set(total.terms) <= set(KINDS)
            assert {column for terms in total.terms.values() for column, _ in terms} <= set(COLUMNS)
            assert total.unit


FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("conv", {"width": True, "kernel": 3}, "E301", "width must be a whole number, not true"),
    ("conv", {"width": "8", "kernel": 3}, "E301", 'width must be a whole number, not "8"'),
    ("conv", {"width": None, "kernel": 3}, "E301", "width must be a whole number, not none"),
    ("conv", {"width": 8, "kernel": (3, 3)}, "E301", "kernel must be a whole number or height x width, not [3, 3]"),
    ("conv", {"width": 8, "kernel": 3, "bias": 1}, "E301", "bias must be true or false, not 1"),
    ("conv", {"width": 8, "kernel": 3, "padding": (1, 2)}, "E301", "[top, bottom, left, right], not [1, 2]"),
    ("conv", {"width": 0, "kernel": 3}, "E302", "width must be a whole number from 1 to 2147483647, not 0"),
    ("conv", {"width": EXTENT_MAX + 1, "kernel": 3}, "E302", "not 2147483648"),
    ("conv", {"width": 10**5000, "kernel": 3}, "E302", "not a number of 16610 bits"),
    ("conv", {"width": 8, "kernel": 3, "padding": -1}, "E302", "padding must be"),
    ("conv", {"width": 8, "kernel": 3, "padding": "valid"}, "E302", 'not "valid"'),
    ("dropout", {"rate": 1}, "E302", "rate must be a rate, at least 0 and less than 1, not 1"),
    ("batch_norm", {"eps": 0}, "E302", "eps must be a number greater than 0, not 0"),
    ("batch_norm", {"affine": False, "zero_init": True}, "E302", "zero_init needs a scale"),
    ("std_conv", {"width": 8, "kernel": 3, "eps": 0}, "E302", "eps must be a number greater than 0, not 0"),
    ("std_conv", {"width": 8, "kernel": 3, "gain": True}, "E301", "gain must be a number, not true"),
    ("conv_transpose", {"width": 8, "kernel": 3, "groups": 3}, "E304", "3 groups and width of 8"),
    ("conv_transpose", {"width": 8, "kernel": 3, "padding": -1}, "E302", "padding must be a whole number from 0"),
    (
        "conv_transpose",
        {"width": 8, "kernel": 3, "stride": 2, "output_padding": 2},
        "E302",
        "output_padding of 2 must be",
    ),
    ("channel_conv", {"kernel": 4}, "E302", "kernel of channel_conv must be odd"),
    ("resize", {"mode": "bicubic"}, "E302", 'mode must be "nearest" or "bilinear"'),
    ("gelu", {"approximate": "erf"}, "E302", 'approximate must be "none" or "tanh", not "erf"'),
    ("mean", {"over": "batch"}, "E302", 'over must be channels, space, tokens, height or width, not "batch"'),
    ("mean", {"over": 1}, "E301", "over must be channels, space, tokens, height or width, not 1"),
    ("split", {"parts": 2, "over": "space"}, "E302", 'over must be channels, tokens, height or width, not "space"'),
    ("split_heads", {"heads": 0}, "E302", "heads must be a whole number from 1"),
    ("attention", {"parts": 2, "size": 3}, "E306", "attention takes parts or size, not both"),
    ("tokens", {"window": 2, "step": 2}, "E306", "tokens takes window or step, not both"),
    ("map", {"window": Size((2, 1)), "step": 2}, "E306", "map takes window or step, not both"),
    ("relative_bias", {"heads": 2, "init": 0}, "E306", "relative_bias needs size"),
    (
        "relative_bias",
        {"heads": 2, "size": 2, "init": 0, "offsets": "both"},
        "E302",
        'offsets must be "signed" or "absolute", not "both"',
    ),
    ("parameter", {"shape": (8,), "init": "zeros"}, "E301", "init must be zeros, ones, a number, or"),
    (
        "parameter",
        {"shape": (8,), "init": Initializer("normal", Fraction(-1))},
        "E302",
        "a standard deviation, at least",
    ),
    (
        "parameter",
        {"shape": (8,), "init": Initializer("uniform", 0.5)},
        "E301",
        "or normal(std: …), not an initializer",
    ),
    ("slice", {"channels": Range(3, 2)}, "E302", "channels is 3 .. 2, which is empty"),
    ("split", {"parts": 10**6}, "E302", "parts must be"),
    ("reshape", {"to": (3, 4)}, "E302", "1 or 3 extents"),
    ("max_pool", {"kernel": 3, "stride": 2, "padding": 2}, "E302", "at most half of its kernel: 2 is more"),
    ("max_pool", {"kernel": 3, "stride": 2, "padding": (0, 1, 1, 1), "ceil_mode": True}, "E302", "equal padding"),
    ("conv", {"width": Fraction(17, 2), "kernel": 3}, "E303", "width is 8.5, which is not a whole number"),
    ("conv", {"width": 8, "kernel": 3, "groups": 3}, "E304", "3 groups and width of 8"),
    ("conv", {"width": 8, "kernel": 2}, "E305", "kernel 2 with stride 1 has no symmetric padding"),
    ("conv", {"width": 8}, "E306", "conv needs kernel"),
    ("conv", {"width": 8, "kernel": 3, "strides": 2}, "E306", "conv has no setting strides; it has width, kernel"),
    ("split", {}, "E306", "split needs either parts or sizes"),
    ("split", {"parts": 2, "sizes": (1, 2)}, "E306", "split needs either parts or sizes"),
]


@pytest.mark.parametrize(("name", "settings", "code", "part"), FAULTS)
def test_faults_of_settings(name: str, settings: dict[str, Any], code: str, part: str) -> None:
    with pytest.raises(RuleError) as caught:
        OPERATIONS[name].bind(settings)
    assert caught.value.code == code
    assert part in caught.value.message
    assert caught.value.attribute is not None


SHAPE_FAULTS: list[tuple[str, dict[str, Any], list[tuple[int, ...]], str, str]] = [
    ("conv", {"width": 8, "kernel": 3, "groups": 4}, [(6, 8, 8)], "E304", "4 groups and input channels of 6"),
    ("group_norm", {"groups": 4}, [(6, 8, 8)], "E304", "4 groups and 6 channels"),
    (
        "add",
        {},
        [(6, 8, 8), (6, 4, 4)],
        "E401",
        "add needs equal shapes, or an extent of 1 where they differ, and got 6",
    ),
    ("mul", {}, [(6, 8, 8), (5, 1, 1)], "E401", "and got 6 x 8 x 8 and 5 x 1 x 1"),
    ("sub", {}, [(6, 8, 8), (6,)], "E401", "and got 6 x 8 x 8 and 6"),
    ("div", {}, [(6,), (2,)], "E401", "and got 6 and 2"),
    ("softmax", {"over": "space"}, [(6,)], "E403", "got a vector of 6"),
    ("mean", {"over": "space"}, [(6, 5)], "E403", "got tokens of 6 x 5"),
    ("mean", {"over": "tokens"}, [(6, 5, 5)], "E403", "needs tokens of channels x number and got a map of 6 x 5 x 5"),
    ("conv", {"width": 8, "kernel": 3}, [(6, 5)], "E403", "got tokens of 6 x 5"),
    ("tokens", {}, [(6,)], "E403", "got a vector of 6"),
    ("token", {"index": 5}, [(6, 5)], "E404", "token 5, counted from 0, of 5 tokens is none"),
    ("map", {}, [(6, 5), (3, 2, 3)], "E404", "map of 2 x 3 has 6 positions and got 5 tokens"),
    ("concat", {"over": "tokens"}, [(6, 5), (5, 5)], "E401", "as many channels in all and got 6 x 5 and 5 x 5"),
    ("concat", {}, [(6, 5), (6, 4)], "E401", "as many tokens and got 6 x 5 and 6 x 4"),
    ("attention", {}, [(6, 5), (5, 5), (6, 5)], "E401", "queries and keys and got 6 x 5 and 5 x 5"),
    ("attention", {}, [(6, 5), (6, 4), (6, 5)], "E401", "as many values as keys and got 6 x 4 and 6 x 5"),
    ("attention", {"heads": 4}, [(6, 5), (6, 4), (8, 4)], "E404", "4 equal heads of keys of 6 channels"),
    ("attention", {"parts": 2}, [(6, 5), (6, 4), (6, 4)], "E404", "2 equal parts of 5 queries"),
    ("attention", {"size": 2}, [(6, 6), (6, 5), (6, 5)], "E404", "parts of 2 of 5 keys"),
    ("attention", {"size": 2}, [(6, 6), (6, 4), (6, 4)], "E401", "parts of 2 needs as many keys as queries"),
    (
        "attention",
        {},
        [(2, 6, 3), (2, 4, 3), (3, 4, 3)],
        "E401",
        "heads (keys and values: or one), and got 2 x 6 x 3, 2 x 4 x 3",
    ),
    ("attention", {}, [(2, 6, 3), (6, 4), (6, 4)], "E401", "attention needs tokens alone, or maps of as many heads"),
    ("attention", {"heads": 2}, [(2, 6, 3)] * 3, "E403", "a map of 2 x 6 x 3 has a head in every channel"),
    ("attention", {"parts": 2}, [(2, 6, 3)] * 3, "E403", "parts of attention are those of tokens"),
    ("attention", {}, [(6,)] * 3, "E403", "attention needs tokens of channels x number and got a vector of 6"),
    (
        "attention",
        {"heads": 2},
        [(6, 5), (6, 4), (6, 4), (3, 5, 4)],
        "E401",
        "needs a shape of 2 x 5 x 4, heads x queries x keys, and got 3 x 5 x 4",
    ),
    ("attention", {"parts": 2}, [*[(6, 8)] * 3, (1, 8, 8)], "E401", "needs a shape of 1 x 4 x 4"),
    (
        "matmul",
        {},
        [(6, 5), (6, 4)],
        "E401",
        "matmul of 5 x 6 and 4 x 6: the first has 6 columns, the second 4 rows; rows are tokens, columns channels",
    ),
    ("matmul", {}, [(2, 5, 6), (2, 5, 4)], "E401", "rows are the height, columns the width"),
    ("matmul", {}, [(2, 5, 6), (3, 6, 4)], "E401", "as many channels in both maps, or one, and got 2 x 5 x 6"),
    (
        "matmul",
        {},
        [(6, 5), (1, 6, 4)],
        "E401",
        "tokens and tokens, or two maps, and got tokens of 6 x 5 and a map of 1",
    ),
    ("matmul", {}, [(6,), (6, 4)], "E403", "matmul needs a matrix, which tokens are and every channel of a map"),
    ("transpose", {}, [(6,)], "E403", "transpose needs a matrix"),
    ("split_heads", {"heads": 4}, [(6, 5)], "E404", "split_heads cannot make 4 equal heads of 6 channels"),
    ("split_heads", {"heads": 2}, [(6, 5, 5)], "E403", "got a map of 6 x 5 x 5"),
    ("merge_heads", {}, [(6, 5)], "E403", "got tokens of 6 x 5"),
    ("tokens", {"window": 2}, [(6, 4, 5)], "E404", "a window of 2 x 2 does not divide a map of 4 x 5"),
    ("map", {"step": Size((3, 1))}, [(6, 20), (6, 4, 5)], "E404", "a step of 3 x 1 does not divide a map of 4 x 5"),
    ("softmax", {"over": "width"}, [(6, 5)], "E403", "softmax needs a map"),
    ("split", {"parts": 2, "over": "height"}, [(6, 5, 4)], "E404", "2 equal parts of a height of 5"),
    ("split", {"sizes": (2, 2), "over": "tokens"}, [(6, 5)], "E404", "add up to 4 and the input has 5 tokens"),
    ("split", {"parts": 2, "over": "tokens"}, [(6, 5, 4)], "E403", "got a map of 6 x 5 x 4"),
    ("concat", {"over": "width"}, [(6, 5, 4), (6, 4, 4)], "E401", "over width needs equal channels and height and got"),
    *[
        (name, EXAMPLES.get(name, {}), [(6, 24)], "E403", f"{name} needs a map or a vector and got tokens of 6 x 24")
        for name in ("flatten", "slice", "pad_channels", "reshape", "prelu")
    ],
    ("sum", {"over": "space"}, [(6,)], "E403", "got a vector of 6"),
    ("concat", {}, [(6, 8, 8), (6, 4, 8)], "E401", "got 6 x 8 x 8 and 6 x 4 x 8"),
    ("conv", {"width": 8, "kernel": 7, "padding": 0}, [(6, 5, 9)], "E402", "over 7 x 7 and the padded map has only"),
    ("max_pool", {"kernel": 2, "stride": 2}, [(6, 1, 1)], "E402", "the padded map has only 1 x 1"),
    ("conv", {"width": 8, "kernel": 3}, [(6,)], "E403", "got a vector of 6"),
    ("linear", {"width": 8}, [(6, 2, 2)], "E403", "got 6 x 2 x 2"),
    ("split", {"parts": 4}, [(6, 2, 2)], "E404", "4 equal parts of 6 channels"),
    ("split", {"sizes": (2, 3)}, [(6, 2, 2)], "E404", "add up to 5 and the input has 6 channels"),
    ("slice", {"channels": Range(2, 6)}, [(6, 2, 2)], "E404", "slice of channels 2 .. 6 needs 7 channels"),
    ("pad_channels", {"to": 5}, [(6, 2, 2)], "E404", "pad_channels to 5 would drop channels"),
    ("channel_shuffle", {"groups": 4}, [(6, 2, 2)], "E404", "4 equal groups of 6 channels"),
    ("reshape", {"to": (5,)}, [(6, 2, 2)], "E404", "from 24 to 5"),
]


@pytest.mark.parametrize(("name", "settings", "shapes", "code", "part"), SHAPE_FAULTS)
def test_faults_of_shapes(
    name: str, settings: dict[str, Any], shapes: list[tuple[int, ...]], code: str, part: str
) -> None:
    operation = OPERATIONS[name].bind(settings)
    with pytest.raises(RuleError) as caught:
        operation.infer(*shapes)
    assert caught.value.code == code
    assert part in caught.value.message


CODES = {f"E30{n}" for n in range(1, 7)} | {f"E40{n}" for n in range(1, 5)}
whole = st.one_of(st.integers(-2, 9), st.integers(1, 10**12))
scalar = st.one_of(
    whole,
    st.fractions(-2, 9, max_denominator=4),
    st.booleans(),
    st.none(),
    st.sampled_from(["same", "symmetric", "none", "nearest", "x"]),
    st.builds(Symbolic, st.integers(-2, 9), st.just(sympy.Symbol("s"))),
)
anything = st.one_of(
    scalar,
    st.lists(scalar, max_size=5).map(tuple),
    st.lists(scalar, min_size=2, max_size=3).map(Size),
    st.builds(Range, scalar, scalar),
)
a_shape = st.one_of(*[st.tuples(st.integers(1, 24), *[st.integers(1, 9)] * places) for places in range(3)])


@settings(deadline=None, max_examples=many(500))
@given(st.sampled_from(sorted(OPERATIONS)), st.data())
def test_any_value_ends_in_an_operation_or_a_fault(name: str, data: st.DataObject) -> None:
    cls = OPERATIONS[name]
    chosen = {
        attribute.name: data.draw(anything)
        for attribute in cls.attributes
        if attribute.required or data.draw(st.booleans())
    }
    shapes = [data.draw(a_shape) for _ in range((cls.arity or 2) + data.draw(st.integers(0, cls.optional)))]
    fault = None
    try:
        operation = cls.bind(chosen)
        outputs = operation.infer(*shapes)
    except RuleError as error:
        fault = error
    if fault is not None:
        assert fault.code in CODES
        assert fault.message[0].islower() or fault.message[0].isdigit()
        assert "\n" not in fault.message
        return
    assert all(dim >= 1 for shape in outputs for dim in shape)
    inputs = tuple(shapes)
    assert operation.cost(inputs, outputs).outputs == sum(elements(shape) for shape in outputs)
    operation.saved(inputs, outputs)
    operation.tensors(inputs, outputs)


def test_help_is_an_edit() -> None:
    with pytest.raises(RuleError) as caught:
        Conv.bind({"width": Fraction(17, 2), "kernel": 3})
    assert caught.value.help == "round it: width: round(…), which gives 8"
    with pytest.raises(RuleError) as caught:
        Conv.bind({"width": 64, "kernel": 3, "groups": 24})
    assert caught.value.help == "use 16 or 32 groups"
    with pytest.raises(RuleError) as caught:
        Conv.bind({"width": 64, "kernel": 3, "groups": 65})
    assert caught.value.help == "use 64 groups"


def test_values_become_canonical() -> None:
    conv = Conv.bind({"width": Fraction(8), "kernel": Size((3, 5)), "padding": Size((1, 2))})
    assert conv == Conv(width=8, kernel=(3, 5), padding=(1, 1, 2, 2))
    assert Conv.bind({"width": 8, "kernel": 3, "dilation": 2}).padding == (2, 2, 2, 2)
    assert Conv.bind({"width": 8, "kernel": 4, "stride": 4}).padding == (0, 0, 0, 0)
    assert OPERATIONS["mul"].bind({}).infer((8, 1, 1), (8, 5, 4)) == ((8, 5, 4),)
    assert OPERATIONS["mul"].bind({}).infer((8, 5, 4), (1, 5, 4)) == ((8, 5, 4),)
    assert OPERATIONS["add"].bind({}).infer((8, 1, 1), (1, 5, 4)) == ((8, 5, 4),)
    assert OPERATIONS["sub"].bind({}).infer((1,), (7,)) == ((7,),)
    assert OPERATIONS["parameter"].bind({"shape": (7,), "init": 1}).init == Initializer("constant", Fraction(1))
    assert OPERATIONS["split"].bind({"sizes": (1, 5)}).infer((6, 2, 2)) == ((1, 2, 2), (5, 2, 2))


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    """Settings of a conv, and an input on which it fits."""
    side = st.integers(1, 5)
    pair = st.tuples(side, side)
    groups = draw(st.integers(1, 3))
    uneven = st.tuples(*[st.integers(0, 4)] * 4)
    kernel, dilation = draw(pair), draw(pair)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    return {
        "channels": groups * draw(side),
        "h": draw(st.integers(reach[0], 40)),
        "w": draw(st.integers(reach[1], 40)),
        "conv": Conv(
            width=groups * draw(side),
            kernel=kernel,
            stride=draw(pair),
            padding=draw(st.one_of(st.just("same"), uneven)),
            dilation=dilation,
            groups=groups,
            bias=draw(st.booleans()),
        ),
    }


@settings(deadline=None)
@given(windows())
def test_conv_positions_by_brute_force(case: dict[str, Any]) -> None:
    conv, h = case["conv"], case["h"]
    top, bottom, _, _ = conv.pads(h, case["w"])
    reach = conv.dilation[0] * (conv.kernel[0] - 1) + 1
    starts = [start for start in range(0, h + top + bottom, conv.stride[0]) if start + reach <= h + top + bottom]
    ((_, height, _),) = conv.infer((case["channels"], h, case["w"]))
    if conv.padding == "same":
        assert height == -(-h // conv.stride[0])
        assert bottom - top in (0, 1)
        assert len(starts) == height or (top == bottom == 0 and reach < conv.stride[0])
    else:
        assert height == len(starts)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 6), st.integers(0, 3), st.integers(1, 3), st.booleans())
def test_pool_positions_by_brute_force(h: int, k: int, s: int, p: int, d: int, ceil_mode: bool) -> None:
    reach, padded = d * (k - 1) + 1, h + 2 * p
    if 2 * p > k:
        return
    pool = MaxPool.bind({"kernel": k, "stride": s, "padding": p, "dilation": d, "ceil_mode": ceil_mode})
    # In ceil mode a window may reach over the border by less than a stride, if it starts before the padding after.
    over = s - 1 if ceil_mode else 0
    starts = [start for start in range(0, padded, s) if start + reach <= padded + over and (over == 0 or start < h + p)]
    if starts:
        assert pool.infer((3, h, h)) == ((3, len(starts), len(starts)),)
    else:
        with pytest.raises(RuleError, match="the kernel of max_pool reaches over"):
            pool.infer((3, h, h))


def _all_rules(operation: Operation, shape: tuple[Any, ...]) -> list[Any]:
    inputs = (shape,) * (operation.arity or 2)
    if operation.name == "map":
        inputs = ((shape[0], shape[1] * shape[2]), shape)
    if operation.name == "relative_logits":
        heads, height, width = shape
        inputs = ((heads, height * width, 2 * height - 1), (heads, height * width, 2 * width - 1))
    outputs = operation.infer(*inputs)
    ledger = operation.cost(inputs, outputs)
    return [*(dim for out in outputs for dim in out), *(getattr(ledger, column) for column in COLUMNS)]


def _check_all_numbers(operation: Operation, shapes: list[tuple[int, ...]]) -> None:
    """The rules on ints, on sympy symbols, on `Symbolic` and on NumPy arrays give the same numbers."""
    expected = [_all_rules(operation, shape) for shape in shapes]
    symbols = [sympy.Symbol(name, positive=True, integer=True) for name in "chw"][: len(shapes[0])]
    for form, values in zip(_all_rules(operation, tuple(symbols)), zip(*expected, strict=True), strict=True):
        for shape, value in zip(shapes, values, strict=True):
            assert sympy.sympify(form).subs(dict(zip(symbols, shape, strict=True))) == value
    arrays = tuple(numpy.array(dims) for dims in zip(*shapes, strict=True))
    for array, values in zip(_all_rules(operation, arrays), zip(*expected, strict=True), strict=True):
        assert numpy.array_equal(numpy.broadcast_to(array, len(shapes)), values)
    named = tuple(Symbolic(dim, symbol) for dim, symbol in zip(shapes[0], symbols, strict=True))
    for number, value in zip(_all_rules(operation, named), expected[0], strict=True):
        assert number == value
        if isinstance(number, Symbolic):
            assert sympy.sympify(number.expression).subs(dict(zip(symbols, shapes[0], strict=True))) == value


@settings(deadline=None)
@given(windows(), st.lists(st.integers(0, 9), min_size=2, max_size=3))
def test_conv_is_the_same_rule_on_all_numbers(case: dict[str, Any], more: list[int]) -> None:
    channels, h, w = case["channels"], case["h"], case["w"]
    _check_all_numbers(case["conv"], [(channels, h, w), *((channels * (n + 1), h + n, w + 2 * n) for n in more)])


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - {"linear", "reshape"}))
def test_every_operation_is_the_same_rule_on_all_numbers(name: str) -> None:
    operation = OPERATIONS[name].bind(EXAMPLES.get(name, {}))
    if name in ("max_pool", "avg_pool"):
        operation = type(operation).bind({**EXAMPLES[name], "ceil_mode": True})
    shapes: list[tuple[int, ...]] = [(6, 6, 8), (6, 9, 7), (6, 13, 24)]
    if name == "matmul":
        shapes = [(6, 5, 5), (9, 7, 7), (24, 13, 13)]
    if name in ("channel_conv", "token", "attention", "split_heads"):
        shapes = [(6,), (9,), (24,)] if name == "channel_conv" else [(6, 5), (9, 7), (24, 13)]
    _check_all_numbers(operation, shapes)


@pytest.mark.parametrize("name", ["linear", "layer_norm", "gelu", "concat", "split", "mean", "add"])
def test_rules_for_tokens_are_the_same_on_all_numbers(name: str) -> None:
    settings = {"concat": {"over": "tokens"}, "split": {"parts": 3}, "mean": {"over": "tokens"}}
    operation = OPERATIONS[name].bind(settings.get(name, EXAMPLES.get(name, {})))
    _check_all_numbers(operation, [(6, 5), (9, 7), (24, 13)])


def test_attributes_may_be_arrays() -> None:
    widths = numpy.array([8, 16, 24])
    conv = Conv(width=widths, kernel=(3, 3), padding=(1, 1, 1, 1), groups=widths // 8)
    shape = (widths, numpy.array([14, 15, 16]), 14)
    outputs = conv.infer(shape)
    flops = conv.cost((shape,), outputs).multiply_adds
    assert flops.tolist() == [
        int(
            Conv(width=w, kernel=(3, 3), padding=(1, 1, 1, 1), groups=w // 8)
            .cost(((w, h, 14),), ((w, h, 14),))
            .multiply_adds
        )
        for w, h in [(8, 14), (16, 15), (24, 16)]
    ]
    assert Linear(width=widths).cost(((64,),), ((widths,),)).weights.tolist() == [512, 1024, 1536]
