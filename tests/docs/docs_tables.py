"""Tables of `docs/language.md` that are made from the code, so that they cannot go stale.

A table stands in the page between `<!-- table NAME -->` and `<!-- end -->`; `test_docs.py` compares. After a
change of the code, `python tests/docs/docs_tables.py` writes them anew. What the code does not hold, the
shape rules in words, an example of each operation, the meaning of a recipe's fields and the codes of the limits,
stands here.
"""

from __future__ import annotations

import ast as python
import re
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from archdsl import limits, numbers
from archdsl.analysis import check_space, recipe_fields
from archdsl.analysis.calls import as_block
from archdsl.analysis.fields import EXPECT_FIELDS, INIT_FIELDS, PREPROCESS, SOURCE
from archdsl.analysis.language import evaluation
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Definition, Module, Primitive
from archdsl.analysis.resolve import Library, load_library
from archdsl.analysis.values import Block, Environment
from archdsl.diagnostics import Diagnostics
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.operations import OPERATIONS, Operation
from archdsl.graph.shapes import show, show_shape
from archdsl.resources import read_data
from archdsl.source import Source
from archdsl.syntax import ast
from archdsl.syntax.parser import parse_expression
from archdsl.training.recipe import Duration, Optimizer, Recipe, Schedule

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "language.md"
MODULES = tuple(sorted(path.stem for path in (ROOT / "specs" / "std").glob("*.arch")))

JOINED = "[that of both](#arithmetic-of-tensors), extents of 1 repeated"
REDUCED = (
    "1 x H x W over channels, C x 1 x 1 over the space of a map, C x 1 x W over its height, C x H x 1 over its width, "
    "C x 1 over tokens"
)

# Shape rules in words, and an example: inputs, then the operation. C x H x W is the (first) input.
EXAMPLES: dict[str, tuple[str, str]] = {
    "conv": ("`width` x H' x W', by the [window rule](#windows-and-padding)",
             "3 x 32 x 32 -> conv(16, kernel: 3, stride: 2, bias: true)"),
    "std_conv": ("`width` x H' x W', by the [window rule](#windows-and-padding); more than one weight a channel",
                 "3 x 32 x 32 -> std_conv(16, kernel: 3, stride: 2, bias: true)"),
    "conv_transpose": ("`width` x H' x W', by the [rule of the transposed window](#windows-and-padding)",
                       "8 x 16 x 16 -> conv_transpose(4, kernel: 4, stride: 2, padding: 1)"),
    "channel_conv": ("the same; the input is a vector or C x 1 x 1", "64 x 1 x 1 -> channel_conv(kernel: 3)"),
    "linear": ("`width`, or `width` x N of tokens; the input is a vector, C x 1 x 1 or tokens",
               "64 x 1 x 1 -> linear(10)"),
    "batch_norm": ("the same; the input is a map", "8 x 4 x 4 -> batch_norm"),
    "layer_norm": ("the same", "8 x 4 x 4 -> layer_norm"),
    "group_norm": (
        "the same; the input is a map, `groups` divide C, a group has several values",
        "8 x 4 x 4 -> group_norm(2)",
    ),
    "layer_scale": ("the same", "8 x 4 x 4 -> layer_scale"),
    "scale": ("the same", "8 x 4 x 4 -> scale(0.2)"),
    "max_pool": ("C x H' x W', by the [window rule](#windows-and-padding)",
                 "8 x 32 x 32 -> max_pool(kernel: 3, stride: 2)"),
    "avg_pool": ("C x H' x W', by the [window rule](#windows-and-padding)",
                 "8 x 32 x 32 -> avg_pool(kernel: 2, stride: 2)"),
    "global_pool": ("C x 1 x 1", "8 x 7 x 7 -> global_pool"),
    "global_max_pool": ("C x 1 x 1", "8 x 7 x 7 -> global_max_pool"),
    "adaptive_avg_pool": ("C x `size`", "8 x 7 x 7 -> adaptive_avg_pool(2)"),
    **{name: (JOINED, f"8 x 4 x 4, 8 x 1 x 1 -> {name}") for name in (
        "add", "sub", "mul", "div", "maximum", "minimum")},
    "affine": ("the same", "8 x 4 x 4 -> affine(factor: 2, term: 1)"),
    "reciprocal": ("the same", "8 x 4 x 4 -> reciprocal"),
    "mean": (REDUCED, "8 x 4 x 4 -> mean(over: channels)"),
    "sum": (REDUCED, "8 x 4 x 4 -> sum(over: space)"),
    "max": (REDUCED, "8 x 4 x 4 -> max(over: space)"),
    "min": (REDUCED, "8 x 4 x 4 -> min(over: channels)"),
    "softmax": ("the same; over space, height or width the input is a map, over tokens it is tokens",
                "8 x 4 x 4 -> softmax(over: channels)"),
    "joint_softmax": ("several outputs: as the inputs, which are equal", "8 x 4 x 4, 8 x 4 x 4 -> joint_softmax"),
    "parameter": ("`shape`; there is no input", "parameter(8 x 1 x 1, init: zeros)"),
    "concat": ("the sum of what it goes over; one or more inputs, otherwise equal",
               "8 x 4 x 4, 3 x 4 x 4 -> concat"),
    "split": ("several outputs: `parts` equal ones, or one for each of `sizes`",
              "8 x 4 x 4 -> split(sizes: [3, 5])"),
    "slice": ("the channels of the range; not of tokens", "8 x 4 x 4 -> slice(channels: 0 .. 4)"),
    "pad_channels": ("`to` x H x W, not fewer than C; not of tokens", "8 x 4 x 4 -> pad_channels(to: 10)"),
    "channel_shuffle": ("the same; `groups` divide C", "8 x 4 x 4 -> channel_shuffle(2)"),
    "flatten": ("a vector of C * H * W; not of tokens", "8 x 4 x 4 -> flatten"),
    "reshape": ("`to`, with as many elements; not of tokens", "8 x 4 x 4 -> reshape(to: 2 x 8 x 8)"),
    "upsample": ("C x H * factor x W * factor", "8 x 4 x 4 -> upsample(2)"),
    "resize": ("C x H' x W' of a second map of H' x W'", "8 x 4 x 4, 3 x 7 x 9 -> resize"),
    "tokens": ("C x (H * W); `window` and `step` divide H x W", "8 x 4 x 4 -> tokens"),
    "map": ("C x H x W of C x (H * W) tokens and a second map of H x W", "8 x 16, 3 x 4 x 4 -> map"),
    "token": ("a vector of C", "8 x 16 -> token(0)"),
    "attention": ("D x N of q: C x N, k: C x M, v: D x M, and a bias of `heads` x N x M; of maps, `heads` x N x D",
                  "8 x 16, 8 x 4, 8 x 4 -> attention(heads: 2)"),
    "matmul": ("M x N of K x N and M x K tokens; C x I x J of C x I x K and C x K x J, where C may be 1 in one",
               "8 x 16, 5 x 8 -> matmul"),
    "transpose": ("N x C of C x N tokens, C x W x H of a map", "8 x 16 -> transpose"),
    "split_heads": ("`heads` x N x (C / `heads`) of C x N tokens", "8 x 16 -> split_heads(2)"),
    "merge_heads": ("(C * W) x H of a map", "2 x 16 x 4 -> merge_heads"),
    "relative_bias": ("`heads` x N x N for the N positions of `size`; there is no input",
                      "relative_bias(2, size: 4 x 4, init: zeros)"),
    "relative_logits": ("`heads` x N x N of `heads` x N x (2 H - 1) and `heads` x N x (2 W - 1), with N = H * W",
                        "2 x 12 x 5, 2 x 12 x 7 -> relative_logits"),
    "dropout": ("the same", "64 x 1 x 1 -> dropout(0.2)"),
    "drop_path": ("the same; the input is a map or tokens", "8 x 4 x 4 -> drop_path(0.1)"),
    **{name: ("the same", f"8 x 4 x 4 -> {name}") for name in (
        "relu", "relu6", "silu", "sigmoid", "hard_swish", "hard_sigmoid", "gelu", "tanh", "leaky_relu", "elu",
        "softplus", "mish", "log_sigmoid", "sqrt", "square", "exp", "identity")},
    "prelu": ("the same; not of tokens", "8 x 4 x 4 -> prelu"),
}  # fmt: skip

RECIPE_FIELDS = {
    "optimizer": "how gradients become steps",
    "schedule": "the rate over the time",
    "epochs": "passes over the images",
    "batch": "images of a step, over all processes and parts",
    "rate_batch": "the batch that the rate is for; `batch`",
    "loss": "binary cross entropy is the mean over classes, of which an image may have several",
    "label_smoothing": "the share of a label that all classes share",
    "dropout": "the rate of every dropout; the network's own",
    "drop_path": "stochastic depth: the rate of the last block, those before in proportion; the network's own",
    "train_size": "of images; the network's input",
    "test_size": "of images of tests; `train_size`",
    "test_crop": "the share of the side that is kept of a resized image of a test",
    "crop_area": "the share of the area that a random crop keeps; the whole image",
    "crop_ratio": "width to height of a random crop, by the ratio of the size",
    "crop_padding": "black pixels beside a resized image, out of which a part of its size is cropped at random",
    "flip": "the probability of a mirror image",
    "brightness": "how far the factor of all values is from 1 at most",
    "contrast": "the same of the factor of differences from the image's mean",
    "saturation": "the same of the factor of differences from the pixel's grey; three channels",
    "hue": "how far hues turn at most, as a part of their circle; three channels",
    "lighting": "the standard deviation of noise along the principal components of colors; three channels",
    "autoaugment": "ImageNet's AutoAugment; one or three channels",
    "randaugment": "RandAugment's magnitude; one or three channels",
    "randaugment_most": "the magnitude at the end of the range of RandAugment's operations",
    "randaugment_layers": "operations drawn for an image",
    "randaugment_std": "the standard deviation of the magnitude",
    "random_erasing": "the probability of a part of noise",
    "mixup": "alpha of mixup's shares",
    "cutmix": "alpha of CutMix's shares",
    "ema": "the decay of an exponential average of the weights, which is then tested",
    "ema_every": "between updates of that average",
    "ema_ramp": "whether it forgets faster at the start: after n updates by (1 + n) / (10 + n)",
    "ema_warmup": "how long that average is a copy",
    "swa": "when averaging of the weights at the ends of epochs starts",
    "precise_bn": "images over which the statistics of batch norms are computed anew after an epoch",
    "precision": "of the computation; below 32 bits mixed",
    "clip_norm": "the largest norm of the gradient",
    "accumulate": "parts that a step is computed in",
    "seed": "of all that is random",
    "transcribed": "where the recipe comes from, if nobody reached its figures with it here",
}

RECIPE_SETTINGS = {
    ("optimizer", "momentum"): "the share of the last step that is kept",
    ("optimizer", "nesterov"): "whether the gradient is that behind the momentum",
    ("optimizer", "weight_decay"): "the share of a parameter in its gradient; `adamw`: of the rate, in its step",
    ("optimizer", "undecayed"): "what does not: scales and shifts of norms; biases of convolutions and linear layers",
    ("optimizer", "decay"): "of the mean of squares",
    ("optimizer", "eps"): "added to the mean of squares, `adamw`: to its root",
    ("optimizer", "beta_1"): "the decay of the mean of gradients",
    ("optimizer", "beta_2"): "the decay of the mean of their squares",
    ("schedule", "peak"): "the highest rate, for the recipe's own batch",
    ("schedule", "end"): "the share of it that is left in the end",
    ("schedule", "decay"): "the factor over the whole run, or over `every`",
    ("schedule", "every"): "the time between falls; without it the rate falls all the time",
    ("schedule", "warmup"): "the time in which the rate rises",
    ("schedule", "start"): "the share that the rise starts with",
    ("schedule", "warm"): "whether the rise multiplies the schedule, or is a line to the peak",
    ("schedule", "per"): "how often the rate changes",
}

LIMIT_CODES = {
    "MAX_FILE_BYTES": "E111",
    "MAX_TOKENS": "E107",
    "MAX_NESTING": "E106",
    "MAX_SYNTAX_ERRORS": "E108",
    "MAX_FILES": "E115",
    "MAX_MODELS": "E116",
    "MAX_STEPS": "E392",
    "MAX_CALL_NESTING": "E393",
    "MAX_LIST": "E394",
    "MAX_BLOCKS": "E394",
    "MAX_NODES": "E391",
    "MAX_SOLVE_STEPS": "E313",
    "MAX_SOLVE_WORK": "E313",
    "MAX_FORM_STAGES": "E394",
    "MAX_FORM_BLOCKS": "E394",
    "MAX_REFINEMENTS": "E394",
    "MAX_DIMENSIONS": "E394",
    "MAX_DOMAIN": "E394",
    "MAX_LOG_DOMAIN": "E394",
    "MAX_ENUMERATED": "E504",
    "MAX_SUMMED": "E504",
    "MAX_CHAINED": "E504",
    "MAX_CHAIN_CASES": "E504",
    "MAX_CHAIN_WORK": "E504",
    "MAX_QUICK_CHAIN_WORK": "E504",
    "MAX_LINES": "E504",
    "MAX_QUICK_LINES": "E504",
    "MAX_TABLES": "E504",
    "MAX_STAGED": "E504",
    "MAX_TRIED": "E214",
    "MAX_SEARCH_STEPS": "E214",
    "MAX_BITS": "E308",
    "MAX_DIAGNOSTICS": "",
}


def table(header: str, rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown, its columns not aligned: a new row changes one line."""
    names = [name.strip() for name in header.split("|")]
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def evaluate(text: str, names: dict[str, Any] | None = None) -> Any:
    """The value of an expression that sees the prelude and the names given. Raises `Fault`."""
    expression, faults = parse_expression(Source("example", text))
    assert expression is not None, faults
    return evaluation().evaluate(expression, Environment(context(names or {})))


def context(names: dict[str, Any]) -> Module:
    module = Module("example", Source("example", ""), library=False)
    module.names.update({name: Primitive(name, OPERATIONS[name]) for name in OPERATIONS.keys() - PRELUDE.keys()})
    module.names.update(names)
    return module


def example(name: str) -> tuple[Operation, tuple[tuple[int, ...], ...]]:
    """The operation of an example, configured, and the shapes that enter it."""
    *before, step = EXAMPLES[name][1].split(" -> ")
    block = as_block(evaluate(step))
    assert isinstance(block, Block)
    assert isinstance(block.of, Primitive)
    settings = {key: setting.value for key, setting in block.settings.items()}
    return block.of.operation.bind(settings), tuple(
        tuple(evaluate(text)) for shapes in before for text in shapes.split(", ")
    )


def operations() -> str:
    rows = []
    for name in EXAMPLES:
        kind = OPERATIONS[name]
        operation, inputs = example(name)
        outputs = operation.infer(*inputs)
        terms = operation.cost(inputs, outputs).terms()
        counts = ", ".join(term.replace("_", " ") for term in terms if term != "outputs")
        text = (kind.__doc__ or "").split("\n")[0].rstrip(".")
        shapes = ", ".join(show_shape(shape) for shape in outputs)
        rows.append([code(name), text, EXAMPLES[name][0], counts, f"`{EXAMPLES[name][1]}` gives {shapes}"])
    return table("operation | computes | output | counted beside its outputs | example", rows)


def settings() -> str:
    rows = []
    for name in EXAMPLES:
        for attribute in OPERATIONS[name].attributes:
            shown = f"**`{attribute.name}`**" if attribute.name == OPERATIONS[name].leading else code(attribute.name)
            default = "required" if attribute.required else code(literal(attribute.default))
            kind = attribute.kind.text.replace("2147483647", "2^31 - 1")
            rows.append([code(name), shown, kind, default, attribute.doc])
    return table("operation | setting | type | default | meaning", rows)


def literal(value: Any) -> str:
    """A value as the language writes it; numbers as decimals where that is finite."""
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return numbers.format_number(value)
    return show(value)


class Std:
    """Reads the modules of the library."""

    def file(self, path: str) -> Source:
        raise AssertionError(path)

    def library(self, name: str) -> Source | None:
        return Source(f"std/{name}.arch", read_data(f"specs/std/{name}.arch"))


@cache
def load(name: str) -> Module:
    """A module of the library by its name behind `std.`."""
    loaded = load_library(f"std.{name}", Std(), Library(), Diagnostics())
    assert loaded is not None
    return loaded


def declared(name: str) -> list[str]:
    """What a module of the library declares itself."""
    module = load(name)
    return [n for n in module.names if n not in module.used]


def library() -> str:
    rows = [["`std.ops`", "every [operation](#operations)", ""]]
    for name in MODULES:
        module = load(name)
        own = [code(n) for n in declared(name)]
        taken = [code(n) for n in module.used]
        rows.append([f"`std.{name}`", ", ".join(own), ", ".join(taken)])
    return table("module | declares | takes from others, and so offers too", rows)


def blocks() -> str:
    """The blocks of the library with their settings."""
    rows: list[list[str]] = []
    for name in MODULES:
        own = [load(name).names[n] for n in declared(name)]
        rows += [
            [code(b.name), f"`std.{name}`", ", ".join(code(written(p)) for p in b.parameters)]
            for b in own
            if isinstance(b, Definition) and b.kind == "block"
        ]
    return table("block | module | settings with their defaults; those without one are required", rows)


def written(parameter: ast.Parameter) -> str:
    default = parameter.default
    return f"{parameter.name.text}: {default.span.text}" if default is not None else parameter.name.text


def recipe_field_table() -> str:
    """The fields of a recipe, but for its sections."""
    defaults = {field.name: field.default for field in fields(Recipe)}
    rows = []
    for name in (*recipe_fields.FORMS, *recipe_fields.FIELDS):
        if name in recipe_fields.FORMS:
            kind = " or ".join(f"`{form}(…)`" for form in recipe_fields.FORMS[name])
        else:
            kind = recipe_fields.FIELDS[name].words
        default = "required" if name in recipe_fields.REQUIRED else recipe_value(defaults[name])
        if name == "ema_every":  # a time in steps, whose number the recipe keeps
            default = code(f"{defaults[name]} steps")
        rows.append([code(name), kind, default, RECIPE_FIELDS[name]])
    return table("field | value | if not given | meaning", rows)


def recipe_setting_table() -> str:
    """The settings of the forms; one that several forms have is the same in all of them."""
    known = {"optimizer": Optimizer("adamw"), "schedule": Schedule("constant", Fraction(1))}
    rows = []
    for (name, setting), meaning in RECIPE_SETTINGS.items():
        forms = {form: settings[setting] for form, settings in recipe_fields.FORMS[name].items() if setting in settings}
        (kind,) = {kind.words for kind in forms.values()}
        if setting in recipe_fields.NEEDED[name]:
            default = "required"
        elif setting.startswith("beta_"):
            default = recipe_value(Optimizer("adamw").betas[int(setting[-1]) - 1])
        else:
            default = recipe_value(getattr(known[name], setting))
        rows.append([code(name), ", ".join(map(code, forms)), code(setting), kind, default, meaning])
    return table("field | forms | setting | value | if not given | meaning", rows)


def recipe_value(value: Any) -> str:
    """What a field of a recipe is without its line; nothing where the meaning says it."""
    if value is None or value is MISSING:
        return ""
    if isinstance(value, Duration):
        return code(f"{numbers.format_number(value.amount)} {value.unit}")
    if isinstance(value, tuple):
        return code(" .. ".join(map(literal, value)) if value else "[]")
    return code(literal(value))


def conventions() -> str:
    rows = [[code(c.name), c.version, c.text, c.unit] for c in CONVENTIONS.values()]
    return table("convention | version | what it reproduces | what its flops count", rows)


def bounds() -> str:
    rows = []
    for name, value, text in documented(limits.__file__):
        rows.append([text, f"{value:,}", LIMIT_CODES[name]])
    rows.append(["Bits of a number's numerator or denominator", f"{numbers.MAX_BITS:,}", LIMIT_CODES["MAX_BITS"]])
    return table("what | at most | diagnostic", rows)


def documented(path: str | None) -> list[tuple[str, int, str]]:
    """The constants of a module with the first sentence below each."""
    body = python.parse(Path(str(path)).read_text(encoding="utf-8")).body
    found = []
    for statement, below in pairwise(body):
        if isinstance(statement, python.Assign) and isinstance(below, python.Expr):
            target = statement.targets[0]
            assert isinstance(target, python.Name)
            assert isinstance(below.value, python.Constant)
            text = " ".join(str(below.value.value).split()).rstrip(".")
            found.append((target.id, getattr(limits, target.id), text))
    return found


TABLES: dict[str, Callable[[], str]] = {
    "operations": operations,
    "settings": settings,
    "library": library,
    "blocks": blocks,
    "conventions": conventions,
    "limits": bounds,
    "recipe_fields": recipe_field_table,
    "recipe_settings": recipe_setting_table,
}

CLOSED: dict[str, Callable[[], Iterable[str]]] = {
    "prelude": lambda: PRELUDE,
    "preprocess": lambda: PREPROCESS,
    "source": lambda: SOURCE,
    "init": lambda: INIT_FIELDS,
    "expect": lambda: EXPECT_FIELDS,
    "scalings": lambda: declared("scaling"),
    "rules": lambda: declared("rules"),
    "recipes": lambda: declared("recipes"),
    "progressive": lambda: recipe_fields.INSIDE["progressive"],
    "verified": lambda: recipe_fields.INSIDE["verified"],
    "laws": lambda: check_space.LAWS,
    "model_parts": lambda: [f"model.{name}" for name in check_space.MODEL_PARTS],
    "space_fields": lambda: check_space.FIELDS,
    "space_expect": lambda: (*check_space.EXPECTED, *check_space.CLAIM_OPTIONS),
}
"""Tables written by hand, `<!-- names NAME -->`, whose first column must name all that there is."""

_TABLE = re.compile(r"<!-- table (\w+) -->\n(.*?)\n?<!-- end -->", re.DOTALL)


def written_tables(page: str) -> dict[str, str]:
    return {match[1]: match[2].strip() for match in _TABLE.finditer(page)}


def updated(page: str) -> str:
    """The page with its tables made anew."""
    return _TABLE.sub(lambda m: f"<!-- table {m[1]} -->\n\n{TABLES[m[1]]()}\n\n<!-- end -->", page)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
