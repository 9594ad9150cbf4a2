"""The names of operations: module paths that a person would give.

An operation is called by its binding and, where the binding has several, by what is applied: `branch.conv1`. The
names depend on the text of the block alone, never on which steps a condition leaves away, so that no edit elsewhere
renames a weight. They are the names of modules in the emitted code too, so none is one that PyTorch's modules have.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from archdsl.syntax import ast

_TAKEN = """
    T_destination add_module append apply bfloat16 buffers call_super_init children clear compile cpu cuda double
    dump_patches eval extend extra_repr float forward feature_maps forward_features get_buffer get_extra_state
    get_parameter get_submodule half insert ipu items keys load_state_dict modules mtia named_buffers named_children
    named_modules named_parameters parameters pop register_backward_hook register_buffer register_forward_hook
    register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ reset_classifier set_extra_state
    set_submodule share_memory state_dict to to_empty train training type update values xpu zero_grad
"""
RESERVED = frozenset(_TAKEN.split())
"""Attributes of `nn.Module` and of its containers, and the methods of emitted modules."""


ELEMENT = "*"
"""What stands in a label for the index of an element of a list that grows: `y.*.conv`."""


def safe_name(name: str) -> str:
    """The name, or with an underscore behind it where Python or PyTorch use it for something else."""
    bare = name.lstrip("_") or "step"
    bare = f"n{bare}" if bare[0].isdigit() else bare
    return f"{bare}_" if bare in RESERVED or keyword.iskeyword(bare) else bare


def label_sites(
    declaration: ast.Declaration, learned: frozenset[str] = frozenset(), values: frozenset[str] = frozenset()
) -> dict[int, str]:
    """Name every applying expression of a block: identity of the expression -> path within the block.

    What is applied within a setting, or within a parameter's default, is named as if the setting were a local name;
    it comes last, so that it changes no other name. `learned` are the names that give a tensor of nothing, `values`
    those of functions.
    """
    labels: dict[int, str] = {}
    taken: set[str] = set()
    held: list[_Flow] = []
    lists: dict[str, str] = {}
    tensors = _tensors_in(declaration, learned, values)
    for flow in _flows(declaration):
        name, given = flow
        if not name.endswith(ELEMENT):
            taken.add(_label_flow(flow, labels, taken, held, tensors))  # also where it applies nothing
            continue
        known = lists.setdefault(name, _free(name[: -len(ELEMENT) - 1], taken))
        taken.add(known)
        within: list[_Flow] = []
        _label_flow((f"{known}.{ELEMENT}", given), labels, set(), within, tensors)
        held += [(f"{setting}.{ELEMENT}", held_there) for setting, held_there in within]
    held[:0] = _defaults(declaration)
    for flow in held:  # grows: a setting may hold what has settings
        _label_flow(flow, labels, taken, held, tensors)
    return labels


def label_rest(nodes: Iterable[ast.Node], labels: dict[int, str]) -> None:
    """Name the differences and quotients of which the text does not tell that they are of tensors: a setting may hold
    one. They come after all others, so that they change no other name."""
    taken = set(labels.values())
    for node in nodes:
        if isinstance(node, ast.Arithmetic | ast.Unary) and id(node) not in labels and node.operator in _NAMED_LATE:
            labels[id(node)] = _free(_operator_label(node), taken)
            taken.add(labels[id(node)])


class _Tensors(NamedTuple):
    """The names of a text that stand for tensors, or for lists of these; and those of what gives one of nothing, or
    never gives one."""

    names: frozenset[str]
    learned: frozenset[str]
    values: frozenset[str]

    def has(self, e: ast.Expression) -> bool:
        """Whether an expression is a tensor or holds some, as far as the text tells."""
        match e:
            case ast.Reference(name=name):
                return name in self.names
            case ast.Flow(left=first) | ast.Index(value=first) | ast.Unary(operand=first):
                return self.has(first)
            case ast.Conditional(then=then, otherwise=otherwise):
                return self.has(then) or self.has(otherwise)
            case ast.Arithmetic(left=left, right=right):
                return self.has(left) or self.has(right)
            case ast.ListExpression(items=items) | ast.TupleExpression(items=items):
                return any(map(self.has, items))
            case ast.Call(function=ast.Reference(name=name)) if name in self.learned or name in self.values:
                return name in self.learned
            case ast.Call(arguments=arguments):
                return any(self.has(argument.value) for argument in arguments if argument.name is None)
            case ast.Comprehension(body=body, variable=variable, source=source):
                return self.within(variable, source).has(body)
            case _:
                return False

    def within(self, variable: ast.Identifier, source: ast.Expression) -> _Tensors:
        """What is known in a comprehension over a source."""
        return self._replace(names=self.names | {variable.text}) if self.has(source) else self


def _tensors_in(declaration: ast.Declaration, learned: frozenset[str], values: frozenset[str]) -> _Tensors:
    """The names of a block that stand for tensors: its inputs, and what it makes of them."""
    parameters = declaration.parameters
    names = frozenset([p.name.text for p in parameters.first] if parameters is not None else [])
    found = _Tensors(names, learned, values | {"count"})
    for entry in declaration.body.entries if declaration.body is not None else ():
        if isinstance(entry, ast.Binding) and found.has(entry.value):
            found = found._replace(names=found.names | {name.text for name in entry.names})
        elif isinstance(entry, ast.Element) and found.has(entry.value):
            found = found._replace(names=found.names | {entry.path.head.text})
    return found


def bound_names(declaration: ast.Declaration, labels: Mapping[int, str]) -> dict[str, tuple[str, ...]]:
    """Path of what gives a value, or several, that the body binds to names -> these names."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in declaration.body.entries if declaration.body is not None else ():
        if isinstance(entry, ast.Binding):
            names = tuple([name.text for name in entry.names])
            found |= {labels[id(site)]: names for site in _last(entry.value) if id(site) in labels}
    return found


def _last(expression: ast.Expression) -> list[ast.Expression]:
    """The expressions that may give what an expression gives, whatever its conditions are."""
    match expression:
        case ast.Flow(left=left, right=ast.Optional(step=step)):
            return [*_last(left), *_last(step)]
        case ast.Flow(right=right):
            return _last(right)
        case ast.Conditional(then=then, otherwise=otherwise):
            return [*_last(then), *_last(otherwise)]
    return [expression]


_Flow: TypeAlias = "tuple[str, tuple[ast.Expression, ...]]"
"""Expressions, and the name that they are bound to, if any."""


def _label_flow(flow: _Flow, labels: dict[int, str], taken: set[str], held: list[_Flow], tensors: _Tensors) -> str:
    """Name the sites of one flow; gives the name that they stand below."""
    binding, values = flow
    prefix = _free(binding, taken) if binding else ""
    sites: list[tuple[ast.Expression, str]] = []
    for value in values:
        _collect(value, sites, held, tensors, step=False)
    counts: dict[str, int] = {}
    for _, label in sites:
        counts[label] = counts.get(label, 0) + 1
    seen: dict[str, int] = {}
    for site, label in sites:
        seen[label] = seen.get(label, 0) + 1
        name = f"{label}{seen[label]}" if counts[label] > 1 else label
        if prefix:
            name = prefix if len(sites) == 1 else f"{prefix}.{name}"
        name = name if name == prefix else _free(name, taken)
        taken.update((name, prefix))
        labels[id(site)] = name
    return prefix


def _free(name: str, taken: set[str]) -> str:
    """The name, or with a number behind it where it is taken, by an operation or by what holds several."""
    free, again = name, 2
    while free in taken:
        free, again = f"{name}_{again}", again + 1
    return free


def _flows(declaration: ast.Declaration) -> list[_Flow]:
    if declaration.body is None:
        return [("", (declaration.value,))] if declaration.value is not None else []
    found: list[_Flow] = []
    for entry in declaration.body.entries:
        if isinstance(entry, ast.Binding):
            found.append((safe_name(entry.names[0].text) if len(entry.names) == 1 else "", (entry.value,)))
        elif isinstance(entry, ast.Element):
            found.append((f"{safe_name(entry.path.head.text)}.{ELEMENT}", (entry.value,)))
        elif isinstance(entry, ast.Return):
            found.append(("", entry.values))
    return found


def _defaults(declaration: ast.Declaration) -> list[_Flow]:
    parameters = declaration.parameters
    every = (*parameters.first, *(parameters.second or ())) if parameters is not None else ()
    return [(safe_name(p.name.text), (p.default,)) for p in every if p.default is not None]


OF_TENSORS = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
"""The operators of tensors, with their operations, which are also the labels of their places."""
_NAMED_LATE = frozenset(("-", "/"))
"""Operators whose places have names only where they are known to join tensors: widths are divided everywhere."""


def _operator_label(e: ast.Arithmetic | ast.Unary) -> str:
    return OF_TENSORS[e.operator] if isinstance(e, ast.Arithmetic) else "neg"


def _collect(
    expression: ast.Expression,
    sites: list[tuple[ast.Expression, str]],
    held: list[_Flow],
    tensors: _Tensors,
    *,
    step: bool,
) -> None:
    """Sites of one expression in the order in which tensors flow; `step` is the right side of an arrow.

    What settings hold is added to `held`.
    """
    match expression:
        case ast.Flow(left=left, right=right):
            _collect(left, sites, held, tensors, step=step)
            _collect(right, sites, held, tensors, step=True)
        case ast.Optional(step=inner):
            _collect(inner, sites, held, tensors, step=step)
        case ast.Conditional(then=then, otherwise=otherwise):
            _collect(then, sites, held, tensors, step=step)
            _collect(otherwise, sites, held, tensors, step=step)
        case ast.Call(function=function, arguments=arguments):
            held += _settings(function)
            for argument in arguments:
                if argument.name is None:
                    _collect(argument.value, sites, held, tensors, step=False)
                else:
                    held.append((safe_name(argument.name.text), (argument.value,)))
            sites.append((expression, _label(function)))
        case ast.Configured(function=function):
            held += _settings(expression)
            sites.append((expression, _label(function)))
        case ast.Arithmetic(operator=operator, left=left, right=right) if operator in OF_TENSORS:
            if operator not in _NAMED_LATE or tensors.has(expression):
                _collect(left, sites, held, tensors, step=False)
                _collect(right, sites, held, tensors, step=False)
                sites.append((expression, _operator_label(expression)))
        case ast.Unary(operator="-", operand=operand) if tensors.has(operand):
            _collect(operand, sites, held, tensors, step=False)
            sites.append((expression, _operator_label(expression)))
        case ast.ListExpression(items=items) | ast.TupleExpression(items=items):
            for item in items:
                _collect(item, sites, held, tensors, step=False)
        case ast.Comprehension(body=body, variable=variable, source=source):
            _collect(source, sites, held, tensors, step=False)
            _collect(body, sites, held, tensors.within(variable, source), step=False)
        case ast.Index(value=value):
            _collect(value, sites, held, tensors, step=False)
            if step:
                sites.append((expression, _label(value)))
        case ast.Reference(name=name) if step:
            sites.append((expression, safe_name(name)))
        case _:
            pass


def _settings(block: ast.Expression) -> list[_Flow]:
    """What the settings of a configured block hold."""
    match block:
        case ast.Call(function=function, arguments=arguments):
            given = [(a.name.text if a.name is not None else "step", a.value) for a in arguments]
        case ast.Configured(function=function, body=body):
            given = [(e.path.head.text, e.value) for e in body.entries if isinstance(e, ast.Field)]
        case _:
            return []
    return [*_settings(function), *[(safe_name(name), (value,)) for name, value in given]]


def _label(function: ast.Expression) -> str:
    match function:
        case ast.Index(value=value):
            return _label(value)
        case ast.Reference(name=name):
            return safe_name(name)
        case ast.Attribute(name=name):
            return safe_name(name.text)
        case ast.Call(function=inner) | ast.Configured(function=inner):
            return _label(inner)
        case _:
            return "step"
