"""Recipes: those of `std.recipes` against facts of their sources, and any against its text.

The facts stand in `tests/oracle/recipes.json`. What they do not name must be what a recipe is without a line of it.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from families.compiling import COMPILER, ORACLE, text_source
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import many

import archdsl
from archdsl.analysis import recipe_fields
from archdsl.analysis.program import Definition
from archdsl.analysis.resolve import Library, load_library
from archdsl.compiler import Changes, Compilation
from archdsl.diagnostics import Diagnostics
from archdsl.training.recipe import Duration, Optimizer, Recipe, Schedule

FACTS = json.loads((ORACLE / "recipes.json").read_text(encoding="utf-8"))
OWN = {"digits": "anynet_small", "fashion_mnist": "anynet_small"}
"""The recipes that are of no source, with a network."""
UNTRIED: set[str] = set()
"""Those of our own that no run stands behind yet."""
MODEL = "use std.ops { relu }\nmodel m { input: 3 x 8 x 8  stages: relu }\n"


def compiled(text: str, name: str = "r") -> Compilation:
    """A model with the recipe of that name, whatever came of it."""
    return COMPILER.compile(text_source(MODEL + text), "m", Changes(recipe=name))


def recipe_of(text: str, name: str = "r") -> Recipe:
    found = compiled(text, name)
    assert not list(found.diagnostics), [f"{d.code}: {d.message}" for d in found.diagnostics]
    assert found.recipe is not None
    return found.recipe


@cache
def declared() -> dict[str, Definition]:
    """The recipes that `std.recipes` declares."""
    module = load_library("std.recipes", COMPILER.read, Library(), Diagnostics())
    assert module is not None
    return {name: named for name, named in module.names.items() if isinstance(named, Definition)}


def shipped() -> list[str]:
    """Those that can be asked for by their name: every parameter has a value."""
    return [n for n, d in declared().items() if all(p.default is not None for p in d.parameters)]


@cache
def standard(name: str, arguments: str = "") -> Recipe:
    return recipe_of(f"use std.recipes {{ {name} }}\nrecipe r = {name}{arguments}")


# The facts


def expected(name: str) -> dict[str, Any]:
    """The settings of a recipe by the facts, as `flat` has them; null takes back what is shared."""
    facts = FACTS["recipes"][name]
    given = {**FACTS["shared"].get(facts.get("shared"), {}), **facts["settings"]}
    whole = flat(Recipe(name, 1, 1, Optimizer(given["optimizer"]), Schedule(given["schedule"], Fraction(1))))
    stages = given.get("progressive.stages", 1)
    for key, value in given.items():
        if value is not None:
            whole[key.replace("progressive.stages", "stages")] = meant(key, value, stages)
    return whole


def meant(key: str, value: Any, stages: int) -> Any:
    if isinstance(value, dict):
        ends = Fraction(str(value["from"])), Fraction(str(value["to"]))
        steps = [ends[0] + (ends[1] - ends[0]) * Fraction(i, stages - 1) for i in range(stages)]
        return tuple([Fraction(round(step)) for step in steps] if key.endswith("image_size") else steps)
    if isinstance(value, list):
        return tuple([Fraction(str(each)) for each in value])
    if key == "optimizer.undecayed":
        return tuple(value.split())
    if key.endswith("_size"):
        return (value, value)
    if isinstance(value, bool) or key in ("optimizer", "schedule"):
        return value
    if isinstance(value, str):
        amount, _, unit = value.partition(" ")
        if unit:
            return Duration(Fraction(amount), "epochs" if unit == "epochs" else "steps")
        return Fraction(value) if value[0].isdigit() else value
    return Fraction(str(value))


def flat(recipe: Recipe) -> dict[str, Any]:
    """Every setting of a recipe by its name in the language; `optimizer` and `schedule` are their forms."""
    found: dict[str, Any] = {}
    for each in fields(recipe):
        value = getattr(recipe, each.name)
        if isinstance(value, Optimizer | Schedule):
            inside = {f"{each.name}.{f.name}": getattr(value, f.name) for f in fields(value)}
            found[each.name] = inside.pop(f"{each.name}.kind")
            found |= inside
        elif each.name == "staged":
            found |= {f"progressive.{name}": values for name, values in value}
        elif each.name not in ("name", "doc", "transcribed", "verified", "source"):
            found[each.name] = value
    return found


def test_every_recipe_has_facts() -> None:
    assert set(FACTS["recipes"]) | set(OWN) == set(shipped())


@pytest.mark.parametrize("name", FACTS["recipes"])
def test_settings_are_those_of_the_sources(name: str) -> None:
    assert flat(standard(name)) == expected(name)


@pytest.mark.parametrize(
    ("name", "batch", "rate"),
    [(name, b, rate) for name, facts in FACTS["recipes"].items() for b, rate in facts.get("rates", {}).items()],
)
def test_the_rate_goes_with_the_batch(name: str, batch: str, rate: float) -> None:
    recipe = standard(name, f"(batch: {batch})")
    assert (recipe.batch, recipe.schedule.peak) == (int(batch), Fraction(str(rate)))


@pytest.mark.parametrize("name", shipped())
def test_a_recipe_says_where_it_comes_from(name: str) -> None:
    recipe = standard(name)
    assert recipe.doc
    if name in UNTRIED:
        assert not recipe.verified, f"{name} has been tried: it belongs no longer among the untried"
        return
    assert (recipe.transcribed is None) == bool(recipe.verified)
    if name in FACTS["recipes"]:
        assert {"paper", "code"} <= dict(recipe.source).keys()


def test_a_family_is_named_where_it_is_asked_for_alone() -> None:
    (found,) = compiled("", "fast_scaling").diagnostics
    assert (found.code, found.message) == ("E306", "`fast_scaling` needs `epochs`")


# The entry point


NETWORKS = {**{name: facts["network"] for name, facts in FACTS["recipes"].items()}, **OWN}


@cache
def entry_point(name: str) -> str:
    network = NETWORKS[name]
    return archdsl.compile(network, recipe=name).emit("train")[f"train_{network}.py"]


@pytest.mark.parametrize("name", shipped())
def test_it_is_emitted_for_a_network_of_its_paper(name: str) -> None:
    text = entry_point(name)
    docstring = ast.get_docstring(ast.parse(text)) or ""
    assert f"Recipe `{name}`." in docstring
    words = " ".join(docstring.split())
    said = standard(name).transcribed
    assert said is None or f"Transcribed, not run here: {said}." in words


def definitions(text: str) -> SimpleNamespace:
    """The settings and the rate function of an entry point, without what else it imports."""
    wanted = {"option", "word", "between", "height_width", "precision", "Settings", "rate_at"}
    nodes: list[ast.stmt] = [
        node
        for node in ast.parse(text).body
        if (isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in wanted)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "(share, amount, count)")
    ]
    names = {"argparse": argparse, "math": math, "dataclass": dataclass, "field": field, "replace": replace}
    names |= {"Callable": Callable, "Any": Any, "Path": Path, "network": SimpleNamespace(__name__="network")}
    exec(compile(ast.Module(nodes, []), "entry point", "exec"), names)
    return SimpleNamespace(**{name: names[name] for name in ("Settings", "rate_at")})


def rate(facts: Mapping[str, Any], step: int, per_epoch: int) -> float:
    """The rate at a step: `docs/language.md`, in exact epochs."""
    t, last = Fraction(step, per_epoch), Fraction(facts["epochs"])
    w = facts["schedule.warmup"].amount
    start, line = float(facts["schedule.start"]), facts["schedule.warm"] == "line"
    if facts["schedule.per"] == "epoch":
        t = Fraction(math.floor(t))
    peak = float(facts["schedule.peak"])
    if line and t < w:
        return peak * (start + (1 - start) * float((t + Fraction(1, per_epoch)) / w))
    if facts["schedule"] == "cosine":
        done = (t - w) / (last - w) if line else t / last
        value = peak * (1 + math.cos(math.pi * float(done))) / 2
    elif facts["schedule.every"] is not None:
        value = peak * float(facts["schedule.decay"]) ** math.floor(t / facts["schedule.every"].amount)
    else:
        value = peak * float(facts["schedule.decay"]) ** float(t / last)
    return value * (start + (1 - start) * min(1.0, float(t / w))) if w and not line else value


@pytest.mark.parametrize("name", FACTS["recipes"])
def test_the_emitted_rate_is_that_of_the_formula(name: str) -> None:
    script, facts, per_epoch = definitions(entry_point(name)), expected(name), 7
    settings = script.Settings()
    for step in range(int(facts["epochs"]) * per_epoch):
        found = script.rate_at(step, per_epoch, settings)
        assert found == pytest.approx(rate(facts, step, per_epoch), rel=1e-12), step


@pytest.mark.parametrize("name", shipped())
def test_the_emitted_rate_is_proportional_to_the_batch(name: str) -> None:
    script = definitions(entry_point(name))
    settings = script.Settings()
    other = replace(settings, batch_size=3 * settings.batch_size)
    for step in (0, 40, 100):
        assert script.rate_at(step, 7, other) == pytest.approx(3 * script.rate_at(step, 7, settings), rel=1e-12)


# Any values


@dataclass(frozen=True)
class Bounds:
    """The numbers that a field may be."""

    low: int
    high: int | None = None
    open_low: bool = False
    open_high: bool = False
    whole: bool = False

    def within(self) -> st.SearchStrategy[Any]:
        if self.whole:
            return st.integers(self.low, self.high).map(lambda v: (str(v), v))
        top = self.high if self.high is not None else 1000
        found = st.fractions(self.low, top, max_denominator=10_000)
        return found.filter(self.holds).map(lambda v: (written(v), v))

    def beyond(self) -> st.SearchStrategy[str]:
        if not self.whole:
            return st.fractions(-2000, 2000, max_denominator=10_000).filter(lambda v: not self.holds(v)).map(written)
        high = self.high or 0
        halves = st.integers(self.low, high).map(lambda v: f"{v} + 1/2")
        return st.one_of(st.integers(self.low - 1000, self.low - 1).map(str), st.just(str(high + 1)), halves)

    def holds(self, value: Fraction) -> bool:
        low = value > self.low if self.open_low else value >= self.low
        return low and (self.high is None or (value < self.high if self.open_high else value <= self.high))


def written(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}" if value.denominator > 1 else str(value)


EXTENT = Bounds(1, 2**31 - 1, whole=True)
SHARE, PART, FACTOR = Bounds(0, 1), Bounds(0, 1, open_high=True), Bounds(0, 1, open_low=True)
AMOUNT, POSITIVE = Bounds(0), Bounds(0, open_low=True)
NUMBERS = {
    "epochs": Bounds(1, 1_000_000, whole=True),
    "batch": EXTENT,
    "rate_batch": EXTENT,
    "label_smoothing": PART,
    "dropout": PART,
    "drop_path": PART,
    "test_crop": FACTOR,
    "crop_padding": Bounds(0, 2**31 - 1, whole=True),
    "flip": SHARE,
    "brightness": AMOUNT,
    "contrast": AMOUNT,
    "saturation": AMOUNT,
    "hue": Bounds(0, Fraction(1, 2)),
    "lighting": AMOUNT,
    "randaugment": AMOUNT,
    "randaugment_most": POSITIVE,
    "randaugment_layers": Bounds(1, 100, whole=True),
    "randaugment_std": AMOUNT,
    "random_erasing": SHARE,
    "mixup": AMOUNT,
    "cutmix": AMOUNT,
    "ema": PART,
    "precise_bn": EXTENT,
    "clip_norm": POSITIVE,
    "accumulate": Bounds(1, 1_000_000, whole=True),
    "seed": Bounds(0, 2**63 - 1, whole=True),
    "optimizer.momentum": PART,
    "optimizer.weight_decay": AMOUNT,
    "optimizer.decay": PART,
    "optimizer.eps": POSITIVE,
    "optimizer.beta_1": PART,
    "optimizer.beta_2": PART,
    "schedule.peak": POSITIVE,
    "schedule.end": SHARE,
    "schedule.decay": FACTOR,
    "schedule.start": SHARE,
}


def times(least: int = 0) -> st.SearchStrategy[Any]:
    """A literal with its unit."""
    amounts = st.integers(least, 500).map(lambda v: Fraction(v, 100))
    pairs = st.tuples(amounts, st.sampled_from(["epochs", "steps"]))
    return pairs.map(lambda v: (f"{float(v[0])} {v[1]}", Duration(*v)))  # type: ignore[arg-type]


def ranges(high: int) -> st.SearchStrategy[Any]:
    ends = st.fractions(Fraction(1, 1000), high, max_denominator=1000)
    return st.tuples(ends, ends).map(sorted).map(lambda v: (f"{written(v[0])} .. {written(v[1])}", tuple(v)))


def words(*known: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(known).map(lambda v: (f'"{v}"', v))


SIDE = st.integers(1, 600)
SIZE = st.one_of(
    SIDE.map(lambda v: (str(v), (v, v))),
    st.tuples(SIDE, SIDE).map(lambda v: (f"{v[0]} x {v[1]}", v)),
)
TRUTH = st.booleans().map(lambda v: (str(v).lower(), v))
WITHIN: dict[str, st.SearchStrategy[Any]] = {
    **{name: bounds.within() for name, bounds in NUMBERS.items()},
    "crop_padding": st.integers(0, 7).map(lambda v: (str(v), v)),  # of images of 8 x 8
    "train_size": SIZE,
    "test_size": SIZE,
    "crop_area": ranges(1),
    "crop_ratio": ranges(100),
    "autoaugment": TRUTH,
    "ema_ramp": TRUTH,
    "ema_every": st.integers(1, 10**6).map(lambda v: (f"{v} steps", v)),
    "ema_warmup": times(),
    "swa": times(),
    "loss": words("cross_entropy", "bce"),
    "precision": words("float32", "bfloat16", "float16"),
    "transcribed": st.text("abc é,;:'()", max_size=20).map(lambda v: (f'"{v}"', v)),
    "optimizer.nesterov": TRUTH,
    "optimizer.undecayed": st.permutations(["norms", "biases"]).flatmap(
        lambda both: st.sampled_from([(json.dumps(both[:n]), tuple(both[:n])) for n in range(3)])
    ),
    "schedule.every": times(1),
    "schedule.warmup": times(),
    "schedule.warm": words("factor", "line"),
    "schedule.per": words("step", "epoch"),
}
"""Values in range: how they are written, and what they become."""
SIZELESS = ("0", "2.5", "3 x 224 x 224", '"224"', "224 x 0", "1 .. 5")
UNTIMED = ("5", '"5 epochs"', "true")
BEYOND: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(NUMBERS, ('"1"', "true", "[1]", "0 .. 1", "5 epochs", "-2 ^ (1/2)")),
    "train_size": SIZELESS,
    "test_size": SIZELESS,
    "crop_area": ("1", "0 .. 1", "1/2 .. 3/2", "1 .. 1/2", '"a"'),
    "crop_ratio": ("1", "0 .. 1", "4/3 .. 3/4", "-1 .. 1"),
    "autoaugment": ("1", "0", '"true"'),
    "ema_ramp": ("1", "0", '"true"'),
    "ema_every": ("32", "2.5 steps", "0 steps", "1 epochs", "true"),
    "ema_warmup": UNTIMED,
    "swa": UNTIMED,
    "loss": ('"mse"', "16", '"BCE"'),
    "precision": ('"float8"', "16", '"Float32"'),
    "transcribed": ("1", "true"),
    "optimizer.nesterov": ("1", "0", '"true"'),
    "optimizer.undecayed": ('"norms"', '["weights"]', "[1]", "1 x 2"),
    "schedule.every": ("5", "0 epochs", "0 steps"),
    "schedule.warmup": (*UNTIMED, "5.5 epochs"),
    "schedule.warm": ('"curve"', "1"),
    "schedule.per": ('"steps"', "1"),
}
"""Values out of range, or of another kind; numbers out of range are drawn."""


def test_every_field_has_values() -> None:
    inside = {f"{head}.{n}" for head, forms in recipe_fields.FORMS.items() for known in forms.values() for n in known}
    assert set(WITHIN) == set(BEYOND) == {*recipe_fields.FIELDS, *inside}


def text_of(lines: Mapping[str, str], forms: Mapping[str, str]) -> str:
    """A recipe, with the settings of its optimizer and schedule in their places."""
    body = {name: value for name, value in lines.items() if "." not in name}
    for head, form in forms.items():
        inside = [f"{name.partition('.')[2]}: {v}" for name, v in lines.items() if name.startswith(f"{head}.")]
        body[head] = f"{form}({', '.join(inside)})"
    return "recipe r {\n" + "".join(f"  {name}: {value}\n" for name, value in body.items()) + "}\n"


NEEDED = {"epochs": "5", "batch": "64", "schedule.peak": "0.1"}
OF = {
    "randaugment_most": {"randaugment": "1"},
    "randaugment_layers": {"randaugment": "1"},
    "randaugment_std": {"randaugment": "1"},
    "ema_every": {"ema": "0.9"},
    "ema_ramp": {"ema": "0.9"},
    "ema_warmup": {"ema": "0.9"},
    "optimizer.nesterov": {"optimizer.momentum": "0.9"},
}
"""What a field says something of."""


def form_with(name: str) -> dict[str, str]:
    """Forms of which one has the setting."""
    found = {"optimizer": "sgd", "schedule": "constant"}
    head, _, setting = name.partition(".")
    if setting:
        found[head] = next(form for form, known in recipe_fields.FORMS[head].items() if setting in known)
    return found


@settings(max_examples=many(20), deadline=None)
@given(st.data())
def test_values_in_range_come_back(data: st.DataObject) -> None:
    forms = {head: data.draw(st.sampled_from(sorted(known))) for head, known in recipe_fields.FORMS.items()}
    known = [*recipe_fields.FIELDS]
    known += [f"{head}.{name}" for head, form in forms.items() for name in recipe_fields.FORMS[head][form]]
    names = {*data.draw(st.lists(st.sampled_from(known), unique=True)), *NEEDED}
    names |= {needed for name in names for needed in OF.get(name, ())}
    names -= {"autoaugment"} if "randaugment" in names else set()
    names -= {"crop_padding"} if "crop_area" in names else set()
    drawn = {name: data.draw(WITHIN[name], label=name) for name in known if name in names}
    if "accumulate" in drawn:
        parts = data.draw(st.integers(1, 64))
        drawn |= {"accumulate": (str(parts), parts), "batch": (str(parts * 7), parts * 7)}
    if drawn.keys() & {"schedule.warmup", "swa", "ema_warmup"}:
        drawn["epochs"] = ("6", 6)  # none of them reaches to the end
    if drawn.get("optimizer.momentum", ("", 1))[1] == 0:
        drawn.pop("optimizer.nesterov", None)
    found = flat(recipe_of(text_of({name: text for name, (text, _) in drawn.items()}, forms)))
    found["transcribed"] = recipe_of(text_of({name: text for name, (text, _) in drawn.items()}, forms)).transcribed
    found["optimizer.beta_1"], found["optimizer.beta_2"] = found["optimizer.betas"]
    assert {name: found[name] for name in drawn} == {name: value for name, (_, value) in drawn.items()}
    assert {head: found[head] for head in forms} == forms


def refused(name: str, value: str) -> None:
    """One fault, at the value of the field."""
    lines = {**NEEDED, **OF.get(name, {}), name: value}
    (found,) = compiled(text_of(lines, form_with(name))).diagnostics
    assert found.code in ("E301", "E302"), found.message
    assert name.rpartition(".")[2] in found.message or name == "schedule.warmup"
    assert found.span.text == value


@pytest.mark.parametrize("name", BEYOND)
def test_other_values_are_refused(name: str) -> None:
    for value in BEYOND[name]:
        refused(name, value)


@settings(max_examples=many(20), deadline=None)
@given(st.data())
def test_numbers_out_of_range_are_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(NUMBERS)))
    refused(name, data.draw(NUMBERS[name].beyond()))


STAGED = {name: NUMBERS.get(name, Bounds(1, 600, whole=True)) for name in recipe_fields.STAGED}


@settings(max_examples=many(15), deadline=None)
@given(st.data())
def test_stages_come_back(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8), label="stages")
    lines, expected = [], {}
    for name, bounds in STAGED.items():
        values = data.draw(st.lists(bounds.within(), min_size=count, max_size=count), label=name)
        form = data.draw(st.sampled_from(["one", "list", "range", "none"]), label=name)
        first, last = Fraction(values[0][1]), Fraction(values[-1][1])
        if form == "one":
            lines.append(f"{name}: {values[0][0]}")
            expected[name] = (first,) * count
        elif form == "list":
            lines.append(f"{name}: [{', '.join(text for text, _ in values)}]")
            expected[name] = tuple(value for _, value in values)
        elif form == "range" and first <= last:
            lines.append(f"{name}: {values[0][0]} .. {values[-1][0]}")
            steps = [first + (last - first) * i / (count - 1) if count > 1 else first for i in range(count)]
            expected[name] = tuple(Fraction(round(step)) if name == "image_size" else step for step in steps)
    text = text_of(NEEDED | {"epochs": str(count)}, form_with("epochs"))
    recipe = recipe_of(text.replace("}\n", f"  progressive {{ stages: {count}  {'  '.join(lines)} }}\n}}\n"))
    assert recipe.stages == count
    assert dict(recipe.staged) == expected


# `with`


KNOWN = """
recipe base {
  epochs: 10  batch: 64  optimizer: sgd(momentum: 0.9)  schedule: cosine(peak: 0.1, warmup: 2 epochs)  flip: 1/2
  transcribed: "from a paper"
  source { paper: "arXiv:0000.00000"  table: 3 }
}
"""


@pytest.mark.parametrize(
    ("changes", "transcribed", "source"),
    [
        ("epochs: 20", None, {}),
        ("schedule.peak: 0.2", None, {}),
        ("progressive.stages: 2  progressive.mixup: 0 .. 1", None, {}),
        ('transcribed: "from its code"', "from its code", {"paper": "arXiv:0000.00000", "table": "3"}),
        ("source { table: 4 }", "from a paper", {"paper": "arXiv:0000.00000", "table": "4"}),
        ('epochs: 20  transcribed: "anew"  source { note: "changed" }', "anew", {"note": "changed"}),
        ('source { note: "changed" }  epochs: 20', None, {"note": "changed"}),
    ],
)
def test_what_was_said_is_dropped_with_a_change(changes: str, transcribed: str | None, source: dict[str, str]) -> None:
    recipe = recipe_of(f"{KNOWN}recipe r = base with {{ {changes} }}")
    assert (recipe.transcribed, dict(recipe.source)) == (transcribed, source)


def test_none_takes_back() -> None:
    recipe = recipe_of(f"{KNOWN}recipe r = base with {{ schedule.warmup: none  flip: none  transcribed: none }}")
    assert recipe.schedule.warmup.amount == 0
    assert recipe.flip == 0
    assert recipe.transcribed is None


def test_none_takes_back_a_section() -> None:
    """`progressive: none`, in a `with` as in a body, leaves no stages; what stands behind it is new."""
    staged = "base with { progressive.stages: 2  progressive.mixup: 0 .. 1 }"
    assert recipe_of(f"{KNOWN}recipe r = {staged}").stages == 2
    recipe = recipe_of(f"{KNOWN}recipe r = {staged} with {{ progressive: none  flip: none }}")
    assert recipe == recipe_of(f"{KNOWN}recipe r = base with {{ flip: none }}")
    anew = f"{staged} with {{ progressive: none  progressive.stages: 3  progressive.cutmix: 0 .. 1 }}"
    section = "base with { progressive { stages: 3  cutmix: 0 .. 1 } }"
    assert recipe_of(f"{KNOWN}recipe r = {anew}") == recipe_of(f"{KNOWN}recipe r = {section}")


def test_a_run_takes_the_place_of_a_transcription() -> None:
    lines = "".join(f'verified.{name}: "{name}"  ' for name in recipe_fields.VERIFIED)
    recipe = recipe_of(f"{KNOWN}recipe r = base with {{ transcribed: none  {lines} }}")
    assert dict(recipe.verified) == {name: name for name in recipe_fields.VERIFIED}


def test_a_model_has_its_own_recipe() -> None:
    text = f"{KNOWN}model n = m with {{ recipe: base with {{ epochs: 3 }} }}\nmodel o = n with {{ recipe: none }}\n"
    found = [COMPILER.compile(text_source(MODEL + text), name, Changes()).recipe for name in ("n", "o")]
    assert [recipe and recipe.epochs for recipe in found] == [3, None]
