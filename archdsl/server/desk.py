"""The state of a session: what is open, which texts the workspaces know, who is told what, and the threads that work.

All of it belongs to the event loop's thread; threads get a `View`, which does not change, and a workspace, which takes
questions from any thread.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from archdsl import editor
from archdsl.diagnostics import Fault
from archdsl.server.client import Client, client_of
from archdsl.server.convert import View
from archdsl.server.documents import Document, Documents, Edit
from archdsl.server.positions import ENCODINGS
from archdsl.server.projects import Place, Projects, of_library, path_of
from archdsl.server.protocol import LOG
from archdsl.server.publishing import Found, Publisher, found_by

THREADS = 16
"""Questions that are worked on at the same time. An editor asks half a dozen about one text, which all wait for the one
compilation; others must find a thread meanwhile."""
STACK = 16 << 20
"""Bytes of stack of a thread: some systems give half a megabyte, and texts are nested."""
Answer = TypeVar("Answer")
WATCHED = "**/*.arch"


class Desk:
    """One client's session."""

    def __init__(self, server: LanguageServer) -> None:
        self.server = server
        self.client = Client()
        self.documents = Documents()
        self.projects = Projects()
        self.publisher = Publisher(self._look, self._version, server.text_document_publish_diagnostics)
        self._spread: dict[str, Document] = {}
        """The text of each document for which its users were looked at."""
        self._tasks: set[asyncio.Task[None]] = set()
        before = threading.stack_size(STACK)
        self._pool = ThreadPoolExecutor(THREADS, "question")
        threading.stack_size(before)

    # Questions

    async def in_thread(self, question: Callable[..., Answer], *arguments: object) -> Answer:
        """The answer of a question that may take a while."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, question, *arguments)

    def view(self, uri: str) -> View | None:
        """A document as it is now, open or on the disk; none where there is none."""
        place = self.projects.place(uri)
        document = self.documents.get(uri)
        if document is None:
            try:
                text = place.root.workspace.text(place.path)
            except Fault:
                return None
            document = Document(uri, None, text, self.documents.encoding)
        others = {
            where.path: other
            for other in self.documents
            if other.uri != uri and (where := self.projects.place(other.uri)).root is place.root
        }
        return View(place, document, others, lambda path: self.projects.uri(place.root, path))

    async def _look(self, uri: str) -> Found | None:
        """What a document's program has for diagnostics. Where its text is new, its users come next."""
        view = self.view(uri) if self.documents.get(uri) is not None else None
        if view is None:
            return None
        found = await self.in_thread(_diagnosed, view)
        if view.others and self._spread.get(uri) is not view.document:
            self._spread[uri] = view.document
            task = asyncio.create_task(self._look_at_users(view))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return found

    async def _look_at_users(self, view: View) -> None:
        """Look at the open documents that use one."""
        users = await self.in_thread(view.workspace.users, view.path)
        uris = [self.projects.uri(view.place.root, path) for path in users if path != view.path]
        found = [uri for uri in uris if uri is not None and self.documents.get(uri) is not None]
        for uri in found:
            self.publisher.changed(uri)
        if found:
            self._refresh()

    def _version(self, uri: str) -> int | None:
        document = self.documents.get(uri)
        return None if document is None else document.version

    # What the client tells

    def initialize(self, params: types.InitializeParams) -> None:
        """Read what the client can, and which folders it has."""
        self.client = client_of(params.capabilities)
        chosen = self.server.workspace.position_encoding
        self.documents.encoding = next((name for name in ENCODINGS if name == chosen), "utf-16")
        folders = [folder.uri for folder in params.workspace_folders or ()]
        self.projects.set_folders(folders or ([params.root_uri] if params.root_uri else []))

    def initialized(self, _: types.InitializedParams) -> None:
        """Ask to be told of files that other programs write."""
        if self.client.watches:
            options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(WATCHED)])
            wanted = types.Registration("files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            self.server.client_register_capability(types.RegistrationParams([wanted]))

    def folders_changed(self, _: types.DidChangeWorkspaceFoldersParams) -> None:
        self.projects.set_folders(folder.uri for folder in self.server.workspace.folders.values())

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        given = params.text_document
        document = self.documents.open(given.uri, given.version, given.text)
        self._take(self.projects.open(given.uri), document)

    def changed(self, params: types.DidChangeTextDocumentParams) -> None:
        given = params.text_document
        document = self.documents.change(given.uri, given.version, map(edit_of, params.content_changes))
        if document is None:
            LOG.warning("a change of %s, which is not open", given.uri)
            return
        self._take(self.projects.place(given.uri), document)

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        if not self.documents.close(uri):
            LOG.warning("%s is closed, and was not open", uri)
            return
        place = self.projects.place(uri)
        place.root.workspace.close(place.path)
        self._spread.pop(uri, None)
        self.projects.close(uri)
        self.publisher.closed(uri)
        for document in self.documents:  # its file may have another text
            if self.projects.place(document.uri).root is place.root:
                self.publisher.changed(document.uri)
        gc.collect()

    def saved(self, params: types.DidSaveTextDocumentParams) -> None:
        """A file is written: its text is the one that we have, but what all texts stand on may be another."""
        file = path_of(params.text_document.uri)
        if file is not None and of_library(file):
            self._begin_anew()

    def files_changed(self, params: types.DidChangeWatchedFilesParams) -> None:
        """Files were written, made or removed by somebody: whatever uses them is looked at again."""
        files = [(change, file) for change in params.changes if (file := path_of(change.uri)) is not None]
        if any(of_library(file) for _, file in files):
            self._begin_anew()
        elif files:
            for change, _ in files:
                place = self.projects.place(change.uri)
                place.root.workspace.touch(place.path)
            self._look_at_all()

    def _begin_anew(self) -> None:
        """Forget all that was made of texts: the library has changed."""
        self.projects.forget()
        for document in self.documents:
            place = self.projects.place(document.uri)
            place.root.workspace.change(place.path, document.text)
        self._look_at_all()

    def _look_at_all(self) -> None:
        self.documents.revision += 1
        for document in self.documents:
            self.publisher.changed(document.uri)
        self._refresh()

    def _take(self, place: Place, document: Document) -> None:
        """Give a text to its workspace, and look at it."""
        place.root.workspace.change(place.path, document.text)
        self.publisher.changed(document.uri)

    def _refresh(self) -> None:
        """Have the client ask again for what is shown in documents that it did not change."""
        if self.client.refreshes_hints:
            self.server.workspace_inlay_hint_refresh(None)
        if self.client.refreshes_tokens:
            self.server.workspace_semantic_tokens_refresh(None)

    def end(self) -> None:
        """Begin nothing any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _diagnosed(view: View) -> Found:
    return found_by(view, editor.diagnostics(view.workspace, view.path))


def edit_of(change: types.TextDocumentContentChangeEvent) -> Edit:
    """A change as the client reports it."""
    if isinstance(change, types.TextDocumentContentChangePartial):
        start, end = change.range.start, change.range.end
        return Edit(change.text, (start.line, start.character), (end.line, end.character))
    return Edit(change.text)


__all__ = ["Desk", "edit_of"]
