"""The fields of a model that are not its structure: typed, ranged, and closed.

Every function takes a section or a value and returns what the model keeps; each fault is reported and
loses that field only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from archdsl import numbers
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.initializers import initializer_of
from archdsl.analysis.model import Claim, Features, Outputs
from archdsl.analysis.names import did_you_mean, plural, setting_names, unknown_setting
from archdsl.analysis.trace import fault, show_value
from archdsl.analysis.values import (
    Block,
    Environment,
    Origin,
    Output,
    RecipeValue,
    Sequence,
    Setting,
    Value,
    is_list,
    kind_of,
    whole,
)
from archdsl.diagnostics import Diagnostic, Fault, Label
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import MEASURES
from archdsl.graph.shapes import EXTENT_MAX, Size
from archdsl.graph.symbolic import StandIn
from archdsl.suggest import nearest
from archdsl.syntax import ast

MODEL_FIELDS = (
    "input",
    "stem",
    "stages",
    "head",
    "features",
    "outputs",
    "output_stride",
    "recipe",
    "follow",
    "preprocess",
    "init",
    "expect",
    "source",
)
SECTIONS = ("follow", "preprocess", "init", "expect", "source", "features", "outputs")
"""Fields that are written as sections; `features` may be either."""
DIMENSIONS = ("depth", "width", "group_width", "resolution")
"""The dimensions of a network that a scaling may name although a model does not have them."""
EXPECT_FIELDS = (*MEASURES, "by", "truncated", "at", "note")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")
INIT_FIELDS = ("conv", "linear", "norm.scale", "norm.shift", "bias", "linear.bias")

Check = Callable[[Value], str | None]
"""What is wrong with a value, in words; none if nothing is."""


def _number_between(low: int, high: int | None, *, open_low: bool = False) -> Check:
    def check(value: Value) -> str | None:
        if not numbers.is_number(value):
            return f"is a number, not {kind_of(value)}"
        below = numbers.compare(value, low) < (1 if open_low else 0)
        if below or (high is not None and numbers.compare(value, high) > 0):
            bound = f"greater than {low}" if open_low else f"at least {low}"
            upper = f" and at most {high}" if high is not None else ""
            return f"must be {bound}{upper}, not {show_value(value)}"
        return None

    return check


def _list_of(check: Check) -> Check:
    def check_list(value: Value) -> str | None:
        if not is_list(value) or not value:
            return f"is a list with one number a channel, not {kind_of(value)}"
        return next((f"{found} (element {i})" for i, v in enumerate(value) if (found := check(v))), None)

    return check_list


def one_of(words: Iterable[str]) -> Check:
    choices = tuple(words)

    def check(value: Value) -> str | None:
        if value in choices and isinstance(value, str):
            return None
        shown = show_value(value) if isinstance(value, str) else kind_of(value)
        guess = nearest(value, choices) if isinstance(value, str) else None
        listed = ", ".join(f'"{c}"' for c in choices)
        return f"is one of {listed}, not {shown}" + (f'; did you mean "{guess}"?' if guess else "")

    return check


def _text_or_number(value: Value) -> str | None:
    if isinstance(value, str) or numbers.is_number(value):
        return None
    return f"is a string or a number, not {kind_of(value)}"


PREPROCESS: Mapping[str, Check] = {
    "mean": _list_of(_number_between(0, 255)),
    "std": _list_of(_number_between(0, 255, open_low=True)),
    "crop": _number_between(0, 1, open_low=True),
    "interpolation": one_of(INTERPOLATIONS),
}
SOURCE: Mapping[str, Check] = dict.fromkeys(
    ("paper", "table", "figure", "section", "equation", "appendix", "code", "url", "note"), _text_or_number
)


def unknown_field(name: ast.Identifier, known: Iterable[str], of: str, elsewhere: Mapping[str, str]) -> Diagnostic:
    """E202 for a key, with the nearest known one, or with the place where such a key belongs."""
    known = tuple(known)
    guess = nearest(name.text, known)
    if guess is None and name.text in elsewhere:
        message = f"`{name.text}` does not stand in {of}"
        return Diagnostic("E204", message, name.span, help=f"`{name.text}` belongs in {elsewhere[name.text]}")
    if guess is None:
        close = nearest(name.text, elsewhere)
        if close is not None:
            message = f"`{name.text}` is not known in {of}"
            return Diagnostic("E202", message, name.span, help=f"`{close}` belongs in {elsewhere[close]}")
    hint = did_you_mean(name.text, known, name.span, f"it takes {', '.join(known)}")
    return Diagnostic("E202", f"`{name.text}` is not known in {of}", name.span, help=hint.help, edits=hint.edits)


def repeated_field(name: ast.Identifier, earlier: ast.Identifier) -> Diagnostic:
    """E203."""
    labels = (Label(earlier.span, "given here first"),)
    return Diagnostic("E203", f"`{name.text}` is given twice", name.span, labels=labels, help="remove one of them")


def plain_fields(ctx: Context, body: ast.Body, of: str, known: Iterable[str]) -> dict[str, ast.Field]:
    """The fields of a section by their path; unknown, repeated and misplaced ones are reported."""
    known = tuple(known)
    found: dict[str, ast.Field] = {}
    for entry in body.entries:
        if not isinstance(entry, ast.Field):
            ctx.report(Diagnostic("E204", f"only fields, as `name: value`, stand in {of}", entry.span))
            continue
        name = ast.Identifier(entry.path.span, entry.path.text)
        if name.text not in known:
            ctx.report(unknown_field(name, known, of, {}))
        elif name.text in found:
            ctx.report(repeated_field(name, found[name.text].path.head))
        else:
            found[name.text] = entry
    return found


def checked_section(
    ctx: Context, body: ast.Body, of: str, checks: Mapping[str, Check], env: Environment
) -> dict[str, Setting]:
    """A section whose fields each have one type."""
    settings: dict[str, Setting] = {}
    for name, entry in plain_fields(ctx, body, of, checks).items():
        setting = checked_value(ctx, name, entry.value, checks[name], env)
        if setting is not None:
            settings[name] = setting
    return settings


def checked_value(ctx: Context, name: str, e: ast.Expression, check: Check, env: Environment) -> Setting | None:
    """The value of a field, if it passes its check."""
    try:
        value = ctx.evaluate(e, env)
        wrong = check(value)
        if wrong is not None:
            code = "E302" if wrong.startswith("must") else "E301"
            raise fault(code, f"`{name}` {wrong}", e, env)
        return Setting(value, Origin(e, env))
    except Fault as found:
        ctx.report(found.diagnostic)
    except AlreadyReported:
        pass  # the fault behind it is reported
    return None


def input_size(ctx: Context, e: ast.Expression, env: Environment) -> Setting:
    """The input: channels x height x width, whole numbers."""
    value = ctx.evaluate(e, env)
    if not isinstance(value, Size) or len(value) != 3:
        shown = show_value(value) if isinstance(value, Size) else kind_of(value)
        help_ = "write `3 x 224 x 224`"
        raise fault("E301", f"the input is channels x height x width, not {shown}", e, env, help=help_)
    for what, extent in zip(("channels", "height", "width"), value, strict=True):
        verify_extent(what, extent, e, env)
    return Setting(value, Origin(e, env))


def verify_extent(what: str, extent: Value, e: ast.Expression, env: Environment) -> None:
    """One extent of the input: a whole number that a tensor can have."""
    if not numbers.is_number(extent) and not isinstance(extent, StandIn):
        raise fault("E301", f"the input's {what} is a number, not {kind_of(extent)}", e, env)
    if not isinstance(extent, int | StandIn):
        message = f"the input's {what} must be a whole number, it is {show_value(extent)}"
        raise fault("E303", message, e, env, help="round it: `round(…)`")
    if not 1 <= extent <= EXTENT_MAX:
        message = f"the input's {what} must be from 1 to {EXTENT_MAX:,}, it is {show_value(extent)}"
        raise fault("E302", message, e, env)


def claims_of(ctx: Context, body: ast.Body, env: Environment) -> tuple[Claim, ...]:
    """The claims of one `expect` section; `by`, `truncated`, `at` and `note` hold for all of them."""
    fields = plain_fields(ctx, body, "`expect`", EXPECT_FIELDS)
    measures = {m: fields[m] for m in MEASURES if m in fields}
    if not measures and len(body.entries) == len(fields):
        ctx.report(Diagnostic("E210", "`expect` claims nothing", body.span, help=f"give {' or '.join(MEASURES)}"))
    options = claim_options(ctx, {n: f.value for n, f in fields.items() if n not in MEASURES}, env)
    found = []
    for measure, entry in measures.items():
        claim = claim_of(ctx, measure, entry.value, options)
        if claim is not None:
            found.append(claim)
    return tuple(found)


def _input_extents(value: Value) -> str | None:
    if not isinstance(value, Size) or len(value) != 3:
        return f"is an input such as 3 x 224 x 224, not {kind_of(value)}"
    if not all(whole(extent) and 1 <= extent <= EXTENT_MAX for extent in value):
        return f"must be made of whole numbers from 1 to {EXTENT_MAX:,}"
    return None


CLAIM_OPTIONS: Mapping[str, Check] = {
    "by": one_of(CONVENTIONS),
    "truncated": lambda v: None if isinstance(v, bool) else f"is true or false, not {kind_of(v)}",
    "at": _input_extents,
    "note": lambda v: None if isinstance(v, str) else f"is a string, not {kind_of(v)}",
}
"""What an `expect` says of all its claims."""
COLUMN_SECTIONS: Mapping[str, tuple[str, ...]] = {"expect": EXPECT_FIELDS, "source": tuple(SOURCE)}
"""The sections whose fields may be columns of a table of models."""


def claim_options(ctx: Context, given: Mapping[str, ast.Expression], env: Environment) -> dict[str, Any]:
    """The options of claims that pass their check."""
    options: dict[str, Any] = {}
    for name, e in given.items():
        setting = checked_value(ctx, name, e, CLAIM_OPTIONS[name], env)
        if setting is not None:
            options[name] = setting.value
    return options


def claim_of(ctx: Context, measure: str, e: ast.Expression, options: Mapping[str, Any]) -> Claim | None:
    """One claim; its figure is a literal, because its printed digits count."""
    if not isinstance(e, ast.Number) or e.unit is not None:
        message = f"a claim is a figure as printed, for example `{measure}: 4.0G`"
        ctx.report(Diagnostic("E503", message, e.span))
        return None
    at = options.get("at")
    return Claim(
        measure,
        e.text,
        e.span,
        convention=options.get("by"),
        truncated=bool(options.get("truncated", False)),
        note=options.get("note"),
        at=tuple(int(v) for v in at) if at is not None else None,
    )


def features_value(ctx: Context, e: ast.Expression, env: Environment) -> Features:
    """`features: [4, 8, 16, 32]`: the last tensor at each stride."""
    value = ctx.evaluate(e, env)
    items = tuple([v for v in value if whole(v) and v >= 1]) if is_list(value) else ()
    if not is_list(value) or not items or len(items) < len(value):
        raise fault("E301", "`features` is a list of strides, or a section of named places", e, env)
    if list(items) != sorted(set(items)):
        raise fault("E302", "the strides of `features` rise, each once", e, env)
    return Features(strides=items, span=e.span)


def features_section(ctx: Context, body: ast.Body, count: int) -> Features:
    """`features { c2: stages[0]  c1: stem }`: named places in front of the head, of a model with `count` stages."""
    return Features(places=_places(ctx, body, count, "a feature", ("stem", "stages")), span=body.span)


def outputs_section(ctx: Context, body: ast.Body, count: int) -> Outputs | None:
    """`outputs { boxes: head[0]  classes: head[1] }`: named places in a model with `count` stages."""
    places = _places(ctx, body, count, "an output", ("stem", "stages", "head"))
    return Outputs(places, body.span) if places else None


def _places(
    ctx: Context, body: ast.Body, count: int, what: str, parts: tuple[str, ...]
) -> tuple[tuple[str, Output], ...]:
    """Names with outputs of some parts."""
    places: dict[str, Output] = {}
    if not body.entries:
        example = f"write {what} as `name: stages[0]`"
        ctx.report(Diagnostic("E210", "the section names no place", body.span, help=example))
    words = _listed([f"`{part}[index]`" if part == "stages" else f"`{part}`" for part in parts])
    for entry in body.entries:
        if not isinstance(entry, ast.Field) or len(entry.path.steps) != 1:
            ctx.report(Diagnostic("E204", "named places stand here, as `name: stages[0]`", entry.span))
            continue
        name = entry.path.head
        if name.text in places:
            ctx.report(Diagnostic("E203", f"`{name.text}` is given twice", name.span))
            continue
        place = _place(entry.value)
        if place is None or place.place.partition(".")[0] not in parts:
            ctx.report(Diagnostic("E301", f"{what}'s place is {words}", entry.value.span))
        elif place.place.startswith("stages.") and int(place.place.removeprefix("stages.")) >= count:
            message = f"the model has {plural(count, 'stage')}, counted from 0"
            ctx.report(Diagnostic("E311", message, entry.value.span))
        else:
            places[name.text] = place
    return tuple(places.items())


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _place(e: ast.Expression) -> Output | None:
    """`stem`, `head`, `stages[1]`, or one of the tensors of such a part: `head[0]`, `stages[1][0]`."""
    match e:
        case ast.Reference(name="stem" | "head" as name):
            return Output(name)
        case ast.Index(value=value, index=ast.Number(text=text)) if text.isdecimal():
            number = int(text.lstrip("0")[:9] or 0)  # nine digits are more than any count of stages
            if isinstance(value, ast.Reference) and value.name == "stages":
                return Output(f"stages.{number}")
            inner = _place(value)
            return replace(inner, index=number) if inner is not None and inner.index is None else None
        case _:
            return None


def follow_section(ctx: Context, body: ast.Body, ends: Mapping[str, Value]) -> dict[str, str]:
    """`follow { stem.width: width }`: what a scaling changes as it changes a stage's attribute.

    `ends` are the model's stem and head.
    """
    found: dict[str, str] = {}
    for entry in body.entries:
        if not isinstance(entry, ast.Field):
            ctx.report(Diagnostic("E204", "only fields, as `stem.width: width`, stand in `follow`", entry.span))
            continue
        path, parts = entry.path.text, entry.path.steps
        if len(parts) != 2 or entry.path.head.text not in ("stem", "head"):
            message = f"`{path}` cannot follow a scaling: name a setting of `stem` or of `head`"
            hint = did_you_mean(entry.path.head.text, ("stem", "head"), entry.path.head.span)
            ctx.report(Diagnostic("E202", message, entry.path.span, help=hint.help, edits=hint.edits))
        elif not isinstance(entry.value, ast.Reference) or entry.value.name not in DIMENSIONS[:3]:
            hint = did_you_mean(entry.value.span.text, DIMENSIONS[:3], entry.value.span)
            message = f"a setting follows one of {', '.join(DIMENSIONS[:3])}"
            ctx.report(Diagnostic("E301", message, entry.value.span, help=hint.help, edits=hint.edits))
        elif path in found:
            ctx.report(Diagnostic("E203", f"`{path}` is given twice", entry.path.span))
        elif isinstance(end := ends[entry.path.head.text], Block):
            known, name = setting_names(end.of), parts[1]
            if isinstance(name, ast.Identifier) and name.text not in known:
                ctx.report(unknown_setting(name, known, end.name).diagnostic)
            else:
                found[path] = entry.value.name
        else:
            message = f"`{path}` cannot follow a scaling: the {entry.path.head.text} is {kind_of(end)}"
            ctx.report(Diagnostic("E202", message, entry.path.span))
    return found


def init_section(ctx: Context, body: ast.Body, env: Environment) -> dict[str, Setting]:
    """The `init` section: by the name of the parameters, a `Initializer`."""
    settings: dict[str, Setting] = {}
    for name, entry in plain_fields(ctx, body, "`init`", INIT_FIELDS).items():
        try:
            value = initializer_of(ctx, name, entry.value, env)
        except Fault as found:
            ctx.report(found.diagnostic)
            continue
        except AlreadyReported:
            continue
        settings[name] = Setting(value, Origin(entry.value, env))
    return settings


def end_block(ctx: Context, name: str, e: ast.Expression, env: Environment) -> Block | Sequence | None:
    """The stem or head: a block, blocks with arrows between, or none."""
    value = ctx.evaluate(e, env)
    if value is None or isinstance(value, Block | Sequence):
        return value
    help_ = None
    if isinstance(value, Output):
        help_ = f"a block takes it, as `…({value.text})`; `outputs {{ name: {value.text} }}` gives it out"
    raise fault("E212", f"`{name}` is a block, not {kind_of(value)}", e, env, help=help_)


def stride_setting(ctx: Context, e: ast.Expression, env: Environment) -> Setting:
    """`output_stride`: a whole number of at least 1."""
    value = ctx.evaluate(e, env)
    if not whole(value):
        raise fault("E301", f"`output_stride` is a whole number, not {show_value(value)}", e, env)
    if value < 1:
        raise fault("E302", f"`output_stride` is at least 1, not {show_value(value)}", e, env)
    return Setting(value, Origin(e, env))


def recipe_setting(ctx: Context, e: ast.Expression, env: Environment) -> RecipeValue | None:
    """`recipe` of a model: the one that it is trained by if no other is asked for."""
    value = ctx.evaluate(e, env)
    if value is None or isinstance(value, RecipeValue):
        return value
    raise fault("E212", f"`recipe` is a recipe, not {kind_of(value)}", e, env)


def section(ctx: Context, name: str, body: ast.Body, env: Environment) -> dict[str, Setting]:
    """A section of a model other than its claims, and those that name places in it."""
    if name == "preprocess":
        return checked_section(ctx, body, "`preprocess`", PREPROCESS, env)
    if name == "source":
        return checked_section(ctx, body, "`source`", SOURCE, env)
    if name == "init":
        return init_section(ctx, body, env)
    raise AlreadyReported  # the resolver reported it
