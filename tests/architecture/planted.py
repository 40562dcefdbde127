"""A pytest plugin that plants a hole: one module is loaded with one piece of its source put into other words.

`PLANTED='["module", "old", "new"]' pytest -p planted …`, with this folder in PYTHONPATH.
"""

import json
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType


class _Changed(SourceFileLoader):
    """Loads a module with its source changed; never from what was compiled before."""

    def __init__(self, name: str, path: str, old: str, new: str) -> None:
        super().__init__(name, path)
        self._old, self._new = old, new

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_source(fullname) or ""
        if source.count(self._old) != 1:
            raise SystemExit(f"{fullname} has {self._old!r} {source.count(self._old)} times: plant the hole anew")
        return compile(source.replace(self._old, self._new), self.get_filename(fullname), "exec")


class _Planter:
    """Finds the one module, and leaves the others to everybody else."""

    def __init__(self, module: str, old: str, new: str) -> None:
        self._module, self._old, self._new = module, old, new

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Changed(fullname, spec.origin, self._old, self._new)
        return spec


_planted = json.loads(os.environ["PLANTED"])
if _planted[0] in sys.modules:
    raise SystemExit(f"{_planted[0]} was loaded before the hole could be planted")
sys.meta_path.insert(0, _Planter(*_planted))
