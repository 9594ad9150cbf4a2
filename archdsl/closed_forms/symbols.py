"""Which numbers of a model become symbols, and the network that has them in its dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

from archdsl.analysis.assemble import network_of
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.language import evaluation
from archdsl.analysis.model import Model, Rule, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.program import Definition
from archdsl.analysis.settings import end_value, inner_value, settle, used_settings
from archdsl.analysis.values import Block, Environment, Sequence, Setting, whole
from archdsl.closed_forms.conditions import Kept
from archdsl.closed_forms.expressions import concrete, expression_of, is_number, is_symbolic, names_in
from archdsl.diagnostics import Fault
from archdsl.graph.network import Network
from archdsl.graph.symbolic import Decisions, Symbolic
from archdsl.records import dataclass
from archdsl.syntax import ast

DIMENSIONS: Mapping[str, tuple[str, str]] = {"width": ("w", "width"), "group_width": ("g", "group width")}
"""Settings that become symbols: the first part of the symbol's name, and what it is."""
MARK = "at_"
"""How the names of marks begin."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol of the closed forms: its name, its value in this model, and what it is."""

    name: str
    value: int
    text: str


def symbolic_network(names: Names) -> Network:
    return network_of(evaluation(), names.model, names)


class Names:
    """Decides which numbers of a model become symbols: the `Symbols` of `assemble`.

    `model` is the model with symbols in its stem and head; the stages' come through `settings`.
    """

    def __init__(
        self,
        model: Model,
        chosen: tuple[str, ...],
        *,
        marks: Mapping[str, Fraction | None] | None = None,
    ) -> None:
        self.symbols: list[Symbol] = []
        self.decisions = Decisions()
        self.kept: dict[Kept, None] = {}
        self._by_name: dict[str, Symbolic] = {}
        self.chosen = chosen
        self.marks = marks
        """Settings that name `block` and are marked, with a number that they have everywhere, or none for their own."""
        self.opaque = False
        """Whether a setting that names `block` is no number, and has no mark."""
        size = model.shape
        self._resolution = ("r", "r") if size[1] == size[2] else ("r_h", "r_w")
        if "resolution" in chosen:
            texts = ("height and width of the input",) * 2 if size[1] == size[2] else ("input height", "input width")
            for name, extent, text in zip(self._resolution, size[1:], texts, strict=True):
                self._symbol(name, int(extent), text)
        stem = self._end(model, "stem")
        self._used = used_settings(evaluation(), model)
        stages = tuple([self._entered(index, stage) for index, stage in enumerate(model.stages)])
        self.model = replace(model, stem=stem, stages=stages, head=self._end(model, "head"))

    def _symbol(self, name: str, value: int, text: str) -> Symbolic:
        found = self._by_name.get(name)
        if found is None:
            found = self._by_name[name] = Symbolic.of(name, value, self.decisions)
            self.symbols.append(Symbol(name, value, text))
        return found

    def _end(self, model: Model, end: Literal["stem", "head"]) -> Any:
        """The stem or head with a symbol for its width; of blocks in a row, for each that has one."""
        block = getattr(model, end)
        if isinstance(block, Block):
            width = self._end_width(block)
            return _with_width(block, self._symbol(f"w_{end}", width, f"width of the {end}")) if width else block
        if not isinstance(block, Sequence):
            return block
        steps = [(name, step, self._end_width(step)) for name, step in block.steps]
        several = sum(width is not None for _, _, width in steps) > 1
        changed: list[tuple[str, Block | Sequence]] = []
        for position, (name, step, width) in enumerate(steps):
            if width is None or not isinstance(step, Block):
                changed.append((name, step))
                continue
            symbol = f"w_{end}_{position}" if several else f"w_{end}"
            changed.append((name, _with_width(step, self._symbol(symbol, width, f"width of {end}.{name}"))))
        return Sequence(tuple(changed))

    def _end_width(self, block: Block | Sequence) -> int | None:
        """The width of a block of the stem or head; none where it has none, or where its `fit` would decide on it."""
        if "width" not in self.chosen or not isinstance(block, Block) or "width" not in setting_names(block.of):
            return None
        width = end_value(evaluation(), block, "width")
        fits = isinstance(block.of, Definition) and block.of.fit
        return width.value if width is not None and whole(width.value) and not fits else None

    def _entered(self, index: int, stage: Stage) -> Stage:
        """The stage, whose block in front takes the symbol where it takes the stage's width."""
        block, width = stage.enter, stage.settings.get("width")
        if not isinstance(block, Block) or not isinstance(width, Setting) or "width" in block.settings:
            return stage
        used = self._dimension(index, 0, "width", self._used[index][0].get("width"))
        if used is None or concrete(used.value) != width.value or "width" not in setting_names(block.of):
            return stage
        return replace(stage, enter=replace(block, settings={**block.settings, "width": used}))

    def _dimension(self, index: int, position: int, name: str, setting: Setting | None) -> Setting | None:
        """The symbol for a block's width or group width; none where it has none that can be one."""
        if name not in self.chosen or setting is None or not whole(setting.value):
            return None
        blocks = self._used[index]
        letter, text = DIMENSIONS[name]
        if all(used.get(name) == setting for used in blocks):
            symbol = self._symbol(f"{letter}_{index}", setting.value, f"{text} of stage {index}")
        else:
            text = f"{text} of stage {index}, block {position}"
            symbol = self._symbol(f"{letter}_{index}_{position}", setting.value, text)
        return replace(setting, value=symbol)

    # What is asked for while the network is put together

    def input(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """The input's shape."""
        if "resolution" not in self.chosen:
            return shape
        return (shape[0], *[self._by_name[name] for name in self._resolution])

    def settings(
        self, ctx: Context, index: int, position: int, stage: Stage, settings: Mapping[str, Setting]
    ) -> dict[str, Setting]:
        """The settings of a block after `fit`, with symbols."""
        import sympy  # type: ignore[import-untyped]

        blocks = self._used[index]
        used = blocks[min(position, len(blocks) - 1)]
        found = dict(settings)
        for name, number in (self.marks or {}).items():
            if name in stage.settings and isinstance(stage.settings[name], Rule):
                value = found[name].value if number is None else number
                self.opaque = self.opaque or not is_number(value)
                mark = sympy.Symbol(f"{MARK}{name}", real=True)
                plain = concrete(value) if is_number(value) else 0
                found[name] = replace(found[name], value=Symbolic(plain, mark, self.decisions))
        for name in DIMENSIONS:
            symbol = self._dimension(index, position, name, settings.get(name, used.get(name)))
            if symbol is not None:
                found[name] = symbol
        if not isinstance(stage.block.of, Definition) or not any(name in self.chosen for name in DIMENSIONS):
            return found
        found = _derived(ctx, stage.block.of, stage, found)
        self._keep(stage.block.of, stage, found)
        return found

    def _keep(self, of: Definition, stage: Stage, settings: Mapping[str, Setting]) -> None:
        """Note that the block's `fit` has to leave its symbols as they are."""
        if not of.fit or self.marks is not None:
            return
        given = {n: s for n, s in settings.items() if n in stage.settings or n not in of.fitted or n in DIMENSIONS}
        symbols = {
            name: self._by_name[name].value
            for s in given.values()
            if is_symbolic(s.value)
            for name in names_in(s.value.expression)
        }
        if symbols:
            expected = [
                (n, expression_of(settings[n].value))
                for n in sorted(of.fitted)
                if n in settings and is_number(settings[n].value)
            ]
            self.kept[Kept(of, given, tuple(expected), tuple(sorted([(n, int(v)) for n, v in symbols.items()])))] = None


def _derived(ctx: Context, of: Definition, stage: Stage, settings: dict[str, Setting]) -> dict[str, Setting]:
    """The settings, with formulas for those that `fit` left at what their default gives."""
    found = dict(settings)
    for name in of.parameter_names:
        if name not in of.fitted or name in stage.settings or name in DIMENSIONS or name not in found:
            continue
        outer = Environment(of.module)
        others = {key: setting for key, setting in found.items() if key != name}
        site = ast.Identifier(stage.span, name)
        try:
            env = settle(ctx, of, others, Environment(of.module), site, outer, fitted=True, only=of.free_parameters)
            value = inner_value(env, name)
        except (Fault, AlreadyReported):
            continue  # the default cannot take symbols
        if isinstance(value, Symbolic) and value.value == found[name].value:
            found[name] = replace(found[name], value=value)
    return found


def _with_width(block: Block, width: Symbolic) -> Block:
    origin = block.settings["width"].origin if "width" in block.settings else None
    return replace(block, settings={**block.settings, "width": Setting(width, origin)})
