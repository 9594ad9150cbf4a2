"""Settings of training that are drawn: the laws of spaces for options of the training script."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from families.compiling import COMPILER, text_source

from archdsl.compiler import Compiled, Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.project import Project
from archdsl.spaces.arrays.draws import draw
from archdsl.spaces.entry import space_named
from archdsl.spaces.sweep import Swept, settings_drawn, sweep_of
from archdsl.training.entry_point import EntryPoint
from archdsl.views.train import wanted_of
from archdsl.zoo import locate


@cache
def entry() -> EntryPoint:
    place = locate("anynet_small")
    project = Project(place.file)
    found = Compiler(project).compile(project.source(), place.model)
    assert isinstance(found, Compiled)
    wanted = wanted_of(found, project, "small", "small", [])
    return EntryPoint.of(wanted.script, wanted.texts[wanted.script][1])


def sweep(*texts: str) -> list[Swept]:
    diagnostics = Diagnostics()
    found = sweep_of(texts, entry().options, diagnostics)
    assert not list(diagnostics)
    return found


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("lr ~ log_uniform(0.01 .. 1)", (0.01, 1.0, 9901)),
        ("lr ~ log_uniform(0.03 .. 3)", (0.03, 3, 29_701)),
        ("lr ~ log_uniform(1e-5 .. 1)", (1e-5, 1, 999_991)),
        ("lr ~ log_uniform(0.5 .. 1, quantum: 0.25)", (0.5, 1, 3)),
        ("lr ~ uniform(0 .. 0.5)", (0, 0.5, 501)),
        ("weight_decay ~ one_of(0, 1e-5, 1e-4)", (0, 1e-4, 3)),
        ("batch_size ~ power_of_two(16 .. 128)", (16, 128, 4)),
        ("batch_size ~ log_uniform(16 .. 256)", (16, 256, 241)),
        ("epochs ~ int(2 .. 5)", (2, 5, 4)),
        ('image_size ~ one_of("32x32", "48x48")', ("32x32", "48x48", 2)),
    ],
)
def test_laws(text: str, values: tuple[Any, Any, int]) -> None:
    """The first and the last value, and how many there are: without a quantum, by a power of ten."""
    [found] = sweep(text)
    domain = found.draw.law.domain
    ends = [settings_of(found, index) for index in (0, domain.size - 1)]
    assert (*ends, domain.size) == values


def settings_of(swept: Swept, index: int) -> Any:
    value = swept.draw.law.domain.value(index)
    return value if isinstance(value, int | str) else float(value)  # type: ignore[arg-type]


def test_draws_are_those_of_a_space() -> None:
    """By seed, name and number alone; more draws begin with fewer."""
    text = (
        "arch 1\nuse std.ops { conv }\nmodel m { input: 1 x 1 x 1  stages: conv(1, kernel: 1) }\n"
        "space s {\n  lr ~ log_uniform(0.01 .. 1, quantum: 0.0001)\n"
        "  weight_decay ~ uniform(0 .. 1, quantum: 0.01)\n  model: m\n}\n"
    )
    diagnostics = Diagnostics()
    space = space_named(COMPILER, COMPILER.program(text_source(text), diagnostics), "s", diagnostics)
    assert space is not None
    swept = sweep("lr ~ log_uniform(0.01 .. 1)", "weight_decay ~ uniform(0 .. 1, quantum: 0.01)")
    found = settings_drawn(swept, 7, 50)
    assert found[:20] == settings_drawn(swept, 7, 20) != settings_drawn(swept, 8, 20)
    wanted = draw(space, 7, 0, 50)
    assert [[each["lr"], each["weight_decay"]] for each in found] == [
        [float(each.law.domain.value(int(index))) for each, index in zip(space.draws, row, strict=True)]  # type: ignore[arg-type]
        for row in wanted
    ]


def test_logarithms_are_uniform() -> None:
    """Kolmogorov and Smirnov's distance of 20,000 draws, within what 1 of 1,000 such samples exceeds."""
    rates = np.log([each["lr"] for each in settings_drawn(sweep("lr ~ log_uniform(0.01 .. 1)"), 0, 20_000)])
    ranks = np.sort((rates - np.log(0.01)) / np.log(100))
    distance = np.abs(ranks - (np.arange(len(ranks)) + 0.5) / len(ranks)).max()
    assert distance < 1.95 / np.sqrt(len(ranks)) + 0.0025  # and half of the first value's cell


FAULTS = {
    "lrr ~ log_uniform(0.01 .. 1)": ("E202", "lrr", "did you mean `lr`?"),
    "batch ~ power_of_two(16 .. 64)": ("E202", "batch", "did you mean `batch_size`?"),
    "seed ~ int(0 .. 4)": ("E202", "seed", "train each setting more than once with --seeds"),
    'data ~ one_of("a", "b")': ("E202", "data", "give it behind `--`"),
    "fsdp ~ one_of(true, false)": ("E202", "fsdp", "give it behind `--`"),
    "lr ~ log_unifrm(0.01 .. 1)": ("E201", "log_unifrm", "did you mean `log_uniform`?"),
    "lr ~ log_uniform(1 .. 0.01)": ("E302", "1 .. 0.01", "write `0.01 .. 1`"),
    "lr ~ log_uniform(0 .. 1)": ("E302", "0 .. 1", "the logarithm needs numbers above 0"),
    "lr ~ log_uniform(0.03 .. 1, quantum: 0.04)": ("E302", "0.03 .. 1", "end it at 0.99 or at 1.03"),
    "lr ~ 0.01 .. 1": ("E301", "0.01 .. 1", "write `int(0.01 .. 1)`"),
    "lr = 0.1": ("E204", "{ lr = 0.1 }", "write `lr ~ log_uniform(0.01 .. 1)`"),
    "lr ~": ("E101", "}", None),
    "": ("E204", "{  }", "write `lr ~ log_uniform(0.01 .. 1)`"),
    "lr ~ each(2, int(1 .. 2))": ("E301", "each(2, int(1 .. 2))", "write the law alone"),
    "lr ~ one_of(0.1, true)": ("E301", "one_of(0.1, true)", None),
    "momentum ~ uniform(0 .. 2, quantum: 1/2)": ("E302", "uniform(0 .. 2, quantum: 1/2)", None),
    "epochs ~ uniform(1 .. 2, quantum: 1/2)": ("E302", "uniform(1 .. 2, quantum: 1/2)", None),
    "lr ~ uniform(0.1 .. unknown)": ("E201", "unknown", None),
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults(text: str) -> None:
    """Each with its code, the place that it is at, and what helps."""
    diagnostics = Diagnostics()
    assert sweep_of([text], entry().options, diagnostics) == []
    [found] = list(diagnostics)
    assert (found.code, found.span.text, found.help) == FAULTS[text]
    assert found.span.source.name == "--sweep"


def test_a_name_is_drawn_once() -> None:
    diagnostics = Diagnostics()
    assert sweep_of(["lr ~ int(1 .. 2)", "lr ~ int(3 .. 4)"], entry().options, diagnostics) == []
    assert [each.code for each in diagnostics] == ["E203"]
