"""What `archdsl.editor` answers, as the protocol's types.

A `View` is one document as a request found it, with the texts around it: offsets become positions in the client's units
there. Everything else is tables and functions of plain data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from lsprotocol import types

from archdsl import editor
from archdsl.diagnostics import Fault
from archdsl.editor import Workspace, data
from archdsl.records import dataclass
from archdsl.server.documents import Document
from archdsl.server.positions import Encoding, Lines
from archdsl.server.projects import Place

SYMBOLS: Mapping[str, types.SymbolKind] = {
    "module": types.SymbolKind.Module,
    "file": types.SymbolKind.File,
    "model": types.SymbolKind.Class,
    "block": types.SymbolKind.Struct,
    "fn": types.SymbolKind.Function,
    "scaling": types.SymbolKind.Function,
    "recipe": types.SymbolKind.Object,
    "space": types.SymbolKind.Interface,
    "operation": types.SymbolKind.Method,
    "function": types.SymbolKind.Function,
    "field": types.SymbolKind.Field,
    "section": types.SymbolKind.Namespace,
    "setting": types.SymbolKind.Property,
    "part": types.SymbolKind.Property,
}
"""Other names are variables."""

PROPOSALS: Mapping[str, types.CompletionItemKind] = {
    "module": types.CompletionItemKind.Module,
    "file": types.CompletionItemKind.File,
    "model": types.CompletionItemKind.Class,
    "block": types.CompletionItemKind.Struct,
    "fn": types.CompletionItemKind.Function,
    "scaling": types.CompletionItemKind.Function,
    "recipe": types.CompletionItemKind.Enum,
    "space": types.CompletionItemKind.Interface,
    "operation": types.CompletionItemKind.Method,
    "function": types.CompletionItemKind.Function,
    "field": types.CompletionItemKind.Field,
    "section": types.CompletionItemKind.Field,
    "setting": types.CompletionItemKind.Property,
    "part": types.CompletionItemKind.Property,
    "keyword": types.CompletionItemKind.Keyword,
    "value": types.CompletionItemKind.Constant,
}

TOKENS: Mapping[data.TokenKind, str] = {
    "keyword": "keyword",
    "comment": "comment",
    "string": "string",
    "number": "number",
    "operator": "operator",
    "model": "class",
    "block": "struct",
    "fn": "function",
    "scaling": "function",
    "recipe": "enum",
    "space": "interface",
    "operation": "method",
    "function": "function",
    "parameter": "parameter",
    "local": "variable",
    "property": "property",
    "module": "namespace",
}
"""Colours by the protocol's names, which every theme has. A `fault` has none: its diagnostic marks it."""

TOKEN_TYPES = tuple(dict.fromkeys(TOKENS.values()))
TOKEN_MODIFIERS = ("declaration", "defaultLibrary")
LEGEND = types.SemanticTokensLegend(TOKEN_TYPES, TOKEN_MODIFIERS)

FOLDS = {
    "region": types.FoldingRangeKind.Region,
    "comment": types.FoldingRangeKind.Comment,
    "uses": types.FoldingRangeKind.Imports,
}


@dataclass(frozen=True)
class View:
    """A document as it was when it was asked about, and how others are found from it."""

    place: Place
    document: Document
    others: Mapping[str, Document]
    """The documents of the project that are open, by their paths."""
    uri_of: Callable[[str], str | None]
    """The URI of a path; none of what has no file."""

    @property
    def workspace(self) -> Workspace:
        return self.place.root.workspace

    @property
    def path(self) -> str:
        return self.place.path

    @property
    def lines(self) -> Lines:
        return self.document.lines

    @property
    def encoding(self) -> Encoding:
        return self.document.encoding

    def offset(self, position: types.Position) -> int:
        return self.lines.offset(position.line, position.character)

    def lines_of(self, path: str) -> Lines | None:
        """The lines of a document of the project; none where it cannot be read."""
        if path == self.path:
            return self.lines
        if path in self.others:
            return self.others[path].lines
        try:
            return Lines(self.workspace.text(path), self.encoding)
        except Fault:
            return None

    def range(self, start: int, end: int) -> types.Range:
        """Characters of this document."""
        return range_of(self.lines, start, end)

    def location(self, place: data.Place) -> types.Location | None:
        """A place anywhere in the project; none where the client cannot open it."""
        uri, lines = self.uri_of(place.path), self.lines_of(place.path)
        if uri is None or lines is None:
            return None
        return types.Location(uri, range_of(lines, place.start, place.end))


def range_of(lines: Lines, start: int, end: int) -> types.Range:
    first, last = lines.position(start), lines.position(max(start, end))
    return types.Range(types.Position(*first), types.Position(*last))


# Hover, completion, signatures


def hover(view: View, found: data.Hover, markdown: bool) -> types.Hover:
    """What is known of a place, in Markdown where the client shows that."""
    if markdown:
        contents = types.MarkupContent(types.MarkupKind.Markdown, editor.markdown(found))
    else:
        contents = types.MarkupContent(types.MarkupKind.PlainText, plain(found))
    return types.Hover(contents, view.range(found.place.start, found.place.end))


def plain(found: data.Hover) -> str:
    """A hover without markup."""
    facts = "\n".join(f"{fact.name}: {fact.value}" + (f"  ({fact.note})" if fact.note else "") for fact in found.facts)
    return "\n\n".join(part for part in (found.signature, found.text, facts) if part)


def completion(view: View, found: data.Completion) -> types.CompletionList:
    """The proposals in their order, whatever the client sorts by."""
    place = view.range(found.start, found.end)
    items = [
        types.CompletionItem(
            label=proposal.label,
            kind=PROPOSALS.get(proposal.kind, types.CompletionItemKind.Variable),
            detail=proposal.detail or None,
            documentation=proposal.text or None,
            sort_text=f"{number:04}",
            filter_text=proposal.label,
            text_edit=types.TextEdit(place, proposal.insert),
            additional_text_edits=text_edits(view.lines, proposal.changes) or None,
        )
        for number, proposal in enumerate(found.proposals)
    ]
    return types.CompletionList(is_incomplete=found.more, items=items)


def signature(found: data.Signature) -> types.SignatureHelp:
    """The parameters of a call, by the part of the label that each is: in UTF-16, whatever columns are counted in."""
    label = Lines(found.label)
    parameters = [
        types.ParameterInformation((label.units(0, p.start), label.units(0, p.end)), p.text or None)
        for p in found.parameters
    ]
    shown = types.SignatureInformation(found.label, found.text or None, parameters)
    return types.SignatureHelp([shown], active_signature=0, active_parameter=found.active)


# Places


def locations(view: View, places: Iterable[data.Place]) -> list[types.Location]:
    return [found for place in places if (found := view.location(place)) is not None]


def highlights(view: View, uses: Iterable[data.Use]) -> list[types.DocumentHighlight]:
    """The uses of a name in this document."""
    return [
        types.DocumentHighlight(
            view.range(use.place.start, use.place.end),
            types.DocumentHighlightKind.Write if use.declares else types.DocumentHighlightKind.Read,
        )
        for use in uses
        if use.place.path == view.path
    ]


def symbol(view: View, found: data.Symbol) -> types.DocumentSymbol:
    """A declaration with what stands in it. The name lies within the whole, as the protocol wants it."""
    whole = range_of(view.lines, min(found.whole.start, found.place.start), max(found.whole.end, found.place.end))
    return types.DocumentSymbol(
        name=found.name or "…",
        kind=SYMBOLS.get(found.kind, types.SymbolKind.Variable),
        range=whole,
        selection_range=view.range(found.place.start, found.place.end),
        detail=found.detail or None,
        children=[symbol(view, child) for child in found.children],
    )


def flat(view: View, found: Iterable[data.Symbol], container: str | None = None) -> list[types.SymbolInformation]:
    """Symbols one behind the other, each with what it stands in: for clients that know no trees."""
    listed: list[types.SymbolInformation] = []
    for each in found:
        where = types.Location(view.document.uri, view.range(each.whole.start, each.whole.end))
        kind = SYMBOLS.get(each.kind, types.SymbolKind.Variable)
        listed.append(types.SymbolInformation(where, each.name or "…", kind, container_name=container))
        listed += flat(view, each.children, each.name)
    return listed


# Edits


def text_edits(lines: Lines, changes: Iterable[data.Change]) -> list[types.TextEdit]:
    return [types.TextEdit(range_of(lines, change.start, change.end), change.text) for change in changes]


def workspace_edit(view: View, changes: Sequence[data.Change], versions: bool) -> types.WorkspaceEdit | None:
    """Changes of several documents, with the versions that they are of where the client checks them.

    None where one of the documents cannot be opened: half an edit is none.
    """
    by_path: dict[str, list[data.Change]] = {}
    for change in changes:
        by_path.setdefault(change.path, []).append(change)
    edits: dict[str, list[types.TextEdit]] = {}
    known: dict[str, int | None] = {}
    for path, inside in by_path.items():
        uri, lines = view.uri_of(path), view.lines_of(path)
        if uri is None or lines is None:
            return None
        edits[uri] = text_edits(lines, inside)
        open_ = view.document if path == view.path else view.others.get(path)
        known[uri] = open_.version if open_ is not None else None
    if not versions:
        return types.WorkspaceEdit(changes=edits)
    documents = [
        types.TextDocumentEdit(types.OptionalVersionedTextDocumentIdentifier(uri, known[uri]), inside)
        for uri, inside in edits.items()
    ]
    return types.WorkspaceEdit(document_changes=documents)


# What is shown in the text


def hint(view: View, found: data.Hint) -> types.InlayHint:
    where = types.Position(*view.lines.position(found.offset))
    return types.InlayHint(where, found.text, tooltip=found.detail or None, padding_left=True)


def fold(view: View, found: data.Fold, whole_lines: bool) -> types.FoldingRange | None:
    """What can be folded away; none where it lies within a line.

    A client that folds whole lines would hide the bracket at the end with them: there the fold ends a line before, if
    nothing else of it stands on the bracket's line.
    """
    (first, column), (last, end) = view.lines.position(found.start), view.lines.position(found.end)
    if found.kind == "region" and whole_lines:
        start_of_line = view.lines.start_of(last)
        last -= not view.lines.text[start_of_line : found.end].strip()
    if last <= first:
        return None
    kind = FOLDS[found.kind]
    if whole_lines:
        return types.FoldingRange(first, last, kind=kind)
    return types.FoldingRange(first, last, column, end, kind)


def tokens(view: View, found: Iterable[data.Token]) -> types.SemanticTokens:
    """Five numbers a token: lines and columns from the token before, length, type, modifiers."""
    numbers: list[int] = []
    line = column = 0
    for token in found:
        type_ = TOKENS.get(token.kind)
        if type_ is None or token.end <= token.start:
            continue
        at, start = view.lines.position(token.start)
        length = view.lines.units(token.start, token.end)
        modifiers = token.declares + 2 * token.library
        same = at == line
        numbers += [at - line, start - column if same else start, length, TOKEN_TYPES.index(type_), modifiers]
        line, column = at, start
    return types.SemanticTokens(numbers)


__all__ = [
    "LEGEND",
    "View",
    "completion",
    "flat",
    "fold",
    "highlights",
    "hint",
    "hover",
    "locations",
    "plain",
    "range_of",
    "signature",
    "symbol",
    "text_edits",
    "tokens",
    "workspace_edit",
]
