"""The reference knows every public name, every error, every setting and every option of the command line."""

import argparse
import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import fields
from house import PACKAGE, ROOT, convokit, has_word, public_names, reference

from convokit.testing.transport_contract import profile_of, profile_table

DIRECTIVE = re.compile(r"^::: convokit\.([\w.]+)", re.MULTILINE)


def directives() -> set[str]:
    """The last parts of what the reference draws from docstrings."""
    return {path.split(".")[-1] for path in DIRECTIVE.findall(reference())}


def parameters(kind: type) -> Iterator[str]:
    """The settings that a class takes, by name."""
    for name, parameter in inspect.signature(kind).parameters.items():
        if name != "self" and not name.startswith("_") and parameter.kind is not parameter.VAR_POSITIONAL:
            yield name


def offered(room: str, seam: type) -> list[Any]:
    """The classes of `convokit.<room>` that implement `seam`."""
    if not (PACKAGE / room / "__init__.py").is_file():
        return []
    module = importlib.import_module(f"convokit.{room}")
    values = [getattr(module, name) for name in module.__all__]
    return [value for value in values if inspect.isclass(value) and issubclass(value, seam)]


def test_every_public_name_is_in_the_reference() -> None:
    text, drawn = reference(), directives()
    missing = [name for name in public_names(convokit()) if name not in drawn and not has_word(text, name)]
    assert not missing, f"docs/reference does not mention {missing}"


def test_every_public_class_and_function_is_drawn_from_its_docstring() -> None:
    package = convokit()
    drawn = directives()
    missing = [
        name
        for name in public_names(package)
        if (inspect.isclass(getattr(package, name)) or inspect.isfunction(getattr(package, name))) and name not in drawn
    ]
    assert not missing, f"docs/reference has no line `::: convokit.{missing[0]}`, and none for {missing}"


def test_every_error_is_explained_in_the_reference() -> None:
    package = convokit()
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    names = [name for name in public_names(package) if is_error(getattr(package, name))]
    assert names
    assert not [name for name in names if not has_word(page, name)]


def is_error(value: Any) -> bool:
    """Whether it is one of our errors."""
    return inspect.isclass(value) and issubclass(value, Exception)


def test_every_setting_of_the_bot_is_in_the_reference() -> None:
    package = convokit()
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    wanted = set(parameters(package.Bot))
    for verb in ("serve", "run", "asgi"):
        wanted |= {name for name in inspect.signature(getattr(package.Bot, verb)).parameters if name != "self"}
    wanted |= set(parameters(package.Settings))
    missing = [name for name in sorted(wanted) if f"`{name}`" not in page]
    assert not missing, f"docs/reference/settings.md does not mention the bot's {missing}"


@pytest.mark.parametrize(
    ("room", "seam"), [("transports", "Transport"), ("stores", "Store"), ("desks", "Desk"), ("skills", "Observer")]
)
def test_every_setting_of_a_plugin_is_in_the_reference(room: str, seam: str) -> None:
    convokit()
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    missing = [
        f"{kind.__name__}({name}=…)"
        for kind in offered(room, getattr(importlib.import_module("convokit.abc"), seam))
        for name in parameters(kind)
        if f"`{name}`" not in page or not has_word(page, kind.__name__)
    ]
    assert not missing, f"docs/reference/settings.md does not mention {missing}"


def options(parser: argparse.ArgumentParser, path: str = "convokit") -> Iterator[tuple[str, str]]:
    """Every command with each of its options, those of its subcommands included."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield f"{path} {name}", ""
                yield from options(inner, f"{path} {name}")
        else:
            for option in action.option_strings:
                if option.startswith("--") and option != "--help":
                    yield path, option


def test_every_option_of_the_command_line_is_in_the_reference() -> None:
    convokit()
    if not (PACKAGE / "cli" / "__init__.py").is_file():
        pytest.skip("the command line does not exist yet")
    parser = importlib.import_module("convokit.cli").parser()
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    missing = [
        f"{command} {option}".strip()
        for command, option in options(parser)
        if (not has_word(page, option) if option else command not in page)
    ]
    assert not missing, f"docs/reference/command-line.md does not mention {missing}"


def test_the_reference_names_nothing_that_is_gone() -> None:
    package = convokit()
    gone = []
    for path in DIRECTIVE.findall(reference()):
        try:
            value: Any = package
            for part in path.split("."):
                value = (
                    getattr(value, part)
                    if hasattr(value, part)
                    else importlib.import_module(f"{value.__name__}.{part}")
                )
        except (ImportError, AttributeError):
            gone.append(path)
    assert not gone, f"docs/reference draws {gone}, which convokit does not have"


def test_the_change_log_knows_the_version() -> None:
    package = convokit()
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"[{package.__version__}]" in text or "[Unreleased]" in text


def shown(value: Any) -> str:
    """A capability as the table writes it."""
    units = {"characters": "characters", "utf16": "UTF-16 units", "bytes": "bytes"}
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "none"
    if hasattr(value, "unit"):
        return f"{value.n} {units[value.unit]}"
    return str(value)


def test_the_table_of_channels_says_what_the_transports_say() -> None:
    convokit()
    kinds = offered("transports", importlib.import_module("convokit.abc").Transport)
    page = (ROOT / "docs" / "reference" / "channels.md").read_text(encoding="utf-8")
    names = [kind.__name__ for kind in kinds]
    wanted = [f"| Capability | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for one in fields(importlib.import_module("convokit").Capabilities):
        values = [shown(getattr(kind.capabilities, one.name)) for kind in kinds]
        wanted.append(f"| `{one.name}` | {' | '.join(values)} |")
    assert "\n".join(wanted) in page, "docs/reference/channels.md should hold:\n" + "\n".join(wanted)


def test_the_table_of_contents_is_made_of_the_capability_profiles() -> None:
    page = (ROOT / "docs" / "reference" / "channels.md").read_text(encoding="utf-8")
    kinds = offered("transports", importlib.import_module("convokit.abc").Transport)
    table = profile_table([profile_of(kind) for kind in kinds])
    assert table in page, "docs/reference/channels.md should hold:\n" + table
