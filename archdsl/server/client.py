"""What the client can do, read once from what it said at the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lsprotocol import types

from archdsl.records import dataclass


@dataclass(frozen=True)
class Client:
    """Abilities that answers depend on. Nothing is taken for granted of a client that does not say it."""

    markdown: bool = False
    """Shows hovers in Markdown."""
    tree: bool = False
    """Knows symbols with children."""
    versions: bool = False
    """Checks the versions of the documents that an edit is for."""
    whole_lines: bool = False
    """Folds whole lines only."""
    watches: bool = False
    """Can be asked to watch files."""
    refreshes_hints: bool = False
    refreshes_tokens: bool = False


def client_of(capabilities: types.ClientCapabilities) -> Client:
    """The abilities that a client states."""
    text, workspace = capabilities.text_document, capabilities.workspace
    formats: Sequence[Any] = _of(text, "hover", "content_format") or ()
    return Client(
        markdown=types.MarkupKind.Markdown in formats,
        tree=bool(_of(text, "document_symbol", "hierarchical_document_symbol_support")),
        versions=bool(_of(workspace, "workspace_edit", "document_changes")),
        whole_lines=bool(_of(text, "folding_range", "line_folding_only")),
        watches=bool(_of(workspace, "did_change_watched_files", "dynamic_registration")),
        refreshes_hints=bool(_of(workspace, "inlay_hint", "refresh_support")),
        refreshes_tokens=bool(_of(workspace, "semantic_tokens", "refresh_support")),
    )


def _of(value: Any, *names: str) -> Any:
    for name in names:
        value = getattr(value, name, None)
    return value


__all__ = ["Client", "client_of"]
