"""Leading exponents: the powers of a factor by which a scaling multiplies dimensions and counts, exactly.

What enters is a model and a scaling with names for its numbers, such as `alpha(s, a)`; what leaves are the exponents of
s for every number that the scaling changes, and for the closed forms of every stage and of all, as expressions in the
other names. A line of the scaling gives the leading term of each dimension (`Growth`), the closed forms are sums of
products of dimensions, and of those the largest exponent counts. Roundings drop out.

Where the other names decide which is larger, there are several `Piece`s: each holds for all numbers that meet its
conditions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from archdsl.analysis.context import Context
from archdsl.analysis.elaborate import call_scaling
from archdsl.analysis.language import evaluation
from archdsl.analysis.model import Model
from archdsl.analysis.program import Module, walk
from archdsl.analysis.scale import base_of, multiplied
from archdsl.analysis.values import Environment, Scaling
from archdsl.closed_forms.conditions import Condition, Kept, Relation, Whole
from archdsl.closed_forms.expressions import written
from archdsl.closed_forms.growth import Domain, Growth, Special, factor, parameter
from archdsl.closed_forms.model import SYMPY, Formulas, formulas_of
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.conventions import DEFAULT, Convention
from archdsl.graph.cost import MEASURES
from archdsl.graph.symbolic import COMPARISONS
from archdsl.records import dataclass
from archdsl.source import Source
from archdsl.syntax import ast
from archdsl.syntax.parser import parse_expression

_WITNESSES = tuple(map(Fraction, ("5/11", "3/7", "13/17", "2/13", "1/101", "97/101", "23/19", "31/7", "-5/11")))
"""Numbers that other names are tried with: no halves or thirds, for which things are equal that are not for others."""
_SYMBOL = re.compile(r"(?P<letter>[wgd])_(?P<place>stem|head|[0-9]+)(?:_(?P<block>[0-9]+))?")
_SETTINGS = {"w": "width", "g": "group_width", "d": "depth"}


@dataclass(frozen=True, slots=True)
class Exponents:
    """The exponents of the factor for the counts of a stage, or of all: sympy expressions."""

    name: str
    flops: Any
    params: Any
    acts: Any

    def written(self, measure: str) -> str:
        return exponent_text(getattr(self, measure))


@dataclass(frozen=True, slots=True)
class Piece:
    """Leading exponents, and for which numbers of the other names they hold."""

    where: str
    """`0 < a < 1`; empty where they hold for all."""
    dimensions: tuple[tuple[str, Any], ...]
    """For every number that the scaling has a line for its path and exponent."""
    stages: tuple[Exponents, ...]
    total: Exponents
    conditions: tuple[str, ...]
    """Conditions of the closed forms that a large factor breaks: the exponents are those while they hold."""


@dataclass(frozen=True, slots=True)
class Leading:
    """The leading exponents of a model's counts by a scaling."""

    scaling: str
    factor: str
    parameters: tuple[str, ...]
    pieces: tuple[Piece, ...]


def leading_exponents(
    model: Model,
    text: str,
    call: ast.Expression,
    env: Environment,
    names: tuple[str, ...],
    convention: Convention | str = DEFAULT,
) -> Leading:
    """The leading exponents of a model scaled by a call with names for numbers.

    The name within the first argument is the factor, which grows without bound; others are numbers. Raises `Fault`:
    E320 where there are none that can be told, and whatever the scaling's lines refuse.
    """
    grown = _factor_of(call, names)
    if grown is None:
        message = f"`{text}` names no factor: the first argument of a scaling is what it multiplies by"
        raise Fault(Diagnostic("E320", message, call.span, help="give it a name, such as `s`"))
    forms = formulas_of(model, convention)
    others = tuple([name for name in names if name != grown])
    with SYMPY:
        pieces = _pieces(model, forms, call, env, grown, others)
    return Leading(text, grown, others, pieces)


def exponent_text(exponent: Any) -> str:
    """An exponent as text: `1/2`, `(1 - a)/2`."""
    import sympy  # type: ignore[import-untyped]

    return written(sympy.together(exponent), "text")


def same_exponent(exponent: Any, text: str, names: tuple[str, ...]) -> bool:
    """Whether an exponent is what a text in the language says, for all numbers of the names: `(1 + a) / 2`."""
    import sympy

    expression, _ = parse_expression(Source("an exponent", text))
    if expression is None:
        return False
    domain = Domain({sympy.Symbol(name, real=True): _WITNESSES[n] for n, name in enumerate(names)})
    env = Environment(Module("an exponent", expression.span.source, library=False))
    for symbol in domain.witnesses:
        env.bind(symbol.name, parameter(symbol, domain))
    with SYMPY:
        said = _growth(evaluation().evaluate(expression, env), domain)
        return bool(sympy.cancel(said.coefficient - exponent) == 0)


def _factor_of(call: ast.Expression, names: tuple[str, ...]) -> str | None:
    if not isinstance(call, ast.Call) or not call.arguments:
        return None
    named = [node.name for node in walk(call.arguments[0].value) if isinstance(node, ast.Reference)]
    found = [name for name in names if name in named]
    return found[0] if len(found) == 1 else None


def _pieces(
    model: Model, forms: Formulas, call: ast.Expression, env: Environment, grown: str, others: tuple[str, ...]
) -> tuple[Piece, ...]:
    import sympy

    symbols = [sympy.Symbol(name, real=True) for name in others]
    if not symbols:
        return (_piece(model, forms, call, env, grown, Domain({}, grown)),)
    found: list[tuple[Any, Piece]] = []
    first: Fault | None = None
    for number in range(len(_WITNESSES)):
        witnesses = {symbol: _WITNESSES[(number + 2 * n) % len(_WITNESSES)] for n, symbol in enumerate(symbols)}
        at = sympy.Rational(_WITNESSES[number].numerator, _WITNESSES[number].denominator)
        if any(known.contains(at) == True for known, _ in found):  # noqa: E712 - sympy's own truth
            continue
        domain = Domain(witnesses, grown)
        try:
            piece = _piece(model, forms, call, env, grown, domain)
        except Special:
            continue
        except Fault as fault:
            first = first or fault
            continue
        if len(symbols) > 1:
            return (piece,)
        found.append((_set_of(domain, symbols[0]), piece))
    if not found:
        raise first or Fault(
            Diagnostic("E320", "there are no leading exponents for any of the numbers tried", call.span)
        )
    return tuple([piece for _, piece in sorted(found, key=lambda each: each[0].inf)])


def _piece(model: Model, forms: Formulas, call: ast.Expression, env: Environment, grown: str, domain: Domain) -> Piece:
    """The exponents that hold where the witness of a domain does; the domain's conditions say where that is."""
    ctx = evaluation()
    scaling = _scaling(ctx, call, env, grown, domain)
    changed = multiplied(ctx, base_of(ctx, model), scaling, call, env)
    growths = {path: _growth(new, domain) for path, (_, new) in changed.items()}
    for path, growth in growths.items():
        if domain.sign(growth.coefficient) <= 0:
            raise Fault(Diagnostic("E320", f"`{path}` does not stay above 0", call.span))
    powers = _powers(model, forms, growths, domain, call)
    stages = [_exponents(form.stage, form.total, powers, domain, call) for form in forms.stages]
    total = _exponents("total", forms.total, powers, domain, call)
    broken = tuple([str(c) for c in forms.conditions if _breaks(c, powers, domain, call)])
    _verify_kept(forms, powers, call)
    dimensions = tuple([(path, growth.exponent) for path, growth in growths.items()])
    return Piece(_where(domain), dimensions, tuple(stages), total, broken)


def _scaling(ctx: Context, call: ast.Expression, env: Environment, grown: str, domain: Domain) -> Scaling:
    inner = Environment(env.module, env)
    inner.bind(grown, factor(domain))
    for symbol in domain.witnesses:
        inner.bind(symbol.name, parameter(symbol, domain))
    value = ctx.evaluate(call, inner)
    if isinstance(value, Scaling) and value.of.declaration.value is not None:
        value = call_scaling(ctx, value.of, value.arguments, call, inner)
    if not isinstance(value, Scaling):
        raise Fault(Diagnostic("E212", f"`{call.span.text}` is no scaling", call.span))
    return value


def _growth(value: Any, domain: Domain) -> Growth:
    """What a line gave, as a growth."""
    import sympy

    if isinstance(value, Growth):
        return value
    lifted = factor(domain).lifted(value)
    return Growth(sympy.Integer(1), sympy.Integer(0), domain) if lifted is None else lifted


# The closed forms


def _powers(
    model: Model, forms: Formulas, growths: Mapping[str, Growth], domain: Domain, call: ast.Node
) -> dict[str, Growth]:
    """For each symbol of the closed forms what a scaling makes of it. Raises E320 where a number grows that is none."""
    found: dict[str, Growth] = {}
    used: set[str] = set()
    for symbol in forms.symbols:
        path = next((path for path in _paths(symbol.name) if path in growths), None)
        if path is None:
            found[symbol.name] = _growth(symbol.value, domain)
            continue
        found[symbol.name] = growths[path]
        used |= {path} | {other for other in growths if symbol.name == "r" and other.startswith("input.")}
        used |= {other for other in growths if _is_block_of(other, path)}
    for path, growth in growths.items():
        if growth.exponent != 0 and path not in used:
            message = f"`{path}` grows, and is a number in the closed forms of `{model.name}`"
            help_ = "`--formulas` without a scaling shows which numbers are symbols"
            raise Fault(Diagnostic("E320", f"{message}: there are no leading exponents", call.span, help=help_))
    return found


def _paths(symbol: str) -> Iterable[str]:
    """Where the number of a symbol stands in the model, the closest first."""
    if symbol in ("r", "r_h"):
        yield "input.height"
    elif symbol == "r_w":
        yield "input.width"
    elif match := _SYMBOL.fullmatch(symbol):
        name, place, block = _SETTINGS[match["letter"]], match["place"], match["block"]
        if not place.isdecimal():
            yield from () if block is not None else (f"{place}.{name}",)
        else:
            yield from () if block is None else (f"stages.{place}.blocks.{block}.{name}",)
            yield f"stages.{place}.{name}"
            yield f"stages.{place}.blocks.0.{name}"


def _is_block_of(path: str, used: str) -> bool:
    """Whether two paths are of one setting of blocks of one stage, which share a symbol where their numbers agree."""
    return re.sub(r"\.blocks\.[0-9]+", "", path) == re.sub(r"\.blocks\.[0-9]+", "", used) and ".blocks." in path


def _terms(expression: Any, powers: Mapping[str, Growth], domain: Domain, call: ast.Node) -> dict[Any, Any]:
    """The terms of a closed form after the scaling: coefficients by exponents."""
    import sympy

    terms: dict[Any, Any] = {}
    for term in sympy.Add.make_args(sympy.expand(_unrounded(expression, powers, domain, call))):
        coefficient, exponent = sympy.Integer(1), sympy.Integer(0)
        for base, power in term.as_powers_dict().items():
            if base.is_Symbol and power.is_Integer:
                growth = powers[base.name]
                coefficient *= growth.coefficient**power
                exponent += growth.exponent * power
            elif base.is_number:
                coefficient *= base**power
            else:
                message = f"the closed forms have `{written(base, 'text')}`, and so no leading exponents"
                raise Fault(Diagnostic("E320", message, call.span))
        exponent = sympy.cancel(exponent)
        terms[exponent] = terms.get(exponent, 0) + coefficient
    return {exponent: total for exponent, total in terms.items() if sympy.cancel(total) != 0}


def _unrounded(expression: Any, powers: Mapping[str, Growth], domain: Domain, call: ast.Node) -> Any:
    """A closed form without the roundings of what grows; of what stays they are what they are."""
    import sympy

    def plain(rounding: Any) -> Any:
        inner = rounding.args[0]
        exponent = _largest(_terms(inner, powers, domain, call), domain)
        if exponent != 0 and domain.sign(exponent) > 0:
            return inner
        return rounding.func(inner.xreplace({s: powers[s.name].coefficient for s in inner.free_symbols}))

    rounds = {"floor", "ceiling", "round"}
    return sympy.sympify(expression).replace(lambda e: e.is_Function and type(e).__name__ in rounds, plain)


def _largest(terms: Mapping[Any, Any], domain: Domain) -> Any:
    """The largest exponent; 0 where nothing is left."""
    import sympy

    found = None
    for exponent in terms:
        if found is None or domain.sign(exponent - found) > 0:
            found = exponent
    return sympy.Integer(0) if found is None else found


def _exponents(name: str, form: Any, powers: Mapping[str, Growth], domain: Domain, call: ast.Node) -> Exponents:
    found = [_largest(_terms(getattr(form, measure), powers, domain, call), domain) for measure in MEASURES]
    return Exponents(name, *found)


def _breaks(condition: Condition, powers: Mapping[str, Growth], domain: Domain, call: ast.Node) -> bool:
    """Whether a large factor breaks a condition of the closed forms, or may."""
    import sympy

    if isinstance(condition, Kept):  # what grows alike is rounded alike
        return len({powers[name].exponent for name in condition.symbols}) > 1
    if isinstance(condition, Whole):
        terms = _terms(condition.quotient, powers, domain, call)
        exponent = _largest(terms, domain)
        growing = domain.sign(exponent)
        return growing < 0 or (growing == 0 and not terms.get(exponent, sympy.Integer(0)).is_integer)
    if not isinstance(condition, Relation):
        return False  # that no dimension is too large is no question where the factor has no bound
    try:
        difference = sympy.sympify(condition.left) - sympy.sympify(condition.right)
        terms = _terms(difference, powers, domain, call)
    except Fault:
        return True
    sign = domain.sign(terms[_largest(terms, domain)]) if terms else 0
    return not COMPARISONS[condition.operator](sign, 0)


def _verify_kept(forms: Formulas, powers: Mapping[str, Growth], call: ast.Node) -> None:
    """E320 where a `fit` made a number of what grows, such as an inner width that is no share of the width."""
    for condition in forms.conditions:
        if not isinstance(condition, Kept) or all(_stays(powers, name) for name in condition.symbols):
            continue
        for name, form in condition.expected:
            if not getattr(form, "free_symbols", ()):
                message = (
                    f"`{name}` of `{condition.of.name}` is a number in the closed forms, and `fit` makes it of what "
                )
                raise Fault(Diagnostic("E320", f"{message}grows: there are no leading exponents", call.span))


def _stays(powers: Mapping[str, Growth], name: str) -> bool:
    return bool(name not in powers or powers[name].exponent == 0)


# Where it holds


def _set_of(domain: Domain, name: Any) -> Any:
    """The numbers of the one other name that meet all conditions."""
    import sympy

    found = sympy.S.Reals
    for condition in domain.conditions:
        found = found.intersect(sympy.solve_univariate_inequality(condition > 0, name, relational=False))
    return found


def _where(domain: Domain) -> str:
    """In words for which numbers of the other names it holds."""
    import sympy

    if not domain.conditions:
        return ""
    if len(domain.witnesses) > 1:
        return ", ".join(sorted([f"{written(condition, 'text')} > 0" for condition in domain.conditions]))
    [name] = domain.witnesses
    found = _set_of(domain, name)
    if not isinstance(found, sympy.Interval):
        return "" if found == sympy.S.Reals else f"{name.name} in {found}"
    left = "" if found.inf == -sympy.oo else f"{found.inf} {'<' if found.left_open else '<='} "
    right = "" if found.sup == sympy.oo else f" {'<' if found.right_open else '<='} {found.sup}"
    return f"{left}{name.name}{right}"
