"""A space as text, with every law decided: what `archdsl check --emit spaces` shows."""

from __future__ import annotations

from archdsl.analysis.trace import show_value
from archdsl.graph.conventions import DEFAULT
from archdsl.spaces.laws import Domain, Draw, Grid, Law
from archdsl.spaces.space import Derived, Space
from archdsl.views.diff import written

_MOST = 12
"""Values of a domain that are written out."""


def space_text(space: Space) -> str:
    """A space: its draws in their order, what is derived and required, and what a setting becomes."""
    refines = f" refines {space.refines.name}" if space.refines is not None else ""
    lines = [f"space {space.name}{refines}: {space.free_dimensions} dimensions, {space.settings:,} settings"]
    lines += [f"  {draw.name} {drawn_text(draw)}" for draw in space.draws]
    for step in space.steps:
        when = "  (asks for the network)" if step.counts else "  (asks for the model)" if step.asks else ""
        if isinstance(step, Derived):
            names = ", ".join(name.text for name in step.binding.names)
            lines.append(f"  {names} = {_flat(step.binding.value.span.text)}{when}")
        else:
            lines.append(f"  require {step.text}{when}")
    lines.append(f"  model: {_flat(space.model.span.text)}")
    size = " x ".join(map(str, space.at)) if space.at is not None else "the model's input"
    lines.append(f"  costs by {space.convention or DEFAULT.name} at {size}")
    for name, origin in (("recipe", space.recipe), ("reward", space.reward)):
        if origin is not None:
            lines.append(f"  {name}: {_flat(origin.span.text)}")
    return "".join(line + "\n" for line in lines)


def drawn_text(draw: Draw) -> str:
    """What stands behind the name of a draw: its law, or the one value that it has."""
    alone = draw.count is None and draw.law.domain.size == 1
    return f"= {written(draw.law.domain.value(0))}" if alone else f"~ {law_text(draw)}"


def law_text(draw: Draw) -> str:
    """The law of a draw, as the language writes it."""
    text = _law(draw.law)
    if draw.count is not None:
        return f"{'tied' if draw.tied else 'each'}({draw.count}, {text})"
    return text


def _law(law: Law) -> str:
    domain = law.domain
    if isinstance(domain, Grid):
        quantum = f", quantum: {show_value(domain.step)}"
        ends = f"{show_value(domain.first)} .. {show_value(domain.value(domain.size - 1))}"
        if law.probability == "log":
            return f"log_uniform({ends}{quantum if domain.step != 1 else ''})"
        whole = domain.step == 1 and isinstance(domain.first, int)
        return f"int({ends})" if whole else f"uniform({ends}{quantum})"
    weights = ""
    if law.probability == "weights":
        listed = [show_value(weight) for weight in law.weights[:_MOST]]
        weights = f", weights: [{', '.join(listed)}{', …' if len(law.weights) > _MOST else ''}]"
    return f"one_of({_values(domain)}{weights})"


def _values(domain: Domain) -> str:
    listed = [written(domain.value(index)) for index in range(min(domain.size, _MOST))]
    return ", ".join(listed) + (f", … {domain.size:,} in all" if domain.size > _MOST else "")


def _flat(text: str) -> str:
    return " ".join(text.split())
