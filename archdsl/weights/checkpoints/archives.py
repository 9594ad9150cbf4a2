"""The two forms of files that `torch.save` writes: a zip archive, and before torch 1.6 pickles in a row.

Nothing is unpacked that is much larger than the file itself, and numbers are read when they are asked for.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any, BinaryIO

from archdsl.weights.checkpoints.pickles import MAX_PICKLE, STORAGE_TYPES, Global, load, loads
from archdsl.weights.checkpoints.records import SIZES, Code, Damaged, Storage

MAGIC = 0x1950A86A20F9469CFC6C
"""The number that `torch.save` writes first in the older form."""
MAX_GROWTH = 4
"""How many times the file's size its records may hold together. Weights hardly compress; more is no checkpoint."""
LITTLE = b"little"


def read_archive(file: BinaryIO, size: int) -> Any:
    """The value in a zip archive. Raises `Damaged` and `Code`."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeError, OverflowError) as fault:
        raise Damaged(f"the archive is damaged: {fault}") from None
    entries = archive.infolist()
    records = {entry.filename: entry for entry in entries}
    if len(records) < len(entries):
        twice = Counter(entry.filename for entry in entries).most_common(1)[0][0]
        raise Damaged(f"it has the record {twice} twice")
    held = sum(entry.file_size for entry in entries)
    if held > MAX_GROWTH * size:
        raise Damaged(f"its records hold {held:,} bytes, more than {MAX_GROWTH} times those of the file, {size:,}")
    root = next((name.removesuffix("data.pkl") for name in records if name.endswith("/data.pkl")), None)
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in records):
        raise Code("TorchScript")
    if root is None:
        raise Damaged("the archive has no data.pkl")

    last: dict[str, bytes] = {}  # many tensors may be views of one record

    def content(name: str) -> bytes:
        if root + name not in records:
            raise Damaged(f"the archive has no {name}")
        if name in last:
            return last[name]
        last.clear()
        try:
            with archive.open(records[root + name]) as record:
                return last.setdefault(name, record.read())
        except (zipfile.BadZipFile, EOFError, zlib.error, ValueError, NotImplementedError, RuntimeError, OSError) as f:
            raise Damaged(f"its record {name} is damaged: {f}") from None

    if f"{root}byteorder" in records and content("byteorder") != LITTLE:
        raise Damaged("its numbers have the byte order of another machine")

    def reader(name: str) -> Callable[[int, int], bytes]:
        return lambda start, end: content(name)[start:end]

    def storage_of(identity: object) -> Storage:
        dtype, key, count, _ = _identity(identity)
        entry = records.get(f"{root}data/{key}")
        if entry is None or count * SIZES[dtype] > entry.file_size:
            raise Damaged(f"the numbers of data/{key} are cut off")
        return Storage(dtype, count, reader(f"data/{key}"))

    if records[f"{root}data.pkl"].file_size > MAX_PICKLE:
        raise Damaged(f"its data.pkl has more than {MAX_PICKLE:,} bytes")
    return loads(content("data.pkl"), storage_of)


def read_pickles(file: BinaryIO, size: int) -> Any:
    """The value in a row of pickles. Raises `Damaged` and `Code`."""

    def left() -> int:
        return size - file.tell()

    first = load(file, left(), _none_outside)
    if type(first) is not int or first != MAGIC:
        raise Damaged("it is a pickle, and not one that torch.save wrote")
    load(file, left(), _none_outside)  # the version of the form
    system = load(file, left(), _none_outside)
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise Damaged("its numbers have the byte order of another machine")
    places: dict[str, int] = {}
    types: dict[str, tuple[str, int]] = {}

    def reader(key: str, moved: int) -> Callable[[int, int], bytes]:
        def read(start: int, end: int) -> bytes:
            file.seek(places[key] + moved + start)
            return file.read(end - start)

        return read

    def storage_of(identity: object) -> Storage:
        dtype, key, count, view = _identity(identity)
        if types.setdefault(key, (dtype, count)) != (dtype, count):
            raise Damaged(f"its storage {key} has two sizes")
        start, length = 0, count
        if view is not None:
            if not isinstance(view, tuple) or len(view) != 3:
                raise Damaged("a storage in it has no size")
            _, start, length = view
            if any(type(n) is not int or n < 0 for n in (start, length)) or start + length > count:
                raise Damaged("a storage in it has no size")
        return Storage(dtype, length, reader(key, start * SIZES[dtype]))

    value = load(file, left(), storage_of)
    keys = load(file, left(), _none_outside)
    if not isinstance(keys, list) or any(not isinstance(key, str) for key in keys):
        raise Damaged("it does not name its storages")
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        dtype, expected = types.get(key, ("", 0))
        if not dtype or key in places or count != expected:
            raise Damaged(f"its storage {key} has another size")
        places[key] = file.tell()
        if count * SIZES[dtype] > left():
            raise Damaged(f"the numbers of its storage {key} are cut off")
        file.seek(count * SIZES[dtype], io.SEEK_CUR)
    if set(types) - set(places):
        raise Damaged(f"the numbers of its storage {min(set(types) - set(places))} are cut off")
    return value


def _identity(value: object) -> tuple[str, str, int, Any]:
    """Type, key and count of a storage, and the part of it that is meant."""
    if not isinstance(value, tuple) or len(value) not in (5, 6) or value[0] != "storage":
        raise Damaged("a storage in it has no name")
    _, kind, key, _, count, *more = value
    known = isinstance(kind, Global) and kind.name in STORAGE_TYPES
    if not known or not isinstance(key, str) or type(count) is not int or not 0 <= count < 1 << 60:
        raise Damaged("a storage in it has no size")
    return STORAGE_TYPES[kind.name], key, count, more[0] if more else None


def _none_outside(_: object) -> Storage:
    raise Damaged("a pickle in it makes no sense")
