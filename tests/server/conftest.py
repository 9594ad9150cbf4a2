"""One server for all tests of it, as an editor has it; each test opens files of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

pytest.importorskip("pygls", reason="the extra lsp is not installed")
pytest.importorskip("pytest_lsp", reason="pytest-lsp is not installed")

import pytest_lsp
from lsp_session import CAPABILITIES, CONFIG, Client
from lsprotocol import types


@pytest_lsp.fixture(config=CONFIG, scope="session")
async def client(lsp_client: Client, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """A client of a server that was initialized as an editor does it."""
    folder = tmp_path_factory.mktemp("workspace")
    params = types.InitializeParams(
        capabilities=CAPABILITIES, workspace_folders=[types.WorkspaceFolder(folder.as_uri(), "workspace")]
    )
    await lsp_client.initialize_session(params)
    yield
    await lsp_client.shutdown_session()
