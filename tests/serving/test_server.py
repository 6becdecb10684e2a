"""Whom a server answers to, by settings and address."""

from __future__ import annotations

import json

import pytest

from metier.core import settings
from metier.core.errors import SettingsError

from .servers import Server, sample_expert

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = sample_expert(
        tmp_path_factory.mktemp("public"), 'names = ["expert.example.org"]\nopen_loopback = false\nlog = "off"'
    )
    running = Server(folder)
    yield running
    running.stop()


def test_loopback_can_want_a_key_too(server, call_metier):
    assert server.get("/v1/models").status_code == 401
    made = call_metier("keys", "create", "k", "-e", str(server.folder), "--json").stdout
    headers = {"Authorization": f"Bearer {json.loads(made)['secret']}"}
    assert server.get("/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [("expert.example.org", 200), ("Expert.Example.org:443", 200), ("evil.example.org", 421), ("localhost:1", 200)],
)
def test_a_proxy_asks_by_the_public_name(server, host, status):
    assert server.get("/health", headers={"Host": host}).status_code == status


def test_off_is_silent(server):
    server.get("/no/such/page")
    assert server.log.read_text() == ""


@pytest.mark.parametrize("name", ["https://expert.example.org", "expert.example.org:443", "a/b", "", "a b"])
def test_a_name_is_a_name(tmp_path, name):
    (tmp_path / "metier.toml").write_text(f"[serving]\nnames = [{json.dumps(name)}]")
    with pytest.raises(SettingsError, match="is no host name"):
        settings.load(tmp_path)


def test_an_expert_that_cannot_answer_says_so_in_a_line(tmp_path, call_metier, run_metier):
    call_metier("init", "parts")
    toml = tmp_path / "parts" / "metier.toml"
    toml.write_text(toml.read_text().replace('"smollm2-135m-instruct"', '"gguf:none.gguf"'))
    done = run_metier("serve", "-e", "parts", "--port", "0", check=None)
    assert done.returncode in (1, 2)
    assert "none.gguf" in done.stderr
