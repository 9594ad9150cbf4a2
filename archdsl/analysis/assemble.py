"""A resolved model to its network: stem, stages and head, each block put behind the one before it.

What puts a block there is a function that is handed in: it places the block's operations in a network, or, for
`solve`, adds up what such a block costs. Faults are raised as `Fault`; what depends on one that is reported is
`AlreadyReported`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

from archdsl import limits
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.features import Dilation, features_of
from archdsl.analysis.fields import DIMENSIONS
from archdsl.analysis.model import Model, Rule, Stage
from archdsl.analysis.names import plural, setting_names
from archdsl.analysis.outputs import applied_within, held, only, picked, replaced, takes_own
from archdsl.analysis.program import Definition, Module, Primitive
from archdsl.analysis.settings import At, at, block_settings, end_value, indices
from archdsl.analysis.trace import rule_fault, show_value
from archdsl.analysis.traces import Traced
from archdsl.analysis.tracing import Alike, trace
from archdsl.analysis.values import (
    Block,
    Environment,
    Indices,
    Output,
    Sequence,
    Setting,
    Tensor,
    Value,
    tensors_of,
)
from archdsl.diagnostics import Diagnostic, Fault, Label
from archdsl.graph.faults import RuleError
from archdsl.graph.network import INPUT, Composer, Network
from archdsl.graph.network import Value as Within
from archdsl.graph.shapes import Shape, Size
from archdsl.records import dataclass
from archdsl.source import Span
from archdsl.syntax import ast


class Place(Protocol):
    """Puts the stem, the head, what enters a stage, or one of its blocks at a module path; its output or outputs."""

    def __call__(
        self,
        block: Block | Sequence,
        inputs: tuple[Tensor, ...],
        path: str,
        site: ast.Node,
        env: Environment,
        *,
        fitted: bool,
    ) -> Value: ...


Ends: TypeAlias = "dict[str, Value]"
"""What the parts of a model give, by their paths: each a tensor, or several."""


class Symbols(Protocol):
    """Which numbers of a network carry closed forms: see `closed_forms`."""

    def input(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """The input's shape."""
        ...

    def settings(
        self, ctx: Context, index: int, position: int, stage: Stage, settings: Mapping[str, Setting]
    ) -> dict[str, Setting]:
        """The settings of a block after `fit`, by the indices of its stage and within it."""
        ...


def network_of(ctx: Context, model: Model, symbols: Symbols | None = None) -> Network:
    """The graph of a model. Raises `Fault` or `AlreadyReported`.

    `symbols` asks for dimensions with formulas in them; then the numbers are those of the network as it is, after
    every `fit`.
    """
    shape = tuple(model.shape) if symbols is None else symbols.input(tuple(model.shape))
    composer = Composer(shape, limits.MAX_NODES)
    wanted = model.output_stride
    dilation = Dilation(ctx, model, composer, wanted) if wanted is not None else None
    # A dilated block is traced where it stands, because what is said of it names the place in the text.
    with_symbols = symbols is not None and dilation is None
    place = _Places(ctx, composer, anew=dilation is not None, alike={} if with_symbols else None)
    assembly = Assembly(ctx, model, place, dilation, symbols)
    ends = assembly.body(Tensor(INPUT, shape))
    features = features_of(model, ends, composer)
    outputs = assembly.head(ends, [Tensor(f.value, composer.shape(f.value)) for f in features])
    if dilation is not None and symbols is None:
        _verify_dilation(ctx, model, dilation)
    names = tuple([name for name, _ in model.outputs.places]) if model.outputs is not None else ()
    return composer.finish(model.name, [t.place for t in outputs], features, names)


def _verify_dilation(ctx: Context, model: Model, dilation: Dilation) -> None:
    """Compare windows with those of the network without an output stride, if there is such a network."""
    try:
        plain = network_of(ctx, replace(model, output_stride=None))
    except (Fault, AlreadyReported):
        return  # a smaller map may be too small for a window: there is nothing to compare with
    dilation.verify_against(plain)


def network_at(ctx: Context, model: Model, network: Network, at: Shape | None) -> Network:
    """The network of a model at another input, C x H x W; for none, the network itself."""
    if at is None or at == network.input:
        return network
    return network_of(ctx, replace(model, input=replace(model.input, value=Size(at))))


def place_in(ctx: Context, composer: Composer) -> Place:
    """What puts blocks into a network."""
    return _Places(ctx, composer, anew=False, alike=None)


class _Places:
    """Puts one block behind the other into a network: each is traced once, and placed as often as it stands there."""

    def __init__(self, ctx: Context, composer: Composer, *, anew: bool, alike: Alike | None) -> None:
        self._ctx, self._composer, self._anew, self._alike = ctx, composer, anew, alike
        self._last: tuple[Block | Sequence, tuple[Shape, ...], Traced] | None = None

    def __call__(
        self,
        block: Block | Sequence,
        inputs: tuple[Tensor, ...],
        path: str,
        site: ast.Node,
        env: Environment,
        *,
        fitted: bool,
    ) -> Value:
        flowing, tensors = len(inputs), held(block)
        if tensors:  # within the block they are inputs, behind those that flow into it
            own = {t.place: Tensor(Within(-1 - i), t.shape) for i, t in enumerate(tensors, flowing)}
            block = replaced(block, lambda tensor: (own[tensor.place],))
            inputs = (*inputs, *tensors)
        shapes = tuple([tensor.shape for tensor in inputs])
        last = self._last
        if last is not None and last[0] is block and last[1] == shapes:
            traced = last[2]
            self._ctx.spend(traced.steps, site, env)
        else:
            traced = trace(
                self._ctx,
                block,
                shapes,
                path,
                site,
                env,
                fitted=fitted,
                anew=self._anew,
                flowing=flowing,
                alike=self._alike,
            )
            self._last = block, shapes, traced
        try:
            places = self._composer.place(traced.subgraph, path, [tensor.place for tensor in inputs])
        except RuleError as error:
            raise rule_fault(error, site, env, {}, path) from None
        made = tuple([Tensor(*found) for found in zip(places, traced.subgraph.shapes, strict=True)])
        return made if traced.lists else made[0]


@dataclass(frozen=True)
class Assembly:
    """How the blocks of a model come one behind the other: `place` puts them, `at` says what rules give them."""

    ctx: Context
    model: Model
    place: Place
    dilation: Dilation | None = None
    symbols: Symbols | None = None
    at: At = at

    def body(self, value: Tensor) -> Ends:
        """Put stem and stages behind the input. What the stem and each stage give, by their paths, and the input."""
        model = self.model
        total = model.depth
        if total > limits.MAX_BLOCKS:
            raise _model_fault("E394", f"the network has {total:,} blocks; at most {limits.MAX_BLOCKS:,}", model)
        ends: Ends = {"input": value}
        before: Value = value
        if model.stem is not None:
            before = ends["stem"] = self.end(model.stem, before, "stem", ends)
            if self.dilation is not None:
                self.dilation.verify_end("stem", before)
        first = 0
        for index, stage in enumerate(model.stages):
            path = f"stages.{index}"
            with _following(self.ctx, model, "stem" if index == 0 else ""):
                before = ends[path] = self.stage(index, first, before, ends)
            if self.dilation is not None:
                self.dilation.verify_end(path, before)
            first += stage.length
        return ends

    def head(self, ends: Ends, features: Iterable[Tensor] = ()) -> tuple[Tensor, ...]:
        """Put the head behind the body. The outputs of the network."""
        model = self.model
        body = ends[f"stages.{len(model.stages) - 1}"]
        if model.head is None:
            given = tensors_of(body) or ()
        else:
            with _following(self.ctx, model, "head"):
                value = self.end(model.head, body, "head", {**ends, "features": tuple(features)})
            given = tensors_of(value) or ()
            ends = {**ends, "head": value}
        if model.outputs is None:
            return given
        span = model.outputs.span
        return tuple([self._output(place, ends, span, name) for name, place in model.outputs.places])

    def _output(self, place: Output, ends: Ends, span: Span, name: str) -> Tensor:
        """The one tensor that the network gives under a name."""
        return only("the output", name, place, self._named(place, ends, span, f"the output `{name}`"), span)

    def end(self, block: Block | Sequence, value: Value, path: str, ends: Ends) -> Value:
        origin = self.model.input.origin
        if origin is None:
            raise AlreadyReported
        site = ast.Identifier(_span_of(block) or self.model.span, path)
        block, inputs = self._ready(block, value, path, site, ends)
        return self.place(block, inputs, path, site, origin.environment, fitted=False)

    def _ready(
        self, block: Block | Sequence, value: Value, path: str, site: ast.Node, ends: Ends
    ) -> tuple[Any, tuple[Tensor, ...]]:
        """A block with tensors in the place of the outputs that it names, and what else flows into it."""
        flowing = () if takes_own(block) else tensors_of(value) or ()
        named = held(block)
        if self.dilation is not None and path != "head":
            self.dilation.verify_single(path, len(flowing), [output.text for output in named])
        if len(flowing) > 1:
            _verify_inputs(block, flowing, path, site)
        if not named:
            return block, flowing
        applied = applied_within(block)
        if applied is not None:
            message = (
                f"`{show_value(applied)}` stands in a setting of {path}: a model's fields apply one block, to outputs"
            )
            help_ = f"declare a block that takes {applied.inputs[0].text} and applies `{applied.name}` to it"
            raise Fault(Diagnostic("E204", message, applied.span or site.span, help=help_))
        found = {output: self._named(output, ends, _span_of(block) or site.span, path) for output in named}
        return replaced(block, found.__getitem__), flowing

    def _named(self, output: Output, ends: Ends, span: Span, path: str) -> tuple[Tensor, ...]:
        """The tensors of an output that is there. Raises E311 and E317."""
        model, place = self.model, output.place
        kind, _, number = place.partition(".")
        if place == "stages":
            found = tensors_of(tuple([end for at, end in ends.items() if at.startswith("stages.")]))
        else:
            found = tensors_of(ends.get(place))
        if found is None:
            code, help_ = "E317", None
            if kind == "stages" and number and int(number) >= len(model.stages):
                code, message = "E311", f"the model has {plural(len(model.stages), 'stage')}, counted from 0"
                message += f"; there is no {output.text}"
            elif kind == "features" and model.features is not None:
                message = f"{path} takes the model's features, which are known behind its stages"
                help_ = "name the stage: `stages[…]`"
            elif kind in ("stem", "head", "features"):
                message = f"{path} takes {output.text}, and the model has no {kind}"
            else:
                message = f"{path} takes {output.text}, which does not stand in front of it"
            raise Fault(Diagnostic(code, message, span, help=help_))
        return picked(output, found, span)

    def stage(self, index: int, first: int, before: Value, ends: Ends) -> Value:
        """Put one stage; its output. `first` is the index of its first block among all."""
        model, dilation, symbols = self.model, self.dilation, self.symbols
        stage = model.stages[index]
        site = ast.Identifier(stage.span, f"stages.{index}")
        env = Environment(stage_module(stage, model))
        path = f"stages.{index}"
        value: Value = before
        if stage.enter is not None:
            settings = self._settings(stage, indices(model, index, first, 0), site)
            entering = _entering(stage, settings.get("width"))
            if dilation is not None:
                dilation.begin()
            ready, inputs = self._ready(entering, before, f"{path}.enter", site, ends)
            value = self.place(ready, inputs, f"{path}.enter", site, env, fitted=False)
            if dilation is not None:
                dilation.enter(f"{path}.enter")
        names = setting_names(stage.block.of)
        per_block = any(isinstance(a, Rule) for a in stage.settings.values())
        fixed: Mapping[str, Setting] | None = None
        block = stage.block
        alike = not (per_block or stage.overrides or dilation is not None or symbols is not None)
        for position in range(stage.length):
            if alike and position > 1:  # as the second one
                value = self.place(block, tensors_of(value) or (), f"{path}.blocks.{position}", site, env, fitted=True)
                continue
            if fixed is None or per_block:
                fixed = self._settings(stage, indices(model, index, first, position), site)
                if symbols is not None:
                    fixed = symbols.settings(self.ctx, index, position, stage, fixed)
            settings = dict(fixed)
            if "stride" in names and position > 0 and not isinstance(stage.settings.get("stride"), Rule):
                stride = settings.get("stride")
                settings["stride"] = Setting(1, stride.origin if stride is not None else None)
            override = stage.overrides.get(position, {})
            settings.update(override)
            place = f"{path}.blocks.{position}"
            if dilation is not None:
                settings = dilation.block(stage, place, settings, override, value)
                dilation.begin()
            block = Block(stage.block.of, settings, stage.block.span, () if position else stage.block.inputs)
            block, inputs = self._ready(block, value, place, site, ends)
            value = self.place(block, inputs, place, site, env, fitted=True)
            if dilation is not None:
                dilation.verify_windows(place, asked="dilation" in names)
        return value

    def _settings(self, stage: Stage, where: Mapping[str, Indices], site: ast.Node) -> dict[str, Setting]:
        return block_settings(self.ctx, stage, where, site, self.at)


@contextmanager
def _following(ctx: Context, model: Model, end: str) -> Iterator[None]:
    """Where shapes stop to fit after a scaling: say what of the stem or head could follow it."""
    try:
        yield
    except Fault as found:
        block = getattr(model, end) if end else None
        told = found.diagnostic
        help_ = _to_follow(ctx, model, end, block) if isinstance(block, Block) else None
        of_input = told.code == "E304" and "input channels" in told.message
        if help_ is None or not (told.code.startswith("E4") or of_input):
            raise
        place = (Label(block.span, f"the {end}"),) if isinstance(block, Block) and block.span is not None else ()
        raise Fault(replace(told, labels=(*told.labels, *place), help=help_)) from None


def _to_follow(ctx: Context, model: Model, end: str, block: Block) -> str | None:
    """The line of `follow` that is missing: for a setting that equals a number from before the scaling."""
    bases: dict[str, set[Any]] = {}
    for change in model.changes:
        part, _, dimension = change.path.rpartition(".")
        changed = change.base != change.rounded
        if part.startswith("stages.") and dimension in DIMENSIONS[:3] and changed:
            bases.setdefault(dimension, set()).add(change.base)
    if not bases:
        return None
    given = {name: end_value(ctx, block, name) for name in setting_names(block.of)}
    still = {n: s.value for n, s in given.items() if s is not None and f"{end}.{n}" not in model.follow}
    pairs = [(name, dim) for dim, before in bases.items() for name, value in still.items() if value in before]
    pairs.sort(key=lambda pair: pair[0] != pair[1])
    name, dimension = pairs[0] if pairs else ("…", next(iter(bases)))
    line = f"`follow {{ {end}.{name}: {dimension} }}`"
    return f"`{model.changes[-1].scaling}` leaves the {end} as it is; what of it is to change too stands in {line}"


def _entering(stage: Stage, width: Setting | None) -> Block | Sequence:
    """The block before a stage takes the width of the stage's first block, where none is given to it."""
    block = stage.enter
    if isinstance(block, Sequence):
        _verify_widths(block, width)
    if not isinstance(block, Block) or "width" in block.settings or width is None:
        return block if block is not None else Sequence(())
    names = setting_names(block.of)
    return replace(block, settings={**block.settings, "width": width}) if "width" in names else block


def _verify_widths(sequence: Sequence, width: Setting | None) -> None:
    """Which of several blocks the stage's width is meant for is not guessed."""
    for _, step in sequence.steps:
        if isinstance(step, Sequence):
            _verify_widths(step, width)
        elif "width" in _required_names(step.of) and "width" not in step.settings and step.span is not None:
            message = f"`{step.name}` needs `width`: a single block in `enter` takes the stage's, a sequence none"
            written = show_value(width.value) if width is not None else "…"
            raise Fault(Diagnostic("E306", message, step.span, help=f"give it: `{step.name}(width: {written}, …)`"))


def _required_names(of: Definition | Primitive) -> tuple[str, ...]:
    """The settings of a block that have no default."""
    if isinstance(of, Primitive):
        return tuple(a.name for a in of.operation.attributes if a.required)
    return tuple(p.name.text for p in of.parameters if p.default is None)


def stage_module(stage: Stage, model: Model) -> Module:
    """The module in whose text a stage stands."""
    for attribute in stage.settings.values():
        origin = attribute.origin
        if origin is not None:
            return origin.environment.module
    origin = model.input.origin
    if origin is None:
        raise AlreadyReported
    return origin.environment.module


def _span_of(block: Block | Sequence) -> Span | None:
    """Where a block, or the first of several, was configured."""
    if isinstance(block, Sequence):
        return _span_of(block.steps[0][1]) if block.steps else None
    return block.span


def _verify_inputs(block: Block | Sequence, flowing: tuple[Tensor, ...], path: str, site: ast.Node) -> None:
    """E211 where several maps flow into a block that takes another number of them."""
    if not isinstance(block, Block) or not isinstance(block.of, Definition):
        return
    of = block.of
    wanted = len(of.inputs) - of.variadic
    if len(flowing) + len(block.inputs) == wanted or (of.variadic and len(flowing) + len(block.inputs) >= wanted):
        return
    what = plural(wanted, "input")
    message = f"`{of.name}` takes {what}, and what stands before {path} gives {len(flowing)} maps"
    help_ = f"name those that it takes, as `{of.name}(stages[…][0])`, or declare `block {of.name}(xs...; …)`"
    raise Fault(Diagnostic("E211", message, block.span or site.span, help=help_))


def _model_fault(code: str, message: str, model: Model) -> Fault:
    return Fault(Diagnostic(code, message, model.span))
