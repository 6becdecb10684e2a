"""Import LanceDB without the model classes of its remote catalogue.

`import lancedb` spends two thirds of its 1.5 s building some hundred pydantic classes (`lance_namespace`) that
only its remote and cloud connections use. For an embedded store they are stood in for while the import runs, and
the real packages can be imported by anyone afterwards. See docs/decisions/0004-store.md for the measurement.
"""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

_UNUSED = ("lance_namespace", "lance_namespace_urllib3_client")


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        kind = type(name, (Exception if name.endswith("Error") else SimpleNamespace,), {})
        setattr(self, name, kind)
        return kind


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in _UNUSED:
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def import_lancedb() -> ModuleType:
    """The `lancedb` module, quickly."""
    if "lancedb" in sys.modules or "lance_namespace" in sys.modules:
        import lancedb

        return lancedb
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        import lancedb
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name, module in sys.modules.items() if isinstance(module, _StandIn)]:
            del sys.modules[name]
    return lancedb
