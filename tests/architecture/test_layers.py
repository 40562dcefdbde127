"""The tree shows the architecture, and imports keep to it."""

import ast
import subprocess
import sys
from functools import cache

import pytest
from house import EDGES_SEE, LAYER, PACKAGE, RANK, Import, Source, imports, room_of, sources

# `convokit` may bring these along: what the values, the seams and the run stand on. Everything else waits until it
# is used.
LOADED_WITH_CONVOKIT = {"anyio", "attr", "attrs", "msgspec"}
# What those bring along themselves.
THEIRS = {"idna", "sniffio", "typing_extensions", "exceptiongroup"}
WAITS = (
    *("httpx", "transitions", "starlette", "uvicorn", "sqlite3", "trio", "fastapi"),
    *("prometheus_client", "opentelemetry"),
)


def unwelcome(source: Source, one: Import) -> str | None:
    """Why this import is not allowed, as a sentence; None when it is."""
    there = room_of(one.module, one.taken)
    here = LAYER.get(source.room)
    if not there or here is None:
        return None
    says = f"{source.name}:{one.line}: `{source.name}` ({here})"
    why = None
    if there == "__init__":
        if here not in {"skills", "tools"}:
            why = f"{says} must not import from `convokit` itself: name the module that is meant"
    elif there not in RANK:
        why = f"{says} imports `convokit.{there}`, which has no layer"
    elif there == source.room:
        if here == "edges" and not same_edge(source, one):
            why = f"{says} must not import `{one.module}`: transports, stores and desks share nothing with each other"
    elif here == "skills" and there != "abc":
        why = f"{says} must use public names only (`from convokit import …`, the seams), not `{there}`"
    elif here == "edges" and LAYER[there] not in EDGES_SEE:
        why = f"{says} must not import `{there}` ({LAYER[there]}): an edge sees errors, values, seams and wire only"
    elif RANK[there] > RANK[source.room]:
        why = f"{says} must not import `{there}` ({LAYER[there]}): an import may only point up"
    return why


SEAMS = {"transports": "Transport", "stores": "Store", "desks": "Desk"}


@cache
def edges(room: str) -> frozenset[str]:
    """The files and folders of transports/, stores/ or desks/ that hold an edge: a class that implements the seam."""
    return frozenset(
        source.name.split("/")[1].removesuffix(".py")
        for source in sources()
        for node in ast.walk(source.tree)
        if source.room == room and isinstance(node, ast.ClassDef)
        if any(isinstance(parent, ast.Name) and parent.id == SEAMS[room] for parent in node.bases)
    )


def same_edge(source: Source, one: Import) -> bool:
    """Whether an import within transports/, stores/ or desks/ stays within one of them.

    The folder's own `__init__.py` lists them all; a file that holds no edge is there for all of its folder.
    """
    parts = source.name.split("/")
    if parts[1:] == ["__init__.py"]:
        return True
    reached = [*one.module.split("."), one.taken][2]
    return reached == parts[1].removesuffix(".py") or reached not in edges(source.room)


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_an_import_only_points_up(source: Source) -> None:
    complaints = [said for one in imports(source) if (said := unwelcome(source, one))]
    assert not complaints, "\n".join(complaints)


def test_every_file_has_a_layer() -> None:
    homeless = [source.name for source in sources() if source.room not in RANK and source.name != "__init__.py"]
    assert not homeless, f"these files stand in no layer of architecture's list: {homeless}"


def test_the_rule_would_catch_a_wrong_import() -> None:
    def wrong(name: str, module: str, taken: str = "") -> str | None:
        room = name.split("/", maxsplit=1)[0].removesuffix(".py")
        of = Source(path=PACKAGE / name, name=name, room=room, tree=ast.Module([], []), lines=())
        return unwelcome(of, Import(module=module, taken=taken, line=1, at_start=True))

    assert "`filters.py` (rules) must not import `bot` (run)" in str(wrong("filters.py", "convokit.bot", "Bot"))
    assert wrong("events.py", "convokit", "bot")
    assert wrong("transports/console.py", "convokit.turn")
    assert wrong("stores/sqlite/store.py", "convokit.stores.memory", "Memory")
    assert wrong("stores/sqlite/lanes.py", "convokit.transports", "Console")
    assert wrong("skills/faq.py", "convokit.routing")
    assert wrong("bot.py", "convokit.cli")
    assert wrong("turn.py", "convokit", "Bot")
    assert not wrong("stores/memory.py", "convokit.stores.rows", "Row")
    assert not wrong("transports/telegram/parse.py", "convokit.transports.telegram.render", "render")
    assert not wrong("transports/__init__.py", "convokit.transports.console", "Console")
    assert not wrong("skills/faq.py", "convokit", "Router")
    assert not wrong("dialogs.py", "convokit.turn", "Turn")


def test_no_modules_import_each_other_in_a_circle() -> None:
    names = {source.name: source for source in sources()}

    def module_file(one: Import) -> str | None:
        base = one.module.removeprefix("convokit").strip(".").replace(".", "/")
        for tried in (f"{base}/{one.taken}.py", f"{base}/{one.taken}/__init__.py", f"{base}.py", f"{base}/__init__.py"):
            if tried.lstrip("/") in names:
                return tried.lstrip("/")
        return None

    graph = {
        name: {
            found
            for one in imports(source)
            if one.at_start
            and one.module.split(".")[0] == "convokit"
            and (found := module_file(one)) not in {None, name}
        }
        for name, source in names.items()
    }
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"these modules import each other in a circle: {' → '.join((*way, name))}"
        if name in done:
            return
        for there in sorted(one for one in graph[name] if one):
            walk(there, (*way, name))
        done.add(name)

    for name in graph:
        walk(name, ())


@pytest.mark.parametrize(
    ("library", "home"), [("transitions", "_machine.py"), ("httpx", "wire/http.py")], ids=["transitions", "httpx"]
)
def test_a_library_behind_one_module_is_imported_only_there(library: str, home: str) -> None:
    users = {source.name for source in sources() for one in imports(source) if one.module.split(".")[0] == library}
    assert users <= {home}, f"only {home} may import {library}; {sorted(users - {home})} do too"


def test_no_web_framework_is_imported_before_it_is_used() -> None:
    early = [
        f"{source.name}:{one.line} {one.module}"
        for source in sources()
        for one in imports(source)
        if one.at_start and not one.for_types and source.room != "web"
        if one.module.split(".")[0] in {"starlette", "uvicorn", "fastapi", "websockets", "argon2"}
    ]
    assert not early, f"the web framework is an extra: import it where it is used; {early}"


def test_importing_convokit_loads_nothing_that_only_some_bots_need() -> None:
    program = "import sys; before = set(sys.modules); import convokit; print(*sorted(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603  our own interpreter, a constant program
    tops = {name.split(".")[0] for name in ran.stdout.split()}
    assert not tops & set(WAITS), f"`import convokit` loads {sorted(tops & set(WAITS))}"
    beyond = {name for name in tops - sys.stdlib_module_names - {"convokit"} if not name.startswith("_")}
    assert beyond <= LOADED_WITH_CONVOKIT | THEIRS, (
        f"`import convokit` also loads {sorted(beyond - LOADED_WITH_CONVOKIT)}"
    )
