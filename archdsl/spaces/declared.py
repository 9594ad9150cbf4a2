"""A declaration to a space: laws get their values, and a refinement is held against what it refines."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from archdsl import limits
from archdsl.analysis.check_space import CLAIM_OPTIONS, EXPECTED, FIELDS, SECTIONS, Spoken, entries_of, refined
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.fields import SOURCE, checked_section, checked_value, one_of, plain_fields, verify_extent
from archdsl.analysis.program import Definition
from archdsl.analysis.trace import fault, show_value
from archdsl.analysis.values import Environment, Origin, Setting, Value, is_list, kind_of, whole
from archdsl.diagnostics import Diagnostic, Edit, Fault, Label
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.shapes import Shape, Size
from archdsl.spaces.domains import Written, verify_value, written_law
from archdsl.spaces.laws import Domain, Draw, Grid, Items, Law
from archdsl.spaces.space import Derived, Requirement, Space, SpaceClaim, Step
from archdsl.syntax import ast


def space_of(ctx: Context, definition: Definition) -> Space:
    """The space of a declaration, with what it refines. Raises `Fault` or `AlreadyReported`."""
    if definition.name in definition.module.faulty:
        raise AlreadyReported
    ctx.enter(definition, definition.declaration.name, Environment(definition.module))
    try:
        written = definition.declaration.refines
        above = refined(definition)
        if written is not None and above is None:
            raise AlreadyReported
        return _Reading(ctx, definition, space_of(ctx, above) if above is not None else None).space()
    finally:
        ctx.leave(definition)


class _Reading:
    """Reads the entries of one space, faults side by side."""

    def __init__(self, ctx: Context, definition: Definition, above: Space | None) -> None:
        self.ctx, self.definition, self.above = ctx, definition, above
        self.environment = Environment(definition.module)
        self.draws: dict[str, Draw] = {draw.name: draw for draw in above.draws} if above is not None else {}
        self.inherited = frozenset(self.draws)
        self.origins: dict[str, Origin] = dict(above.origins) if above is not None else {}
        self.steps: list[Step] = list(above.steps) if above is not None else []
        self.spoken = Spoken()
        self.spoken.drawn.update(dict.fromkeys(self.inherited, definition.declaration.name))
        for step in self.steps:
            if isinstance(step, Derived):
                self.spoken.enter(step.binding)
        self.fields: dict[str, Any] = {}

    def space(self) -> Space:
        failed = False
        for entry in entries_of(self.definition):
            try:
                self._entry(entry)
            except Fault as wrong:
                self.ctx.report(wrong.diagnostic)
                failed = True
            except AlreadyReported:
                failed = True
        if failed or (self.above is None and "model" not in self.fields) or not self.draws:
            raise AlreadyReported
        name, doc = self.definition.declaration.name, self.definition.declaration.doc
        found = Space(
            name=name.text,
            definition=self.definition,
            span=name.span,
            draws=tuple(self.draws.values()),
            steps=tuple(self.steps),
            model=self.fields["model"] if self.above is None else self.above.model,
            environment=self.environment if self.above is None else self.above.environment,
            doc=doc,
            refines=self.above,
            **self._kept(),
            claims=self.fields.get("expect", ()),
            provenance=self.fields.get("source", {}),
            origins=self.origins,
        )
        if found.dimensions > limits.MAX_DIMENSIONS:
            message = f"`{found.name}` has {found.dimensions:,} dimensions; at most {limits.MAX_DIMENSIONS}"
            raise Fault(Diagnostic("E394", message, name.span))
        return found

    def _kept(self) -> dict[str, Any]:
        """The fields that a refinement takes from above, if it does not give them."""
        above = self.above
        own = {"convention": "convention", "input": "at", "recipe": "recipe", "reward": "reward"}
        return {
            name: self.fields[field] if field in self.fields else getattr(above, name) if above is not None else None
            for field, name in own.items()
        }

    def _entry(self, entry: ast.Entry) -> None:
        match entry:
            case ast.Draw(names=names, domain=domain):
                written = written_law(self.ctx, domain, self.environment)
                for name in names:
                    self._drawn(name, written, domain)
            case ast.Binding(names=(name,), value=value) if name.text in self.inherited:
                self._fixed(name, value)
                return
            case ast.Binding(value=value):
                asks, counts = self.spoken.asks(value), self.spoken.counts(value)
                self.steps.append(Derived(entry, self.environment, asks, counts))
            case ast.Require(condition=condition):
                asks, counts = self.spoken.asks(condition), self.spoken.counts(condition)
                space = self.definition.name
                self.steps.append(Requirement(condition, self.environment, space, asks, counts))
            case ast.Field(path=path, value=value) if path.text in FIELDS:
                self.fields[path.text] = self._field(path.text, value)
            case ast.Section(path=path, body=body) if path.text in SECTIONS:
                if path.text == "source":
                    self.fields["source"] = checked_section(self.ctx, body, "`source`", SOURCE, self.environment)
                else:
                    claims = _claims(self.ctx, body, self.environment)
                    self.fields["expect"] = (*self.fields.get("expect", ()), *claims)
            case _:
                raise AlreadyReported  # the resolver reported it
        self.spoken.enter(entry)

    def _field(self, name: str, e: ast.Expression) -> Any:
        match name:
            case "model":
                return e
            case "convention":
                return _convention(self.ctx, e, self.environment)
            case "input":
                return _input(self.ctx, e, self.environment)
            case _:
                return Origin(e, self.environment)

    # Draws

    def _drawn(self, name: ast.Identifier, written: Written, e: ast.Expression) -> None:
        draw = written.draw(name.text)
        before = self.draws.get(name.text)
        if before is not None:
            if name.text not in self.inherited:
                raise AlreadyReported  # drawn twice, which is reported
            place = _Place(name, e, self.environment, before, self.origins[name.text])
            _verify_form(place, draw)
            _verify_support(place, draw)
            if not written.reweighted:
                _verify_law(place, draw.law)
        self.draws[name.text] = draw
        self.origins[name.text] = Origin(e, self.environment)

    def _fixed(self, name: ast.Identifier, e: ast.Expression) -> None:
        """`name = value`: a draw of the space that is refined has one value."""
        before = self.draws[name.text]
        value = self.ctx.evaluate(e, self.environment)
        for part in value if is_list(value) else (value,):
            verify_value(part, e, self.environment)
        if before.indices(value) is None:
            place = _Place(name, e, self.environment, before, self.origins[name.text])
            wanted = before.count
            listed = f"[{', '.join([show_value(value)] * min(wanted or 0, 4))}{', …' if (wanted or 0) > 4 else ''}]"
            help_ = f"it is a list of {wanted}: write `{listed}`" if wanted is not None and not is_list(value) else None
            raise place.wider(f"`{name.text}` has no value {show_value(value)}", help_)
        self.draws[name.text] = Draw(name.text, Law(Items((value,))))
        self.origins[name.text] = Origin(e, self.environment)


# Refinement


class _Place:
    """Where a draw is drawn again, and what it was."""

    def __init__(
        self, name: ast.Identifier, e: ast.Expression, environment: Environment, before: Draw, origin: Origin
    ) -> None:
        self.name, self.e, self.environment, self.before, self.origin = name, e, environment, before, origin

    def wider(self, message: str, help_: str | None = None, edits: tuple[Edit, ...] = ()) -> Fault:
        label = Label(self.origin.span, f"`{self.name.text}` is drawn here")
        found = Diagnostic("E213", message, self.e.span, labels=(label,), help=help_, edits=edits)
        return Fault(found)


def _verify_form(place: _Place, draw: Draw) -> None:
    """A single value stays one, a list stays a list of its length; what is drawn once is not drawn apart again."""
    before, name, text = place.before, place.name.text, place.e.span.text
    if before.count is None:
        if draw.count is not None:
            raise place.wider(f"`{name}` is a single value, and becomes a list here")
        return
    if draw.count is None:
        fix = f"tied({before.count}, {text})"
        help_ = f"write `{fix}` for a list of equal values"
        message = f"`{name}` is a list of {before.count}, and becomes a single value here"
        raise place.wider(message, help_, (Edit(place.e.span, fix),))
    if draw.count != before.count:
        raise place.wider(f"`{name}` is a list of {before.count}, and becomes one of {draw.count} here")
    if before.tied and not draw.tied:
        message = f"the values of `{name}` are tied, and are drawn apart here"
        raise place.wider(message, f"write `tied({draw.count}, …)`")


def _verify_support(place: _Place, draw: Draw) -> None:
    """Every value that is drawn now could be drawn before."""
    stranger = _outside(draw.law.domain, place.before.law.domain)
    if stranger:
        message = f"a refinement only narrows: {show_value(stranger[0])} is no value of `{place.name.text}`"
        raise place.wider(message, "narrow the law, or draw it so in the space that is refined")


def _outside(new: Domain, old: Domain) -> tuple[Value, ...]:
    """A value of a domain that another one has not; nothing where it has all."""
    if isinstance(new, Grid) and isinstance(old, Grid):
        apart = Fraction(new.step) / Fraction(old.step)
        last = new.size - 1 if apart.denominator == 1 else min(new.size - 1, 1)
        tried: Iterable[int] = (0, last, min(1, last))
    else:
        tried = range(min(new.size, old.size + 1))
    return tuple([value for value in map(new.value, tried) if old.index(value) is None][:1])


def _verify_law(place: _Place, law: Law) -> None:
    """The same law on fewer values; a value alone has any."""
    before = place.before.law
    if law.domain.size == 1:
        return
    same = law.probability == before.probability
    if same and law.probability == "weights":
        shares = [weight / before.weights[_number(before, i, law)] for i, weight in enumerate(law.weights)]
        same = len(set(shares)) == 1
    if not same:
        message = f"the values of `{place.name.text}` get other probabilities among each other here"
        fix = f"reweighted({place.e.span.text})"
        help_ = f"a refinement narrows; where another law is meant, say so: `{fix}`"
        raise place.wider(message, help_, (Edit(place.e.span, fix),))


def _number(before: Law, index: int, law: Law) -> int:
    found = before.domain.index(law.domain.value(index))
    return found if found is not None else 0  # the support was verified


# Fields


def _convention(ctx: Context, e: ast.Expression, env: Environment) -> str:
    value = ctx.evaluate(e, env)
    wrong = one_of(CONVENTIONS)(value)
    if wrong is not None or not isinstance(value, str):
        raise fault("E301", f"`convention` {wrong}", e, env)
    return value


def _input(ctx: Context, e: ast.Expression, env: Environment) -> Shape:
    value = ctx.evaluate(e, env)
    if not isinstance(value, Size) or len(value) != 3:
        help_ = "write `3 x 224 x 224`"
        raise fault("E301", f"the input is channels x height x width, not {kind_of(value)}", e, env, help=help_)
    for what, extent in zip(("channels", "height", "width"), value, strict=True):
        verify_extent(what, extent, e, env)
    return tuple(value)


def _claims(ctx: Context, body: ast.Body, env: Environment) -> tuple[SpaceClaim, ...]:
    """The claims of one `expect`; its options hold for all of them."""
    fields = plain_fields(ctx, body, "`expect`", (*EXPECTED, *CLAIM_OPTIONS))
    options: dict[str, Any] = {}
    for name, check in _OPTIONS.items():
        setting: Setting | None = checked_value(ctx, name, fields[name].value, check, env) if name in fields else None
        if setting is not None:
            options[name] = setting.value
    if not fields.keys() & set(EXPECTED) and len(body.entries) == len(fields):
        ctx.report(Diagnostic("E210", "`expect` claims nothing", body.span, help=f"give {' or '.join(EXPECTED)}"))
    found = []
    for measure in EXPECTED:
        entry = fields.get(measure)
        if entry is None:
            continue
        if not isinstance(entry.value, ast.Number) or entry.value.unit is not None:
            message = f"a claim is a figure as printed, for example `{measure}: 1.8e18`"
            ctx.report(Diagnostic("E503", message, entry.value.span))
            continue
        found.append(SpaceClaim(measure, entry.value.text, entry.value.span, **options))
    return tuple(found)


def _divisor(value: Value) -> str | None:
    if not whole(value):
        return f"is a whole number, not {kind_of(value)}"
    return None if value >= 1 else f"must be at least 1, not {show_value(value)}"


_OPTIONS = {
    "divided_by": _divisor,
    "truncated": lambda v: None if isinstance(v, bool) else f"is true or false, not {kind_of(v)}",
    "note": lambda v: None if isinstance(v, str) else f"is a string, not {kind_of(v)}",
}

__all__ = ["space_of"]
