"""Dataclasses that are quick to make: the standard library's, with methods that are made when they are needed.

The standard decorator compiles the text of six methods for each class, which took longer than all else that a start of
the command line does. Here equality, hash, representation and the guard of frozen instances are functions of one form
for all classes, and `__init__` is compiled when the first instance is made. `dataclasses.fields`, `replace`, `asdict`
and `match` work as they do elsewhere. Type checkers see the standard decorator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
    from typing import TypeVar, dataclass_transform

    AnyClass = TypeVar("AnyClass", bound=type)

    @dataclass_transform(frozen_default=True)
    def documented(cls: AnyClass) -> AnyClass: ...
else:
    import dataclasses
    from operator import attrgetter
    from reprlib import recursive_repr

    _set = object.__setattr__

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, repr=True, kw_only=False):
        """As `dataclasses.dataclass`, with the options that the package uses."""

        def make(cls):
            return _made(cls, frozen, slots, eq, repr, kw_only)

        return make if cls is None else make(cls)

    def documented(cls):
        """A frozen dataclass of a JSON output: what stands under its fields describes them in the JSON's schema."""
        cls.__pydantic_config__ = {"use_attribute_docstrings": True}
        return dataclass(cls, frozen=True)

    def _made(cls, frozen, slots, eq, repr, kw_only):
        own = set(cls.__dict__)
        if cls.__doc__ is None:
            cls.__doc__ = cls.__name__  # else the standard decorator works out a signature to put there
        cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
        given = dataclasses.fields(cls)
        names = tuple([f.name for f in given])
        compared = _values([f.name for f in given if f.compare])
        hashed = _values([f.name for f in given if (f.compare if f.hash is None else f.hash)])
        shown = tuple([f.name for f in given if f.repr])

        def __init__(self, *args, **kwargs):
            # Two threads that come here first both make it, and both are right.
            cls.__init__ = _compiled_init(cls, given, frozen)
            cls.__init__(self, *args, **kwargs)

        @recursive_repr()
        def __repr__(self):
            inside = ", ".join([f"{name}={getattr(self, name)!r}" for name in shown])
            return f"{self.__class__.__qualname__}({inside})"

        def __eq__(self, other):
            if other.__class__ is not self.__class__:
                return NotImplemented
            return compared(self) == compared(other)

        def __hash__(self):
            return hash(hashed(self))

        def __setattr__(self, name, value):
            if type(self) is cls or name in names:
                raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
            super(cls, self).__setattr__(name, value)

        def __delattr__(self, name):
            if type(self) is cls or name in names:
                raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
            super(cls, self).__delattr__(name)

        def __getstate__(self):
            return [getattr(self, name) for name in names]

        def __setstate__(self, state):
            for name, value in zip(names, state, strict=True):
                _set(self, name, value)

        methods = [__init__]
        methods += [__repr__] if repr else []
        methods += [__eq__] if eq else []
        methods += [__hash__] if eq and frozen else []
        methods += [__setattr__, __delattr__] if frozen else []
        methods += [__getstate__, __setstate__] if frozen and slots else []
        for method in methods:
            if method.__name__ not in own:
                method.__qualname__ = f"{cls.__qualname__}.{method.__name__}"
                setattr(cls, method.__name__, method)
        if eq and not frozen and "__hash__" not in own:
            cls.__hash__ = None
        return cls

    def _values(names):
        """A function of an instance that gives the values of these fields: alone, or as a tuple."""
        return attrgetter(*names) if names else lambda _: ()

    def _compiled_init(cls, given, frozen):
        """The method that takes the fields in order, those by name alone behind them, and sets each."""
        parameters = ["self"]
        lines = []
        scope = {"_set": _set, "_MISSING": dataclasses.MISSING}
        ordered = [f for f in given if f.init and not f.kw_only], [f for f in given if f.init and f.kw_only]
        for position, group in enumerate(ordered):
            parameters += ["*"] if position and group else []
            for f in group:
                if f.default is not dataclasses.MISSING:
                    scope[f"_default_{f.name}"] = f.default
                    parameters.append(f"{f.name}=_default_{f.name}")
                elif f.default_factory is not dataclasses.MISSING:
                    scope[f"_factory_{f.name}"] = f.default_factory
                    parameters.append(f"{f.name}=_MISSING")
                else:
                    parameters.append(f.name)
        for f in given:
            value = f.name if f.init else f"_factory_{f.name}()"
            if f.init and f.default_factory is not dataclasses.MISSING:
                value = f"_factory_{f.name}() if {f.name} is _MISSING else {f.name}"
            slot = cls.__dict__.get(f.name)
            if frozen and hasattr(slot, "__set__"):
                scope[f"_set_{f.name}"] = slot.__set__  # finds its place without a look-up by name
                lines.append(f"_set_{f.name}(self, {value})")
            else:
                lines.append(f"_set(self, {f.name!r}, {value})" if frozen else f"self.{f.name} = {value}")
        if hasattr(cls, "__post_init__"):
            lines.append("self.__post_init__()")
        body = "\n ".join(lines or ["pass"])
        exec(f"def __init__({', '.join(parameters)}):\n {body}", scope)
        init = scope["__init__"]
        init.__qualname__ = f"{cls.__qualname__}.__init__"
        return init


__all__ = ["dataclass", "documented"]
