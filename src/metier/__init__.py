"""Métier turns a small language model into an expert in one trade, and measures which way serves best."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metier.expert import Expert as Expert

__version__ = "0.1.0"

# Nothing of what people ask or own is anybody else's business: libraries that report on their use are told not to. They
# look when they are first used, and the variable is set first; whoever has set it otherwise keeps their setting.
for _name in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY"):
    os.environ.setdefault(_name, "1")


def __getattr__(name: str) -> type[Expert]:
    # `from metier import Expert` works, while `import metier` stays free of everything heavy.
    if name == "Expert":
        from metier.expert import Expert

        return Expert
    raise AttributeError(f"module 'metier' has no attribute {name!r}")
