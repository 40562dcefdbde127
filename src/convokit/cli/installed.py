"""`convokit transports`: what is installed, told by packages' metadata alone."""

import json
from importlib.metadata import EntryPoint, entry_points

from convokit.cli.speaking import FINE, say

GROUP = "convokit.transports"


def transports(*, as_json: bool = False) -> int:
    """List the installed transports. None of their code is run: a package that only lies there does nothing."""
    found = sorted(entry_points(group=GROUP), key=lambda one: (_package(one) != "convokit-sdk", one.name))
    if as_json:
        say(json.dumps([_told(one) for one in found], indent=2))
        return FINE
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        module, _, name = one.value.partition(":")
        package = _package(one)
        built_in = package == "convokit-sdk"
        # The lazy names of convokit.transports, too, are what a developer writes.
        say(f"{one.name:<{width}}  from {module} import {name}{'' if built_in else f'   ({package} {_version(one)})'}")
    return FINE


def _told(one: EntryPoint) -> dict[str, str]:
    return {"name": one.name, "value": one.value, "package": _package(one), "version": _version(one)}


def _package(one: EntryPoint) -> str:
    return one.dist.name if one.dist is not None else "unknown"


def _version(one: EntryPoint) -> str:
    return one.dist.version if one.dist is not None else ""
