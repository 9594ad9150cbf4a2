"""Models with a fault, worked out as far as they can be: stages, shapes and costs beside the fault."""

from __future__ import annotations

import pytest
from families.compiling import Specs
from reading import Texts
from sampling import TIMES

from archdsl.analysis import elaborate
from archdsl.analysis.context import Context
from archdsl.analysis.elaborate import instantiate
from archdsl.analysis.language import evaluation
from archdsl.analysis.model import Rule, Stage
from archdsl.analysis.partial import partial_stages
from archdsl.analysis.parts import PartCost, Parts
from archdsl.analysis.program import Definition
from archdsl.analysis.stages import stages_of
from archdsl.analysis.values import UNKNOWN, Environment
from archdsl.compiler import Compiled, Compiler, Failed
from archdsl.diagnostics import Diagnostics
from archdsl.graph.cost import count
from archdsl.resources import spec_files
from archdsl.source import Source
from archdsl.syntax import ast

TEXT = """use std.regnet {{ simple_stem, y_block, pool_head }}
model m {{
  input: 3 x 224 x 224
  stem: simple_stem(width: 32)
  stages: {stages}
  head: pool_head(classes: 1000)
}}
"""
LIST = """[
    y_block {{ width: 48  depth: 1  group_width: 8  stride: 2 }},
    {second},
    y_block {{ width: 208  depth: 2  group_width: 8  stride: 2 }}
  ]"""
SECOND = "y_block { width: 104  depth: 3  group_width: 8  stride: 2 }"
COMPILER = Compiler(Texts())


def check(stages: str) -> tuple[list[str], Failed | Compiled]:
    """What is told of the model with these stages, and the model."""
    _, (found,), diagnostics = COMPILER.check(Source("m.arch", TEXT.format(stages=stages)))
    return [f"{d.code} {d.message}" for d in diagnostics], found


def parts(found: Failed | Compiled) -> Parts:
    assert isinstance(found, Failed)
    assert found.parts is not None
    return found.parts


def costs(stages: str) -> dict[str, PartCost]:
    """The exact costs of a model without a fault."""
    _, found = check(stages)
    assert isinstance(found, Compiled)
    groups = count(found.network).by("stage")
    return {g.key: PartCost(int(g.flops), int(g.params), int(g.acts)) for g in groups}


WHOLE = LIST.format(second=SECOND)


SETTINGS = {
    "group_width:   stride: 2": "E101 a value is missing behind `:`, before `stride`",
    "group_width: 8 +\n stride: 2": "E101 a value is missing behind `+`, before `stride`",
    "group_wid\n stride: 2": "E101 a field needs `:` between its name and its value",
    "group_width: none_such  stride: 2": "E201 `none_such` is not defined",
    "group_wdth: 8  stride: 2": "E202 `y_block` has no setting `group_wdth`",
}


@pytest.mark.parametrize(("settings", "told"), SETTINGS.items(), ids=SETTINGS)
def test_a_setting_that_does_not_move_shapes(settings: str, told: str) -> None:
    """The stages before keep their costs exactly, those behind theirs, and of the stage itself its shape is known."""
    said, found = check(LIST.format(second=f"y_block {{ width: 104  depth: 3\n {settings} }}"))
    assert said == [told]
    exact, known = costs(WHOLE), parts(found)
    assert known.sure == {"input", "stem", "stages.0"}
    assert all(known.costs[path] == exact[path] for path in ("stem", "stages.0", "stages.2", "head"))
    assert known.shapes["stages.1"] == ((104, 28, 28),)


def test_a_block_that_is_not_known() -> None:
    """Behind it maps have sizes that depend on it; their channels do not."""
    said, found = check(LIST.format(second="no_block { width: 104  depth: 3 }"))
    assert said == ["E201 `no_block` is not defined"]
    known = parts(found)
    assert "stages.1" not in known.shapes
    assert known.shapes["stages.2"] == ((208, None, None),)
    assert known.shapes["head"] == ((1000,),)
    assert known.costs["head"] == costs(WHOLE)["head"]
    assert known.costs["stages.2"].flops is None


def test_an_element_of_a_list() -> None:
    said, found = check("y_block { width: [48, 104 +, 208, no_name]  depth: [1, 3, 2, 1]  group_width: 8  stride: 2 }")
    assert said == ["E101 an operand is missing before `,`", "E201 `no_name` is not defined"]
    assert isinstance(found, Failed)
    assert found.model is not None
    assert [stage.settings["width"].value for stage in found.model.stages] == [48, UNKNOWN, 208, UNKNOWN]
    known = parts(found)
    assert [known.shapes[f"stages.{index}"] for index in range(4)] == [
        ((48, 56, 56),),
        ((None, 28, 28),),
        ((208, 14, 14),),
        ((None, 7, 7),),
    ]
    assert known.costs["stages.0"] == costs(WHOLE)["stages.0"]


def test_a_table_with_faults_in_two_rows() -> None:
    table = "[\n| block | width | depth | group_width | stride |\n| y_block | 48 | 1 | 8 | 2 |\n"
    table += "| y_block | no_a | 3 | no_b | 2 |\n| no_c | 208 | 2 | 8 | no_d |\n]"
    said, found = check(table)
    assert said == [f"E201 `no_{letter}` is not defined" for letter in "abcd"]
    assert isinstance(found, Failed)
    assert found.model is not None
    assert [getattr(stage.block, "name", None) for stage in found.model.stages] == ["y_block", "y_block", None]
    assert parts(found).sure == {"input", "stem", "stages.0"}


def test_a_stage_that_cannot_be_built() -> None:
    """The model is whole, and its network a fault: the stages in front of it are exact."""
    said, found = check(LIST.format(second=SECOND.replace("stride: 2", "stride: 0")))
    assert len(said) == 1
    assert isinstance(found, Failed)
    assert found.model is not None
    assert not found.model.holes
    known = parts(found)
    assert known.sure == {"input", "stem", "stages.0"}
    assert known.costs["stages.0"] == costs(WHOLE)["stages.0"]


def test_a_model_that_changes_a_faulty_one_has_no_parts() -> None:
    """They would be those of the other."""
    text = TEXT.format(stages=LIST.format(second="no_block")) + "model big = m with { head.classes: 10 }\n"
    _, found, _ = COMPILER.check(Source("m.arch", text))
    assert [each.model is None for each in found] == [False, True]


def _said(stage: Stage) -> tuple[object, ...]:
    """All that a stage is made of; of a rule its text, since where it stands is an object of each reading."""
    settings = {n: a.expression if isinstance(a, Rule) else a.value for n, a in stage.settings.items()}
    return stage.block, stage.depth.value, settings, stage.enter, stage.span


def test_stages_without_a_fault_are_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reading that goes on behind a fault is one of its own: of the lists of stages that ship it gives what the
    other gives, or nothing. `make thorough` reads all."""
    forms: dict[str, int] = {}

    def both(ctx: Context, e: ast.Expression, env: Environment) -> tuple[Stage, ...]:
        strict = stages_of(ctx, e, env)
        ctx_of_it = ctx.fresh()
        found = partial_stages(ctx_of_it, e, env)
        assert not ctx_of_it.diagnostics.failed
        if found is not None:
            assert [*map(_said, found)] == [*map(_said, strict)], e.span.text
            forms[type(e).__name__] = forms.get(type(e).__name__, 0) + 1
        return strict

    monkeypatch.setattr(elaborate, "stages_of", both)
    for path in spec_files()[:: 1 if TIMES >= 10 else 5]:
        specs = Specs()
        compiler = Compiler(specs)
        program = compiler.program(specs.file(path), Diagnostics())
        for name, named in program.models.items():
            if not (isinstance(named, Definition) and named.is_family):
                instantiate(
                    evaluation(), named, {}, ast.Identifier(program.entry.spans[name], name), Environment(program.entry)
                )
    assert min(forms.get(form, 0) for form in ("Configured", "Table", "ListExpression", "Derived")) > 0, forms
