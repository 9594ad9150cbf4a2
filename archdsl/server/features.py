"""Requests and their answers: each is a question to the workspace of a document's project, asked in a thread.

An answer is for the text that the client had when it asked; where that has changed meanwhile the client is told so, and
asks again if it still wants to know. Answers that hold places of other documents are for the texts of all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from archdsl import editor
from archdsl.editor import data
from archdsl.server import convert
from archdsl.server.convert import View
from archdsl.server.desk import Desk
from archdsl.server.projects import of_library, path_of
from archdsl.server.protocol import Late, at_once

FIX_ALL = "source.fixAll.archdsl"
TOTAL = "archdsl/total"
"""A request of ours: a document and a position, as for hover; the cost of the model there, or of the file's model."""
MAX_SYMBOLS = 500

Answer = TypeVar("Answer")
Question = Callable[[View, Any], Any]


class Refusal(JsonRpcException):
    """What was asked for is not done, for a reason that the user reads."""

    CODE = -32803


def register(desk: Desk) -> None:
    """Offer every feature."""
    feature = desk.server.feature
    own = partial(_about, desk)
    feature(types.TEXT_DOCUMENT_HOVER)(own(partial(_hover, desk)))
    completing = types.CompletionOptions([".", "{", "(", ":", '"', "/", "|"])
    feature(types.TEXT_DOCUMENT_COMPLETION, completing)(own(_completion))
    signing = types.SignatureHelpOptions(["(", "{", ",", ";", ":"])
    feature(types.TEXT_DOCUMENT_SIGNATURE_HELP, signing)(own(_signature))
    feature(types.TEXT_DOCUMENT_DEFINITION)(own(_definition, whole=True))
    feature(types.TEXT_DOCUMENT_REFERENCES)(own(_references, whole=True))
    feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)(own(_highlight))
    feature(types.TEXT_DOCUMENT_PREPARE_RENAME)(own(_prepare_rename))
    renaming = types.RenameOptions(prepare_provider=True)
    feature(types.TEXT_DOCUMENT_RENAME, renaming)(own(partial(_rename, desk), whole=True))
    feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)(own(partial(_symbols, desk)))
    feature(types.WORKSPACE_SYMBOL)(at_once(partial(_workspace_symbols, desk)))
    feature(types.TEXT_DOCUMENT_INLAY_HINT)(own(_hints))
    mending = types.CodeActionOptions([types.CodeActionKind.QuickFix, FIX_ALL])
    feature(types.TEXT_DOCUMENT_CODE_ACTION, mending)(own(partial(_actions, desk), whole=True))
    feature(types.TEXT_DOCUMENT_FORMATTING)(own(_formatting))
    feature(types.TEXT_DOCUMENT_FOLDING_RANGE)(own(partial(_folding, desk)))
    feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, convert.LEGEND)(own(_tokens))
    feature(TOTAL)(at_once(partial(_total, desk)))


def _about(desk: Desk, question: Question, *, whole: bool = False) -> Callable[[Any], Awaitable[Any]]:
    """The handler of a request about a document; `whole` where the answer holds places of other documents."""
    return at_once(lambda params: _answer(desk, params.text_document.uri, whole, question, params))


def _answer(desk: Desk, uri: str, whole: bool, question: Question, params: Any) -> Awaitable[Any]:
    """What works out an answer of the text as it is now."""
    view, revision = desk.view(uri), desk.documents.revision

    async def work() -> Any:
        if view is None:
            return None
        found = await desk.in_thread(_asked, desk, question, view, params)
        if _is_late(desk, view) or (whole and revision != desk.documents.revision):
            raise Late
        return found

    return work()


def _asked(desk: Desk, question: Question, view: View, params: Any) -> Any:
    """Ask, in a thread. Raises `Late` where the text has changed before one was free."""
    if _is_late(desk, view):
        raise Late
    return question(view, params)


def _is_late(desk: Desk, view: View) -> bool:
    """Whether a document that is open has another text by now; some clients send the same one again."""
    now = desk.documents.get(view.document.uri)
    return now is not None and now is not view.document and now.text != view.document.text


def _hover(desk: Desk, view: View, params: types.HoverParams) -> types.Hover | None:
    found = editor.hover(view.workspace, view.path, view.offset(params.position))
    return None if found is None else convert.hover(view, found, desk.client.markdown)


def _completion(view: View, params: types.CompletionParams) -> types.CompletionList:
    return convert.completion(view, editor.completion(view.workspace, view.path, view.offset(params.position)))


def _signature(view: View, params: types.SignatureHelpParams) -> types.SignatureHelp | None:
    found = editor.signature(view.workspace, view.path, view.offset(params.position))
    return None if found is None else convert.signature(found)


def _definition(view: View, params: types.DefinitionParams) -> list[types.Location]:
    return convert.locations(view, editor.definition(view.workspace, view.path, view.offset(params.position)))


def _references(view: View, params: types.ReferenceParams) -> list[types.Location]:
    declaration = params.context.include_declaration
    found = editor.references(view.workspace, view.path, view.offset(params.position), declaration)
    return convert.locations(view, (use.place for use in found))


def _highlight(view: View, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
    found = editor.references(view.workspace, view.path, view.offset(params.position), True)
    return convert.highlights(view, found)


def _prepare_rename(view: View, params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder:
    _refuse_library(view)
    found = editor.prepare_rename(view.workspace, view.path, view.offset(params.position))
    if isinstance(found, data.Refused):
        raise Refusal(found.message)
    return types.PrepareRenamePlaceholder(view.range(found.place.start, found.place.end), found.name)


def _refuse_library(view: View) -> None:
    """In a checkout the library's texts are files, and whoever says `use std.regnet` would not be found."""
    file = path_of(view.document.uri)
    if file is not None and of_library(file):
        raise Refusal("names of the standard library are not renamed: other files use them")


def _rename(desk: Desk, view: View, params: types.RenameParams) -> types.WorkspaceEdit:
    _refuse_library(view)
    found = editor.rename(view.workspace, view.path, view.offset(params.position), params.new_name)
    if isinstance(found, data.Refused):
        raise Refusal(found.message)
    edit = convert.workspace_edit(view, found, desk.client.versions)
    if edit is None:
        raise Refusal("a file that uses the name cannot be opened")
    return edit


def _symbols(
    desk: Desk, view: View, _: types.DocumentSymbolParams
) -> list[types.DocumentSymbol] | list[types.SymbolInformation]:
    found = editor.symbols(view.workspace, view.path)
    return [convert.symbol(view, each) for each in found] if desk.client.tree else convert.flat(view, found)


async def _workspace_symbols(desk: Desk, params: types.WorkspaceSymbolParams) -> list[types.SymbolInformation]:
    """Declarations of the files of the client's folders whose names have the letters of the query, in order."""
    open_ = [document.uri for document in desk.documents]
    files = await desk.in_thread(lambda: [path.as_uri() for path in desk.projects.files()])
    found: list[types.SymbolInformation] = []
    for uri in dict.fromkeys([*open_, *files]):
        view = desk.view(uri)
        if view is not None:
            found += await desk.in_thread(_declared, view, params.query.lower())
        if len(found) >= MAX_SYMBOLS:
            break
    return found[:MAX_SYMBOLS]


def _declared(view: View, letters: str) -> list[types.SymbolInformation]:
    found = editor.symbols(view.workspace, view.path)
    return [each for each in convert.flat(view, found) if each.container_name is None and has(each.name, letters)]


def has(name: str, letters: str) -> bool:
    """Whether a name has letters one after the other, with others between."""
    left = iter(name.lower())
    return all(letter in left for letter in letters)


def _hints(view: View, params: types.InlayHintParams) -> list[types.InlayHint]:
    start, end = view.offset(params.range.start), view.offset(params.range.end)
    return [convert.hint(view, each) for each in editor.hints(view.workspace, view.path, start, end)]


def _actions(desk: Desk, view: View, params: types.CodeActionParams) -> list[types.CodeAction]:
    only = params.context.only
    found: list[types.CodeAction] = []
    if only is None or _wanted(types.CodeActionKind.QuickFix, only):
        start, end = view.offset(params.range.start), view.offset(params.range.end)
        for action in editor.actions(view.workspace, view.path, start, end):
            edit = convert.workspace_edit(view, action.changes, desk.client.versions)
            if edit is not None:
                found.append(_quick_fix(view, action, edit, params.context.diagnostics))
    if only is not None and _wanted(FIX_ALL, only):  # only where it is asked for: edits of a guess are the user's
        changes = _apart(editor.actions(view.workspace, view.path, 0, len(view.document.text)), view.path)
        edit = convert.workspace_edit(view, changes, desk.client.versions) if changes else None
        if edit is not None:
            found.append(types.CodeAction("Apply all quick fixes", FIX_ALL, edit=edit))
    return found


def _quick_fix(view: View, action: data.Action, edit: types.WorkspaceEdit, around: Any) -> types.CodeAction:
    where = view.range(action.place.start, action.place.end) if action.place.path == view.path else None
    mends = [each for each in around if each.code == action.code and where in (None, each.range)]
    return types.CodeAction(
        action.title, types.CodeActionKind.QuickFix, diagnostics=mends or None, is_preferred=True, edit=edit
    )


def _wanted(kind: str, only: Any) -> bool:
    """Whether a kind is one of those asked for: `source` asks for `source.fixAll` too."""
    return any(kind == each or kind.startswith(f"{each}.") for each in only)


def _apart(actions: tuple[data.Action, ...], path: str) -> list[data.Change]:
    """The changes of all actions that mend this document and leave each other alone, the first of those that do not."""
    taken: list[data.Change] = []
    for action in actions:
        fits = all(
            change.path == path and all(change.end < t.start or t.end < change.start for t in taken)
            for change in action.changes
        )
        if fits:
            taken += action.changes
    return sorted(taken, key=lambda change: change.start)


def _formatting(view: View, _: types.DocumentFormattingParams) -> list[types.TextEdit]:
    return convert.text_edits(view.lines, editor.formatted(view.workspace, view.path))


def _folding(desk: Desk, view: View, _: types.FoldingRangeParams) -> list[types.FoldingRange]:
    found = (convert.fold(view, each, desk.client.whole_lines) for each in editor.folding(view.workspace, view.path))
    return [fold for fold in found if fold is not None]


def _tokens(view: View, _: types.SemanticTokensParams) -> types.SemanticTokens:
    return convert.tokens(view, editor.tokens(view.workspace, view.path))


def _total(desk: Desk, params: Any) -> Awaitable[Any]:
    """The total of the model at a position, as plain JSON; its parameters come without a type, as JSON has them."""
    try:
        uri, line, column = params.textDocument.uri, params.position.line, params.position.character
        where = types.Position(int(line), int(column))
        return _answer(desk, str(uri), False, _counted, where)
    except (AttributeError, TypeError, ValueError):
        raise JsonRpcInvalidParams(f"{TOTAL} takes textDocument and position") from None


def _counted(view: View, where: types.Position) -> dict[str, object] | None:
    found = editor.total(view.workspace, view.path, view.offset(where))
    if found is None:
        return None
    counts = {"flops": found.flops, "params": found.params, "acts": found.acts}
    return {"model": found.model, "input": list(found.input), **counts, "uri": view.uri_of(found.place.path)}


__all__ = ["FIX_ALL", "TOTAL", "Refusal", "register"]
