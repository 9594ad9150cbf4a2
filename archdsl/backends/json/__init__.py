"""The whole network as JSON, and back.

`emit` writes every operation with its settings, operands, shapes, tensors and counts; `read` builds the network again,
through the rules of the graph, with the same hash and the same counts. One line holds one operation, so that two files
compare line by line. docs/schema/network.json is the form.

Figures are exact: a whole number is a JSON integer; any other number is a numerator over a denominator, never a float.

    document   the form of the file, and its schema
    writing    a network as text
    reading    text as a network
"""

from __future__ import annotations

from archdsl.backends.json.document import FORMAT, FORMAT_VERSION, Document, schema
from archdsl.backends.json.reading import read
from archdsl.backends.json.writing import document_of, emit

__all__ = ["FORMAT", "FORMAT_VERSION", "Document", "document_of", "emit", "read", "schema"]
