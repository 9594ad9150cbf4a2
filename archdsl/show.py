"""A resolved model as canonical `.arch` text that stands alone.

What enters is a compilation with a network; what leaves is a text that means the same network, by its hash: it is
compiled again before it is returned. Blocks and functions of the standard library are taken by `use`, those of the
user's files are written out. Settings are those after `fit`; one that it changed has a comment.

A default that follows other settings (`inner: width / bottleneck_ratio`) is not written where it gives what the
network has, so that a scaling of the text changes what it changes in the original.

A recipe is shown likewise, with every setting, the unused ones too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from fractions import Fraction
from typing import Any

from archdsl import __version__
from archdsl.analysis.answers import plain_defaults, recipe_named
from archdsl.analysis.model import Claim, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Builtin, Definition, Instance, Named, Primitive, Reader, Unresolved, children, walk
from archdsl.analysis.recipe_fields import FIELDS, FORMS, PARTS
from archdsl.analysis.resolve import OPERATIONS_MODULE
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Block, Environment, Function, Origin, Sequence, Setting, Value, extent
from archdsl.compiler import Compiled, Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.graph.cost import count
from archdsl.graph.operations.base import Attribute
from archdsl.graph.shapes import Range, Size
from archdsl.numbers import format_number, is_number, normalise
from archdsl.records import dataclass
from archdsl.source import Source, Span
from archdsl.syntax import ast
from archdsl.syntax.formatter import format_source
from archdsl.training.recipe import Duration, Optimizer, Recipe, Schedule

MAX_COLUMNS = 118
"""A stage table with wider lines is written as a list of blocks."""
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


def show_recipe(recipe: Recipe, reader: Reader) -> str:
    """A recipe as text with every setting. Raises `ValueError` where no text can be given, with the reason."""
    head = comment(f"`{recipe.name}`, every setting of it, by archdsl {__version__}")
    body = f"arch 1\n\n{comment(recipe.doc)}{_recipe(recipe)}\n"
    text = head + "\n" + format_source(Source(f"{recipe.name}.arch", body))
    if _recipe_again(recipe.name, text, reader) != recipe:
        raise ValueError(f"the recipe `{recipe.name}` cannot be written as a text that means the same")
    return text


def _recipe_again(name: str, text: str, reader: Reader) -> Recipe | None:
    diagnostics = Diagnostics()
    program = Compiler(reader).program(Source(f"{name}.arch", text), diagnostics)
    return None if diagnostics.failed else recipe_named(program, name, diagnostics)


def _recipe(recipe: Recipe) -> str:
    """The declaration. What only says something of a part that is not used cannot stand in it."""
    staged = dict(recipe.staged)
    unused = {
        part
        for whole, parts in PARTS.items()
        for part in parts
        if getattr(recipe, whole) is None and whole not in staged
    }
    lines = [f"{name}: {_form(getattr(recipe, name), forms)}" for name, forms in FORMS.items()]
    for name in FIELDS:
        if name not in unused:
            value = getattr(recipe, name)
            lines.append(f"{name}: {value} steps" if name == "ema_every" else f"{name}: {_plain(value)}")
    if recipe.stages > 1 or staged:
        stages = [f"{name}: [{', '.join(map(_plain, values))}]" for name, values in recipe.staged]
        lines.append("\n".join(["progressive {", f"stages: {recipe.stages}", *stages, "}"]))
    for section in ("verified", "source"):
        inside = [f"{name}: {_plain(text)}" for name, text in getattr(recipe, section)]
        lines += ["\n".join([f"{section} {{", *inside, "}"])] if inside else []
    return "\n".join([f"recipe {recipe.name} {{", *lines, "}"])


def _form(form: Optimizer | Schedule, forms: Mapping[str, Iterable[str]]) -> str:
    """`sgd(momentum: 0.9, …)`."""
    parts = []
    for name in forms[form.kind]:
        if isinstance(form, Optimizer) and name in ("beta_1", "beta_2"):
            value: object = form.betas[name == "beta_2"]
        else:
            value = getattr(form, name)
        parts.append(f"{name}: {_plain(value)}")
    return f"{form.kind}({', '.join(parts)})"


def _plain(value: object) -> str:
    """A value of a recipe. A pair of whole numbers is a size, one of fractions a range."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int() | Fraction():
            return format_number(normalise(value))
        case str() if not set(value) & set('"\r\n'):
            return f'"{value}"'
        case Duration(amount=amount, unit=unit):
            return f"{format_number(normalise(amount))} {unit}"
        case (int() as height, int() as width):
            return f"{height} x {width}"
        case (Fraction() as low, Fraction() as high):
            return f"{_plain(low)} .. {_plain(high)}"
        case tuple():
            return f"[{', '.join(map(_plain, value))}]"
    raise ValueError(f"{value!r} has no form in the language")


@dataclass
class _Names:
    """What the text needs from elsewhere, and under which names.

    `add` is called for everything first; `settle` then gives names; `of` is for writing.
    """

    model: str
    needed: dict[Any, Named] = field(default_factory=dict)
    included: list[Definition] = field(default_factory=list)
    names: dict[Any, str] = field(default_factory=dict)

    @staticmethod
    def key(named: Named) -> Any:
        return named if isinstance(named, Primitive) else id(named)

    def add(self, named: Named) -> None:
        """Note that something is needed, and all that its text needs."""
        waiting = [named]
        while waiting:
            top = waiting.pop()
            if isinstance(top, Builtin | Instance | Unresolved) or self.key(top) in self.needed:
                continue
            self.needed[self.key(top)] = top
            if isinstance(top, Definition) and not top.module.library:
                self.included.append(top)
                waiting += [named for _, named in references(top)]

    def settle(self) -> None:
        """Give every needed thing its own name if no other has it, and no text that needs it means another by it."""
        local: dict[Any, set[str]] = {}
        for definition in self.included:
            inside = local_names(definition.declaration)
            for _, named in references(definition):
                local.setdefault(self.key(named), set()).update(inside)
        taken = {self.model, f"{self.model}_stages", *PRELUDE}
        for key, named in self.needed.items():
            name, number = named.name, 1
            while name in taken or name in local.get(key, ()):
                number += 1
                name = f"{named.name}_{number}"
            taken.add(name)
            self.names[key] = name

    def of(self, named: Named) -> str:
        return self.names.get(self.key(named), named.name)

    def uses(self) -> list[str]:
        """The `use` lines, sorted."""
        modules: dict[str, list[str]] = {}
        for named in self.needed.values():
            if isinstance(named, Primitive):
                module = OPERATIONS_MODULE
            elif isinstance(named, Definition) and named.module.library:
                module = named.module.name
            else:
                continue
            local = self.of(named)
            modules.setdefault(module, []).append(named.name + (f" as {local}" if local != named.name else ""))
        return [_wrapped_use(module, sorted(names)) for module, names in sorted(modules.items())]

    def declarations(self) -> list[str]:
        """The texts of what is written out, in the order of their files, with the names of this text."""
        ordered = sorted(self.included, key=lambda d: (d.module.name, d.declaration.span.start))
        return [self._declaration(definition) for definition in ordered]

    def _declaration(self, definition: Definition) -> str:
        edits = [(span, self.of(named)) for span, named in references(definition)]
        edits.append((definition.declaration.name.span, self.of(definition)))
        return comment(definition.declaration.doc) + edited(definition.declaration.span, edits)


def references(definition: Definition) -> list[tuple[Span, Named]]:
    """The names in a declaration that stand for something of its module, and what they stand for."""
    found: list[tuple[Span, Named]] = []

    def visit(node: ast.Node, local: frozenset[str]) -> None:
        match node:
            case ast.Reference(name=name):
                named = definition.module.names.get(name) if name not in local else None
                if named is not None:
                    found.append((node.span, named))
            case ast.Comprehension(body=body, variable=variable, source=source):
                visit(source, local)
                visit(body, local | {variable.text})
            case _:
                for child in children(node):
                    visit(child, local)

    declaration = definition.declaration
    bound = frozenset(definition.inputs)
    for parameter in definition.parameters:
        if parameter.default is not None:
            visit(parameter.default, bound)  # `conv: conv` is a parameter, and the operation that it is by default
        bound |= {parameter.name.text}
    if declaration.value is not None:
        visit(declaration.value, bound)
    for entry in declaration.body.entries if declaration.body is not None else ():
        visit(entry, bound)
        if isinstance(entry, ast.Binding):
            bound |= {name.text for name in entry.names}
    return found


def local_names(declaration: ast.Declaration) -> set[str]:
    """The parameters and the bound names of a declaration."""
    found = set()
    for node in walk(declaration):
        match node:
            case ast.Parameter(name=name):
                found.add(name.text)
            case ast.Binding(names=names):
                found.update(name.text for name in names)
            case ast.Comprehension(variable=variable):
                found.add(variable.text)
    return found


def edited(span: Span, edits: Iterable[tuple[Span, str]]) -> str:
    """The text at a span with some places within it replaced."""
    parts, at = [], span.start
    for place, text in sorted(edits, key=lambda edit: edit[0].start):
        parts += [span.source.text[at : place.start], text]
        at = place.end
    return "".join([*parts, span.source.text[at : span.end]])


def comment(text: str) -> str:
    """Lines as comments."""
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


def _wrapped_use(module: str, names: list[str]) -> str:
    line = f"use {module} {{ {', '.join(names)} }}"
    if len(line) <= MAX_COLUMNS:
        return line
    rows, row = [], "  "
    for name in names:
        if len(row) + len(name) + 2 > MAX_COLUMNS:
            rows.append(row.rstrip())
            row = "  "
        row += f"{name}, "
    return f"use {module} {{\n" + "\n".join([*rows, row.rstrip().rstrip(",")]) + "\n}"


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
        self.names = _Names(compilation.name)
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
        if is_number(value):
            text = format_number(value)
            return f"({text})" if nested and re.fullmatch(r"\d+(\.\d+)?", text) is None else text
        if value is None:
            return "none"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return f'"{value}"'
        if isinstance(value, Size):
            return " x ".join(self._value(part, nested=True) for part in value)
        if isinstance(value, tuple):
            return f"[{', '.join(self._part(part) for part in value)}]"
        if isinstance(value, Range):
            return f"{self._value(value.lo, nested=True)} .. {self._value(value.hi, nested=True)}"
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
        if not settings:
            return name
        return f"{name}({', '.join(f'{key}: {self._part(value)}' for key, value in settings.items())})"

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
                places = [f"{name}: {_place(place)}" for name, place in model.features.places]
                yield f"features {{ {'  '.join(places)} }}"
            else:
                yield f"features: {self.value(model.features.strides)}"
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
        block = self._name(stage.block.of)
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


def _place(place: str) -> str:
    return place if place == "stem" else f"stages[{place.removeprefix('stages.')}]"


def _expectation(parts: list[str]) -> str:
    line = f"expect {{ {'  '.join(parts)} }}"
    return line if len(line) < MAX_COLUMNS - 2 else "\n".join(["expect {", *parts, "}"])
