"""A resolved model as canonical `.arch` text that stands alone.

What enters is a compilation with a network; what leaves is a text that means the same network, by its hash: it is
compiled again before it is returned. Blocks and functions of the standard library are taken by `use`, those of the
user's files are written out. Settings are those after `fit`; one that it changed has a comment.

A default that follows other settings (`inner: width / bottleneck_ratio`) is not written where it gives what the
network has, so that a scaling of the text changes what it changes in the original.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from archdsl import __version__
from archdsl.analysis.answers import plain_defaults
from archdsl.analysis.model import Claim, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.program import Definition, Named, Primitive, Reader, walk
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Block, Environment, Function, Origin, Output, Sequence, Setting, Value, extent
from archdsl.compiler import Compiled, Compiler
from archdsl.graph.cost import count
from archdsl.graph.operations.base import Attribute
from archdsl.graph.plain import plain_text
from archdsl.graph.shapes import Range
from archdsl.records import dataclass
from archdsl.source import Source
from archdsl.syntax import ast
from archdsl.syntax.formatter import format_source
from archdsl.views.names import MAX_COLUMNS, Names, comment, edited

MAX_PARTS = 200_000
"""Values that a model may hold and still be printed; parts are shared in memory, never on paper."""
MAX_DEPTH = 30
MAX_COMMENTS = 3


def show_model(compilation: Compiled, reader: Reader) -> str:
    """The model of a compilation as text. Raises `ValueError` where no text can be given, with the reason."""
    for fitted in (True, False):
        text = _Writer(compilation, fitted=fitted).text()
        source = Source(f"{compilation.name}.arch", text)
        again = Compiler(reader).compile(source, compilation.name)
        if isinstance(again, Compiled) and again.network.hash == compilation.network.hash:
            return text
    raise ValueError(f"`{compilation.name}` cannot be written as one text that means the same network")


@dataclass(frozen=True)
class _Row:
    """One stage: its cells by column, and what `fit` changed."""

    block: str
    cells: dict[str, str]
    comment: str


class _Writer:
    def __init__(self, compilation: Compiled, *, fitted: bool) -> None:
        self.compilation, self.network, self.fitted = compilation, compilation.network, fitted
        self.model = compilation.model
        self.names = Names(compilation.name)
        self.collecting = True

    def text(self) -> str:
        self._model()  # once for what it needs, then for its text
        self.names.settle()
        self.collecting = False
        model = self._model()
        parts = ["\n".join(["arch 1", *self.names.uses()]), *self.names.declarations(), model]
        body = "\n\n".join(parts) + "\n"
        return self._head() + "\n" + format_source(Source(f"{self.compilation.name}.arch", body))

    def _head(self) -> str:
        """Comment lines with the hash and the cost."""
        cost = count(self.network)
        size = " x ".join(str(extent) for extent in self.network.input)
        counts = f"{cost.flops:,} flops, {cost.params:,} params, {cost.acts:,} acts at {size}"
        lines = [
            f"`{self.compilation.name}`, resolved by archdsl {__version__}",
            f"hash {self.network.hash}",
            counts,
            f"by the convention {cost.convention.name} {cost.convention.version}; flops: {cost.convention.unit}",
        ]
        return comment("\n".join(lines))

    # Values

    def value(self, value: Value, *, nested: bool = False) -> str:
        """A value as an expression; `nested` ones stand where an arrow or a range needs parentheses."""
        if self.collecting and extent(value, MAX_PARTS, MAX_DEPTH) is None:
            raise ValueError("a setting holds more values than can be printed")
        return self._value(value, nested=nested)

    def _value(self, value: Value, *, nested: bool = False) -> str:
        if isinstance(value, Sequence):
            return self._made(value, nested=nested)
        return plain_text(value, self._made, nested=nested)

    def _made(self, value: Value, *, nested: bool = True) -> str:
        """Blocks, outputs and functions; a sequence of blocks among others needs parentheses."""
        if isinstance(value, Output):
            return value.text
        if isinstance(value, Block):
            return self._block(value, {name: setting.value for name, setting in value.settings.items()})
        if isinstance(value, Sequence):
            text = " -> ".join(self._value(step, nested=True) for _, step in value.steps)
            return f"({text})" if nested else text
        if isinstance(value, Function):
            return self._name(value.of)
        raise ValueError(f"`{show_value(value)}` has no form in the language")

    def _part(self, value: Value) -> str:
        """A value among others, between commas."""
        return self._value(value, nested=isinstance(value, Sequence))

    def _name(self, named: Named) -> str:
        if self.collecting:
            self.names.add(named)
        return self.names.of(named)

    def _block(self, block: Block, settings: Mapping[str, Value]) -> str:
        name = self._name(block.of)
        given = [*[each.text for each in block.inputs], *[f"{n}: {self._part(v)}" for n, v in settings.items()]]
        return f"{name}({', '.join(given)})" if given else name

    # The model

    def _model(self) -> str:
        """The declaration. Overrides of single blocks cannot stand in one: they change the instance of a family."""
        overrides = list(self._overrides())
        name = self.compilation.name
        after = [*self._expect(), *self._source()]
        doc = comment(self.model.doc)
        if not overrides:
            body = [self._input(), *self._structure(), *after]
            return doc + "\n".join([f"model {name} {{", *body, "}"])
        channels, height, width = self.model.shape
        size = "size" if height == width else "height"
        taken = f"{channels} x {size} x {size if height == width else width}"
        family = [f"model {name}_stages({size}) {{", f"input: {taken}", *self._structure(), "}"]
        changes = [f"model {name} = {name}_stages({size}: {height}) with {{", *overrides, *after, "}"]
        return "\n".join(family) + "\n\n" + doc + "\n".join(changes)

    def _input(self) -> str:
        return f"input: {self.value(self.model.shape)}"

    def _structure(self) -> Iterator[str]:
        model = self.model
        if model.stem is not None:
            yield f"stem: {self._end(model.stem)}"
        yield f"stages: {self._stages()}"
        if model.head is not None:
            yield f"head: {self._end(model.head)}"
        if model.output_stride is not None:
            yield f"output_stride: {self.value(model.output_stride.value)}"
        if model.features is not None:
            if model.features.places:
                places = [f"{name}: {place.text}" for name, place in model.features.places]
                yield f"features {{ {'  '.join(places)} }}"
            else:
                yield f"features: {self.value(model.features.strides)}"
        if model.outputs is not None:
            yield f"outputs {{ {'  '.join([f'{name}: {place.text}' for name, place in model.outputs.places])} }}"
        if model.follow:
            yield f"follow {{ {'  '.join(f'{path}: {dimension}' for path, dimension in model.follow.items())} }}"
        yield from self._section("preprocess", model.preprocess)
        if model.init:
            lines = [f"{name}: {self._initializer(setting)}" for name, setting in model.init.items()]
            yield "\n".join(["init {", *lines, "}"])

    def _section(self, name: str, settings: Mapping[str, Setting]) -> Iterator[str]:
        if settings:
            lines = [f"{key}: {self.value(setting.value)}" for key, setting in settings.items()]
            yield "\n".join([f"{name} {{", *lines, "}"])

    def _source(self) -> Iterator[str]:
        return self._section("source", self.model.provenance)

    def _expect(self) -> Iterator[str]:
        groups: dict[Any, list[Claim]] = {}
        for claim in self.model.claims:
            groups.setdefault((claim.convention, claim.truncated, claim.at, claim.note), []).append(claim)
        for (convention, truncated, at, note), claims in groups.items():
            parts: dict[str, str] = {}
            extra = [f'by: "{convention}"'] if convention else []
            extra += ["truncated: true"] if truncated else []
            extra += [f"at: {' x '.join(map(str, at))}"] if at else []
            extra += [f'note: "{note}"'] if note else []
            for claim in claims:
                if claim.measure in parts:
                    yield _expectation([*parts.values(), *extra])
                    parts = {}
                parts[claim.measure] = f"{claim.measure}: {claim.literal}"
            yield _expectation([*parts.values(), *extra])

    def _end(self, block: Block | Sequence) -> str:
        """A stem or head; a single block with its defaults."""
        if isinstance(block, Sequence):
            return self.value(block) if block.steps else "none"
        given = {name: setting.value for name, setting in block.settings.items()}
        self.value(block)
        return self._block(block, {**given, **self._missing(block.of, given)})

    def _missing(self, of: Definition | Primitive, given: Mapping[str, Value]) -> dict[str, Value]:
        return {name: value for name, value in plain_defaults(of).items() if name not in given}

    def _initializer(self, setting: Setting) -> str:
        """A line of `init`: its text, with the values of the model's own names."""
        if setting.origin is None:
            return self.value(setting.value)
        return self._substituted(setting.origin)

    def _substituted(self, origin: Origin) -> str:
        edits = []
        env = origin.environment
        for node in walk(origin.expression):
            if not isinstance(node, ast.Reference):
                continue
            scope: Environment | None = env
            while scope is not None and node.name not in scope.names:
                scope = scope.parent
            named = env.module.names.get(node.name)
            if scope is not None:
                edits.append((node.span, self._value(scope.names[node.name], nested=True)))
            elif named is not None:
                edits.append((node.span, self._name(named)))
        return " ".join(edited(origin.span, edits).split())

    # Stages

    def _stages(self) -> str:
        used = self.compilation.settings
        rows = [self._row(stage, used[index]) for index, stage in enumerate(self.model.stages)]
        columns = list(dict.fromkeys(name for row in rows for name in row.cells))
        lines = [["block", *columns], *[[row.block, *[row.cells.get(c, "-") for c in columns]] for row in rows]]
        widths = [max(len(line[i]) for line in lines) for i in range(len(columns) + 1)]
        if sum(widths) + 3 * len(widths) + 5 > MAX_COLUMNS:
            return self._list(rows)
        texts = []
        for number, line in enumerate(lines):
            cells = [line[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True)]
            note = rows[number - 1].comment if number else ""
            texts.append(f"    | {' | '.join(cells)} |" + (f"  # {note}" if note else ""))
        return "\n".join(["[", *texts, "  ]"])

    def _list(self, rows: list[_Row]) -> str:
        items = []
        for row in rows:
            head = f"{row.block} {{" + (f"\n# {row.comment}" if row.comment else "")
            items.append("\n".join([head, *[f"{name}: {text}" for name, text in row.cells.items()], "}"]))
        return "[\n" + ",\n".join(items) + "\n]"

    def _row(self, stage: Stage, blocks: list[dict[str, Setting]]) -> _Row:
        """A stage with what was given, and the defaults that are values."""
        block = self._block(stage.block, {})
        cells = {"depth": self.value(stage.depth.value)}
        if stage.enter is not None:
            cells["enter"] = self.value(stage.enter, nested=True)
        defaults = plain_defaults(stage.block.of)
        changed: dict[str, list[str]] = {}
        for name in setting_names(stage.block.of):
            if name not in blocks[0] or (name not in stage.settings and name not in defaults):
                continue
            settings = [settings[name] for settings in blocks]
            kept = [s.value if self.fitted or s.requested is None else s.requested.value for s in settings]
            if any(value != kept[0] for value in kept[1:]):
                cells[name] = f"{self.value(tuple(kept))}[block.in_stage]"
            else:
                cells[name] = self.value(kept[0], nested=isinstance(kept[0], Sequence | Range))
            for s in settings:
                if s.requested is not None and s.requested.value != s.value:
                    change = f"{name} {show_value(s.requested.value)} -> {show_value(s.value)}"
                    if change not in changed.setdefault(name, []):
                        changed[name].append(change)
        notes = [note for found in changed.values() for note in found]
        more = ", …" if len(notes) > MAX_COMMENTS else ""
        return _Row(block, cells, ", ".join(notes[:MAX_COMMENTS]) + more)

    def _overrides(self) -> Iterator[str]:
        for index, stage in enumerate(self.model.stages):
            for position, settings in sorted(stage.overrides.items()):
                for name, setting in settings.items():
                    yield f"stages[{index}].blocks[{position}].{name}: {self.value(setting.value)}"


def _optional(attributes: Iterable[Attribute]) -> Iterator[Attribute]:
    return (attribute for attribute in attributes if not attribute.required)


def _expectation(parts: list[str]) -> str:
    line = f"expect {{ {'  '.join(parts)} }}"
    return line if len(line) < MAX_COLUMNS - 2 else "\n".join(["expect {", *parts, "}"])
