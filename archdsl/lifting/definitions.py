"""A block's declaration from its instances: its settings, and a body that gives each of them exactly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from archdsl.graph.network import Network
from archdsl.lifting.bodies import Body
from archdsl.lifting.relations import EXTENTS, Column, constant
from archdsl.lifting.scopes import Instance, Scope, columns_of
from archdsl.lifting.series import Join, Op
from archdsl.lifting.templates import Step, Template, Unlike, kind_of, template_of
from archdsl.records import dataclass

SHORT = 4
"""Operations of a shortcut at most."""
SHORTCUT = {"conv", "batch_norm", "avg_pool", "max_pool", "pad_channels", "channel_shuffle", "layer_norm", "group_norm"}


@dataclass(frozen=True, eq=False)
class Declaration:
    """A block with its settings, as text, and what each instance gives for them."""

    name: str
    values: tuple[dict[str, Any], ...]
    text: str


class Unit:
    """An instance's chain as a residual block has it: before the fork, main branch, shortcut, after the sum."""

    def __init__(self, chain: Sequence[Step]) -> None:
        self.before: Sequence[Step] = ()
        self.main: Sequence[Step] = chain
        self.short: Sequence[Step] | None = None
        self.after: Sequence[Step] = ()
        for at in range(len(chain) - 1, -1, -1):
            step = chain[at]
            if not isinstance(step, Join) or step.node.operation.name != "add" or len(step.branches) != 2:
                continue
            for short, main in (step.branches, step.branches[::-1]):
                if main and _is_short(short):
                    self.before, self.after = chain[:at], chain[at + 1 :]
                    self.main, self.short = main, short
                    return


def _is_short(chain: Sequence[Step]) -> bool:
    names = [step.node.operation.name for step in chain if isinstance(step, Op)]
    return len(names) == len(chain) <= SHORT and set(names) <= SHORTCUT


def declare(
    network: Network, name: str, instances: Sequence[Instance], called: str, *, wide: bool
) -> tuple[Declaration, set[str]]:
    """A block of these instances, and the operations that its text uses. `wide`: its width is a setting of its own.
    Raises `Unlike`."""
    scope = Scope(network, instances, called)
    units = [Unit(instance.chain) for instance in instances] if called != "gate" else []
    residual = any(unit.short is not None for unit in units)
    if residual:
        _settle(units)
    parts = _templates(units) if residual else [template_of([i.chain for i in instances])]
    for part in parts:
        scope.columns += list(columns_of(part, scope.count))
    widths = tuple([instance.width for instance in instances])
    if wide and any(column == widths for setting, column in scope.columns if setting in EXTENTS):
        scope.known = {"width": widths, **scope.known}
        scope.parameters["width"] = widths
    stride = _strides(scope)
    if stride is not None:
        scope.parameters["stride"] = stride
        scope.defaults["stride"] = "1"
        scope.known["stride"] = stride
    body = Body(scope)
    result = _residual(body, units, parts) if residual else body.flow(parts[0], "x")
    return _declaration(scope, name, result), scope.used


def _strides(scope: Scope) -> Column | None:
    """The stride of the block: that of its windows, where some have one."""
    for setting, column in scope.columns:
        whole = all(isinstance(v, int) for v in column)
        if setting == "stride" and whole and constant(column) is None:
            return column
    return None


def _settle(units: Sequence[Unit]) -> None:
    """Chains without a sum beside those that have one: what stands behind the sums is behind their branch."""
    after = next(unit.after for unit in units if unit.short is not None)
    for unit in units:
        if unit.short is None:
            n = len(after)
            tail = unit.main[len(unit.main) - n :] if n else ()
            if [kind_of(s) for s in tail] != [kind_of(s) for s in after] or any(
                u.before for u in units if u.short is not None
            ):
                raise Unlike
            unit.main, unit.after = unit.main[: len(unit.main) - n], tail


def _templates(units: Sequence[Unit]) -> list[Template]:
    """Of what stands before the fork, of the main branch, of what stands behind the sum, and of projections."""
    parts = ([unit.before for unit in units], [unit.main for unit in units], [unit.after for unit in units])
    found = [template_of(chains) for chains in parts]
    projected = [unit.short for unit in units if unit.short]
    if projected:
        kinds = {tuple([kind_of(step) for step in short]) for short in projected}
        if len(kinds) > 1 and not _mergeable(kinds):
            raise Unlike
        found.append(template_of([unit.short or () for unit in units]))
    return found


def _mergeable(kinds: set[tuple[Any, ...]]) -> bool:
    return len({kind for kind in kinds if len(kind) == max(map(len, kinds))}) == 1


def _residual(body: Body, units: Sequence[Unit], parts: Sequence[Template]) -> str:
    """The text of a block with a shortcut: an identity, a projection, or none, by a condition."""
    scope = body.scope
    base = scope.bind(body.flow(parts[0], "x"), "start") if parts[0] else "x"
    branch = scope.bind(body.flow(parts[1], base), "branch")
    kinds = ["none" if u.short is None else "projected" if u.short else "same" for u in units]
    shortcut = base
    if "projected" in kinds:
        shortcut = " -> ".join([base, *_short_steps(body, parts[3], kinds)])
        if "same" in kinds:
            condition = _identity(scope, [kind == "same" for kind in kinds])
            shortcut = f"{base} if {condition} else {shortcut}"
        shortcut = f"({shortcut})" if "none" in kinds else scope.bind(shortcut, "shortcut")
    total = f"{branch} + {shortcut}"
    if "none" in kinds:
        condition = scope.condition([kind != "none" for kind in kinds], "residual")
        total = f"{total} if {condition} else {branch}"
        return body.flow(parts[2], scope.bind(total, "total")) if parts[2] else total
    if not parts[2]:
        return total
    if len(parts[2]) == 1 and parts[2][0].kind == ("act",):
        return body.operation(parts[2][0].operations(scope.count), [total])
    return body.flow(parts[2], scope.bind(total, "total"))


def _short_steps(body: Body, places: Template, kinds: Sequence[str]) -> list[str]:
    """The steps of a projection; those that only some have are conditional among the projected ones."""
    found = []
    scope = body.scope
    projected = [i for i, kind in enumerate(kinds) if kind == "projected"]
    for place in places:
        text = body.step(place)
        if set(place.members) < set(projected):
            present = [i in place.members for i in range(scope.count)]
            loose = [None if i not in projected else present[i] for i in range(scope.count)]
            atoms = scope.atoms()
            fits = next((t for t, v in atoms if all(w is None or w == x for w, x in zip(loose, v, strict=True))), None)
            text = f"{text} when {fits or scope.condition(present, 'pooled')}"
        found.append(text)
    return found


def _identity(scope: Scope, same: Sequence[bool]) -> str:
    """The condition of a shortcut that is the value itself: as papers have it, where that holds for just these."""
    atoms = dict(scope.atoms())
    kept = atoms.get("x.channels == width", atoms.get("width == x.channels"))
    still = atoms.get("stride == 1")
    if still and kept and [p and q for p, q in zip(still, kept, strict=True)] == list(same):
        return "stride == 1 and x.channels == width"
    return scope.condition(same, "same")


def _inlined(line: str, name: str, text: str) -> str:
    """A name that is used once as what it stands for; in brackets where it is a part of something."""
    line = re.sub(rf"(?<=[(:,] )\b{name}\b(?=[,)])|(?<=\()\b{name}\b(?=[,)])", lambda _: text, line)
    return re.sub(rf"\b{name}\b(?!:)", lambda _: f"({text})", line)


def _declaration(scope: Scope, name: str, result: str) -> Declaration:
    for formula, text_ in scope.formulas.items():
        uses = sum(
            len(re.findall(rf"\b{formula}\b", line)) for line in [*scope.lines, result, *scope.formulas.values()]
        )
        if uses > 1:
            scope.lines.insert(list(scope.formulas).index(formula), f"{formula} = {text_}")
        else:
            scope.lines = [_inlined(line, formula, text_) for line in scope.lines]
            result = _inlined(result, formula, text_)
    signature = ["x"]
    order = sorted(scope.parameters, key=lambda p: p in scope.defaults)
    if order:
        told = [f"{p}: {scope.defaults[p]}" if p in scope.defaults else p for p in order]
        signature = [f"x; {', '.join(told)}"]
    if scope.lines:
        body = "\n".join([f"  {line}" for line in scope.lines])
        text = f"block {name}({signature[0]}) {{\n{body}\n  return {result}\n}}"
    else:
        text = f"block {name}({signature[0]}) {{\n  return {result}\n}}"
    values = tuple([{p: scope.parameters[p][i] for p in order} for i in range(scope.count)])
    return Declaration(name, values, text)


__all__ = ["Declaration", "declare"]
