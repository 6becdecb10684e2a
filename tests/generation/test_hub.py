from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub
import pytest
from httpx import ConnectError

from metier.core.errors import ModelError
from metier.generation.hub import gguf_from_hub, reachable


def cached(cache, repository, *names):
    """A repository as the hub's own cache holds it."""
    root = cache / f"models--{repository.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text("a" * 40)
    for name in names:
        path = root / "snapshots" / ("a" * 40) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"GGUF")


@pytest.fixture
def no_network(monkeypatch):
    def unreachable(*_args, **_kwargs):
        raise ConnectError("no route to host")

    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", unreachable)


@pytest.fixture
def listing(monkeypatch):
    def install(*names):
        monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda *_args, **_kwargs: list(names))

    return install


@pytest.mark.usefixtures("no_network")
def test_a_cached_file_needs_no_network(tmp_path):
    cached(tmp_path, "o/m-gguf", "m-fp16.gguf", "m-Q4_K_M.gguf", "mmproj-q4_k_m.gguf", "deep/m-q8_0.gguf")
    assert gguf_from_hub("o/m-gguf", cache=tmp_path).name == "m-Q4_K_M.gguf"
    assert gguf_from_hub("o/m-gguf/m-fp16.gguf", cache=tmp_path).name == "m-fp16.gguf"
    assert gguf_from_hub("o/m-gguf/deep/m-q8_0.gguf", cache=tmp_path).name == "m-q8_0.gguf"


@pytest.mark.usefixtures("no_network")
def test_a_model_in_parts_needs_all_of_them(tmp_path):
    cached(tmp_path, "o/whole", "m-q4-00001-of-00002.gguf", "m-q4-00002-of-00002.gguf")
    assert gguf_from_hub("o/whole", cache=tmp_path).name == "m-q4-00001-of-00002.gguf"
    cached(tmp_path, "o/half", "m-q4-00001-of-00002.gguf")
    with pytest.raises(ModelError, match="cannot be fetched"):
        gguf_from_hub("o/half", cache=tmp_path)


@pytest.mark.usefixtures("no_network")
def test_no_network_says_what_to_do(tmp_path):
    with pytest.raises(ModelError, match=r"hf:o/m: cannot be fetched: no route to host.*gguf:FILE"):
        gguf_from_hub("o/m", cache=tmp_path)


def test_a_repository_without_gguf(tmp_path, listing):
    listing("model.safetensors", "config.json")
    with pytest.raises(ModelError, match=r"holds no GGUF file.*m-gguf"):
        gguf_from_hub("o/m", cache=tmp_path)
    with pytest.raises(ModelError, match=r"holds no x\.gguf; it has no GGUF file"):
        gguf_from_hub("o/m/x.gguf", cache=tmp_path)


@pytest.mark.parametrize("name", ["m", "/m", "o/", "o/m/weights.bin"])
def test_names_that_are_no_repository(name):
    with pytest.raises(ModelError, match="OWNER/NAME"):
        gguf_from_hub(name)


class HubStandIn(BaseHTTPRequestHandler):
    """Knows one repository and nothing of its files. Its server notes what it is `asked`."""

    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(200 if self.path == "/api/models/o/known" else 404)
        self.end_headers()

    def log_message(self, *_args):
        pass


@pytest.fixture
def hub(monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), HubStandIn) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield server
        server.shutdown()


@pytest.mark.usefixtures("hub")
def test_a_hub_is_reachable_where_it_knows_the_model():
    assert reachable("o/known")
    assert not reachable("o/unknown")


@pytest.mark.usefixtures("hub")
def test_a_hub_that_is_switched_off_is_not_asked(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not reachable("o/known")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "no address", "http://"])
def test_no_hub(monkeypatch, address):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", address)
    assert not reachable("o/known")


@pytest.mark.parametrize(("model", "asked"), [((), 0), (("--model", "gguf:m.gguf"), 0), (("--model", "hf:o/known"), 1)])
def test_a_new_expert_asks_the_hub_only_for_a_model_of_it(hub, call_metier, model, asked):
    call_metier("init", "turbines", *model)
    assert len(hub.asked) == asked


def test_a_new_expert_says_where_its_model_is_not_on_the_hub(hub, call_metier):
    told = call_metier("init", "turbines", "--model", "hf:o/unknown")
    assert "does not answer for o/unknown" in " ".join(told.stdout.split())
    assert hub.asked == ["/api/models/o/unknown"]


def test_phi_3_is_tuned_from_its_full_weights(hub, call_metier, tmp_path):
    call_metier("init", "turbines", "--model", "hf:microsoft/Phi-3-mini-4k-instruct-gguf")
    assert 'base = "hf:microsoft/Phi-3-mini-4k-instruct"' in (tmp_path / "turbines" / "metier.toml").read_text()
