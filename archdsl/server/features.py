"""Requests and their answers: each is a question to the workspace of a document's project, asked in a thread.

An answer is for the text that the client had when it asked; where that has changed meanwhile the client is told so, and
asks again if it still wants to know. Answers that hold places of other documents are for the texts of all.
"""

from __future__ import annotations

import asyncio
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
from archdsl.server.protocol import Late

FIX_ALL = "source.fixAll.archdsl"
TOTAL = "archdsl/total"
"""A request of ours: a document and a position, as for hover; the cost of the model there, or of the file's model."""
MAX_SYMBOLS = 500

Answer = TypeVar("Answer")
Question = Callable[[View, Any], Any]


class Refusal(JsonRpcException):
    """What was asked for is not done, for a reason that the user reads."""

    CODE = -32803


def asked(desk: Desk, question: Question, *, whole: bool = False) -> Callable[[Any], Awaitable[Any]]:
    """The handler of a request about a document; `whole` where the answer holds places of other documents."""

    async def handler(params: Any) -> Any:
        uri = params.text_document.uri
        view = desk.view(uri)
        if view is None:
            return None
        revision = desk.documents.revision
        found = await desk.in_thread(question, view, params)
        now = desk.documents.get(uri)
        if (now is not None and now is not view.document) or (whole and revision != desk.documents.revision):
            raise Late
        return found

    return handler


def register(desk: Desk) -> None:
    """Offer every feature."""
    feature = desk.server.feature
    own = partial(asked, desk)
    feature(types.TEXT_DOCUMENT_HOVER)(own(partial(_hover, desk)))
    feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions([".", "{", "(", ":", '"', "/", "|"]))(
        own(_completion)
    )
    feature(types.TEXT_DOCUMENT_SIGNATURE_HELP, types.SignatureHelpOptions(["(", "{", ",", ";", ":"]))(own(_signature))
    feature(types.TEXT_DOCUMENT_DEFINITION)(own(_definition, whole=True))
    feature(types.TEXT_DOCUMENT_REFERENCES)(own(_references, whole=True))
    feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)(own(_highlight))
    feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))(
        own(partial(_rename, desk), whole=True)
    )
    feature(types.TEXT_DOCUMENT_PREPARE_RENAME)(own(_prepare_rename))
    feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)(own(partial(_symbols, desk)))
    feature(types.WORKSPACE_SYMBOL)(partial_async(_workspace_symbols, desk))
    feature(types.TEXT_DOCUMENT_INLAY_HINT)(own(_hints))
    feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions([types.CodeActionKind.QuickFix, FIX_ALL]),
    )(own(partial(_actions, desk), whole=True))
    feature(types.TEXT_DOCUMENT_FORMATTING)(own(_formatting))
    feature(types.TEXT_DOCUMENT_FOLDING_RANGE)(own(partial(_folding, desk)))
    feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, convert.LEGEND)(own(_tokens))
    feature(TOTAL)(partial_async(_total, desk))


def partial_async(
    handler: Callable[[Desk, Any], Awaitable[Answer]], desk: Desk
) -> Callable[[Any], Awaitable[Answer]]:
    """A handler that is told its desk; pygls knows coroutines by their functions."""

    async def inner(params: Any) -> Answer:
        return await handler(desk, params)

    return inner


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
    """In a checkout the library's texts are files; `std.regnet` is what their users call them, and nobody finds these."""
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


async def _total(desk: Desk, params: Any) -> dict[str, object] | None:
    """The total of the model at a position, as plain JSON; its parameters come without a type."""
    try:
        uri, position = params.textDocument.uri, params.position  # as it is written in JSON
        where = types.Position(int(position.line), int(position.character))
    except (AttributeError, TypeError, ValueError):
        raise JsonRpcInvalidParams(f"{TOTAL} takes textDocument and position") from None
    view = desk.view(uri)
    if view is None:
        return None
    found = await desk.in_thread(lambda: editor.total(view.workspace, view.path, view.offset(where)))
    if desk.documents.get(uri) not in (None, view.document):
        raise Late
    if found is None:
        return None
    where_ = view.location(found.place)
    return {
        "model": found.model,
        "input": list(found.input),
        "flops": found.flops,
        "params": found.params,
        "acts": found.acts,
        "uri": where_.uri if where_ is not None else None,
    }


__all__ = ["FIX_ALL", "TOTAL", "Refusal", "register"]
