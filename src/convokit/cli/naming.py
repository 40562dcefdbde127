"""From `module:attribute` to the object; a wrong name is answered with the right one where it can be guessed."""

import importlib
import pkgutil
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from convokit import Bot, Dialog, Message
from convokit.errors import DefinitionError

T = TypeVar("T")


def bot_named(target: str) -> Bot:
    """The bot that `module:attribute` names. Raises `DefinitionError`."""
    module, name, attribute = _found(target)
    value = _attribute(module, name, attribute)
    if not isinstance(value, Bot):
        raise DefinitionError(f"{target} is {_a(value)}, not a Bot; {_bots_of(module, name)}")
    return value


def drawable_named(target: str) -> Bot | Dialog[Any]:
    """The dialog or bot that `module:attribute` names. Raises `DefinitionError`."""
    module, name, attribute = _found(target)
    value = _attribute(module, name, attribute)
    if not isinstance(value, Bot | Dialog):
        raise DefinitionError(f"{target} is {_a(value)}, neither a Dialog nor a Bot; {_bots_of(module, name)}")
    return value


def message_at(target: str) -> Message | None:
    """The message that `module:attribute` names; None when there is no such module, and it may be a text.

    Raises:
        DefinitionError: The module exists, and what it has under this name is no `Message`.
    """
    module, _, attribute = target.rpartition(":")
    if not (Path(module).is_file() or Path(f"{module.replace('.', '/')}.py").is_file() or _installed(module)):
        return None
    found, name, attribute = _found(target)
    value = _attribute(found, name, attribute)
    if not isinstance(value, Message):
        raise DefinitionError(f"{target} is {_a(value)}, not a Message")
    return value


def _installed(module: str) -> bool:
    first = module.partition(".")[0]
    return first in sys.modules or any(one.name == first for one in pkgutil.iter_modules())


def _found(target: str) -> tuple[ModuleType, str, str]:
    """The module, its name and the attribute's."""
    name, colon, attribute = target.rpartition(":")
    if not colon or (len(name) == 1 and attribute.startswith("\\")):
        name, attribute = target, ""
    if not name:
        raise DefinitionError(f"{target!r} names no module: write module:attribute, such as pizza:bot")
    folder = Path.cwd()
    if name.endswith(".py") or "/" in name or "\\" in name:
        file = Path(name if name.endswith(".py") else f"{name}.py")
        if not file.is_file():
            raise DefinitionError(f"there is no file {file}{_meant(_modules(file.parent), file.stem, attribute)}")
        folder, name = file.parent.resolve(), file.stem
    elif not all(name.split(".")):
        raise DefinitionError(f"{target}: {name!r} is no module's name: write module:attribute, such as pizza:bot")
    _first_on_path(str(folder))
    return _imported(name, target, attribute, folder), name, attribute


def _first_on_path(folder: str) -> None:
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)


def _imported(name: str, target: str, attribute: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name is not None and (name == problem.name or name.startswith(f"{problem.name}.")):
            hint = _meant(_modules(folder), name, attribute)
            raise DefinitionError(f"{target}: there is no module {problem.name!r} in {folder}{hint}") from problem
        raise DefinitionError(f"{_where(problem)}{problem}") from problem
    except SyntaxError as problem:
        raise DefinitionError(f"{problem.filename}:{problem.lineno}: {problem.msg}") from problem
    except DefinitionError as problem:
        raise DefinitionError(f"{_unless_told(_where(problem), str(problem))}{problem}") from problem
    except (Exception, SystemExit) as problem:
        said = f"{type(problem).__name__}: {problem}".rstrip(": ")
        raise DefinitionError(f"{_where(problem)}{said}") from problem


def _where(problem: BaseException) -> str:
    """The innermost line of the user's own code that led to it, as "file:line: "; empty when there is none."""
    own = [
        frame
        for frame in traceback.extract_tb(problem.__traceback__)
        if not frame.filename.startswith("<") and not _foreign(Path(frame.filename))
    ]
    return f"{own[-1].filename}:{own[-1].lineno}: " if own else ""


def _foreign(file: Path) -> bool:
    """Whether a file is convokit's, Python's or an installed library's."""
    package = Path(__file__).resolve().parents[1]
    library = Path(importlib.__file__ or "").resolve().parents[1]
    return file.is_relative_to(package) or file.is_relative_to(library) or "site-packages" in file.parts


def _unless_told(where: str, message: str) -> str:
    """The place, unless the message begins with one: definition errors name the handler's line."""
    file = where.rpartition(":")[0].rpartition(":")[0]
    return "" if file and message.startswith(f"{file}:") else where


def _attribute(module: ModuleType, name: str, attribute: str) -> Any:
    if not attribute:
        raise DefinitionError(f"{name} names a module, but not what in it: {_bots_of(module, name)}")
    value: Any = module
    for part in attribute.split("."):
        if not hasattr(value, part):
            bots = [one for one, held in vars(module).items() if isinstance(held, Bot)]
            known = [one for one in vars(module) if not one.startswith("_")]
            near = get_close_matches(attribute, bots, n=1) or get_close_matches(attribute, known, n=1)
            meant = f"did you mean {name}:{near[0]}?" if near else _bots_of(module, name)
            raise DefinitionError(f"{name} has no {attribute!r}; {meant}")
        value = getattr(value, part)
    return value


def _bots_of(module: ModuleType, name: str) -> str:
    bots = [f"{name}:{one}" for one, held in vars(module).items() if isinstance(held, Bot)]
    if not bots:
        return f'{name} has no Bot: write bot = Bot("name") there'
    return f"did you mean {bots[0]}?" if len(bots) == 1 else f"its bots are {', '.join(bots)}"


def _modules(folder: Path) -> list[str]:
    """The modules and packages of a folder."""
    if not folder.is_dir():
        return []
    return [one.stem for one in sorted(folder.glob("*.py"))] + [
        one.parent.name for one in sorted(folder.glob("*/__init__.py"))
    ]


def _meant(known: list[str], name: str, attribute: str) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}:{attribute or 'bot'}?" if near else ""


def _a(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
