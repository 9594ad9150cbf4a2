"""What is known of a place: documentation, settings, values with where they come from, shapes and costs."""

from __future__ import annotations

from archdsl.analysis.evaluate import literal
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Definition, Module, Named, Primitive, walk
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import UNKNOWN, Environment, Setting
from archdsl.compiler import Compilation
from archdsl.editor.data import Fact, Hover, NameKind, Place
from archdsl.editor.describe import Described, described, setting_fact, word_text
from archdsl.editor.hints import part_text, total_text
from archdsl.editor.models import Built, Part, compiled_models, within
from archdsl.editor.renaming import definition, used_module
from archdsl.editor.targets import Occurrence, Target
from archdsl.editor.words import bounded, first_line
from archdsl.editor.workspace import Document, Workspace, is_library
from archdsl.graph.cost import MEASURES
from archdsl.graph.operations import OPERATIONS
from archdsl.numbers import NumberError, format_number
from archdsl.syntax import ast

_LISTED = 8
"""Values of a setting that are shown one by one."""


def hover(workspace: Workspace, path: str, offset: int) -> Hover | None:
    """What is known of the name or number at a place; nothing of blanks, brackets and operators."""
    document = workspace.document(path)
    if document is None:
        return None
    module = _of_module(document, offset)
    found = document.name_at(offset) if module is None else None
    if found is not None:
        return _of_name(workspace, document, found)
    return module or _of_number(document, offset)


def _of_module(document: Document, offset: int) -> Hover | None:
    for item in document.trees.of(document.program.entry).items:
        if isinstance(item, ast.Use) and item.module_span.start <= offset <= item.module_span.end:
            name = used_module(document, item)
            module = document.trees.module(name) if name is not None else None
            if name is None or module is None:
                return None
            place = Place(document.path, item.module_span.start, item.module_span.end)
            declared = [n for n in module.names if n not in module.used]
            kind: NameKind = "module" if is_library(name) else "file"
            return Hover(
                place, kind, f"use {item.module_span.text}", bounded(", ".join(declared)), (), Place(name, 0, 0)
            )
    return None


def _of_number(document: Document, offset: int) -> Hover | None:
    node = _number_at(document, offset)
    if node is None:
        return None
    place = Place(document.path, node.span.start, node.span.end)
    facts = [*_stage_facts(document, offset, None), *_claim_facts(document, offset)]
    try:
        value = format_number(literal(node.text))
    except NumberError:
        return None
    written = f"{node.text} {node.unit}" if node.unit is not None else node.text
    exact = [Fact("exactly", value)] if value != node.text and node.text[-1] in "KMGT" else []
    if not facts and not exact:
        return None
    return Hover(place, "value", written, "", (*exact, *facts), None)


def _number_at(document: Document, offset: int) -> ast.Number | None:
    for item in document.trees.of(document.program.entry).items:
        if item.span.start <= offset <= item.span.end:
            for node in walk(item):
                if isinstance(node, ast.Number) and node.span.start <= offset <= node.span.end:
                    return node
    return None


def _of_name(workspace: Workspace, document: Document, found: Occurrence) -> Hover | None:
    if not found.targets:
        return None
    target = found.targets[0]
    said = _described(document, target)
    facts = [*_values(document, found, target), *said.facts]
    places = definition(workspace, document.path, found.start)
    place = Place(document.path, found.start, found.end)
    others = [f"also a setting of `{other.owner}`" for other in found.targets[1:4]]
    text = "\n".join([part for part in (said.text, *others) if part])
    return Hover(place, target.kind, said.signature, bounded(text), tuple(facts), places[0] if places else None)


def named_of(document: Document, target: Target) -> tuple[Module, Named] | None:
    """The declaration behind a target of a module's own name."""
    module = document.trees.module(target.path) if target.path else None
    named = module.names.get(target.name) if module is not None else None
    return (module, named) if module is not None and named is not None else None


def _described(document: Document, target: Target) -> Described:
    if target.kind in ("model", "block", "fn", "scaling", "recipe", "space"):
        found = named_of(document, target)
        said = described(found[1]) if found is not None else None
        return said or Described(f"{target.kind} {target.name}", "")
    if target.kind in ("operation", "function"):
        return described(operation_named(document, target)) or Described(target.name, word_text(target))
    if target.kind in ("parameter", "input"):
        return _parameter(document, target)
    if target.kind == "setting":
        owner = operation_named(document, Target("operation", target.owner))
        fact = setting_fact(owner, target.name) if owner is not None else None
        text = fact.note if fact is not None else word_text(target)
        return Described(f"{target.name}: {fact.value}" if fact is not None else target.name, text)
    if target.kind in ("local", "draw"):
        return Described(_binding(document, target), "")
    return Described(target.name, word_text(target))


def operation_named(document: Document, target: Target) -> Named | None:
    """An operation or a function of the prelude by its name."""
    if target.kind == "function":
        return PRELUDE.get(target.name)
    known = OPERATIONS.get(target.name)
    if known is not None:
        return Primitive(target.name, known)
    named = document.program.entry.names.get(target.name)
    return PRELUDE.get(target.name) if named is None else named


def _parameter(document: Document, target: Target) -> Described:
    module = document.trees.module(target.path)
    owner = module.names.get(target.owner) if module is not None else None
    if not isinstance(owner, Definition):
        return Described(target.name, "")
    if target.kind == "input":
        return Described(target.name, f"flows into `{owner.name}`")
    fact = setting_fact(owner, target.name)
    value = f": {fact.value}" if fact is not None and fact.value != "required" else ""
    text = f"a parameter of the {owner.kind} `{owner.name}`" + (", required" if not value else "")
    return Described(target.name + value, text + (f"; {fact.note}" if fact is not None and fact.note else ""))


def _binding(document: Document, target: Target) -> str:
    """The text that gives a local name its value, or the law of a draw."""
    module = document.trees.module(target.path)
    for item in document.trees.of(module).items if module is not None else ():
        if isinstance(item, ast.Declaration) and item.span.start <= target.start < item.span.end:
            for entry in item.body.entries if item.body is not None else ():
                if entry.span.start <= target.start < entry.span.end:
                    return first_line(entry.span.text)
    return target.name


# Values


def _values(document: Document, found: Occurrence, target: Target) -> list[Fact]:
    """What a name has as its value in the models of the file, and what the stage there gives and costs."""
    if target.kind == "model" and found.declares:
        return _model_facts(document, target)
    if target.kind in ("parameter", "local") and target.path == document.path:
        facts = _bound(document, target)
        if facts:
            return facts
    if target.kind == "field" and target.name in MEASURES:
        return _claim_facts(document, found.start)
    if target.kind in ("parameter", "setting", "field", "block", "operation", "local"):
        name = target.name if target.kind in ("parameter", "setting", "field") else None
        return _stage_facts(document, found.start, name)
    return []


def _model_facts(document: Document, target: Target) -> list[Fact]:
    for compiled in compiled_models(document.checked.compilations):
        if compiled.name == target.name:
            text = total_text(compiled, document.counts.of(compiled).cost).partition(": ")
            return [Fact(text[0].replace("`", ""), text[2], f"hash {compiled.network.hash[:12]}")]
    return []


def _claim_facts(document: Document, offset: int) -> list[Fact]:
    for compiled in compiled_models(document.checked.compilations):
        for verdict in compiled.verdicts:
            span = compiled.here(verdict.claim.span)
            if span.source.key == document.source.key and span.start <= offset <= span.end:
                holds = "the claim holds" if verdict.holds else "the claim does not hold"
                return [Fact(verdict.claim.measure, f"{verdict.computed:,}", f"{holds}, by `{verdict.convention}`")]
    return []


def _bound(document: Document, target: Target) -> list[Fact]:
    """The value of a model's parameter or local name, in the model that the file shows."""
    for built in document.built:
        declaration = built.declaration
        if declaration is None or not declaration.span.start <= target.start < declaration.span.end:
            continue
        model = built.model
        origins = [s.origin for stage in model.stages for s in (stage.depth, *stage.settings.values())]
        for origin in (model.input.origin, *origins):
            value = _looked_up(origin.environment, target.name) if origin is not None else UNKNOWN
            if value is not UNKNOWN:
                return [Fact(f"in {built.name}", first_line(show_value(value)))]
    return []


def _looked_up(environment: Environment, name: str) -> object:
    scope: Environment | None = environment
    while scope is not None:
        if name in scope.names:
            return scope.names[name]
        scope = scope.parent
    return UNKNOWN


def _stage_facts(document: Document, offset: int, setting: str | None) -> list[Fact]:
    """What the stages at a place are and cost; of one of their settings, its values and where they come from."""
    if document.library:
        return []
    for built in document.built:
        places = built.stages_in(document.source)
        around = within(places, offset)
        if around is None:
            facts = _end_facts(built, offset)
            if facts:
                return facts
            continue
        indices = places[around]
        if setting is not None:
            return [fact for i in indices[:_LISTED] for fact in _setting_facts(built, i, setting)]
        parts = [part for i in indices[:_LISTED] if (part := built.parts.get(f"stages.{i}")) is not None]
        facts = [_part_fact(part) for part in parts]
        return [Fact("in", built.name), *facts]
    return []


def _end_facts(built: Built, offset: int) -> list[Fact]:
    for name in ("stem", "head"):
        span = built.part(name)
        if span is not None and span.start <= offset <= span.end and name in built.parts:
            return [Fact("in", built.name), _part_fact(built.parts[name])]
    return []


def _part_fact(part: Part) -> Fact:
    path, _, text = part_text(part).partition(": ")
    return Fact(path, text)


def _setting_facts(built: Built, index: int, name: str) -> list[Fact]:
    """`stages.1.width`: its values, block by block where they differ, what was asked for, and by which line."""
    stage = built.model.stages[index]
    if name == "depth":
        settings = [stage.depth]
    elif built.compiled is not None:
        settings = [block[name] for block in built.compiled.settings[index] if name in block]
    else:
        asked = stage.settings.get(name)
        settings = [asked] if isinstance(asked, Setting) else []
    known = [setting for setting in settings if setting.value is not UNKNOWN]
    return [_fact(built.compilation, f"stages.{index}.{name}", known)] if known else []


def _fact(compilation: Compilation, path: str, settings: list[Setting]) -> Fact:
    values = [show_value(s.value) for s in settings]
    different = list(dict.fromkeys(values))
    shown = values[0] if len(different) == 1 else ", ".join(values[:_LISTED]) + (", …" if len(values) > _LISTED else "")
    asked = [show_value(s.requested.value) for s in settings if s.requested is not None]
    notes = [f"asked for {asked[0]}, then `fit`"] if asked and asked[0] != values[0] else []
    origin = settings[0].origin if settings[0].requested is None else settings[0].requested.origin
    if origin is not None:
        notes.append(f"{first_line(origin.span.text)} at {compilation.here(origin.span)}")
    return Fact(path, first_line(shown), "; ".join(notes))


__all__ = ["hover", "named_of", "operation_named"]
