"""A setting of a space to its network: what is drawn, the model that is made of it, and whether it is a member.

This is the definition of what a setting means, by the ordinary compiler. Steps run in the order of the text, those
that ask for the model behind it. A setting is refused by the first requirement that does not hold, or by the fault
that leaves it without a network; what asks for a cost needs the network before it is evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from archdsl.analysis import settings
from archdsl.analysis.assemble import network_at, network_of
from archdsl.analysis.bodies import bind_names
from archdsl.analysis.check_space import MODEL
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.model import Model, Stage
from archdsl.analysis.program import walk
from archdsl.analysis.trace import fault
from archdsl.analysis.values import Environment, ManyLists, OldValues, Value, kind_of
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault
from archdsl.graph.conventions import DEFAULT
from archdsl.graph.cost import MEASURES, Cost, count
from archdsl.graph.network import Network
from archdsl.records import dataclass
from archdsl.spaces.space import Requirement, Space, Step
from archdsl.syntax import ast

STEPS = "E392"
"""The code of an evaluation that takes too many steps."""


@dataclass(frozen=True)
class Member:
    """A setting with what became of it. Without `refused` it is a member: it has a network."""

    space: Space
    setting: tuple[int, ...]
    values: Mapping[str, Value]
    """What is drawn and derived, by name."""
    refused: Requirement | Diagnostic | None = None
    """The requirement that does not hold, or the fault that leaves it without a network."""
    model: Model | None = None
    network: Network | None = None
    cost: Cost | None = None
    """By the space's convention, at its input."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """What was said of it: warnings, for a member."""
    steps: int = field(default=0, compare=False)
    """Evaluation steps that were taken."""

    @property
    def valid(self) -> bool:
        return self.refused is None

    @property
    def requirement(self) -> int | None:
        """The number of the requirement that refused it, among those of the space."""
        found = [i for i, each in enumerate(self.space.requirements) if each is self.refused]
        return found[0] if found else None

    @property
    def unfinished(self) -> str | None:
        """Why its evaluation did not come to an end: then nobody knows whether it is a member."""
        refused = self.refused
        if not isinstance(refused, Diagnostic) or refused.code != STEPS:
            return None
        line, _ = refused.span.source.position(refused.span.start)
        return f"{refused.span.source.name}:{line}: {refused.message}, for a setting of `{self.space.name}`"

    @property
    def costs(self) -> Mapping[str, int]:
        """Flops, params and acts of its network."""
        return {name: int(getattr(self.cost, name)) for name in MEASURES} if self.cost is not None else {}


def member_of(ctx: Context, space: Space, setting: Sequence[int]) -> Member:
    """What a setting of a space is. Raises `AlreadyReported` where the file itself is at fault."""
    apart = ctx.fresh(Diagnostics())
    numbers = tuple([int(number) for number in setting])
    making = _Making(apart, space, numbers)
    refused: Requirement | Diagnostic | None
    try:
        refused = making.run()
    except Fault as found:
        refused = next((d for d in apart.diagnostics if d.severity == "error"), found.diagnostic)
    except AlreadyReported:
        refused = next((d for d in apart.diagnostics if d.severity == "error"), None)
        if refused is None:
            raise
    except RecursionError:
        refused = Diagnostic("E393", f"`{space.name}` is nested too deep to be evaluated", space.span)
    said = tuple(apart.diagnostics)
    made = making.model, making.network, making.cost
    return Member(space, numbers, making.values, refused, *made, said, apart.steps)


def refusal_of(ctx: Context, space: Space, model: Model) -> Requirement | None:
    """The first requirement that refuses every setting which gives this model's network; none where none is known to.

    Only costs belong to the network: what a condition asks of draws or stages may differ where networks are the same.
    """
    making = _Making(ctx.fresh(Diagnostics()), replace(space, draws=()), ())
    making.show(model)
    own = {MODEL, *[draw.name for draw in space.draws], *_derived_names(space)}
    for requirement in space.requirements:
        if requirement.asks and not own & _read(requirement.condition):
            try:
                if making.refuses(requirement):
                    return requirement
            except (Fault, AlreadyReported):
                continue  # of a network that cannot be counted so nothing is told
    return None


def _derived_names(space: Space) -> set[str]:
    return {name.text for step in space.steps if not isinstance(step, Requirement) for name in step.binding.names}


def _read(condition: ast.Expression) -> set[str]:
    """The names that a condition reads; `model` where it is asked for more than a cost."""
    nodes = walk(condition)
    costs = [n.value for n in nodes if isinstance(n, ast.Attribute) and n.name.text in MEASURES]
    return {n.name for n in nodes if isinstance(n, ast.Reference) and not any(n is each for each in costs)}


class _Making:
    """The evaluation of one setting."""

    def __init__(self, ctx: Context, space: Space, setting: tuple[int, ...]) -> None:
        self.ctx, self.space = ctx, space
        self.values: dict[str, Value] = space.values(setting)
        self.names: dict[str, Value] = dict(self.values)
        self.origins = dict(space.origins)
        self.model: Model | None = None
        self.network: Network | None = None
        self.cost: Cost | None = None

    def run(self) -> Requirement | None:
        """Make the model, its network, and their costs; the first requirement that does not hold."""
        for step in self.space.steps:
            if not step.asks and self.refuses(step):
                return step if isinstance(step, Requirement) else None
        self._make()
        for step in self.space.steps:
            if step.asks and self.refuses(step):
                return step if isinstance(step, Requirement) else None
        self._count()
        return None

    def environment(self, of: Environment) -> Environment:
        """The names of a file, and in front of them those of the setting."""
        found = Environment(of.module)
        found.names, found.origins = self.names, self.origins
        return found

    def refuses(self, step: Step) -> bool:
        """Take a step: whether it is a requirement that does not hold."""
        env = self.environment(step.environment)
        if step.counts:
            self._count()
        if isinstance(step, Requirement):
            return not self.ctx.holds(step.condition, env)
        bind_names(self.ctx, step.binding, env)
        self.values.update({name.text: self.names[name.text] for name in step.binding.names})
        return False

    def _make(self) -> None:
        e = self.space.model
        env = self.environment(self.space.environment)
        model = self.ctx.evaluate(e, env)
        if not isinstance(model, Model):
            raise fault("E212", f"the `model` of a space is a model, not {kind_of(model)}", e, env)
        self.show(replace(model, name=self.space.name, claims=()))

    def show(self, model: Model) -> None:
        """Let conditions see a model."""
        self.model = model
        self.names[MODEL] = seen(self.ctx, model, self._counted)

    def _counted(self, name: str) -> Value:
        self._count()
        found: Value = int(getattr(self.cost, name))
        return found

    def _count(self) -> None:
        """The network and its costs, once."""
        if self.cost is not None or self.model is None:
            return
        self.network = network_of(self.ctx, self.model)
        at = network_at(self.ctx, self.model, self.network, self.space.at)
        self.cost = count(at, self.space.convention or DEFAULT)
        for name in MEASURES:
            self.names.setdefault(name, int(getattr(self.cost, name)))


# What conditions see of a model


class _Parts(Mapping[str, Value]):
    """Values by name, each made when somebody asks for it."""

    def __init__(self, makers: Mapping[str, Callable[[], Value]]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> Value:
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, name: object) -> bool:
        return name in self._makers


def seen(ctx: Context, model: Model, counted: Callable[[str], Value]) -> OldValues:
    """`model` in a condition: its costs, its blocks and its stages."""

    def indices() -> range:
        return range(len(model.stages))

    def stages() -> Value:
        if isinstance(model.stages, ManyLists):
            return model.stages  # only their number is asked for, or the networks come apart
        return tuple([OldValues("stage", _stage_parts(ctx, model, index)) for index in indices()])

    makers: dict[str, Callable[[], Value]] = {
        "depth": lambda: model.depth,
        "depths": lambda: tuple([stage.length for stage in model.stages]),
        "widths": lambda: tuple([stage_width(ctx, model, index) for index in indices()]),
        "stages": stages,
        **{name: _asking(counted, name) for name in MEASURES},
    }
    return OldValues(MODEL, _Parts(makers))


def _asking(counted: Callable[[str], Value], name: str) -> Callable[[], Value]:
    return lambda: counted(name)


def _stage_parts(ctx: Context, model: Model, index: int) -> _Parts:
    return _Parts(
        {"depth": lambda: model.stages[index].length, "width": lambda: stage_width(ctx, model, index)},
    )


def stage_width(ctx: Context, model: Model, index: int) -> Value:
    """The width of a stage after `fit`: that of its last block. Raises `Fault` where its block has no such setting."""
    stage: Stage = model.stages[index]
    site = ast.Identifier(stage.span, f"stages.{index}")
    first = sum(each.length for each in model.stages[:index])
    where = settings.indices(model, index, first, stage.length - 1)
    own = stage.overrides.get(stage.length - 1, {}) if stage.overrides else {}
    found = own.get("width") or settings.block_settings(ctx, stage, where, site).get("width")
    if found is None:
        found = settings.used_settings(ctx, model)[index][-1].get("width")
    if found is None:
        message = f"the blocks of stage {index} have no setting `width`"
        raise Fault(Diagnostic("E202", message, stage.span, help="`model.depths` and the costs need none"))
    return found.value


__all__ = ["Member", "member_of", "seen", "stage_width"]
