"""Every feature of the server, asked by a client as an editor asks it, on texts that are saved nowhere or elsewhere."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from lsp_session import Client, applied, at, document, span
from lsprotocol import types
from pygls.exceptions import JsonRpcException

import archdsl
from archdsl.compiler import Compiled, Compiler
from archdsl.project import Project
from archdsl.resources import data_root

pytestmark = pytest.mark.asyncio(loop_scope="session")

NET = """\
arch 1
use std.regnet { simple_stem, y_block, pool_head }

# A network for tests.
model small(width: 24) {
  input:  3 x 32 x 32
  stem:   simple_stem(width: 16)
  stages: y_block {
    width:       [width, 48]
    depth:       [1, 2]
    stride:      2
    group_width: 8
  }
  head:   pool_head(classes: 10)
}
"""
FAULTY = NET.replace("group_width:", "grup_width: ")


def network_of(path: Path) -> Compiled:
    found = Compiler(Project(str(path))).compile(Project(str(path)).source())
    assert isinstance(found, Compiled), list(found.diagnostics)
    return found


def edits_of(edit: types.WorkspaceEdit | None, uri: str) -> list[Any]:
    assert edit is not None
    return [e for d in edit.document_changes or () if d.text_document.uri == uri for e in d.edits]


async def test_a_fault_is_told_and_its_fix_mends_it(client: Client, tmp_path: Path) -> None:
    uri, told = await client.opened(tmp_path / "faulty.arch", FAULTY)
    fault = ("E202", span(FAULTY, "grup_width"), types.DiagnosticSeverity.Error)
    assert [(d.code, d.range, d.severity) for d in told] == [fault]
    assert "grup_width" in told[0].message
    assert "group_width" in told[0].message  # the help
    wanted = types.CodeActionParams(document(uri), told[0].range, types.CodeActionContext(told))
    actions = await client.text_document_code_action_async(wanted)
    (fix,) = [a for a in actions if isinstance(a, types.CodeAction)]
    assert (fix.kind, list(fix.diagnostics or ())) == (types.CodeActionKind.QuickFix, told)
    (edited,) = fix.edit.document_changes  # type: ignore[union-attr, misc]
    assert edited.text_document.version is not None
    mended = applied(FAULTY, edits_of(fix.edit, uri))
    assert await client.until(uri, client.change(uri, mended)) == []
    elsewhere = types.CodeActionParams(document(uri), span(mended, "arch 1"), types.CodeActionContext([]))
    assert not await client.text_document_code_action_async(elsewhere)
    everything = types.CodeActionContext(told, [types.CodeActionKind.SourceFixAll])
    client.change(uri, FAULTY)
    (all_,) = await client.text_document_code_action_async(
        types.CodeActionParams(document(uri), span(FAULTY, "arch 1"), everything)
    )
    assert applied(FAULTY, edits_of(all_.edit, uri)) == mended  # type: ignore[union-attr]


async def test_hover(client: Client, tmp_path: Path) -> None:
    uri, _ = await client.opened(tmp_path / "hover.arch", NET)

    async def hover(mark: str) -> str:
        found = await client.text_document_hover_async(types.HoverParams(document(uri), at(NET, mark, 1)))
        assert found is not None, mark
        assert isinstance(found.contents, types.MarkupContent)
        assert found.contents.kind == types.MarkupKind.Markdown
        return found.contents.value

    block = await hover("y_block {")
    assert "se_ratio" in block  # a setting that stands nowhere in the text
    assert "A network for tests" in await hover("small(width")
    stage = archdsl.compile(str(tmp_path / "hover.arch")).cost.by("stage")
    assert f"{stage[1].flops:,}" in block
    nothing = await client.text_document_hover_async(types.HoverParams(document(uri), at(NET, "\n\n#")))
    assert nothing is None


async def test_inlay_hints_and_the_total(client: Client, tmp_path: Path) -> None:
    uri, _ = await client.opened(tmp_path / "hints.arch", NET)
    whole = types.Range(types.Position(0, 0), types.Position(99, 0))
    hints = await client.text_document_inlay_hint_async(types.InlayHintParams(document(uri), whole))
    lines = NET.split("\n")
    for hint in hints or ():
        assert hint.position.character == len(lines[hint.position.line])
    labels = {lines[hint.position.line].split(":")[0].strip(): str(hint.label) for hint in hints or ()}
    assert "16 x 16 x 16" in labels["stem"]
    assert "flops" in labels["stem"]
    none = types.InlayHintParams(document(uri), types.Range(types.Position(0, 0), types.Position(1, 0)))
    assert not await client.text_document_inlay_hint_async(none)
    cost = archdsl.compile(str(tmp_path / "hints.arch")).cost
    for mark in ("stem:", "arch 1"):
        position = at(NET, mark)
        found = await client.protocol.send_request_async(
            "archdsl/total",
            {"textDocument": {"uri": uri}, "position": {"line": position.line, "character": position.character}},
        )
        assert (found.model, found.flops, found.params, found.acts) == ("small", cost.flops, cost.params, cost.acts)
        assert list(found.input) == [3, 32, 32]


async def test_completion_that_takes_a_name(client: Client, tmp_path: Path) -> None:
    """The `use` of it comes as a second edit."""
    text = NET.replace("pool_head(", "conv_hea(")
    uri, _ = await client.opened(tmp_path / "taking.arch", text)
    position = at(text, "conv_hea(", 8)
    found = await client.text_document_completion_async(types.CompletionParams(document(uri), position))
    assert isinstance(found, types.CompletionList)
    [item] = [each for each in found.items if each.label == "conv_head"]
    assert item.additional_text_edits
    mended = applied(text, [item.text_edit, *item.additional_text_edits])
    assert "use std.blocks { conv_head }" in mended
    codes = [each.code for each in await client.until(uri, client.change(uri, mended))]
    assert "E201" not in codes


async def test_completion_and_signature(client: Client, tmp_path: Path) -> None:
    text = NET.replace("    group_width: 8\n", "    grou\n")
    uri, _ = await client.opened(tmp_path / "typing.arch", text)
    position = at(text, "grou\n", 4)
    found = await client.text_document_completion_async(types.CompletionParams(document(uri), position))
    assert isinstance(found, types.CompletionList)
    first = sorted(found.items, key=lambda item: str(item.sort_text))[0]
    assert first.label == "group_width"
    mended = applied(text, [first.text_edit]).replace("group_width: ", "group_width: 8").replace("88", "8")
    assert await client.until(uri, client.change(uri, mended)) == []
    signed = mended.replace("simple_stem(width: 16)", "simple_stem(")
    client.change(uri, signed)
    help_ = await client.text_document_signature_help_async(
        types.SignatureHelpParams(document(uri), at(signed, "simple_stem(\n", 12))
    )
    assert help_ is not None
    (signature,) = help_.signatures
    assert "width" in signature.label
    labels = [p.label for p in signature.parameters or ()]
    assert all(isinstance(label, tuple | list) for label in labels)
    names = [signature.label[label[0] : label[1]] for label in labels]
    assert any(name.startswith("width") for name in names), names


async def test_definition_enters_the_library(client: Client, tmp_path: Path) -> None:
    uri, _ = await client.opened(tmp_path / "uses.arch", NET)
    found = await client.text_document_definition_async(types.DefinitionParams(document(uri), at(NET, "y_block {", 2)))
    assert isinstance(found, list)
    (location,) = found
    file = data_root() / "specs" / "std" / "regnet.arch"
    assert location.uri == file.as_uri()
    text = file.read_text(encoding="utf-8")
    assert location.range == types.Range(at(text, "block y_block", 6), at(text, "block y_block", 13))
    with pytest.raises(JsonRpcException) as refused:
        await client.text_document_rename_async(types.RenameParams(document(uri), at(NET, "y_block {", 2), "mine"))
    assert refused.value.code == types.LSPErrorCodes.RequestFailed
    with pytest.raises(JsonRpcException):
        await client.text_document_prepare_rename_async(
            types.PrepareRenameParams(document(uri), at(NET, "y_block {", 2))
        )
    symbols = await client.text_document_document_symbol_async(types.DocumentSymbolParams(document(location.uri)))
    assert "y_block" in [s.name for s in symbols or ()]


BLOCKS = """\
arch 1
use std.ops { conv, relu }

block plain(x; width, stride: 1) = x -> conv(width, kernel: 3, stride: stride) -> relu
"""
USER = """\
arch 1
use "blocks.arch" { plain }
use std.blocks { pool_head }

model user {
  input:  3 x 8 x 8
  stages: plain { width: 8  stride: 2 }
  head:   pool_head(classes: 2)
}
"""


async def test_references_and_renaming_across_files(client: Client, tmp_path: Path) -> None:
    """One file is open and unsaved, the other only on the disk."""
    (tmp_path / "user.arch").write_text(USER)
    uri, _ = await client.opened(tmp_path / "blocks.arch", BLOCKS)
    other = (tmp_path / "user.arch").as_uri()
    before = network_of(tmp_path / "user.arch").network
    moved = "# a line more\n" + BLOCKS
    await client.until(uri, client.change(uri, moved))
    where = at(moved, "plain(x", 2)
    context = types.ReferenceContext(include_declaration=True)
    found = await client.text_document_references_async(types.ReferenceParams(context, document(uri), where))
    assert {(each.uri, each.range.start.line) for each in found or ()} == {(uri, 4), (other, 1), (other, 6)}
    marks = await client.text_document_document_highlight_async(types.DocumentHighlightParams(document(uri), where))
    assert [mark.kind for mark in marks or ()] == [types.DocumentHighlightKind.Write]
    prepared = await client.text_document_prepare_rename_async(types.PrepareRenameParams(document(uri), where))
    assert prepared == types.PrepareRenamePlaceholder(span(moved, "plain"), "plain")
    edit = await client.text_document_rename_async(types.RenameParams(document(uri), where, "other"))
    assert len(edits_of(edit, uri)) == 1
    assert len(edits_of(edit, other)) == 2
    (tmp_path / "blocks.arch").write_text(applied(moved, edits_of(edit, uri)))
    (tmp_path / "user.arch").write_text(applied(USER, edits_of(edit, other)))
    assert network_of(tmp_path / "user.arch").network == before
    with pytest.raises(JsonRpcException, match="name"):
        await client.text_document_rename_async(types.RenameParams(document(uri), where, "no name"))


async def test_what_an_unsaved_file_breaks_is_told_where_it_is_used(client: Client, tmp_path: Path) -> None:
    blocks, _ = await client.opened(tmp_path / "blocks.arch", BLOCKS)
    user, told = await client.opened(tmp_path / "user.arch", USER)
    assert told == []
    client.refreshed.clear()
    client.change(blocks, BLOCKS.replace("plain(x; width", "plain(x; height"))
    told = await _some(client, user)
    assert all(d.range.start.line < USER.count("\n") for d in told)
    assert {"hints", "tokens"} <= set(client.refreshed)
    client.close(blocks)  # what is on the disk counts again
    assert await client.until_codes(user, []) == []


async def _some(client: Client, uri: str) -> list[types.Diagnostic]:
    """Diagnostics of a document, as soon as there are any."""
    for _ in range(1000):
        last = next((params for params in reversed(client.told) if params.uri == uri), None)
        if last is not None and last.diagnostics:
            return list(last.diagnostics)
        await asyncio.sleep(0.05)
    raise AssertionError("nothing is told")


async def test_a_fault_in_another_file_is_told_here_too(client: Client, tmp_path: Path) -> None:
    (tmp_path / "blocks.arch").write_text(BLOCKS.replace("kernel: 3", "kernel: 3 +"))
    user, told = await client.opened(tmp_path / "user.arch", USER)
    blocks = (tmp_path / "blocks.arch").as_uri()
    assert told
    here = [related.location.uri for d in told for related in d.related_information or ()]
    assert blocks in here
    there = await client.until(blocks, None)
    assert there
    assert all(d.range.start.line == 3 for d in there)
    client.close(user)
    await client.until_codes(blocks, [])


async def test_files_that_others_write_are_read_again(client: Client, tmp_path: Path) -> None:
    assert types.WORKSPACE_DID_CHANGE_WATCHED_FILES in [r.method for r in client.registered]
    (tmp_path / "blocks.arch").write_text(BLOCKS)
    user, told = await client.opened(tmp_path / "user.arch", USER)
    assert told == []
    for text, event in ((BLOCKS.replace("plain", "plane"), 2), (BLOCKS, 2), (None, 3), (BLOCKS, 1)):
        path = tmp_path / "blocks.arch"
        _ = path.unlink() if text is None else path.write_text(text)
        change = types.FileEvent(path.as_uri(), types.FileChangeType(event))
        client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([change]))
        if text == BLOCKS:
            await client.until_codes(user, [])
        else:
            assert await _some(client, user)


async def test_a_text_without_a_file(client: Client) -> None:
    uri = "untitled:Untitled-1"
    assert await client.until(uri, client.open(uri, NET)) == []
    told = await client.until(uri, client.change(uri, FAULTY))
    assert [d.range for d in told] == [span(FAULTY, "grup_width")]
    found = await client.text_document_definition_async(
        types.DefinitionParams(document(uri), at(FAULTY, "width, 48", 1))
    )
    assert isinstance(found, list)
    assert [(each.uri, each.range.start) for each in found] == [(uri, at(FAULTY, "width: 24"))]
    client.close(uri)


async def test_symbols_folds_colours_and_layout(client: Client, tmp_path: Path) -> None:
    text = NET.replace("  stem:   simple_stem(width: 16)", "  stem:   simple_stem( width:16 )")
    uri, _ = await client.opened(tmp_path / "whole.arch", text)
    where = document(uri)
    (model,) = await client.text_document_document_symbol_async(types.DocumentSymbolParams(where)) or ()
    assert isinstance(model, types.DocumentSymbol)
    assert (model.name, model.kind, model.selection_range) == ("small", types.SymbolKind.Class, span(text, "small"))
    assert [child.name for child in model.children or ()] == ["input", "stem", "stages", "head"]
    folds = await client.text_document_folding_range_async(types.FoldingRangeParams(where))
    lines = text.split("\n")
    assert {lines[fold.start_line] for fold in folds or ()} >= {"model small(width: 24) {", "  stages: y_block {"}
    edits = await client.text_document_formatting_async(
        types.DocumentFormattingParams(where, types.FormattingOptions(2, True))
    )
    assert applied(text, edits or ()) == NET
    client.change(uri, NET)
    assert not await client.text_document_formatting_async(
        types.DocumentFormattingParams(where, types.FormattingOptions(2, True))
    )
    tokens = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(where))
    assert tokens is not None
    named = decoded(NET, list(tokens.data))
    assert ("model", "keyword", ()) in named
    assert ("small", "class", ("declaration",)) in named
    assert ("y_block", "struct", ("defaultLibrary",)) in named
    assert ("# A network for tests.", "comment", ()) in named


def decoded(text: str, numbers: list[int]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Tokens by what they are of the text; columns are UTF-16 code units."""
    from archdsl.server.convert import TOKEN_MODIFIERS, TOKEN_TYPES

    lines = [line.encode("utf-16-le") for line in text.replace("\r\n", "\n").split("\n")]
    line = column = 0
    found = []
    for down, right, length, kind, modifiers in zip(*[iter(numbers)] * 5, strict=True):
        line, column = line + down, right if down else column + right
        shown = lines[line][2 * column : 2 * (column + length)].decode("utf-16-le")
        bits = tuple(name for bit, name in enumerate(TOKEN_MODIFIERS) if modifiers >> bit & 1)
        found.append((shown, TOKEN_TYPES[kind], bits))
    return found


async def test_symbols_of_the_workspace(client: Client, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = next(path for path in tmp_path_factory.getbasetemp().iterdir() if path.name.startswith("workspace"))
    (folder / "inside").mkdir(exist_ok=True)
    (folder / "inside" / "net.arch").write_text(NET.replace("small", "unusual_name"))
    (folder / ".hidden").mkdir(exist_ok=True)
    (folder / ".hidden" / "net.arch").write_text(NET.replace("small", "unusual_hidden"))
    found = await client.workspace_symbol_async(types.WorkspaceSymbolParams("UsualNam"))
    assert [(s.name, s.kind) for s in found or ()] == [("unusual_name", types.SymbolKind.Class)]
    assert not await client.workspace_symbol_async(types.WorkspaceSymbolParams("no_such_thing"))


async def test_columns_are_utf16_and_lines_end_as_they_do(client: Client, tmp_path: Path) -> None:
    """Characters of two units in front of a fault, lines that end in two characters, form feeds that end none."""
    text = FAULTY.replace("# A network", "# 😀🜁 A\u00a0network").replace("  }\n", "  } # 😀\n").replace("\n", "\r\n")
    text = text.replace("classes: 10)", 'classes: 10) source { note: "😀😀" }  hed: 3')
    uri, told = await client.opened(tmp_path / "wide 😀.arch", text)
    assert {(d.range.start.line, d.range.start.character) for d in told} >= {
        (p.line, p.character) for p in (at(text, "grup_width"), at(text, "hed"))
    }
    assert span(text, "hed") in [d.range for d in told]
    # The two units of a smiley are taken out, and others typed behind them, one edit after the other.
    start = at(text, "😀😀")
    after = types.Position(start.line, start.character + 2)
    edits = [
        types.TextDocumentContentChangePartial(types.Range(start, after), "", None),
        types.TextDocumentContentChangePartial(types.Range(after, after), "🜁é", None),
    ]
    mine = text.replace("😀😀", "😀🜁é")
    told = await client.until(uri, client.change(uri, *edits))
    assert span(mine, "hed") in [d.range for d in told]
    tokens = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(document(uri)))
    assert tokens is not None
    shown = [token[0] for token in decoded(mine, list(tokens.data))]
    assert {"# 😀🜁 A\u00a0network for tests.", '"😀🜁é"', "# 😀"} <= set(shown)
    # Unsaved text that no program may have is told, and asked about, like others.
    told = await client.until(uri, client.change(uri, mine + "\u202e\ud800"))
    assert [d.code for d in told] == ["E113"]
    found = await client.text_document_hover_async(types.HoverParams(document(uri), at(mine, "y_block {")))
    assert found is None or found.contents


async def test_answers_for_older_texts_are_not_given(client: Client, tmp_path: Path) -> None:
    uri, _ = await client.opened(tmp_path / "stale.arch", NET)
    params = types.SemanticTokensParams(document(uri))
    asked = asyncio.ensure_future(client.text_document_semantic_tokens_full_async(params))
    await asyncio.sleep(0)  # the question is sent first, and the change right behind it
    last = client.change(uri, "# above\n" + NET)
    (found,) = await asyncio.gather(asked, return_exceptions=True)
    if isinstance(found, JsonRpcException):
        assert found.code == types.LSPErrorCodes.ContentModified
    else:  # the server was faster than the change
        assert isinstance(found, types.SemanticTokens)
        assert decoded(NET, list(found.data))[0][0] == "arch"
    assert await client.until(uri, last) == []
    told = [params.version for params in client.told if params.uri == uri]
    for letter in "typed":
        last = client.change(uri, f"# {letter}\n" + NET)
    assert await client.until(uri, last) == []
    later = [params.version for params in client.told if params.uri == uri][len(told) :]
    assert later == [last]  # what came between was never told


async def test_nothing_failed_on_the_way(client: Client) -> None:
    """The last test of the session: no error was shown to the user."""
    assert client.error is None
    assert not client.messages
    assert not client.log_messages
