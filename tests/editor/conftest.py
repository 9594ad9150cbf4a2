"""A workspace over the networks that ship, shared by the tests of one worker."""

from __future__ import annotations

import pytest
from editor.shipped import Shipped

from archdsl.editor import Workspace


@pytest.fixture(scope="session")
def specs() -> Workspace:
    """The networks that ship; whoever edits one closes it again."""
    return Workspace(Shipped())
