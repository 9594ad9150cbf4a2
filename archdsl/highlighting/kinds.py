"""The kinds that highlighters tell apart, and what each is called in the tools that color them.

Every kind has a name of its own in each tool, so that what a tool says of a text can be read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Names(NamedTuple):
    """A kind by the tools' conventions: a TextMate scope, a Pygments token, a tag of Lezer as CodeMirror writes it."""

    textmate: str
    pygments: str
    codemirror: str


KINDS: Mapping[str, Names] = {
    "comment": Names("comment.line.number-sign.arch", "Comment.Single", "lineComment"),
    "string": Names("string.quoted.double.arch", "String.Double", "string"),
    "number": Names("constant.numeric.arch", "Number", "number"),
    "unit": Names("keyword.other.unit.arch", "Keyword.Type", "unit"),
    "constant": Names("constant.language.arch", "Keyword.Constant", "bool"),
    "declaration": Names("storage.type.arch", "Keyword.Declaration", "definitionKeyword"),
    "import": Names("keyword.control.import.arch", "Keyword.Namespace", "moduleKeyword"),
    "keyword": Names("keyword.control.arch", "Keyword", "controlKeyword"),
    "size": Names("keyword.operator.size.arch", "Operator.Word", "operatorKeyword"),
    "operator": Names("keyword.operator.arch", "Operator", "operator"),
    "punctuation": Names("punctuation.arch", "Punctuation", "punctuation"),
    "definition": Names("entity.name.type.arch", "Name.Class", "className.definition"),
    "module": Names("entity.name.namespace.arch", "Name.Namespace", "namespace"),
    "field": Names("support.type.property-name.arch", "Name.Tag", "propertyName.standard"),
    "key": Names("variable.other.property.arch", "Name.Attribute", "propertyName"),
    "builtin": Names("support.function.builtin.arch", "Name.Builtin", "variableName.function.standard"),
    "operation": Names("support.class.arch", "Name.Builtin.Pseudo", "typeName.standard"),
    "function": Names("entity.name.function.arch", "Name.Function", "variableName.function"),
    "name": Names("variable.other.arch", "Name", "variableName"),
}
"""Kind -> its names. `key` is a name in front of a colon or of a section; `field` is one that every declaration of a
kind knows; `builtin` and `operation` are the compiler's own, where no file has declared the name anew."""
