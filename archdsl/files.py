"""The files of a user: the only place that reads source files, and that writes results.

What enters is a path and the folder it must stay below; what leaves is a `Source`, or a fault. A file is
read only if it is a regular file of bounded size below that folder after every symbolic link is
resolved, and is plain UTF-8 text: no control characters, and no characters that show a text in an order
other than the one it is read in.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

from archdsl.diagnostics import Diagnostic, Label
from archdsl.limits import MAX_FILE_BYTES
from archdsl.source import FORBIDDEN, Source, Span, text_fault

FaultKind: TypeAlias = Literal[
    "unreadable", "too_large", "not_utf8", "forbidden_character", "leaves_project", "exists", "unwritable"
]

CODES: dict[FaultKind, str] = {
    "unreadable": "E110",
    "too_large": "E111",
    "not_utf8": "E112",
    "forbidden_character": "E113",
    "leaves_project": "E205",
}
"""The codes of the faults of reading; a fault of writing is not a fault of a program and has none."""

PROJECT_MARKERS = (".git", "pyproject.toml", "archdsl.toml")

Stamp: TypeAlias = tuple[int, int, int]
"""What tells one state of a file from another: when it was changed, its size, and which file it is."""
_READS: ContextVar[dict[str, Stamp | None] | None] = ContextVar("reads", default=None)

_BOM = "\ufeff"
TEMPORARY = re.compile(r"\.archdsl-[0-9a-f]{16}\.tmp")
"""Names of files that are being written; one that a killed process left is nobody's."""


class FileFault(Exception):
    """Why a file was not read or written. `message` is one lower-case sentence without the file's name."""

    def __init__(self, kind: FaultKind, message: str) -> None:
        super().__init__(message)
        self.kind: FaultKind = kind
        self.message = message


class SourceFault(FileFault):
    """Why a source file was not read.

    `source` has the file's name and as much of its text as can be shown, with a replacement character for
    what is not UTF-8; `offset` is the character at fault in that text, `byte` the byte in the file.
    """

    def __init__(self, kind: FaultKind, message: str, source: Source, *, offset: int = 0, byte: int = 0) -> None:
        super().__init__(kind, message)
        self.source = source
        self.offset = offset
        self.byte = byte

    @property
    def code(self) -> str:
        """The code of its diagnostic."""
        return CODES[self.kind]

    @property
    def span(self) -> Span:
        """The character at fault; an empty span at the file's start where the file as a whole is."""
        return Span(self.source, self.offset, min(self.offset + 1, len(self.source.text)))

    def diagnostic(self, used_at: Span | None = None) -> Diagnostic:
        """The fault as a diagnostic, at the place that names the file where there is one."""
        if used_at is None:
            return Diagnostic(self.code, self.message, self.span)
        labels = (Label(self.span, "here"),) if self.source.text else ()
        return Diagnostic(self.code, f"cannot use {self.source.name}: {self.message}", used_at, labels=labels)


def project_root(entry: Path) -> Path:
    """The nearest folder above a file that holds one of `PROJECT_MARKERS`, or else the file's own folder.

    Links in the folder's path are resolved, since whoever named the entry file chose them. The file
    itself may be a link that a stranger made: `read_source` refuses it if it leaves the root.
    """
    folder = Path(os.path.realpath(entry.parent))
    for candidate in (folder, *folder.parents):
        if any(os.path.lexists(candidate / marker) for marker in PROJECT_MARKERS):
            return candidate
    return folder


@contextlib.contextmanager
def noting_reads() -> Iterator[dict[str, Stamp | None]]:
    """The source files that are asked for within, by absolute path, each with its stamp before it was read first."""
    found: dict[str, Stamp | None] = {}
    token = _READS.set(found)
    try:
        yield found
    finally:
        _READS.reset(token)


def stamp_of(path: str) -> Stamp | None:
    """The stamp of a file; none where there is none that can be seen."""
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


def read_source(path: Path, root: Path) -> Source:
    """The text of a source file that lies below `root`; its name is the path as given.

    A byte order mark at the start is left out; line breaks stay as they are. Raises `SourceFault`.
    """
    name = path.as_posix()
    empty = Source(name, "")
    noted = _READS.get()
    if noted is not None:
        place = os.path.abspath(path)
        noted.setdefault(place, stamp_of(place))
    try:
        real = Path(os.path.realpath(path))
        inside = real.is_relative_to(os.path.realpath(root))
    except (OSError, ValueError) as error:
        raise SourceFault("unreadable", _reason(error), empty) from error
    if not inside:
        raise SourceFault("leaves_project", "the path leaves the project's folder", empty)
    try:
        content = _read_regular(real, empty)
    except (OSError, ValueError) as error:
        raise SourceFault("unreadable", _reason(error), empty) from error
    return decode_source(name, content)


def decode_source(name: str, content: bytes) -> Source:
    """The source that bytes hold, for example from standard input, checked as `read_source` does."""
    if len(content) > MAX_FILE_BYTES:
        raise SourceFault("too_large", f"the text has more than {MAX_FILE_BYTES:,} bytes", Source(name, ""))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = error.start
        line = content.count(b"\n", 0, byte) + 1
        message = f"the file is not UTF-8: byte 0x{content[byte]:02x} at offset {byte:,}, line {line:,}"
        before = content[:byte].decode("utf-8").removeprefix(_BOM)
        shown = Source(name, before + content[byte:].decode("utf-8", errors="replace"))
        raise SourceFault("not_utf8", message, shown, offset=len(before), byte=byte) from None
    source = Source(name, text.removeprefix(_BOM))
    found = text_fault(source, "file")
    if found is not None:
        byte = len(source.text[: found.offset].encode()) + len(content) - len(source.text.encode())
        raise SourceFault("forbidden_character", found.message, source, offset=found.offset, byte=byte)
    return source


def escaped(text: str) -> str:
    """A text whose characters that no text of a program may have are written as escapes."""
    return FORBIDDEN.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def write_atomically(path: Path, content: str | bytes, force: bool, *, follow: bool = True) -> None:
    """Write a text or bytes so that at any time the file is the old one or the new one, whole.

    An existing file is replaced only with `force` and keeps its permission bits; a link stays a link, or without
    `follow`, where a stranger may have made it, is replaced itself. Text is written as UTF-8, with its line breaks as
    they are. Raises `FileFault`.
    """
    written = content.encode("utf-8") if isinstance(content, str) else content
    with replacing(path, force, follow=follow) as file:
        file.write(written)


@contextlib.contextmanager
def replacing(path: Path, force: bool, *, follow: bool = True) -> Iterator[BinaryIO]:
    """A file that takes the place of another when all is written, as `write_atomically` does it in one go.

    Where what is done within fails, the old file stays. Raises `FileFault`.
    """
    beside = Beside(path, force, follow=follow)
    try:
        with beside.file as file:
            yield file
            beside.close()
        beside.put()
    except BaseException as error:
        beside.drop()
        if isinstance(error, OSError):
            raise _unwritable(error) from error
        raise
    sync_folder(beside.target.parent)


class Beside:
    """A file that is written beside its place, and then put there. Raises `FileFault`."""

    def __init__(self, path: Path, force: bool, *, follow: bool = True) -> None:
        try:
            self.target, self._mode = _target(path, force, follow)
            self._temporary = self.target.parent / f".archdsl-{os.urandom(8).hex()}.tmp"  # `TEMPORARY`
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
            self.file = os.fdopen(os.open(self._temporary, flags, 0o666), "wb")
        except (OSError, ValueError) as error:
            raise _unwritable(error) from error

    def write(self, content: bytes) -> None:
        """All of it, to the disk."""
        try:
            with self.file:
                self.file.write(content)
                self.close()
        except OSError as error:
            raise _unwritable(error) from error

    def close(self) -> None:
        """What was written is on the disk. Raises OSError."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()

    def put(self) -> None:
        """Put it in its place, with the permission bits of what is there."""
        try:
            if self._mode is not None:
                self._temporary.chmod(self._mode)
            os.replace(self._temporary, self.target)
        except OSError as error:
            raise _unwritable(error) from error

    def drop(self) -> None:
        """Remove it, unless it was put in its place."""
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink()


def _target(path: Path, force: bool, follow: bool) -> tuple[Path, int | None]:
    """The file that is replaced, links resolved, and its permission bits if it is there."""
    if os.path.lexists(path) and not force:
        raise FileFault("exists", "the file exists already")
    target = Path(os.path.realpath(path)) if follow else Path(os.path.realpath(path.parent)) / path.name
    if not target.exists() or (target.is_symlink() and not follow):
        return target, None
    state = target.stat()
    if not stat.S_ISREG(state.st_mode):
        raise FileFault("unwritable", "not a regular file")
    return target, stat.S_IMODE(state.st_mode)


def _unwritable(error: OSError | ValueError) -> FileFault:
    reason = "there is no such file or folder" if isinstance(error, FileNotFoundError) else _reason(error)
    return FileFault("unwritable", reason)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """A regular file of any size, to be read; a pipe or device is not opened. Raises `FileFault`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise FileFault("unreadable", "not a regular file")
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
        opened = os.fdopen(os.open(path, flags), "rb")
    except (OSError, ValueError) as error:
        raise FileFault("unreadable", _reason(error)) from error
    with opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):  # again: it may be another file by now
            raise FileFault("unreadable", "not a regular file")
        yield opened


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[bool]:
    """A folder for one process at a time, which is made where there is none: whether it is ours.

    The system lets it go when the process ends, however it does. Where it has no locks the folder is everybody's.
    """
    with _holding(folder, folder=True) as ours:
        yield ours


@contextlib.contextmanager
def holding_file(path: Path) -> Iterator[bool]:
    """The same of a file that is replaced as a whole: while it is held nobody else who asks is told that it is theirs.

    A file that is not there is everybody's.
    """
    with _holding(path, folder=False) as ours:
        yield ours


@contextlib.contextmanager
def _holding(path: Path, *, folder: bool) -> Iterator[bool]:
    handle = _held(path, folder=folder)
    try:
        yield handle is not None
    finally:
        if handle is not None and handle >= 0:
            os.close(handle)


def _held(path: Path, *, folder: bool) -> int | None:
    """What holds a folder or a file, below 0 where nothing can; none where another process does."""
    if folder:
        path.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # not on this system
        return -1
    while True:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            if not folder:
                return -1
            path.mkdir(parents=True, exist_ok=True)  # who had it was done and removed it
            continue
        except PermissionError:
            if folder:
                raise
            return -1  # who reads it says so
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.lexists(path) and os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except FileNotFoundError:  # as above
            pass
        except OSError:  # a file system without locks
            os.close(handle)
            return -1
        os.close(handle)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Requests to end this process come into effect when what is done within is done, whole."""
    import signal  # what reads files needs it not

    came: list[int] = []
    before: dict[int, Any] = {}
    try:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                before[number] = signal.signal(number, lambda number, _: came.append(number))
    except ValueError:  # not the main thread, which alone is told of signals
        pass
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action if action is not None else signal.SIG_DFL)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def read_own(path: Path, most: int) -> bytes | None:
    """A file that may be a stranger's: at most so many bytes, and only of a regular file that is no link; else none."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            content = file.read(most + 1)
    except (OSError, ValueError):  # a name with NUL, or that the file system's encoding has not
        return None
    return content if len(content) <= most else None


def _read_regular(path: Path, shown: Source) -> bytes:
    """At most `MAX_FILE_BYTES` of a regular file; a pipe or device is not even opened."""
    _check_regular(path.stat(), shown)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        _check_regular(os.fstat(file.fileno()), shown)  # again: it may be another file by now
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise SourceFault("too_large", f"the file grew past {MAX_FILE_BYTES:,} bytes", shown)
    return content


def _check_regular(state: os.stat_result, shown: Source) -> None:
    if stat.S_ISDIR(state.st_mode):
        raise SourceFault("unreadable", "the path is a folder", shown)
    if not stat.S_ISREG(state.st_mode):
        raise SourceFault("unreadable", "not a regular file", shown)
    if state.st_size > MAX_FILE_BYTES:
        message = f"the file has {state.st_size:,} bytes, more than {MAX_FILE_BYTES:,}"
        raise SourceFault("too_large", message, shown)


def sync_folder(folder: Path) -> None:
    """What was put in a folder is there also when the machine stops."""
    with contextlib.suppress(OSError):  # not every system can open a folder; the file itself is safe by now
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _reason(error: OSError | ValueError) -> str:
    """The system's reason in its own words, without the path, which the diagnostic names."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, PermissionError):
        return "the file may not be accessed"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "the path is not valid"
