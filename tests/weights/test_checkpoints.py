"""Checkpoints of training load without running code; what holds no weights, or would cost too much, is refused."""

from __future__ import annotations

import argparse
import collections
import copy
import datetime
import importlib
import io
import json
import os
import pathlib
import pickle
import struct
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from weights.test_weights import SMALL, Command, Danger, folder, here, network, numbered, ours, read, run, state, torch

from archdsl.lifting.operators import declare
from archdsl.weights.checkpoints import WeightsFault, opened, read_checkpoint
from archdsl.weights.checkpoints.pickles import MAX_STEPS, Inert, loads
from archdsl.weights.checkpoints.records import Code, Damaged

__all__ = ["here", "run", "state", "torch"]


def none_outside(_: object) -> Any:
    raise Damaged("nothing stands outside")


def emitted(torch: Any) -> tuple[Any, Any]:
    """A model by foreign names, and an optimizer that has made a step."""
    layers = collections.OrderedDict(
        conv=torch.nn.Conv2d(3, 8, 3, padding=1, bias=False), norm=torch.nn.BatchNorm2d(8), relu=torch.nn.ReLU()
    )
    model = torch.nn.Sequential(layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.randn(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    return model, optimizer


PLAIN = """\
arch 1
use std.ops { conv, batch_norm, relu }
block b(x; width) = x -> conv(width, kernel: 3) -> batch_norm -> relu
model small { input: 3 x 8 x 8  stages: b(8) }
"""


@pytest.fixture
def plain(here: Path) -> Path:
    (here / "small.arch").write_text(PLAIN)
    return here


def written(here: Path) -> dict[str, Any]:
    return {name.rpartition("blocks.0.")[2]: tensor for name, tensor in read(here / "small.safetensors").items()}


# Checkpoints as libraries write them


def test_a_checkpoint_of_torchvision_s_references(run: Command, plain: Path, torch: Any) -> None:
    """references/classification/train.py: model, optimizer, lr_scheduler, epoch, args, scaler, model_ema."""
    model, optimizer = emitted(torch)
    averaged = torch.optim.swa_utils.AveragedModel(model)
    averaged.update_parameters(model)
    for parameter in averaged.parameters():
        parameter.data += 1
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)
    args = argparse.Namespace(
        model="small", lr=0.5, output_dir=pathlib.Path("out"), world_size=1, device=torch.device("cpu"), amp=None
    )
    torch.save(
        {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "lr_scheduler": scheduler.state_dict(),
            "epoch": 3,
            "args": args,
            "model_ema": averaged.state_dict(),
        },
        plain / "net.pth",
    )
    result = run("net.pth")
    assert result.code == 0, result.err
    assert "the weights are those of model; the file also has optimizer, lr_scheduler, epoch, args" in result.out
    assert "--ema takes model_ema instead" in result.out
    assert torch.equal(written(plain)["conv.weight"], model.state_dict()["conv.weight"])
    result = run("net.pth", "--ema", "--force")
    assert result.code == 0, result.err
    assert "names stand without the `module.`" in result.out
    assert "how many states were averaged" in result.out
    assert torch.equal(written(plain)["conv.weight"], averaged.module.state_dict()["conv.weight"])


def test_a_checkpoint_of_timm_s_training(run: Command, plain: Path, torch: Any) -> None:
    """timm.utils.CheckpointSaver: arch, state_dict, optimizer, args, amp_scaler, state_dict_ema, metric and more."""
    import numpy

    model, optimizer = emitted(torch)
    ema = copy.deepcopy(model)
    for parameter in ema.parameters():
        parameter.data += 1
    args = argparse.Namespace(mean=[0.5, 0.5, 0.5], std=None, crop_pct=0.9, interpolation="bicubic", opt_kwargs={})
    compiled_names = {f"_orig_mod.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save(
        {
            "epoch": 5,
            "arch": "small",
            "state_dict": compiled_names,
            "optimizer": optimizer.state_dict(),
            "version": 2,
            "args": args,
            "amp_scaler": {"scale": 65536.0, "growth_factor": 2.0},
            "state_dict_ema": ema.state_dict(),
            "metric": numpy.float64(71.5),
        },
        plain / "net.pth",
    )
    result = run("net.pth", "--format", "json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert (report["input"]["library"], report["input"]["mean"]) == ("timm", [0.5, 0.5, 0.5])
    assert any("_orig_mod." in note for note in report["notes"])
    assert torch.equal(written(plain)["conv.weight"], model.state_dict()["conv.weight"])
    assert run("net.pth", "--ema", "--force").code == 0
    assert torch.equal(written(plain)["conv.weight"], ema.state_dict()["conv.weight"])


def test_timm_s_own_saver(run: Command, plain: Path, torch: Any) -> None:
    """The file that the library itself writes, with its own class of averaged models."""
    declare()  # before timm

    timm_utils = pytest.importorskip("timm.utils", reason="timm is not installed", exc_type=ImportError)
    model, optimizer = emitted(torch)
    saver = timm_utils.CheckpointSaver(
        model=model,
        optimizer=optimizer,
        args=argparse.Namespace(model="small", mean=None, std=None, crop_pct=None),
        model_ema=timm_utils.ModelEmaV2(model),
        checkpoint_dir=str(plain),
        recovery_dir=str(plain),
    )
    saver.save_checkpoint(4, metric=71.0)
    assert run("last.pth.tar").code == 0
    assert torch.equal(written(plain)["conv.weight"], model.state_dict()["conv.weight"])
    assert run("last.pth.tar", "--ema", "--force").code == 0


def test_an_entry_by_name(run: Command, plain: Path, torch: Any) -> None:
    model, _ = emitted(torch)
    states = {name: {k: t + n for k, t in model.state_dict().items()} for n, name in enumerate(("model", "ema", "swa"))}
    torch.save({**states, "history": [1.0]}, plain / "net.pth")
    for options, name in (((), "model"), (("--ema",), "ema"), (("--entry", "swa"), "swa")):
        result = run("net.pth", "--force", *options)
        assert result.code == 0
        assert f"the weights are those of {name}; the file also has" in result.out
        assert torch.equal(written(plain)["conv.weight"], states[name]["conv.weight"])
    assert "it has no entry best with weights" in run("net.pth", "--force", "--entry", "best").err
    assert run("net.pth", "--entry", "swa", "--ema").code == 2


def test_entries_by_names_that_do_not_tell(run: Command, plain: Path, torch: Any) -> None:
    """PyTorch's tutorials write `model_state_dict`; of any other name the fault says how to take it."""
    model, optimizer = emitted(torch)
    states = {"model_state_dict": model.state_dict(), "optimizer_state_dict": optimizer.state_dict(), "epoch": 3}
    torch.save(states, plain / "net.pth")
    assert run("net.pth").code == 0
    assert torch.equal(written(plain)["conv.weight"], model.state_dict()["conv.weight"])
    state = dict(model.state_dict())
    for content, told in (
        ({"net": state, "acc": 93.1}, "--entry net takes net"),
        ({"the net": {"state_dict": state}, "best": state}, "--entry 'the net' takes the net; --entry best takes best"),
        ({"ema": state, "optimizer": optimizer.state_dict()}, "--ema takes ema"),
    ):
        torch.save(content, plain / "net.pth")
        result = run("net.pth", "--force")
        assert result.code == 1
        assert f"it holds no weights; its entries are {', '.join(content)}\nhelp: {told}\n" in result.err
        first = next(iter(content))
        assert run("net.pth", "--force", *(("--ema",) if first == "ema" else ("--entry", first))).code == 0
    torch.save({"optimizer": optimizer.state_dict()}, plain / "net.pth")
    assert "help" not in run("net.pth", "--force").err


def test_values_beside_the_weights(run: Command, plain: Path, torch: Any) -> None:
    import numpy

    model, _ = emitted(torch)
    harmless = {
        "scalar": numpy.float32(1.5),
        "array": numpy.arange(3),
        "when": datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
        "took": datetime.timedelta(hours=3),
        "where": pathlib.PurePosixPath("/x"),
        "dtype": torch.float16,
        "device": torch.device("cuda", 1),
        "size": torch.Size([1, 2]),
        "version": torch.__version__,
        "set": {1, 2},
        "frozen": frozenset({3}),
        "counter": collections.Counter("aab"),
        "default": collections.defaultdict(list, a=[1]),
        "queue": collections.deque([1, 2]),
        "space": types.SimpleNamespace(a=1),
        "bytes": b"x",
        "array of bytes": bytearray(b"y"),
        "complex": 1j,
        "range": range(3),
        "kind": str,
        "slice": slice(1, 2),
        "random": (3, tuple(range(10)), None),
        (1, 2): "a key of numbers",
    }
    for protocol in (2, 3, 4, 5):
        torch.save({"state_dict": model.state_dict(), **harmless}, plain / "net.pth", pickle_protocol=protocol)
        result = run("net.pth", "--force")
        assert result.code == 0, (protocol, result.err)
        assert torch.equal(written(plain)["conv.weight"], model.state_dict()["conv.weight"])


@pytest.mark.parametrize("legacy", [False, True])
def test_numbers_are_those_that_torch_reads(here: Path, torch: Any, legacy: bool) -> None:
    """All forms of a tensor, beside torch's own reading."""
    from archdsl.weights.checkpoints import numbers

    whole = torch.arange(60, dtype=torch.float32)
    saved = {
        "plain": whole.reshape(3, 20),
        "view": whole[7:19].reshape(3, 4),
        "turned": whole.reshape(6, 10).t(),
        "strided": whole.reshape(6, 10)[::2, 1::3],
        "repeated": whole[:1].expand(4, 5),
        "half": whole.half(),
        "brain": whole.bfloat16(),
        "double": whole.double() / 3,
        "count": torch.tensor(7),
        "empty": torch.empty(0, 3),
        "parameter": torch.nn.Parameter(whole[:4].clone()),
        "bool": whole > 3,
    }
    torch.save(saved, here / "net.pth", _use_new_zipfile_serialization=not legacy)
    expected = torch.load(here / "net.pth", weights_only=True)
    with opened("net.pth") as file:
        found = read_checkpoint("net.pth", file)
        assert list(found.tensors) == list(saved)
        for name, record in found.tensors.items():
            made = numbers(record)
            assert made.dtype == expected[name].dtype
            assert torch.equal(made, expected[name].detach()), name


def test_storages_with_views_of_old_files(here: Path, torch: Any) -> None:
    """The older form names a part of a storage; a file of torch 0.4 has no more than this."""
    numbers_ = struct.pack("<6f", *range(6))
    identity = ("storage", "FLOAT", "0", "cpu", 6, ("1", 2, 3))
    stream = io.BytesIO()

    class Pickler(pickle._Pickler):  # type: ignore[name-defined, misc]
        def persistent_id(self, value: object) -> object:
            return (identity[0], torch.FloatStorage, *identity[2:]) if value == "STORAGE" else None

        def save_global(self, obj: object, name: str | None = None) -> None:
            super().save_global(obj, name)

    rebuild = torch._utils._rebuild_tensor_v2

    class Tensor:
        def __reduce__(self) -> Any:
            return rebuild, ("STORAGE", 1, (2,), (1,), False, collections.OrderedDict())

    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(value, stream, protocol=2)
    Pickler(stream, protocol=2).dump({"a.weight": Tensor()})
    pickle.dump(["0"], stream, protocol=2)
    stream.write(struct.pack("<q", 6) + numbers_)
    (here / "old.pth").write_bytes(stream.getvalue())
    from archdsl.weights.checkpoints import numbers

    with opened("old.pth") as file:
        found = read_checkpoint("old.pth", file)
        assert numbers(found.tensors["a.weight"]).tolist() == [3.0, 4.0]


# Code


class Calls:
    """Pickled, a call of any function."""

    def __init__(self, function: Callable[..., Any], *given: Any) -> None:
        self._reduced = function, given

    def __reduce__(self) -> Any:
        return self._reduced


@pytest.mark.parametrize(
    "value",
    [
        Danger(),
        Calls(eval, "open('it-ran', 'w')"),
        Calls(getattr, 1, "real"),
        Calls(importlib.import_module, "antigravity"),
        Calls(io.open, "it-ran", "w"),
        os.system,
        print,
        Path.unlink,
    ],
)
@pytest.mark.parametrize("place", ["args", "state_dict", "deep"])
def test_code_never_runs(run: Command, here: Path, torch: Any, value: Any, place: str) -> None:
    content: dict[str, Any] = {"state_dict": {"a.weight": torch.ones(2)}}
    if place == "deep":
        content["args"] = argparse.Namespace(inner=[{"x": (value,)}])
    elif place == "state_dict":
        content["state_dict"]["b.weight"] = value
    else:
        content["args"] = value
    torch.save(content, here / "net.pth")
    result = run("net.pth")
    assert (result.code, result.out) == (1, "")
    assert "error: net.pth: it holds pickled code (" in result.err
    assert not (here / "it-ran").exists()


def test_harmless_names_are_not_called_either() -> None:
    """`BUILD` and calls on the list leave values as they were given; a hostile state changes nothing."""
    namespace = argparse.Namespace(a=1)
    found = loads(pickle.dumps(namespace), none_outside)
    assert isinstance(found, Inert)
    assert (found.name, found.state) == ("argparse.Namespace", {"a": 1})
    hostile = b"\x80\x02cargparse\nNamespace\n)\x81}(X\x09\x00\x00\x00__class__cargparse\nNamespace\nub."
    found = loads(hostile, none_outside)
    assert type(found) is Inert
    for name in (b"argparse\nNamespace.__init__", b"builtins\neval", b"nt\nsystem", b"pathlib\nPath.unlink"):
        with pytest.raises(Code):
            loads(b"\x80\x04c" + name + b"\n.", none_outside)


# What costs too much


def shared(depth: int) -> bytes:
    """A tuple of two times the same tuple, and so on: short, and 2^depth long to hash."""
    steps = b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(1, depth))
    return b"N" + steps


def archive(path: Path, pickled: bytes, records: dict[str, bytes] | None = None, compression: int = 0) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("net/data.pkl", pickled)
        file.writestr("net/version", "3\n")
        for name, content in (records or {}).items():
            file.writestr(f"net/{name}", content)


@pytest.mark.parametrize("where", ["key", "set", "value", "container"])
def test_shared_references_are_never_hashed(run: Command, here: Path, where: str) -> None:
    """A few hundred bytes that take 2^60 steps to hash or to print."""
    deep = shared(60)
    pickled = {
        "key": b"\x80\x02}" + deep + b"K\x01s.",
        "set": b"\x80\x04\x8f(" + deep + b"\x90.",
        "value": b"\x80\x02}X\x01\x00\x00\x00a" + deep + b"s.",
        "container": b"\x80\x02" + deep + b".",
    }[where]
    assert len(pickled) < 800
    archive(here / "net.pth", pickled)
    result = run("net.pth")
    assert (result.code, result.out) == (1, "")
    assert len(result.err) < 400


def test_steps_are_bounded() -> None:
    pickled = b"\x80\x02" + b"N0" * (MAX_STEPS // 2 + 2) + b"N."
    with pytest.raises(Damaged, match="steps"):
        loads(pickled, none_outside)


def test_an_archive_that_grows(run: Command, here: Path) -> None:
    """Zeros of 64 MB in 64 KB: refused by what the archive's list says, before anything is unpacked."""
    archive(here / "net.pth", b"\x80\x02}.", {"data/0": bytes(1 << 26)}, zipfile.ZIP_DEFLATED)
    assert (here / "net.pth").stat().st_size < 1 << 17
    result = run("net.pth")
    assert result.code == 1
    assert "its records hold 67,1" in result.err
    assert "more than 4 times those of the file" in result.err


def test_a_record_that_is_more_than_it_says(run: Command, here: Path) -> None:
    """The list tells a small size, and the record unpacks to a larger: no more is read than was told."""
    archive(here / "net.pth", b"\x80\x02}.", {"data/0": bytes(1 << 20)}, zipfile.ZIP_DEFLATED)
    content = (here / "net.pth").read_bytes().replace(struct.pack("<I", 1 << 20), struct.pack("<I", 64))
    (here / "net.pth").write_bytes(content)
    assert run("net.pth").code == 1


def test_compressed_archives_are_read(run: Command, here: Path, torch: Any, state: dict[str, Any]) -> None:
    with zipfile.ZipFile(here / "net.pth") as source, zipfile.ZipFile(here / "small.pth", "w", 8) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    assert run("small.pth").code == 0
    assert torch.equal(read(here / "small.safetensors")["stem.conv.weight"], state["top.0.weight"])


def test_a_record_twice(run: Command, here: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive(here / "net.pth", b"\x80\x02}.", {"data.pkl": b"\x80\x02]."})
    assert "it has the record net/data.pkl twice" in run("net.pth").err


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("huge", "a tensor ends at element"),
        ("negative", "a tensor has no shape"),
        ("boolean", "a tensor has no shape"),
        ("axes", "a tensor has 65 axes"),
    ],
)
def test_shapes_that_a_storage_has_not(what: str, words: str) -> None:
    from archdsl.weights.checkpoints.records import Storage, view

    storage = Storage("float32", 16, lambda *_: b"")
    shape, stride = {
        "huge": ((1 << 40, 4), (4, 1)),
        "negative": ((-4,), (1,)),
        "boolean": ((True,), (1,)),
        "axes": ((1,) * 65, (1,) * 65),
    }[what]
    with pytest.raises(Damaged, match=words):
        view(storage, 0, shape, stride)


# What holds no plain numbers


def odd_tensors(torch: Any) -> dict[str, Any]:
    plain = torch.ones(8, 3, 3, 3)
    return {
        "quantized": torch.quantize_per_tensor(plain, 0.1, 0, torch.qint8),
        "sparse": plain.to_sparse(),
        "meta": plain.to("meta"),
        "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        "complex64": plain.to(torch.complex64),
        "float8_e4m3fn": plain.to(torch.float8_e4m3fn),
        "float8_e5m2": plain.to(torch.float8_e5m2),
        "int8": plain.to(torch.int8),
        "bool": plain.bool(),
        "float4_e2m1fn_x2": torch.zeros(8, 3, 3, 3, dtype=torch.uint8).view(torch.float4_e2m1fn_x2),
        "uint16": torch.ones(8, 3, 3, 3, dtype=torch.uint16),
    }


KINDS = (
    *("quantized", "sparse", "meta", "nested", "complex64", "float8_e4m3fn", "float8_e5m2"),
    *("int8", "bool", "float4_e2m1fn_x2", "uint16"),
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_odd_tensors(run: Command, here: Path, torch: Any, state: dict[str, Any], kind: str) -> None:
    tensor = odd_tensors(torch)[kind]
    torch.save({**state, "top.0.weight": tensor}, here / "net.pth")
    result = run("net.pth")
    assert (result.code, result.out) == (1, "")
    assert "its top.0.weight" in result.err
    assert kind in result.err
    assert len(result.err.splitlines()) <= 2
    assert folder(here) == {"net.pth"}


@pytest.mark.parametrize("form", ["pth", "safetensors"])
@pytest.mark.parametrize(
    ("name", "number", "words"),
    [
        ("top.0.weight", float("nan"), "its top.0.weight holds nan: 1 of 216 numbers are none"),
        ("top.0.weight", float("-inf"), "its top.0.weight holds inf: 1 of 216 numbers are none"),
        ("top.1.running_mean", float("inf"), "its top.1.running_mean holds inf"),
        ("top.0.weight", 1e300, "its top.0.weight holds 1e+300, beyond what float32 holds"),
        ("top.0.weight", -1e300, "its top.0.weight holds 1e+300, beyond what float32 holds"),
        ("top.1.num_batches_tracked", float("nan"), "its top.1.num_batches_tracked holds nan"),
        ("top.1.num_batches_tracked", -3.0, "its top.1.num_batches_tracked counts batches, and holds -3"),
        ("top.1.num_batches_tracked", 2.5, "its top.1.num_batches_tracked counts batches, and holds 2.5"),
        ("top.1.num_batches_tracked", 1e30, "its top.1.num_batches_tracked counts batches, and holds 1e+30"),
    ],
)
def test_numbers_that_no_network_has(
    run: Command, here: Path, torch: Any, state: dict[str, Any], form: str, name: str, number: float, words: str
) -> None:
    changed = state[name].double().clone()
    changed.view(-1)[0] = number
    if form == "pth":
        torch.save({**state, name: changed}, here / "net.pth")
    else:
        importlib.import_module("safetensors.torch").save_file({**state, name: changed}, here / "net.safetensors")
    result = run(f"net.{form}")
    assert (result.code, result.out) == (1, "")
    assert words in result.err
    assert not (here / "small.safetensors").exists()


def test_numbers_that_are_lost_are_told(run: Command, here: Path, torch: Any, state: dict[str, Any]) -> None:
    small = state["top.0.weight"].double().clone()
    small.view(-1)[:5] = 1e-300
    torch.save({**state, "top.0.weight": small}, here / "net.pth")
    result = run("net.pth", "--dry-run")
    assert result.code == 0
    assert "5 numbers are too small for float32, and are written as 0" in result.out


# safetensors


def tensorfile(path: Path, header: object, numbers: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + numbers)


def entry(first: int, last: int, shape: list[int], kind: str = "F32") -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [first, last]}


ONE = b'"a.weight":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}'
TWICE = b"{" + ONE % (0, 4) + b"," + ONE % (4, 8) + b"}"


@pytest.mark.parametrize(
    ("header", "numbers", "words"),
    [
        (TWICE, bytes(8), "it has a.weight twice"),
        ({"a.weight": entry(0, 8, [1])}, bytes(8), "a.weight has 8 bytes for 1 numbers of 4"),
        ({"a.weight": entry(0, 4, [1])}, bytes(8), "it has 8 bytes of numbers, and its header tells of 4"),
        ({"a.weight": entry(0, 8, [2])}, bytes(4), "it has 4 bytes of numbers, and its header tells of 8"),
        ({"a.weight": entry(0, 8, [2]), "b.weight": entry(4, 12, [2])}, bytes(12), "begin at 4"),
        ({"a.weight": entry(0, 4, [1]), "b.weight": entry(8, 12, [1])}, bytes(12), "begin at 8"),
        ({"a.weight": entry(8, 0, [1])}, bytes(8), "does not tell what a.weight is"),
        ({"a.weight": entry(0, 4, [-1])}, bytes(4), "does not tell what a.weight is"),
        ({"a.weight": {"dtype": "F32"}}, b"", "does not tell what a.weight is"),
        ({"a.weight": entry(0, 1 << 60, [1 << 58])}, b"", "does not tell what a.weight is"),
        ({"a.weight": [1]}, b"", "does not tell what a.weight is"),
        (b"[" * 100_000, b"", "its header is no JSON"),
        (b"[]", b"", "its header is no JSON object"),
        ({"a.weight": entry(0, 4, [8], "F4")}, bytes(4), "its a.weight is a F4 tensor"),
    ],
)
def test_headers(run: Command, here: Path, header: object, numbers: bytes, words: str) -> None:
    tensorfile(here / "net.safetensors", header, numbers)
    result = run("net.safetensors")
    assert (result.code, result.out) == (1, "")
    assert words in result.err
    assert len(result.err.splitlines()) == 1


def test_a_header_longer_than_the_file(run: Command, here: Path) -> None:
    (here / "net.safetensors").write_bytes(struct.pack("<Q", 1 << 62) + b"{}")
    assert "its header is cut off" in run("net.safetensors").err


# Files that are none


@pytest.mark.parametrize("name", ["pipe.pth", "pipe.safetensors"])
def test_pipes_and_devices(run: Command, here: Path, name: str) -> None:
    os.mkfifo(here / name)
    assert f"error: {name}: not a regular file" in run(name).err
    assert (
        f"error: {name}: not a regular file" in run("net.pth", "--check", name).err
        or "no such file" in run("net.pth").err
    )
    assert "error: /dev/zero: not a regular file" in run("/dev/zero").err
    (here / "link.pth").symlink_to("/dev/zero")
    assert "not a regular file" in run("link.pth").err
    (here / "loop.pth").symlink_to("loop.pth")
    assert run("loop.pth").code == 1


def test_torchscript_is_refused(run: Command, here: Path) -> None:
    archive(here / "net.pth", b"\x80\x02}.", {"constants.pkl": b"\x80\x02).", "code/__torch__.py": b"x"})
    assert "it holds pickled code (TorchScript)" in run("net.pth").err


@pytest.mark.usefixtures("state")
def test_every_byte_changed(here: Path) -> None:
    """A file with one byte changed ends in an answer: the weights, or a sentence."""
    content = (here / "net.pth").read_bytes()
    place = content.index(b"data.pkl")
    for at in [*range(place, place + 700), *range(len(content) - 300, len(content))]:
        (here / "bad.pth").write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        with opened("bad.pth") as file:
            try:
                found = len(read_checkpoint("bad.pth", file).tensors)
            except WeightsFault as fault:
                found = len(fault.message)
            assert found > 1


def test_the_network_of_these_tests(run: Command, here: Path, state: dict[str, Any]) -> None:
    """What is refused above is refused for what was changed: unchanged it is taken."""
    assert (here / "small.arch").read_text() == SMALL
    assert list(state) == list(numbered(ours(network(SMALL))))
    assert run("net.pth").code == 0
