"""A file of ONNX (.onnx), opened as data by the library `onnx`: nothing of it is run, and no other file is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from archdsl.files import FileFault, reading

ONNX_SUFFIX = ".onnx"
MAX_BYTES = 2 << 30
"""Of a file, as protocol buffers limit one."""
MAX_NODES = 200_000


def read_model(path: Path) -> Any:
    """The `onnx.ModelProto` in a file. It has nodes, and names that are text; what its tensors say is not checked.

    Reading it takes memory in proportion to the file, of one that is made for it 80 times its size (decision 0114).
    Raises `FileFault`, also where onnx is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        missing = "reading .onnx files needs onnx, which is not installed: pip install 'archdsl[export]'"
        raise FileFault("unreadable", missing) from None
    with reading(path) as file:
        if os.fstat(file.fileno()).st_size > MAX_BYTES:
            raise FileFault("too_large", f"it has more than {MAX_BYTES:,} bytes")
        content = file.read()
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError:
        raise FileFault("unreadable", "it is cut off, or no ONNX file") from None
    if not model.graph.node:
        raise FileFault("unreadable", "it is cut off, or no ONNX file: it has no graph")
    if len(model.graph.node) > MAX_NODES:
        raise FileFault("too_large", f"its graph has more than {MAX_NODES:,} nodes")
    if not _is_text(model):
        raise FileFault("unreadable", "it is no ONNX file: a name in it is no text")
    return model


def _is_text(message: Any) -> bool:
    """Whether all strings of a message are UTF-8: protocol buffers gives others as bytes."""
    from google.protobuf.message import Message

    for field, value in message.ListFields():
        values = [value] if isinstance(value, (str, bytes, Message)) else value
        if field.type == field.TYPE_STRING and not all(isinstance(text, str) for text in values):
            return False
        if field.type == field.TYPE_MESSAGE and not all(_is_text(inner) for inner in values):
            return False
    return True
