"""Teaches mkdocstrings what an attrs class takes: its `__init__` is made at run time and is not in the source."""

import importlib
import inspect
from typing import Any

import attrs
import griffe

LONGEST_DEFAULT = 40


class AttrsSignatures(griffe.Extension):
    """Gives every attrs class of the package an `__init__` with the parameters that `inspect.signature` sees."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Called once the whole package is read."""
        del kwargs
        if pkg.name == "convokit":
            self._visit(pkg)

    def _visit(self, scope: griffe.Module | griffe.Class) -> None:
        for member in list(scope.members.values()):
            if member.is_alias:
                continue
            if isinstance(member, griffe.Class) and "__init__" not in member.members:
                try:
                    kind = getattr(importlib.import_module(member.module.path), member.name, None)
                except ImportError:  # an extra that the docs are built without
                    continue
                if inspect.isclass(kind) and attrs.has(kind):
                    member.set_member("__init__", made_init(member, kind))
            if isinstance(member, griffe.Module | griffe.Class):
                self._visit(member)


def made_init(shown: griffe.Class, kind: type) -> griffe.Function:
    """The function that `attrs` makes, in griffe's words."""
    parameters = [griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)]
    for name, parameter in inspect.signature(kind).parameters.items():
        keyword = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        parameters.append(
            griffe.Parameter(
                name,
                annotation=annotation(shown, kind, name),
                kind=griffe.ParameterKind.keyword_only if keyword else griffe.ParameterKind.positional_or_keyword,
                default=default(parameter),
            )
        )
    return griffe.Function("__init__", parameters=griffe.Parameters(*parameters), returns="None", parent=shown)


def annotation(shown: griffe.Class, kind: type, name: str) -> Any:
    """The field's annotation as written, in the class or in the one it comes from."""
    own = shown.members.get(name)
    if isinstance(own, griffe.Attribute) and own.annotation is not None:
        return own.annotation
    for parent in kind.__mro__:
        hint = inspect.get_annotations(parent).get(name)
        if hint is not None:
            return inspect.formatannotation(hint)
    return None


def default(parameter: inspect.Parameter) -> str | None:
    """The default in short; "…" where it is made anew each time."""
    if parameter.default is parameter.empty:
        return None
    if parameter.default is attrs.NOTHING:
        return "…"
    written = repr(parameter.default)
    return written if len(written) <= LONGEST_DEFAULT else "…"
