"""A client of a language server that runs as users run it, and what tests ask of it."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.protocol import default_converter
from pytest_lsp import ClientServerConfig, LanguageClient
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES, register_lsp_features

LONGEST = 120.0
"""Seconds that a test waits for what comes at once, on any machine."""


class Client(LanguageClient):
    """pytest-lsp's client, which keeps every diagnostic that is told, with its version."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.told: list[types.PublishDiagnosticsParams] = []
        self.refreshed: list[str] = []
        self.registered: list[types.Registration] = []
        self._came = asyncio.Event()
        self._versions = itertools.count(1)

    def came(self, params: types.PublishDiagnosticsParams) -> None:
        self.told.append(params)
        self._came.set()

    async def until(self, uri: str, version: int | None) -> list[types.Diagnostic]:
        """What is told of a version of a document, or, with none, of one that is not open."""
        return await asyncio.wait_for(self._until(uri, version), LONGEST)

    async def _until(self, uri: str, version: int | None) -> list[types.Diagnostic]:
        while True:
            found = [params for params in self.told if params.uri == uri and params.version == version]
            if found:
                return list(found[-1].diagnostics)
            self._came.clear()
            await self._came.wait()

    async def until_codes(self, uri: str, codes: Sequence[str]) -> list[types.Diagnostic]:
        """What is told of a document, as soon as it has these codes."""
        return await asyncio.wait_for(self._until_codes(uri, sorted(codes)), LONGEST)

    async def _until_codes(self, uri: str, codes: list[str]) -> list[types.Diagnostic]:
        while True:
            last = next((params for params in reversed(self.told) if params.uri == uri), None)
            if last is not None and sorted(str(d.code) for d in last.diagnostics) == codes:
                return list(last.diagnostics)
            self._came.clear()
            await self._came.wait()

    def open(self, uri: str, text: str) -> int:
        """Open a document; its version."""
        version = next(self._versions)
        item = types.TextDocumentItem(uri, "arch", version, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return version

    def change(self, uri: str, *changes: types.TextDocumentContentChangeEvent | str) -> int:
        """Change a document, by edits or by its whole text; its version."""
        version = next(self._versions)
        events = [types.TextDocumentContentChangeWholeDocument(c) if isinstance(c, str) else c for c in changes]
        where = types.VersionedTextDocumentIdentifier(version, uri)
        self.text_document_did_change(types.DidChangeTextDocumentParams(where, events))
        return version

    def close(self, uri: str) -> None:
        self.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))

    async def opened(self, path: Path, text: str) -> tuple[str, list[types.Diagnostic]]:
        """Open a file with a text, which is written too; its URI and what is told of it."""
        path.write_text(text, encoding="utf-8", newline="")
        return path.as_uri(), await self.until(path.as_uri(), self.open(path.as_uri(), text))


def make_client() -> Client:
    client = Client(converter_factory=default_converter)

    def told(params: types.PublishDiagnosticsParams) -> None:
        client.came(params)

    def registered(params: types.RegistrationParams) -> None:
        client.registered += params.registrations

    def refreshed(name: str) -> Any:
        def note(*_: object) -> None:
            client.refreshed.append(name)

        return note

    own = {
        types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS: told,
        types.CLIENT_REGISTER_CAPABILITY: registered,
        types.WORKSPACE_INLAY_HINT_REFRESH: refreshed("hints"),
        types.WORKSPACE_SEMANTIC_TOKENS_REFRESH: refreshed("tokens"),
    }
    register_lsp_features(client, {**DEFAULT_CLIENT_FEATURES, **own})
    return client


CONFIG = ClientServerConfig(server_command=[sys.executable, "-m", "archdsl", "lsp"], client_factory=make_client)

CAPABILITIES = types.ClientCapabilities(
    workspace=types.WorkspaceClientCapabilities(
        workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True),
        did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
        inlay_hint=types.InlayHintWorkspaceClientCapabilities(refresh_support=True),
        semantic_tokens=types.SemanticTokensWorkspaceClientCapabilities(refresh_support=True),
    ),
    text_document=types.TextDocumentClientCapabilities(
        hover=types.HoverClientCapabilities(content_format=[types.MarkupKind.Markdown]),
        document_symbol=types.DocumentSymbolClientCapabilities(hierarchical_document_symbol_support=True),
        publish_diagnostics=types.PublishDiagnosticsClientCapabilities(related_information=True, version_support=True),
        rename=types.RenameClientCapabilities(prepare_support=True),
        code_action=types.CodeActionClientCapabilities(is_preferred_support=True),
    ),
)


def at(text: str, mark: str, skip: int = 0) -> types.Position:
    """The position of a part of a text in UTF-16, worked out by Python's codec; `skip` characters behind its start."""
    before = text[: text.index(mark) + skip].replace("\r\n", "\n").replace("\r", "\n")
    line = before.count("\n")
    return types.Position(line, len(before.rpartition("\n")[2].encode("utf-16-le")) // 2)


def span(text: str, mark: str) -> types.Range:
    """The range of a part of a text."""
    return types.Range(at(text, mark), at(text, mark, len(mark)))


def document(uri: str) -> types.TextDocumentIdentifier:
    return types.TextDocumentIdentifier(uri)


def applied(text: str, edits: Sequence[Any]) -> str:
    """A text after edits that are all of it, by UTF-16 code units."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    breaks = [0]
    for line in lines[:-1]:
        start = breaks[-1] + len(line)
        breaks.append(start + (2 if text[start : start + 2] == "\r\n" else 1))

    def offset(position: types.Position) -> int:
        if position.line >= len(lines):
            return len(text)
        units = lines[position.line].encode("utf-16-le")[: 2 * position.character]
        return breaks[position.line] + len(units.decode("utf-16-le"))

    for edit in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text
