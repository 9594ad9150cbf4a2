"""What a pickle describes, without calling anything that it names.

A pickle is a program for a small machine with a stack, and it may name any function or class to be called. This machine
calls none. It makes dicts, lists, tuples, strings and numbers; tensors become `Record`s; of the functions and classes
on `INERT`, whatever is made of them becomes an `Inert` that holds what it was given; any other name is `Code`.

Time is bounded by `MAX_STEPS`, memory by the pickle's own size: no step copies a value, and none hashes or compares
a container, since a few bytes can describe a tuple that takes 2^60 steps to hash.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from archdsl.weights.checkpoints.records import SIZES, Code, Damaged, Record, Storage, view

MAX_STEPS = 2_000_000
"""Operations of one pickle."""
MAX_PICKLE = 1 << 28
"""Bytes of one pickle."""
MAX_LINE = 1 << 16
"""Bytes of a line, where the pickle writes an argument as text."""
MAX_WRAPPERS = 8
"""How often a tensor may say that it is made as another."""

INERT = frozenset(
    {
        *(f"builtins.{name}" for name in ("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset")),
        *(f"builtins.{name}" for name in ("int", "list", "object", "range", "set", "slice", "str", "tuple")),
        *(f"collections.{name}" for name in ("Counter", "OrderedDict", "defaultdict", "deque")),
        *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")),
        *(
            f"{module}.{name}"
            for module in ("pathlib", "pathlib._local")
            for name in ("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
        ),
        *(
            f"{module}.{name}"
            for module in ("numpy.core", "numpy._core")
            for name in ("multiarray._reconstruct", "multiarray.scalar", "numeric._frombuffer")
        ),
        *(f"numpy.{name}" for name in ("dtype", "ndarray", "bool_", "float16", "float32", "float64", "int32", "int64")),
        *(f"numpy.dtypes.{name}DType" for name in ("Bool", "Float16", "Float32", "Float64", "Int32", "Int64")),
        *(f"torch.{dtype}" for dtype in SIZES),
        *(f"torch.{scheme}" for scheme in ("per_tensor_affine", "per_tensor_symmetric", "per_channel_affine")),
        *(f"torch.{scheme}" for scheme in ("per_channel_symmetric", "per_channel_affine_float_qparams")),
        "_codecs.encode",
        "argparse.Namespace",
        "copyreg._reconstructor",
        "decimal.Decimal",
        "fractions.Fraction",
        "torch.Size",
        "torch.Tensor",
        "torch.device",
        "torch.nn.parameter.Buffer",
        "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout",
        "torch.torch_version.TorchVersion",
        "torchvision.transforms.functional.InterpolationMode",
        "types.SimpleNamespace",
        "uuid.UUID",
    }
)
"""What the training checkpoints of PyTorch, timm and torchvision hold beside tensors. None of it is called."""

DICTS = ("builtins.dict", "collections.OrderedDict", "collections.defaultdict", "collections.Counter")
"""What becomes a dict."""

STORAGES = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
    "ComplexDouble": "complex128",
    "ComplexFloat": "complex64",
    "QUInt8": "quint8",
    "QInt8": "qint8",
    "QInt32": "qint32",
    "QUInt4x2": "quint4x2",
    "QUInt2x4": "quint2x4",
}
STORAGE_TYPES = {
    **{f"torch.{name}Storage": dtype for name, dtype in STORAGES.items()},
    **{f"torch.cuda.{name}Storage": dtype for name, dtype in STORAGES.items()},
    "torch.storage.UntypedStorage": "uint8",
}
"""The types of storages: what their numbers are."""

ODD_TENSORS = {
    "_rebuild_qtensor": "quantized",
    "_rebuild_sparse_tensor": "sparse",
    "_rebuild_sparse_csr_tensor": "sparse",
    "_rebuild_nested_tensor": "nested",
    "_rebuild_meta_tensor_no_storage": "meta",
    "_rebuild_wrapper_subclass": "wrapped",
    "_rebuild_device_tensor_from_numpy": "foreign device's",
    "_rebuild_device_tensor_from_cpu_tensor": "foreign device's",
}
"""Functions of `torch._utils` that make tensors without plain numbers."""
TENSORS = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3")
PARAMETERS = ("_rebuild_parameter", "_rebuild_parameter_with_state")
AS_ANOTHER = "torch._tensor._rebuild_from_type_v2"
MAKES_TENSORS = frozenset({AS_ANOTHER, *(f"torch._utils.{name}" for name in (*ODD_TENSORS, *TENSORS, *PARAMETERS))})

RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}
"""Modules by their names of Python 2, which protocol 2 writes."""
RENAMED_NAMES = {
    "builtins.xrange": "builtins.range",
    "builtins.unicode": "builtins.str",
    "builtins.long": "builtins.int",
}
"""What these modules' names were there, where they were others."""


class Global(NamedTuple):
    """A function or class that a pickle names."""

    name: str


class Inert:
    """Something made of a function or class that is not called: its name, what it was given, and its state."""

    __slots__ = ("given", "name", "state")

    def __init__(self, name: str, given: object = ()) -> None:
        self.name = name
        self.given = given
        self.state: object = None


class Stream(Protocol):
    """A file that pickles are read from."""

    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


class Bounded:
    """A stream of which a pickle cannot ask for more than `left` bytes."""

    def __init__(self, stream: Stream, left: int) -> None:
        self._stream = stream
        self._left = min(left, MAX_PICKLE)

    def read(self, size: int) -> bytes:
        if size > self._left:
            raise Damaged("a pickle in it ends early")
        content = self._stream.read(size)
        self._left -= len(content)
        return content

    def readline(self) -> bytes:
        content = self._stream.readline(min(MAX_LINE, self._left))
        if not content.endswith(b"\n"):
            raise Damaged("a pickle in it ends early")
        self._left -= len(content)
        return content


def load(stream: Stream, size: int, storage_of: Callable[[object], Storage]) -> Any:
    """The value of one pickle of at most `size` bytes; `storage_of` knows what stands outside of it.

    Raises `Damaged`, and `Code` where a name is met that is not on the list.
    """
    machine = Machine(storage_of)
    bounded: Any = Bounded(stream, size)
    try:
        for steps, (operation, argument, _) in enumerate(pickletools.genops(bounded)):
            if steps > MAX_STEPS:
                raise Damaged(f"a pickle in it takes more than {MAX_STEPS:,} steps")
            machine.step(operation.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError):
        raise Damaged("a pickle in it makes no sense") from None
    return machine.result


def loads(content: bytes, storage_of: Callable[[object], Storage]) -> Any:
    """The value of a pickle. Raises as `load` does."""
    return load(io.BytesIO(content), len(content), storage_of)


class Machine:
    """The stack, the marks on it, and what was memorized."""

    def __init__(self, storage_of: Callable[[object], Storage]) -> None:
        self._storage_of = storage_of
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self.result: Any = None

    def step(self, name: str, argument: Any) -> None:
        """One operation, by its name in `pickletools`."""
        stack = self._stack
        if name in LITERALS:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self._memo[argument])
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name == "MARK":
            self._marked.append(stack)
            self._stack = []
        elif name in EMPTY:
            stack.append(EMPTY[name]())
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(self._last(int(name[-1]))))
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            stack.append(self._named(argument if name == "GLOBAL" else " ".join(self._last(2))))
        elif name == "BINPERSID":
            stack.append(self._storage_of(stack.pop()))
        elif name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX"):
            function, given, *_ = self._last(3 if name == "NEWOBJ_EX" else 2)
            stack.append(self._made(function, given))
        elif name == "BUILD":
            state = stack.pop()
            if isinstance(stack[-1], Inert):
                stack[-1].state = state
        elif name in ("APPEND", "SETITEM"):
            self._add(name, self._last(1 if name == "APPEND" else 2))
        elif name == "POP":
            self._pop()
        elif name == "DUP":
            stack.append(stack[-1])
        elif name == "STOP":
            self.result = stack.pop()
        elif name in UNTIL_MARK:
            self._all_since_mark(name, argument)
        elif name not in ("PROTO", "FRAME"):
            raise Damaged(f"a pickle in it uses {name}")

    def _all_since_mark(self, name: str, argument: Any) -> None:
        items = self._stack
        self._stack = self._marked.pop()
        if name == "TUPLE":
            self._stack.append(tuple(items))
        elif name == "LIST":
            self._stack.append(items)
        elif name == "DICT":
            self._stack.append({})
            self._add("SETITEMS", items)
        elif name == "FROZENSET":
            self._stack.append(Inert("builtins.frozenset", items))
        elif name == "INST":
            self._stack.append(self._made(self._named(argument), tuple(items)))
        elif name == "OBJ":
            self._stack.append(self._made(items[0], tuple(items[1:])))
        elif name != "POP_MARK":
            self._add(name, items)

    def _last(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise Damaged("a pickle in it makes no sense")
        items = self._stack[-count:]
        del self._stack[-count:]
        return items

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._stack = self._marked.pop()

    def _add(self, name: str, items: list[Any]) -> None:
        """Items of a list or a dict; those of anything else say nothing about weights."""
        whole = self._stack[-1]
        if name in ("SETITEM", "SETITEMS") and isinstance(whole, dict):
            whole.update((_key(items[at]), items[at + 1]) for at in range(0, len(items), 2))
        elif name in ("APPEND", "APPENDS") and isinstance(whole, list):
            whole.extend(items)
        elif not isinstance(whole, Inert):
            raise Damaged("a pickle in it makes no sense")

    @staticmethod
    def _named(text: str) -> Global:
        module, _, name = text.partition(" ")
        whole = f"{RENAMED.get(module, module)}.{name}"
        whole = RENAMED_NAMES.get(whole, whole)
        if whole not in INERT and whole not in MAKES_TENSORS and whole not in STORAGE_TYPES:
            raise Code(whole)
        return Global(whole)

    @staticmethod
    def _made(function: object, given: object) -> object:
        """What a call would make."""
        if not isinstance(function, Global) or not isinstance(given, tuple):
            raise Damaged("a pickle in it makes no sense")
        if function.name in MAKES_TENSORS:
            return _tensor(function.name, given)
        if function.name in DICTS:
            pairs = given[0] if given and isinstance(given[0], list) else []  # as Python 2 writes them
            return {_key(pair[0]): pair[1] for pair in pairs}
        if function.name == "torch.Size" and given and isinstance(given[0], (tuple, list)):
            return given[0] if isinstance(given[0], tuple) else Inert(function.name, given)
        return Inert(function.name, given)


LITERALS = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    }
)
CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
EMPTY: dict[str, Callable[[], object]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_SET": lambda: Inert("builtins.set"),
}
UNTIL_MARK = frozenset(
    {"TUPLE", "LIST", "DICT", "FROZENSET", "INST", "OBJ", "POP_MARK", "SETITEMS", "APPENDS", "ADDITEMS"}
)


def _key(value: object) -> object:
    """A key of a dict. One that is costly to hash becomes something else, by which nobody looks."""
    plain = value is None or isinstance(value, (str, bytes, float, Inert, Record))
    return value if plain or (isinstance(value, int) and abs(value) < 1 << 63) else Inert("key", value)


def _tensor(name: str, given: tuple[Any, ...]) -> Record:
    """What a function that makes tensors would make."""
    for _ in range(MAX_WRAPPERS):
        if name != AS_ANOTHER:
            break
        function, _, given, *_ = given
        name = function.name
    short = name.removeprefix("torch._utils.")
    if name not in MAKES_TENSORS or name == AS_ANOTHER:
        raise Damaged("a pickle in it makes no sense")
    if short in ODD_TENSORS:
        return Record("", (), kind=ODD_TENSORS[short])
    if short in PARAMETERS:
        if not isinstance(given[0], Record):
            raise Damaged("a parameter in it is no tensor")
        return given[0]
    storage, offset, shape, stride = given[:4]
    if not isinstance(storage, Storage):
        raise Damaged("a tensor in it has no storage")
    dtype = given[6].name.removeprefix("torch.") if short == "_rebuild_tensor_v3" else storage.dtype
    if dtype not in SIZES:
        raise Damaged("a tensor in it has no type")
    # Bits of a tensor that is the negative or the conjugate of its numbers.
    marks = given[6] if short == "_rebuild_tensor_v2" and len(given) > 6 else None
    found = view(storage, offset, shape, stride, dtype)
    marked = isinstance(marks, dict) and (marks.get("neg") or marks.get("conj"))
    return Record(dtype, found.shape, kind="negated") if marked else found
