"""Asks a session what the page asks."""

from __future__ import annotations

import json
from typing import Any

from archdsl.explorer.engine import Given, session_of
from archdsl.resources import read_data
from archdsl.views.explore.session import Session

NET = "specs/regnety_4gf.arch"
SPACES = "specs/spaces/anynetx.arch"


def shipped(path: str) -> dict[str, str]:
    """The fields of a request about a file that ships."""
    return {"text": read_data(path), "path": f"archdsl:{path}"}


def new_session() -> Session:
    """A session without a file."""
    return session_of(Given(), None)


def ask(session: Session, kind: str, **fields: Any) -> dict[str, Any]:
    """An answer, by way of JSON in both directions."""
    found: dict[str, Any] = json.loads(session.answer_text(json.dumps({"kind": kind, **fields})))
    return found
