"""An expert whose model is a scripted endpoint: what it is asked and says is known, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paced_scripted_endpoint import ScriptedEndpoint, scripted_endpoint

from .servers import Server, sample_expert

# Of these sentences the documents carry the first and the second, and not the third.
WRITTEN = (
    "The gearbox oil of the NV-110 is changed every 31 months. **Also**, the brake pads of the NV-110 are changed "
    "every 19 months. The yaw grease of the NV-110 costs 500 kronor.\n\n1. Open it.\n2. Close it.\n"
)


def answered_by(endpoint: ScriptedEndpoint, folder: Path, more: str = "") -> Path:
    """Let `endpoint` write the answers of the expert in `folder`. `more`: lines of [generation]."""
    settings = folder / "metier.toml"
    model = f'[generation]\nmodel = "openai:scripted"\nurl = "{endpoint.url}"\n{more}\n'
    settings.write_text(re.sub(r"\[generation\]\n(?:[a-z_]+ = .*\n)*", model, settings.read_text()))
    return folder


@contextmanager
def scripted_server(place: Path, says: str = WRITTEN, **options: str) -> Iterator[tuple[ScriptedEndpoint, Server]]:
    """A server on the sample expert, and the endpoint that writes its answers."""
    with scripted_endpoint(says) as endpoint:
        server = Server(answered_by(endpoint, sample_expert(place, **options)))
        try:
            yield endpoint, server
        finally:
            endpoint.released.set()
            server.stop()
