"""Métier turns a small language model into an expert in one trade, and measures which way serves best."""

__version__ = "0.1.0"


def __getattr__(name: str):
    # `from metier import Expert` works, while `import metier` stays free of everything heavy.
    if name == "Expert":
        from metier.expert import Expert

        return Expert
    raise AttributeError(f"module 'metier' has no attribute {name!r}")
