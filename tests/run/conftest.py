"""The order of the tests of emitted code: what is asked of one network of the zoo stands together.

A few networks are kept (`emitted.emitted_spec`), so that each is compiled once and memory stays small; no test
depends on the order.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl.zoo import declared

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort this folder's items that have a network's name; together they take the places that they had."""
    networks = declared()

    def name(item: pytest.Item) -> str | None:
        callspec = getattr(item, "callspec", None)
        found = callspec.params.get("name") if callspec is not None and item.path.parent == HERE else None
        return found if found in networks else None

    places = [index for index, item in enumerate(items) if name(item) is not None]
    ordered = sorted([items[index] for index in places], key=lambda item: str(name(item)))
    for index, item in zip(places, ordered, strict=True):
        items[index] = item
