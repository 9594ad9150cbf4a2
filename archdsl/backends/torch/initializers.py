"""How parameters start, as a function of the emitted file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archdsl.backends.torch.forms import FORMS, Layer
from archdsl.backends.torch.printer import OPERATORS, is_atom, text
from archdsl.backends.torch.python import (
    NONE,
    Assign,
    Attribute,
    Binary,
    Call,
    Evaluate,
    Expression,
    Function,
    If,
    Literal,
    Name,
    Negative,
    Parameter,
    Statement,
    With,
    call,
    dotted,
    joined,
)
from archdsl.graph.initializers import Formula, Initializer, mentions

MODULE, WEIGHT, BIAS = Name("module"), dotted("module.weight"), dotted("module.bias")
_TAPS = call("math.prod", dotted("module.kernel_size"))
FANS: Mapping[str, Mapping[str, Expression]] = {
    "conv": {
        "fan_in": Binary("*", Binary("//", dotted("module.in_channels"), dotted("module.groups")), _TAPS),
        "fan_out": Binary("*", dotted("module.out_channels"), _TAPS),
        "groups": dotted("module.groups"),
    },
    "linear": {
        "fan_in": dotted("module.in_features"),
        "fan_out": dotted("module.out_features"),
        "groups": Literal(1),
    },
}
"""PyTorch's names of what a formula can ask for."""
MAX_LENGTH = 12
"""An amount that is longer gets a name."""


def init_function(init: Mapping[str, Initializer], operations: frozenset[str], keeps_zeros: bool) -> Function | None:
    """`init_weights`, for the operations that the network has; none where nothing is declared.

    With `keeps_zeros`, norms that start at a scale of 0 stay there.
    """
    bias = init.get("bias")
    bodies = {
        "conv": _weights("conv", init, bias),
        "linear": _weights("linear", init, init.get("linear.bias", bias)),
        "norm": _norm(init, keeps_zeros),
    }
    cases = [
        (form.module.path, bodies[form.init])
        for name, form in FORMS.items()
        if name in operations and form.init and isinstance(form.module, Layer)
    ]
    chosen: tuple[Statement, ...] = ()
    for kinds, body in reversed(list(_alike(cases))):
        chosen = (_case(call("isinstance", MODULE, joined("|", kinds)), body, chosen),)
    if not chosen:
        return None
    doc = "Start the parameters of a layer as the model declares."
    return Function("init_weights", (Parameter("module", dotted("nn.Module")),), NONE, chosen, doc)


def _case(test: Expression, body: Sequence[Statement], other: tuple[Statement, ...]) -> If:
    """`if test: body`; a body that is nothing but one condition joins it to the test."""
    match body:
        case (If(condition, inner, ()),):
            return If(Binary("and", test, condition), inner, other)
    return If(test, tuple(body), other)


def _alike(cases: Sequence[tuple[str, Sequence[Statement]]]) -> Iterator[tuple[list[Expression], Sequence[Statement]]]:
    """The cases that do something, with one for neighbours that do the same."""
    kinds: list[Expression] = []
    last: Sequence[Statement] = ()
    for kind, body in cases:
        if kinds and body and body != last:
            yield kinds, last
            kinds = []
        if body:
            kinds, last = [*kinds, dotted(kind)], body
    if kinds:
        yield kinds, last


def _weights(layer: str, init: Mapping[str, Initializer], bias: Initializer | None) -> tuple[Statement, ...]:
    found: list[Statement] = []
    weight = init.get(layer)
    if weight is not None:
        found += [*_fans(layer, weight), *_calls(WEIGHT, weight)]
    if bias is not None:
        found.append(_if_there(BIAS, *_fans(layer, bias, weight), *_calls(BIAS, bias)))
    return tuple(found)


def _if_there(tensor: Expression, *body: Statement) -> Statement:
    return If(Binary("is not", tensor, NONE), body)


def _fans(layer: str, initializer: Initializer, known: Initializer | None = None) -> list[Statement]:
    """The names that a formula uses and that are not known yet."""
    return [
        Assign(Name(name), fan)
        for name, fan in FANS[layer].items()
        if mentions(initializer.scale, name) and not (known is not None and mentions(known.scale, name))
    ]


def _norm(init: Mapping[str, Initializer], keeps_zeros: bool) -> tuple[Statement, ...]:
    found: list[Statement] = []
    scale, shift = init.get("norm.scale"), init.get("norm.shift")
    if scale is not None and not (keeps_zeros and scale == Initializer("constant", 1.0)):
        body = _calls(WEIGHT, scale)
        if keeps_zeros:
            start = Name("start")
            kept = Evaluate(call(Attribute(WEIGHT, "mul_"), start), comment="a scale of 0 stays")
            made = Assign(start, call("torch.empty_like", WEIGHT))
            body = [made, *_calls(start, scale), With(call("torch.no_grad"), (kept,))]
        found.append(_if_there(WEIGHT, *body))
    if shift is not None:
        found.append(_if_there(BIAS, *_calls(BIAS, shift)))
    return tuple(found)


def _calls(tensor: Expression, initializer: Initializer) -> list[Statement]:
    """The statements that let a tensor start so."""
    amount = _amount(initializer.scale)
    if initializer.kind == "constant":
        made = call("nn.init.zeros_", tensor) if initializer.scale == 0 else call("nn.init.constant_", tensor, amount)
        return [Evaluate(made)]
    if initializer.kind == "normal":
        return [Evaluate(call("nn.init.normal_", tensor, std=amount))]
    found: list[Statement] = []
    if not is_atom(amount) or len(text(amount)) > MAX_LENGTH:
        name = Name("std" if initializer.kind == "truncated_normal" else "bound")
        found, amount = [Assign(name, amount)], name
    return [*found, Evaluate(_bounded(tensor, initializer.kind, amount))]


def _bounded(tensor: Expression, kind: str, amount: Expression) -> Call:
    if kind == "truncated_normal":
        ends = {"a": Binary("*", Literal(-2), amount), "b": Binary("*", Literal(2), amount)}
        return call("nn.init.trunc_normal_", tensor, std=amount, **ends)
    return call("nn.init.uniform_", tensor, Negative(amount), amount)


def _amount(formula: Formula) -> Expression:
    """A formula in Python."""
    if isinstance(formula, str):
        return Name(formula)
    if not isinstance(formula, tuple):
        amount = float(formula)
        whole = abs(amount) < 1e9 and amount == int(amount)
        return Literal(int(amount) if whole else amount)
    operator, operands = formula
    parts = [_amount(operand) for operand in operands]
    operator = "**" if operator == "^" else operator
    if operator in OPERATORS:
        return Binary(operator, parts[0], parts[1])
    return call(f"math.{operator}" if operator in ("sqrt", "log") else operator, *parts)
