"""What the storage engine raises, as errors that say what to do."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from metier.core.errors import StoreError
from metier.store.lance.files import StoreFiles

log = logging.getLogger(__name__)
_RUST_PLACE = re.compile(r",? ?/\S+\.rs:\d+(:\d+)?$")  # where in its own source the engine gave up


@contextmanager
def storage_errors(files: StoreFiles, document: str = "") -> Iterator[None]:
    """Raises `StoreError`. `files`: of the index; `document`: the one that is written, "" for several."""
    try:
        yield
    except StoreError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        log.debug("storage error", exc_info=True)
        if (told := files.problem(error)) is not None:
            raise told from None
        text = str(error)
        said = _RUST_PLACE.sub("", text.splitlines()[0])[:300] if text else repr(error)
        raise StoreError(
            f"{document}: {said}" if document else said,
            where=files.address,
            hint="If this goes on, `metier sync --rebuild` rebuilds the index from the sources.",
        ) from error
