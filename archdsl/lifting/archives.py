"""A file of `torch.export.save` (.pt2) as a program, without running anything that it holds.

PyTorch's reader trusts such a file: it evaluates expressions in it, reads pickles, and finds operations by any dotted
name. So the file is looked at first, as a zip archive with JSON in it: every operation must be one of PyTorch's tensor
operations that we lift or work out, sizes must be numbers or plain symbols, no object may be a pickle, and what a
reader would compile, its guards, is left out of the copy that PyTorch gets.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from archdsl.lifting.capture import CaptureFault, program_of
from archdsl.lifting.imported import Program
from archdsl.lifting.rows import ROWS
from archdsl.quiet import reason

MAX_BYTES = 8 << 30
"""Of all entries, as they are declared."""
MAX_JSON = 256 << 20
FOLDED = frozenset(
    ("arange", "zeros", "ones", "full", "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full")
)
"""Operations beside those of the rows that are worked out beforehand."""
_TARGET = re.compile(r"torch\.ops\.aten\.(\w+)\.\w+", re.ASCII)
_SYMBOL = re.compile(r"(?:Symbol\('[su]\d+'(?:, (?:positive|integer|nonnegative)=True)*\)|[su]\d+|\d+)", re.ASCII)
_WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


def open_archive(path: str, name: str) -> tuple[Program, tuple[int, int, int]]:
    """The program of a file, and the size of its images. Raises `CaptureFault`."""
    import torch

    content = _checked(Path(path))
    try:
        with _weights_alone():
            program = torch.export.load(io.BytesIO(content))
    except Exception as fault:  # whatever PyTorch's reader raises of a file that is none of its own
        raise CaptureFault(f"PyTorch does not read it: {type(fault).__name__}: {reason(fault)}") from None
    signature = program.graph_signature
    shapes = [n.meta["val"].shape for n in program.graph.nodes if n.name in signature.user_inputs and "val" in n.meta]
    if len(shapes) != 1 or len(shapes[0]) != 4 or any(not isinstance(extent, int) for extent in shapes[0][1:]):
        raise CaptureFault("it takes something else than one tensor of images of one size")
    images = shapes[0][0] if isinstance(shapes[0][0], int) else None

    def run(numbers: Mapping[str, Any]) -> Callable[[Any], Any]:
        made = program.module().double()
        made.load_state_dict(dict(numbers), strict=False)
        return made

    channels, height, width = (int(extent) for extent in shapes[0][1:])
    return program_of(path, name, program, run, images), (channels, height, width)


def _checked(path: Path) -> bytes:
    """The archive, without what a reader would compile. Raises `CaptureFault` for what holds more than data."""
    copy = io.BytesIO()
    try:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as written:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise CaptureFault(f"its entries have more than {MAX_BYTES:,} bytes")
            if not any(re.search(r"/models/[^/]+\.json$", entry.filename) for entry in entries):
                raise CaptureFault("this is no exported program: it holds no graph")
            for entry in entries:
                written.writestr(entry.filename, _entry(entry, archive))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zipfile.LargeZipFile):
        raise CaptureFault("it is cut off, or no archive") from None
    except OSError as fault:
        raise CaptureFault(f"it cannot be read: {fault.strerror or fault}") from None
    return copy.getvalue()


def _entry(entry: zipfile.ZipInfo, archive: zipfile.ZipFile) -> bytes:
    content = archive.read(entry)
    base = entry.filename.rpartition("/")[2]
    if base.startswith("custom_obj") or entry.filename.endswith((".pkl", ".so", ".py")):
        raise CaptureFault(f"it holds an object that is no tensor: {entry.filename}")
    if not entry.filename.endswith(".json"):
        return content
    if len(content) > MAX_JSON:
        raise CaptureFault(f"{entry.filename} has more than {MAX_JSON:,} bytes")
    try:
        held = json.loads(content)
    except (ValueError, RecursionError):
        raise CaptureFault(f"{entry.filename} is no JSON") from None
    if "/models/" in entry.filename:
        _check_graph(held)
        held["guards_code"] = []
    elif isinstance(held, dict):
        _check_config(held)
    return json.dumps(held).encode()


def _check_config(held: Mapping[str, Any]) -> None:
    """That every tensor of a table is stored as numbers."""
    table = held.get("config")
    for name, one in table.items() if isinstance(table, dict) else ():
        stored = one if isinstance(one, dict) else {}
        if stored.get("use_pickle") or str(stored.get("path_name", "")).startswith("custom_obj"):
            raise CaptureFault(f"its {name} is a pickle, which is not read")


def _check_graph(held: Any) -> None:
    """That a graph has nothing but operations on tensors, and sizes that are plain."""
    if not isinstance(held, dict):
        raise CaptureFault("its graph is no object")
    for key, value in _walked(held):
        if key == "target" and isinstance(value, str) and value.startswith(("torch.", "_operator.", "math.", "#")):
            found = _TARGET.fullmatch(value)
            if found is None or (found[1].rstrip("_") not in ROWS and found[1] not in FOLDED):
                raise CaptureFault(f"it has the operation {value}, which is not read")
        elif key == "expr_str" and (not isinstance(value, str) or _SYMBOL.fullmatch(value) is None):
            raise CaptureFault("it has a size that is worked out, which is not read")
        elif key in ("as_custom_obj", "as_operator", "as_graph") and value is not None:
            raise CaptureFault("it has an argument that is no tensor and no number")


def _walked(held: Any) -> Iterator[tuple[str, Any]]:
    waiting = [held]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield from part.items()
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


@contextlib.contextmanager
def _weights_alone() -> Iterator[None]:
    """PyTorch reads no pickle of anything else than tensors while this lasts, whatever a caller asks for."""
    before = os.environ.get(_WEIGHTS_ONLY)
    os.environ[_WEIGHTS_ONLY] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_WEIGHTS_ONLY]
        else:
            os.environ[_WEIGHTS_ONLY] = before
