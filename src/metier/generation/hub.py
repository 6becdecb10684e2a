"""GGUF files from the Hugging Face hub: fetched once, found in the hub's own cache from then on."""

from __future__ import annotations

import fnmatch
import importlib.util
import os
import re
from pathlib import Path
from types import ModuleType

from metier.core.errors import ModelError

# Where a repository offers several: small enough for a laptop, and still close to the full weights.
_PREFERRED = ("*q4_k_m*", "*q4*", "*q5*", "*q8*", "*")
_PART = re.compile(r"-\d{5}-of-\d{5}(?=\.gguf$)")


# Microsoft's own GGUF of Phi-3 mini, 3.8 billion parameters in 4 bits, and the full weights that are tuned.
PHI_3 = "hf:microsoft/Phi-3-mini-4k-instruct-gguf"
_PHI_3_WEIGHTS = "hf:microsoft/Phi-3-mini-4k-instruct"
_SCHEME = "hf:"
_PATIENCE = 2.0  # seconds that `metier init` waits for a hub


def repository_of(model: str | None) -> str:
    """OWNER/REPOSITORY of a model that is on the hub, "" of any other."""
    return "/".join(model.removeprefix(_SCHEME).split("/")[:2]) if model and model.startswith(_SCHEME) else ""


def weights_of(model: str | None) -> str | None:
    """The full weights of a GGUF file on the hub, where it is known that they lie elsewhere."""
    return _PHI_3_WEIGHTS if _SCHEME + repository_of(model) == PHI_3 else None


def reachable(repository: str) -> bool:
    """Whether models can be fetched from the hub: its package is here, it is not set offline, and it answers for
    `repository` within two seconds. `HF_ENDPOINT` names another hub."""
    if importlib.util.find_spec("huggingface_hub") is None or os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        return False
    from httpx import HTTPError, InvalidURL, get

    address = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        return get(f"{address}/api/models/{repository}", timeout=_PATIENCE, follow_redirects=True).is_success
    except (HTTPError, InvalidURL, OSError, ValueError):
        return False


def gguf_from_hub(name: str, *, cache: Path | None = None) -> Path:
    """`name`: OWNER/REPOSITORY or OWNER/REPOSITORY/FILE.gguf. `cache`: None = the hub's own.

    A file in the cache is used without asking the network. Raises `ModelError`.
    """
    owner, _, rest = name.partition("/")
    repository, _, file = rest.partition("/")
    if not owner or not repository or (file and not file.endswith(".gguf")):
        raise ModelError("a model on the hub is named OWNER/NAME or OWNER/NAME/FILE.gguf", where=f"hf:{name}")
    try:
        import huggingface_hub
    except ImportError:
        raise ModelError(
            "models from the hub need the package huggingface_hub",
            where=f"hf:{name}",
            hint="Run `pip install huggingface_hub`, or download the file yourself and name it with gguf:FILE.",
        ) from None
    repository = f"{owner}/{repository}"
    cached = _cached(huggingface_hub, repository, file, cache)
    return cached or _download(huggingface_hub, repository, file, cache)


def _cached(hub: ModuleType, repository: str, file: str, cache: Path | None) -> Path | None:
    try:
        folder = Path(hub.snapshot_download(repository, cache_dir=cache, local_files_only=True))
    except (OSError, ValueError):  # the hub's "not in the cache" is an OSError
        return None
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.gguf"))]
    wanted = _wanted(names, file)
    return folder / wanted[0] if wanted else None


def _download(hub: ModuleType, repository: str, file: str, cache: Path | None) -> Path:
    from httpx import HTTPError

    try:
        names = sorted(name for name in hub.HfApi().list_repo_files(repository) if name.endswith(".gguf"))
        wanted = _wanted(names, file)
        paths = [hub.hf_hub_download(repository, name, cache_dir=cache) for name in wanted]
    except (HTTPError, OSError, ValueError) as error:
        raise ModelError(*_explain(error), where=f"hf:{repository}", hint=_hint(error)) from None
    if paths:
        return Path(paths[0])
    if file:
        raise ModelError(f"holds no {file}; it has {', '.join(names) or 'no GGUF file'}", where=f"hf:{repository}")
    raise ModelError(
        "holds no GGUF file, which is what llama.cpp reads",
        where=f"hf:{repository}",
        hint=f"Look for a repository named {repository.partition('/')[2]}-gguf on the hub.",
    )


def _wanted(names: list[str], file: str) -> list[str]:
    """The chosen file, or all parts of it where it comes in parts; the first part opens the others.

    Empty where there is no such file or a part is missing.
    """
    if file:
        chosen = file if file in names else None
    else:
        models = [name for name in names if "mmproj" not in name]
        fits = (name for pattern in _PREFERRED for name in models if fnmatch.fnmatch(name.lower(), pattern))
        chosen = next(fits, None)
    if chosen is None:
        return []
    if not (part := _PART.search(chosen)):
        return [chosen]
    parts = [name for name in names if _PART.sub("", name) == _PART.sub("", chosen)]
    return parts if len(parts) == int(part[0][-5:]) else []


def _explain(error: Exception) -> tuple[str]:
    kind = type(error).__name__
    if kind == "GatedRepoError":
        return ("is given only to those who accepted its terms",)
    if kind == "RepositoryNotFoundError":
        return ("is not on the hub, or not open to you",)
    return (f"cannot be fetched: {str(error).splitlines()[0] if str(error) else kind}",)


def _hint(error: Exception) -> str:
    if type(error).__name__ in ("GatedRepoError", "RepositoryNotFoundError"):
        return "Check the name; for a closed repository accept its terms on the hub and set HF_TOKEN."
    return "Without the hub: copy the GGUF file here and name it with gguf:FILE, or use smollm2-135m-instruct."
