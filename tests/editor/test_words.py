"""The lines of the reference that an editor shows are those of docs/language.md, and every field has one."""

from __future__ import annotations

import pytest
from editor.words_of_reference import HEAD, lines

from archdsl.analysis.check_space import FIELDS, LAWS
from archdsl.analysis.fields import MODEL_FIELDS
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.recipe_fields import FIELDS as RECIPE_FIELDS
from archdsl.editor.describe import reference
from archdsl.resources import read_data

pytestmark = pytest.mark.fast


def test_the_file_is_what_the_reference_says() -> None:
    assert read_data("grammar/words.txt") == HEAD + "\n".join(lines()) + "\n"


@pytest.mark.parametrize(
    ("owner", "names"),
    [("model", MODEL_FIELDS), ("space", FIELDS), ("recipe", RECIPE_FIELDS), ("law", LAWS), ("function", PRELUDE)],
)
def test_every_word_has_a_line(owner: str, names: tuple[str, ...]) -> None:
    assert [name for name in names if (owner, name) not in reference()] == []
