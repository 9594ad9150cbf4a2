"""Reading a user's files: only plain text of bounded size below the project's root gets through."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from archdsl import files
from archdsl.files import FileFault, SourceFault, decode_source, project_root, read_source, write_atomically
from archdsl.limits import MAX_FILE_BYTES
from archdsl.source import Source, Span
from archdsl.views.diagnostics import render_text

posix = pytest.mark.skipif(sys.platform == "win32", reason="named pipes and permission bits are POSIX's")


def fault_of(path: Path, root: Path) -> SourceFault:
    with pytest.raises(SourceFault) as caught:
        read_source(path, root)
    return caught.value


def decode_fault(content: bytes) -> SourceFault:
    with pytest.raises(SourceFault) as caught:
        decode_source("net.arch", content)
    return caught.value


def test_reads_text_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_bytes("arch 1\r\n\t# größe →\n".encode())
    source = read_source(path, tmp_path)
    assert source == Source(path.as_posix(), "arch 1\r\n\t# größe →\n")


def test_name_is_the_path_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "net.arch").write_text("arch 1\n")
    monkeypatch.chdir(tmp_path)
    assert read_source(Path("specs/net.arch"), Path()).name == "specs/net.arch"


def test_one_byte_order_mark_is_left_out() -> None:
    assert decode_source("a", b"\xef\xbb\xbfarch 1").text == "arch 1"
    assert decode_source("a", b"\xef\xbb\xbf\xef\xbb\xbfarch 1").text == "\ufeffarch 1"


def test_missing_file(tmp_path: Path) -> None:
    fault = fault_of(tmp_path / "no.arch", tmp_path)
    assert (fault.kind, fault.code, fault.message) == ("unreadable", "E110", "there is no such file")


def test_folder(tmp_path: Path) -> None:
    assert fault_of(tmp_path, tmp_path).message == "the path is a folder"


def test_path_that_no_system_accepts(tmp_path: Path) -> None:
    assert fault_of(tmp_path / "a\0b", tmp_path).kind == "unreadable"
    assert fault_of(tmp_path / ("a" * 5000), tmp_path).kind == "unreadable"
    assert fault_of(tmp_path / "net.arch" / "x", tmp_path).kind == "unreadable"


@posix
@pytest.mark.timeout(10)
def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.arch")
    fault = fault_of(tmp_path / "pipe.arch", tmp_path)
    assert (fault.code, fault.message) == ("E110", "not a regular file")


@posix
def test_device_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "zero.arch").symlink_to("/dev/zero")
    assert fault_of(tmp_path / "zero.arch", tmp_path).code == "E205"
    fault = fault_of(Path("/dev/zero"), Path("/dev"))
    assert (fault.code, fault.message) == ("E110", "not a regular file")


@posix
def test_file_without_read_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.arch"
    path.write_text("arch 1\n")
    path.chmod(0)
    if os.geteuid() == 0:  # root reads anything: let the system say what it says to others

        def refuse(*_: object) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", refuse)
    fault = fault_of(path, tmp_path)
    assert (fault.code, fault.message) == ("E110", "the file may not be accessed")


def test_size_limit(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_bytes(b"\n" * MAX_FILE_BYTES)
    assert len(read_source(path, tmp_path).text) == MAX_FILE_BYTES
    path.write_bytes(b"\n" * (MAX_FILE_BYTES + 1))
    fault = fault_of(path, tmp_path)
    assert (fault.code, fault.message) == ("E111", "the file has 1,048,577 bytes, more than 1,048,576")
    assert decode_fault(b"\n" * (MAX_FILE_BYTES + 1)).code == "E111"


def test_a_file_of_a_terabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: takes no room
    assert fault_of(path, tmp_path).code == "E111"


def test_file_that_grows_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.arch"
    path.write_bytes(b"\n" * (2 * MAX_FILE_BYTES))
    monkeypatch.setattr(files, "_check_regular", lambda *_: None)
    fault = fault_of(path, tmp_path)
    assert (fault.code, fault.message) == ("E111", "the file grew past 1,048,576 bytes")


@pytest.mark.parametrize(
    "tail", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"], ids=lambda tail: tail.hex()
)
def test_not_utf8(tail: bytes) -> None:
    content = "arch 1\n# é\nx ".encode() + tail
    fault = decode_fault(content)
    assert fault.code == "E112"
    assert fault.message == f"the file is not UTF-8: byte 0x{tail[0]:02x} at offset 14, line 3"
    assert (fault.byte, fault.offset, fault.span.line, fault.span.column) == (14, 13, 3, 3)


def test_place_of_a_fault_after_a_byte_order_mark() -> None:
    fault = decode_fault(b"\xef\xbb\xbfarch \xff")
    assert (fault.byte, fault.offset, fault.span.column) == (8, 5, 6)
    fault = decode_fault("\ufeffgröße \0".encode())
    assert (fault.byte, fault.offset, fault.span.column) == (11, 6, 7)


FORBIDDEN = [
    *(chr(code) for code in range(0x20) if chr(code) not in "\t\n\r"),
    *map(chr, range(0x7F, 0xA0)),
    *map(chr, (0x61C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))),
]


@pytest.mark.parametrize("char", FORBIDDEN, ids=lambda char: f"U+{ord(char):04X}")
def test_forbidden_character(char: str) -> None:
    fault = decode_fault(f"arch 1\n# a{char}b\n".encode())
    assert fault.code == "E113"
    assert f"U+{ord(char):04X} (" in fault.message
    assert fault.message.endswith(") at line 2, column 4")
    assert fault.span.text == char


def test_forbidden_character_is_named() -> None:
    fault = decode_fault("# \u202e\n".encode())
    assert fault.message == "the file has the character U+202E (right-to-left override) at line 1, column 3"


@pytest.mark.parametrize("path", ["../secret.arch", "link.arch", "folder/secret.arch", "specs/../../secret.arch"])
def test_path_that_leaves_the_project(tmp_path: Path, path: str) -> None:
    root = tmp_path / "project"
    (root / "specs").mkdir(parents=True)
    (tmp_path / "secret.arch").write_text("secret")
    (root / "link.arch").symlink_to(tmp_path / "secret.arch")
    (root / "folder").symlink_to(tmp_path)
    fault = fault_of(root / path, root)
    assert (fault.kind, fault.code) == ("leaves_project", "E205")
    assert "secret" not in fault.source.text


def test_whether_an_outside_file_exists_is_not_said(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "there.arch").write_text("x")
    assert fault_of(root / "../there.arch", root).message == fault_of(root / "../missing.arch", root).message


def test_a_folder_whose_name_only_begins_like_the_root_is_outside(tmp_path: Path) -> None:
    for name in ("project", "project2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "net.arch").write_text("arch 1\n")
    assert fault_of(tmp_path / "project2" / "net.arch", tmp_path / "project").code == "E205"


def test_links_within_the_project_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real.arch").write_text("arch 1\n")
    (tmp_path / "link.arch").symlink_to("real.arch")
    assert read_source(tmp_path / "link.arch", tmp_path).text == "arch 1\n"


def test_circle_of_links(tmp_path: Path) -> None:
    (tmp_path / "a.arch").symlink_to("b.arch")
    (tmp_path / "b.arch").symlink_to("a.arch")
    assert fault_of(tmp_path / "a.arch", tmp_path).code == "E110"


@pytest.mark.parametrize("marker", files.PROJECT_MARKERS)
def test_project_root_is_the_nearest_marked_folder(tmp_path: Path, marker: str) -> None:
    inner = tmp_path / "outer" / "inner" / "specs"
    inner.mkdir(parents=True)
    (tmp_path / "outer" / ".git").mkdir()
    (tmp_path / "outer" / "inner" / marker).write_text("")
    assert project_root(inner / "net.arch") == tmp_path / "outer" / "inner"


def test_project_root_without_a_mark_is_the_files_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "specs").mkdir()
    assert project_root(tmp_path / "specs" / "net.arch") == tmp_path / "specs"
    monkeypatch.chdir(tmp_path / "specs")
    assert project_root(Path("net.arch")) == tmp_path / "specs"


def test_entry_file_that_is_a_link_to_the_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "project").mkdir()
    entry = tmp_path / "project" / "net.arch"
    entry.symlink_to(tmp_path / "secret")
    assert fault_of(entry, project_root(entry)).code == "E205"


def test_folder_reached_through_a_link_is_the_root_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "net.arch").write_text("arch 1\n")
    (tmp_path / "link").symlink_to("real")
    entry = tmp_path / "link" / "net.arch"
    assert project_root(entry) == tmp_path / "real"
    assert read_source(entry, project_root(entry)).text == "arch 1\n"


def test_fault_as_a_diagnostic() -> None:
    fault = decode_fault("# a\u202eb\n".encode())
    assert render_text(fault.diagnostic(), color=False) == (
        "error[E113]: the file has the character U+202E (right-to-left override) at line 1, column 4\n"
        " --> net.arch:1:4\n"
        "  |\n"
        "1 | # a\\u{202E}b\n"
        "  |    ^^^^^^^^"
    )
    program = Source("main.arch", 'use "net.arch" { a }\n')
    assert render_text(fault.diagnostic(Span(program, 4, 14)), color=False) == (
        "error[E113]: cannot use net.arch: "
        "the file has the character U+202E (right-to-left override) at line 1, column 4\n"
        " --> main.arch:1:5\n"
        "  |\n"
        '1 | use "net.arch" { a }\n'
        "  |     ^^^^^^^^^^\n"
        " ::: net.arch:1:4\n"
        "  |\n"
        "1 | # a\\u{202E}b\n"
        "  |    -------- here"
    )


def test_fault_of_a_file_as_a_whole_as_a_diagnostic(tmp_path: Path) -> None:
    fault = fault_of(tmp_path / "no.arch", tmp_path)
    shown = render_text(fault.diagnostic(), color=False)
    assert shown == f"error[E110]: there is no such file\n --> {(tmp_path / 'no.arch').as_posix()}:1:1"
    program = Source("main.arch", 'use "no.arch"')
    assert fault.diagnostic(Span(program, 4, 13)).labels == ()


# Writing.


def only_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_the_text_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    write_atomically(path, "é\r\n\n", force=False)
    assert path.read_bytes() == "é\r\n\n".encode()
    assert only_files(tmp_path) == ["net.py"]


def test_writes_bytes_as_they_are(tmp_path: Path) -> None:
    content = bytes(range(256)) + b"\r\n\xed\xa0\x80"
    path = tmp_path / "net.safetensors"
    write_atomically(path, content, force=False)
    assert path.read_bytes() == content
    with pytest.raises(FileFault, match="exists already"):
        write_atomically(path, b"new", force=False)
    write_atomically(path, b"", force=True)
    assert path.read_bytes() == b""
    assert only_files(tmp_path) == ["net.safetensors"]


@posix
def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    write_atomically(tmp_path / "net.py", "x", force=False)
    assert (tmp_path / "net.py").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_an_existing_file_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("old")
    with pytest.raises(FileFault, match="exists already") as caught:
        write_atomically(path, "new", force=False)
    assert caught.value.kind == "exists"
    assert path.read_text() == "old"
    write_atomically(path, "new", force=True)
    assert path.read_text() == "new"
    assert only_files(tmp_path) == ["net.py"]


@posix
def test_permission_bits_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "net.sh"
    path.write_text("old")
    path.chmod(0o750)
    write_atomically(path, "new", force=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o750


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(FileFault, match="exists already"):
        write_atomically(tmp_path / "link", "new", force=False)
    write_atomically(tmp_path / "link", "new", force=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_dangling_link_exists(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(FileFault, match="exists already"):
        write_atomically(tmp_path / "link", "new", force=False)
    assert only_files(tmp_path) == ["link"]


@posix
def test_only_regular_files_are_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(FileFault, match="not a regular file"):
            write_atomically(tmp_path / name, "new", force=True)
    assert only_files(tmp_path) == ["folder", "pipe"]


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="no such file") as caught:
        write_atomically(tmp_path / "no" / "net.py", "x", force=False)
    assert caught.value.kind == "unwritable"


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.py"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(FileFault, match="no space left on device"):
        write_atomically(path, "new", force=True)
    assert path.read_text() == "old"
    assert only_files(tmp_path) == ["net.py"]
