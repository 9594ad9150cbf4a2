"""Models to networks: a declaration with its arguments to a `Model`, and a `Model` to its graph.

A `Model` is the resolved stage list, on which `with` and scalings work; the network is built from it
once, at the end: stem, stages, head. Faults of separate fields are collected side by side; what cannot
be built for them stays silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeAlias

from archdsl import limits
from archdsl.analysis import fields as model_fields
from archdsl.analysis import recipes
from archdsl.analysis.build import Evaluator
from archdsl.analysis.derive import derive_model, end_value
from archdsl.analysis.evaluate import Silent
from archdsl.analysis.features import Dilation, features_of
from archdsl.analysis.model import Attribute, Claim, Made, Model, Rule, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.program import Definition, Instance, Primitive
from archdsl.analysis.scale import base_of, scale
from archdsl.analysis.stages import stages_of
from archdsl.analysis.trace import fault, show_value
from archdsl.analysis.values import (
    UNKNOWN,
    Block,
    Environment,
    Indices,
    Origin,
    Scaling,
    Sequence,
    Setting,
    Tensor,
    Value,
    kind_of,
    single,
)
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault, Label
from archdsl.graph.network import INPUT, Builder, Network
from archdsl.records import dataclass
from archdsl.source import Span
from archdsl.syntax import ast

Progress: TypeAlias = Callable[[int], None]
"""Is told how many factors `solve` has tried."""


class Elaborator(Evaluator):
    """Evaluates models, and builds their networks."""

    def __init__(self, diagnostics: Diagnostics, progress: Progress | None = None) -> None:
        super().__init__()
        self.diagnostics = diagnostics
        self.progress = progress
        self._last: _Placed | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy has the diagnostics, and tells no one of its progress: between two models nothing else is kept."""
        return Elaborator, (self.diagnostics,)

    def report(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.add(diagnostic)
        if self.diagnostics.full:
            raise Silent

    # Declarations to models

    def instantiate(
        self, named: Definition | Instance, arguments: Mapping[str, Setting], e: ast.Node, env: Environment
    ) -> Model:
        if isinstance(named, Instance):
            return self._instance(named)
        self._enter(named, e, env)
        try:
            inner = self.environment_of(named, arguments, e, env)
            parameters = {n: Setting(inner.names[n], inner.origins.get(n)) for n in named.parameter_names}
            if named.declaration.value is not None:
                model = self._alias(named, named.declaration.value, inner)
                if not parameters:
                    return model
                of_inside = model.made.parameters if model.made is not None else {}
                made = Made(named, dict(arguments), {**of_inside, **parameters}, inside=model.made)
                return replace(model, made=made)
            return replace(self._model(named, inner), made=Made(named, dict(arguments), parameters))
        finally:
            self.nesting -= named.depth

    def recipe(
        self, named: Definition, arguments: Mapping[str, Setting], e: ast.Node, env: Environment
    ) -> recipes.Written:
        """A recipe: its body, or the one that it is another name for."""
        self._enter(named, e, env)
        try:
            inner = self.environment_of(named, arguments, e, env)
            value = named.declaration.value
            if value is None:
                return recipes.recipe_of(self, named, inner)
            found = self.evaluate(value, inner)
            if not isinstance(found, recipes.Written):
                raise fault("E212", f"the recipe `{named.name}` must be a recipe, not {kind_of(found)}", value, inner)
            doc = named.declaration.doc or found.doc
            return replace(found, name=named.name, span=named.declaration.name.span, doc=doc)
        finally:
            self.nesting -= named.depth

    def _instance(self, instance: Instance) -> Model:
        """A row of `models`: cells are arguments, or claims and sources in columns like `expect.flops`."""
        columns = {column.name for column in instance.header.cells if isinstance(column, ast.Reference)}
        needed = [p.name.text for p in instance.model.parameters if p.default is None] if instance.model else []
        if instance.model is None or not columns.issuperset(needed):
            raise Silent
        env = Environment(instance.module)
        arguments: dict[str, Setting] = {}
        sections: dict[str, list[tuple[str, ast.Expression]]] = {}
        for column, cell in zip(instance.header.cells, instance.row.cells, strict=True):
            if isinstance(cell, ast.Absent):
                continue
            if isinstance(column, ast.Reference) and column.name != "name":
                arguments[column.name] = Setting(self.evaluate(cell, env), Origin(cell, env))
            elif isinstance(column, ast.Attribute) and isinstance(column.value, ast.Reference):
                section, name = column.value.name, column.name.text
                if name in model_fields.COLUMN_SECTIONS.get(section, ()):  # else the resolver reported it
                    sections.setdefault(section, []).append((name, cell))
        model = self.instantiate(instance.model, arguments, instance.row, env)
        claims = model.claims + self._row_claims(sections.get("expect", []), env)
        provenance = dict(model.provenance)
        for name, cell in sections.get("source", []):
            setting = model_fields.checked_value(self, name, cell, model_fields.SOURCE[name], env)
            if setting is not None:
                provenance[name] = setting
        return replace(model, name=instance.name, span=instance.span, claims=claims, provenance=provenance)

    def _row_claims(self, cells: list[tuple[str, ast.Expression]], env: Environment) -> tuple[Claim, ...]:
        options = model_fields.claim_options(self, {n: c for n, c in cells if n not in model_fields.MEASURES}, env)
        claims = [
            model_fields.claim_of(self, name, cell, options) for name, cell in cells if name in model_fields.MEASURES
        ]
        return tuple(c for c in claims if c is not None)

    def _alias(self, named: Definition, e: ast.Expression, env: Environment) -> Model:
        value = self.evaluate(e, env)
        if not isinstance(value, Model):
            raise fault("E212", f"the model `{named.name}` must be a model, not {kind_of(value)}", e, env)
        doc = named.declaration.doc or value.doc
        return replace(value, name=named.name, span=named.declaration.name.span, doc=doc)

    def _model(self, named: Definition, env: Environment) -> Model:
        """The body of a model: its fields in any order, each evaluated for itself."""
        body = named.declaration.body
        entries = body.entries if body is not None else ()
        values: dict[str, Any] = {}
        failed = False
        claims: list[Claim] = []
        late: dict[str, ast.Body] = {}
        for entry in entries:
            try:
                match entry:
                    case ast.Binding():
                        self._bind_local(entry, env)
                    case ast.Require():
                        self.require(entry, env)
                    case ast.Field(path=path, value=value):
                        values[path.text] = self._field(path.text, value, env)
                    case ast.Section(path=path, body=section) if path.text == "expect":
                        claims.extend(model_fields.claims_of(self, section, env))
                    case ast.Section(path=path, body=section) if path.text in ("features", "follow"):
                        late[path.text] = section  # they name places in the others
                    case ast.Section(path=path, body=section):
                        values[path.text] = self.section(path.text, section, env)
                    case _:
                        pass  # the resolver reported it
            except Fault as found:
                self.report(found.diagnostic)
                failed = True
            except Silent:
                failed = True
        if failed or "input" not in values or "stages" not in values:
            raise Silent
        if "features" in late:
            values["features"] = model_fields.features_section(self, late["features"], len(values["stages"]))
        if "follow" in late:
            ends = {end: values.get(end) for end in ("stem", "head")}
            values["follow"] = model_fields.follow_section(self, late["follow"], ends)
        return Model(
            name=named.name,
            span=named.declaration.name.span,
            doc=named.declaration.doc,
            input=values["input"],
            stem=values.get("stem"),
            stages=values["stages"],
            head=values.get("head"),
            follow=values.get("follow", {}),
            features=values.get("features"),
            output_stride=values.get("output_stride"),
            recipe=values.get("recipe"),
            preprocess=values.get("preprocess", {}),
            init=values.get("init", {}),
            provenance=values.get("source", {}),
            claims=tuple(claims),
        )

    def _bind_local(self, entry: ast.Binding, env: Environment) -> None:
        try:
            self.bind_names(entry, env)
        except (Fault, Silent):
            for name in entry.names:
                env.bind(name.text, UNKNOWN)
            raise

    def _field(self, name: str, e: ast.Expression, env: Environment) -> Any:
        if name == "input":
            return model_fields.input_size(self, e, env)
        if name in ("stem", "head"):
            return self.end_block(name, e, env)
        if name == "stages":
            return stages_of(self, e, env)
        if name == "features":
            return model_fields.features_value(self, e, env)
        if name == "output_stride":
            return self.stride_setting(e, env)
        if name == "recipe":
            return self.recipe_setting(e, env)
        raise Silent  # the resolver reported it

    def end_block(self, name: str, e: ast.Expression, env: Environment) -> Block | Sequence | None:
        """The stem or head: a block, blocks with arrows between, or none."""
        value = self.evaluate(e, env)
        if value is None or isinstance(value, Block | Sequence):
            return value
        raise fault("E212", f"`{name}` is a block, not {kind_of(value)}", e, env)

    def stride_setting(self, e: ast.Expression, env: Environment) -> Setting:
        """`output_stride`: a whole number of at least 1."""
        value = self.evaluate(e, env)
        if not model_fields.whole(value):
            raise fault("E301", f"`output_stride` is a whole number, not {show_value(value)}", e, env)
        if value < 1:
            raise fault("E302", f"`output_stride` is at least 1, not {show_value(value)}", e, env)
        return Setting(value, Origin(e, env))

    def recipe_setting(self, e: ast.Expression, env: Environment) -> recipes.Written | None:
        """`recipe` of a model: the one that it is trained by if no other is asked for."""
        value = self.evaluate(e, env)
        if value is None or isinstance(value, recipes.Written):
            return value
        raise fault("E212", f"`recipe` is a recipe, not {kind_of(value)}", e, env)

    def section(self, name: str, body: ast.Body, env: Environment) -> Any:
        """A section of a model other than its claims, and those that name places in it."""
        if name == "preprocess":
            return model_fields.checked_section(self, body, "`preprocess`", model_fields.PREPROCESS, env)
        if name == "source":
            return model_fields.checked_section(self, body, "`source`", model_fields.SOURCE, env)
        if name == "init":
            return model_fields.init_section(self, body, env)
        raise Silent  # the resolver reported it

    # Arrows and `with` on models

    def transform(self, value: Value, step: ast.Expression, env: Environment) -> Value:
        if not isinstance(value, Model):
            return super().transform(value, step, env)
        scaling = self.evaluate(step, env)
        if not isinstance(scaling, Scaling):
            raise fault("E212", f"an arrow leads a model into a scaling, not into {kind_of(scaling)}", step, env)
        if scaling.of.declaration.value is not None:
            scaling = self.call_scaling(scaling.of, scaling.arguments, step, env)
        if scaling.unknown is None:
            return scale(self, base_of(self, value), scaling, step, env)
        from archdsl.analysis.solve import solve  # it measures with an elaborator of its own

        return solve(self, value, scaling, step, env)

    def scaling(self, definition: Definition, e: ast.Node, env: Environment) -> Scaling:
        """A scaling by its name; `scaling wide = w` is another name for `w`, which is then still to be called."""
        if definition.declaration.value is None or definition.parameters:
            return Scaling(definition, {}, call=e)
        return self.call_scaling(definition, {}, e, env)

    def call_scaling(
        self, definition: Definition, arguments: Mapping[str, Setting], e: ast.Node, env: Environment
    ) -> Scaling:
        """A scaling with arguments; of an alias, the scaling behind it."""
        if definition.declaration.value is None:
            return Scaling(definition, dict(arguments), call=e)
        self._enter(definition, e, env)
        try:
            inner = self.environment_of(definition, arguments, e, env)
            value = self.evaluate(definition.declaration.value, inner)
        finally:
            self.nesting -= definition.depth
        if not isinstance(value, Scaling):
            place = definition.declaration.value
            raise fault(
                "E212", f"the scaling `{definition.name}` must be a scaling, not {kind_of(value)}", place, inner
            )
        return replace(value, call=e, alias=definition.name)

    def derive(self, value: Value, e: ast.Derived, env: Environment) -> Value:
        if isinstance(value, Model):
            changed = derive_model(self, value, e.body, env)
            return value.changed_to(changed, partial(derive_model, body=e.body, env=env))
        if isinstance(value, recipes.Written):
            return recipes.changed(self, value, e.body.entries, env)
        if isinstance(value, Scaling):
            return replace(value, changes=(*value.changes, (e.body, env)))
        return super().derive(value, e, env)

    # Models to networks

    def network(self, model: Model, formula: FormulaNames | None = None) -> Network:
        """Build the graph. Raises `Fault` or `Silent`.

        `formula` asks for dimensions with formulas in them; then the numbers are those of the network as
        it is, after every `fit`.
        """
        total = model.depth
        if total > limits.MAX_BLOCKS:
            raise _model_fault("E394", f"the network has {total:,} blocks; at most {limits.MAX_BLOCKS:,}", model)
        shape = tuple(model.input.value)
        if formula is not None:
            shape = formula.input(shape)
        builder = Builder(shape, limits.MAX_NODES)
        self.builder, self.symbolic = builder, formula is not None
        env = model.input.origin.environment if model.input.origin is not None else None
        if env is None:
            raise Silent
        try:
            return self._assemble(model, builder, formula, env)
        finally:
            self.builder, self.symbolic = None, False

    def _assemble(self, model: Model, builder: Builder, formula: FormulaNames | None, env: Environment) -> Network:
        value: Value = Tensor(INPUT, builder.shape(INPUT))
        ends: list[tuple[str, Tensor]] = []
        if model.stem is not None:
            value = self._one(self._end(model.stem, value, "stem", model, env), "stem", model)
            ends.append(("stem", value))
        wanted = model.output_stride
        dilation = Dilation(self, model, builder, wanted) if wanted is not None else None
        if dilation is not None and ends:
            dilation.verify_end(*ends[0])
        first_block = 0
        for index, stage in enumerate(model.stages):
            with self._following(model, "stem" if index == 0 else ""):
                value = self._stage(model, builder, index, first_block, dilation, value, formula)
            value = self._one(value, f"stages.{index}", model)
            ends.append((f"stages.{index}", value))
            if dilation is not None:
                dilation.verify_end(*ends[-1])
            first_block += stage.depth.value
        features = features_of(model, ends, builder)
        if model.head is not None:
            with self._following(model, "head"):
                value = self._end(model.head, value, "head", model, env)
        outputs = value if isinstance(value, tuple) else (value,)
        return builder.finish(model.name, [t.place for t in outputs], features)

    @contextmanager
    def _following(self, model: Model, end: str) -> Iterator[None]:
        """Where shapes stop to fit after a scaling: say what of the stem or head could follow it."""
        try:
            yield
        except Fault as found:
            block = getattr(model, end) if end else None
            told = found.diagnostic
            help_ = self._to_follow(model, end, block) if isinstance(block, Block) else None
            if help_ is None or not told.code.startswith("E4"):
                raise
            place = (Label(block.span, f"the {end}"),) if isinstance(block, Block) and block.span is not None else ()
            raise Fault(replace(told, labels=(*told.labels, *place), help=help_)) from None

    def _to_follow(self, model: Model, end: str, block: Block) -> str | None:
        """The line of `follow` that is missing: for a setting that equals a number from before the scaling."""
        bases: dict[str, set[Any]] = {}
        for change in model.changes:
            part, _, dimension = change.path.rpartition(".")
            if part.startswith("stages.") and dimension in model_fields.DIMENSIONS[:3]:
                bases.setdefault(dimension, set()).add(change.base)
        if not bases:
            return None
        given = {name: end_value(self, block, name) for name in setting_names(block.of)}
        still = {n: s.value for n, s in given.items() if s is not None and f"{end}.{n}" not in model.follow}
        pairs = [(name, dim) for dim, before in bases.items() for name, value in still.items() if value in before]
        name, dimension = pairs[0] if pairs else ("…", next(iter(bases)))
        line = f"`follow {{ {end}.{name}: {dimension} }}`"
        return f"`{model.changes[-1].scaling}` leaves the {end} as it is; what of it is to change too stands in {line}"

    def _end(self, block: Block | Sequence, value: Value, path: str, model: Model, env: Environment) -> Value:
        inputs = value if isinstance(value, tuple) else (value,)
        site = ast.Identifier(_span_of(block) or model.span, path)
        return self.place(block, inputs, path, site, env, fitted=False)

    def _one(self, value: Value, path: str, model: Model) -> Tensor:
        value = single(value)
        if isinstance(value, Tensor):
            return value
        raise _model_fault("E211", f"{path} has {len(value)} outputs; what follows takes one", model)

    def _stage(
        self,
        model: Model,
        builder: Builder,
        index: int,
        first_block: int,
        dilation: Dilation | None,
        value: Value,
        formula: FormulaNames | None,
    ) -> Value:
        """Build one stage; returns its output."""
        stage = model.stages[index]
        site = ast.Identifier(stage.span, f"stages.{index}")
        env = Environment(stage_module(stage, model))
        path = f"stages.{index}"
        if stage.enter is not None:
            settings = self.block_settings(stage, self.indices(model, index, first_block, 0), site)
            entering = self._entering(stage, settings.get("width"))
            start = len(builder.nodes)
            value = self.place(entering, (value,), f"{path}.enter", site, env, fitted=False)
            if dilation is not None:
                dilation.enter(f"{path}.enter", start)
        depth = int(stage.depth.value)
        strided = "stride" in self.stage_names(stage)
        per_block = any(isinstance(a, Rule) for a in stage.settings.values())
        fixed: Mapping[str, Setting] | None = None
        for position in range(depth):
            if fixed is None or per_block:
                indices = self.indices(model, index, first_block, position)
                fixed = self.block_settings(stage, indices, site)
                if formula is not None:
                    fixed = formula.settings(self, index, position, stage, fixed)
            settings = dict(fixed)
            if strided and position > 0 and not isinstance(stage.settings.get("stride"), Rule):
                stride = settings.get("stride")
                settings["stride"] = Setting(1, stride.origin if stride is not None else None)
            override = stage.overrides.get(position, {})
            settings.update(override)
            place = f"{path}.blocks.{position}"
            if dilation is not None:
                settings = dilation.block(stage, place, settings, override, value)
            block = Block(stage.block.of, settings)
            inputs = value if isinstance(value, tuple) else (value,)
            start = len(builder.nodes)
            value = self.place(block, inputs, place, site, env, fitted=True)
            if dilation is not None:
                dilation.verify_windows(place, start, asked="dilation" in self.stage_names(stage))
        return value

    def place(
        self,
        block: Block | Sequence,
        inputs: tuple[Tensor, ...],
        path: str,
        site: ast.Node,
        env: Environment,
        *,
        fitted: bool,
    ) -> Value:
        """Build stem, head or one block of a stage; `solve` measures here instead.

        A block like the one before, on an input of the same shape, is not evaluated: its operations are the same.
        """
        builder, last = self.builder, self._last
        self._last = None
        if builder is None or not isinstance(block, Block) or self.symbolic or self.ties is not None:
            return self.build(block, inputs, path, site, env, fitted=fitted)
        first, before = len(builder.nodes), self.steps
        shapes = tuple([tensor.shape for tensor in inputs])
        kinds = [type(setting.value) for setting in block.settings.values()]
        value: Value = None
        if last is not None and last.made == (builder, first, fitted, shapes, kinds) and last.block == block:
            places = builder.again(last.first, last.path, [tensor.place for tensor in inputs], path)
            if places is not None:
                tensors = tuple([Tensor(place, builder.shape(place)) for place in places])
                value = tensors if isinstance(last.value, tuple) else tensors[0]
                self.spend(last.steps, site, env)
        if value is None:
            value = self.build(block, inputs, path, site, env, fitted=fitted)
        made = builder, len(builder.nodes), fitted, shapes, kinds
        self._last = _Placed(block, made, path, first, self.steps - before, value)
        return value

    def stage_names(self, stage: Stage) -> tuple[str, ...]:
        """The settings that a stage's block has."""
        of = stage.block.of
        return tuple(a.name for a in of.operation.attributes) if isinstance(of, Primitive) else of.parameter_names

    def _entering(self, stage: Stage, width: Setting | None) -> Block | Sequence:
        """The block before a stage takes the width of the stage's first block, where none is given to it."""
        block = stage.enter
        if isinstance(block, Sequence):
            self._verify_widths(block, width)
        if not isinstance(block, Block) or "width" in block.settings or width is None:
            return block if block is not None else Sequence(())
        names = self.stage_names(replace(stage, block=block))
        return Block(block.of, {**block.settings, "width": width}) if "width" in names else block

    def _verify_widths(self, sequence: Sequence, width: Setting | None) -> None:
        """Which of several blocks the stage's width is meant for is not guessed."""
        for _, step in sequence.steps:
            if isinstance(step, Sequence):
                self._verify_widths(step, width)
            elif "width" in required_names(step.of) and "width" not in step.settings and step.span is not None:
                message = f"`{step.name}` needs `width`: a single block in `enter` takes the stage's, a sequence none"
                written = show_value(width.value) if width is not None else "…"
                raise Fault(Diagnostic("E306", message, step.span, help=f"give it: `{step.name}(width: {written}, …)`"))

    @staticmethod
    def indices(model: Model, index: int, first_block: int, position: int) -> dict[str, Indices]:
        block = {"index": first_block + position, "count": model.depth, "in_stage": position}
        stage = {"index": index, "count": len(model.stages)}
        return {"block": Indices("block", block), "stage": Indices("stage", stage)}

    def block_settings(self, stage: Stage, indices: Mapping[str, Indices], site: ast.Node) -> dict[str, Setting]:
        """The settings of one block: attributes at its index, and what `fit` makes of them."""
        settings: dict[str, Setting] = {}
        for name, attribute in stage.settings.items():
            settings[name] = self.at(attribute, indices)
        of = stage.block.of
        if isinstance(of, Primitive) or not of.fit:
            return settings
        outer = Environment(of.module)
        inner = self.settle(of, settings, Environment(of.module), site, outer, fitted=False, only=of.free_parameters)
        for name in of.fitted:
            found = Setting(inner_value(inner, name), inner.origin(name), requested=_requested(inner, name))
            settings[name] = found
        return settings

    def at(self, attribute: Attribute, indices: Mapping[str, Indices]) -> Setting:
        """The value of an attribute for one block."""
        if isinstance(attribute, Setting):
            return attribute
        inner = Environment(attribute.environment.module, attribute.environment)
        for name, value in indices.items():
            inner.bind(name, value)
        value = self.evaluate(attribute.expression, inner)
        return self.scaled_by(attribute, Setting(value, Origin(attribute.expression, inner)))

    def scaled_by(self, rule: Rule, setting: Setting) -> Setting:
        """What a rule's scalings make of its value for one block."""
        for change in rule.changes:
            scaled = Environment(change.environment.module, change.environment)
            scaled.bind(change.name, setting.value, setting.origin)
            setting = Setting(self.evaluate(change.expression, scaled), Origin(change.expression, scaled))
        return setting

    def used_settings(self, model: Model) -> list[list[dict[str, Setting]]]:
        """For every stage, the settings of its blocks after `fit`, defaults that need no input filled in.

        One entry for a stage whose blocks agree, else one a block.
        """
        found = []
        first_block = 0
        for index, stage in enumerate(model.stages):
            site = ast.Identifier(stage.span, f"stages.{index}")
            depth = int(stage.depth.value)
            rules = any(isinstance(a, Rule) for a in stage.settings.values())
            blocks = []
            for position in range(depth if rules else 1):
                settings = self.block_settings(stage, self.indices(model, index, first_block, position), site)
                blocks.append(self._with_defaults(stage, settings, site))
            found.append(blocks)
            first_block += depth
        return found

    def _with_defaults(self, stage: Stage, settings: dict[str, Setting], site: ast.Node) -> dict[str, Setting]:
        of = stage.block.of
        if isinstance(of, Primitive):
            defaults = {a.name: Setting(a.default) for a in of.operation.attributes if not a.required}
            return {**defaults, **settings}
        outer = Environment(of.module)
        inner = self.settle(of, settings, Environment(of.module), site, outer, fitted=True, only=of.free_parameters)
        found = dict(settings)
        for name in of.parameter_names:
            if name not in found and name in inner.names:
                found[name] = Setting(inner.names[name], inner.origins.get(name))
        return {name: found[name] for name in of.parameter_names if name in found}


@dataclass(frozen=True, slots=True)
class _Placed:
    """A block that was placed: with what it was made, the first of its operations, its steps, and what it gave."""

    block: Block
    made: tuple[Any, ...]
    """The builder, the number of operations afterwards, whether `fit` was done, shapes of inputs, kinds of settings."""
    path: str
    first: int
    steps: int
    value: Value


class FormulaNames(Protocol):
    """Puts formulas into the dimensions of a network: which numbers become symbols. See `analysis.formula`."""

    def input(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """The input's shape."""
        ...

    def settings(
        self, ev: Elaborator, index: int, position: int, stage: Stage, settings: Mapping[str, Setting]
    ) -> dict[str, Setting]:
        """The settings of a block, by the indices of its stage and within it."""
        ...


def inner_value(env: Environment, name: str) -> Value:
    """The value of a name in an environment that is known to have it."""
    scope: Environment | None = env
    while scope is not None:
        if name in scope.names:
            return scope.names[name]
        scope = scope.parent
    raise Silent


def required_names(of: Definition | Primitive) -> tuple[str, ...]:
    """The settings of a block that have no default."""
    if isinstance(of, Primitive):
        return tuple(a.name for a in of.operation.attributes if a.required)
    return tuple(p.name.text for p in of.parameters if p.default is None)


def _requested(env: Environment, name: str) -> Setting | None:
    """What a setting was before `fit`: the value in the outermost environment."""
    scope = env
    while scope.parent is not None:
        scope = scope.parent
    return Setting(scope.names[name], scope.origins.get(name)) if name in scope.names else None


def stage_module(stage: Stage, model: Model) -> Any:
    """The module in whose text a stage stands."""
    for attribute in stage.settings.values():
        origin = attribute.origin
        if origin is not None:
            return origin.environment.module
    origin = model.input.origin
    if origin is None:
        raise Silent
    return origin.environment.module


def _span_of(block: Block | Sequence) -> Span | None:
    """Where a block, or the first of several, was configured."""
    if isinstance(block, Sequence):
        return _span_of(block.steps[0][1]) if block.steps else None
    return block.span


def _model_fault(code: str, message: str, model: Model) -> Fault:
    return Fault(Diagnostic(code, message, model.span))
