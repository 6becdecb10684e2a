"""Adapters at an endpoint, which is scripted here: it speaks as vLLM 0.33 does, and has no model. (llama.cpp's own
server is asked in test_adapters.py.)"""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest
from paced_scripted_endpoint import scripted_endpoint
from safetensors.numpy import save_file

from metier import Expert
from metier.core.errors import EndpointError, InputError
from metier.serving.ask_request import AskRequest
from metier.serving.auth.access import OWNER
from metier.serving.service import ExpertService
from metier.tuning.adapters import Card

BASE = "hf:microsoft/Phi-3-mini-4k-instruct"
SETTINGS = """name = "turbines"
[generation]
model = "openai:scripted"
url = "{url}"
{more}
[tuning]
base = "{base}"
[answering]
reader = "none"
"""


class WrittenAdapter:
    """Writes the two files of an adapter as PEFT does; nothing was trained."""

    def __init__(self, **config: object) -> None:
        self._config = {"r": 8, "lora_alpha": 16, "target_modules": ["qkv_proj"], **config}

    def save_pretrained(self, folder, safe_serialization: bool) -> None:
        assert safe_serialization
        folder.mkdir()
        (folder / "adapter_config.json").write_text(json.dumps(self._config))
        save_file({"lora_A.weight": np.zeros((8, 4), np.float32)}, folder / "adapter_model.safetensors")


@pytest.fixture
def endpoint():
    with scripted_endpoint(lambda body: f"I am {body['model']}.") as endpoint:
        endpoint.adapters, endpoint.about = {}, {"owned_by": "vllm"}
        yield endpoint


@pytest.fixture
def expert(tmp_path, endpoint):
    """With two versions of an adapter; nothing of its base is on this machine."""
    adapters = tmp_path / ".metier" / "adapters"
    write_settings(tmp_path, endpoint, f'adapter_folder = "{adapters}/"')
    with Expert.open(tmp_path) as expert:
        for _ in range(2):
            add(expert)
        yield expert


def write_settings(folder, endpoint, more: str = "", base: str = BASE) -> None:
    (folder / "metier.toml").write_text(SETTINGS.format(url=endpoint.url, more=more, base=base))


def add(expert, name: str = "turbines", base: str = BASE, **config: object) -> Card:
    card = Card(name, 0, base, "f00d" * 4, "", {"method": "lora"}, {}, documents=(), groups=())
    return expert.adapters.registry.add(WrittenAdapter(**config), card)


def test_what_is_promoted_is_loaded_there_and_asked_for_by_its_name(expert, endpoint, tmp_path):
    with pytest.raises(InputError, match="no adapter is in production"):
        expert.ask("Who?", mode="tuned")
    assert expert.adapters.promote("turbines@1").state == "production"
    assert endpoint.adapters == {"turbines@1": f"{tmp_path}/.metier/adapters/turbines/1"}
    answer = expert.ask("Who?", mode="tuned")
    assert (answer.text, answer.adapter) == ("I am turbines@1.", "turbines@1")
    assert expert.ask("Who?", mode="base").text == "I am scripted."
    expert.adapters.promote("turbines")
    assert expert.ask("Who?", mode="tuned").text == "I am turbines@2."
    expert.adapters.rollback()
    assert expert.ask("Who?", mode="tuned").text == "I am turbines@1."


def test_every_server_behind_a_balancer_is_told(expert, endpoint, tmp_path):
    with scripted_endpoint() as other:
        other.adapters = {}
        urls = f'adapter_urls = ["{endpoint.url}/", "{other.url}"]'
        write_settings(tmp_path, endpoint, f'adapter_folder = "{tmp_path}/.metier/adapters"\n{urls}')
        with Expert.open(tmp_path) as opened:
            opened.adapters.promote("turbines@2")
        assert list(endpoint.adapters) == list(other.adapters) == ["turbines@2"]


def test_a_server_that_was_started_again_is_told_again(expert, endpoint):
    expert.adapters.promote("turbines@1")
    assert expert.ask("Who?", mode="tuned").text == "I am turbines@1."
    endpoint.adapters.clear()
    assert expert.ask("Who?", mode="tuned").text == "I am turbines@1."
    assert list(endpoint.adapters) == ["turbines@1"]


def test_another_servers_promotion_reaches_this_one(expert, endpoint, tmp_path):
    async def scene():
        service = ExpertService(expert)
        service.warm()
        said = []
        for reference in ("turbines@1", "turbines@2"):
            with Expert.open(tmp_path) as elsewhere:
                elsewhere.adapters.promote(reference)
            endpoint.adapters.pop(reference)  # and the endpoint was started again meanwhile
            said.append((await service.answer(OWNER, AskRequest("Who?", "tuned"))).text)
        await service.work.close(5)
        return said

    assert asyncio.run(scene()) == ["I am turbines@1.", "I am turbines@2."]


def test_with_names_alone_what_the_server_has_is_used_and_what_it_has_not_is_refused(expert, endpoint, tmp_path):
    write_settings(tmp_path, endpoint)
    with Expert.open(tmp_path) as opened:
        with pytest.raises(EndpointError, match="has no adapter turbines@1") as caught:
            opened.adapters.promote("turbines@1")
        assert "--lora-modules turbines@1=" in caught.value.hint
        assert "generation.adapter_folder" in caught.value.hint
        assert opened.adapters.production() is None
        endpoint.adapters["turbines@1"] = "/somewhere"
        opened.adapters.promote("turbines@1")
        assert opened.ask("Who?", mode="tuned").text == "I am turbines@1."


@pytest.mark.parametrize(
    ("loads", "fails_with", "said", "advice"),
    [
        (False, None, "loads no adapters while it runs (404", "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"),
        (True, (500, "LoRA rank 8 is greater than max_lora_rank 4."), "than max_lora_rank 4", "--max-lora-rank"),
        (True, (401, "Unauthorized"), "lets this key load no adapters", "generation.api_key_env"),
    ],
)
def test_what_is_not_loaded_is_not_promoted(expert, endpoint, loads, fails_with, said, advice):
    expert.adapters.promote("turbines@1")
    endpoint.loads, endpoint.loading_fails_with = loads, fails_with
    with pytest.raises(EndpointError) as caught:
        expert.adapters.promote("turbines@2")
    assert said in caught.value.what
    assert advice in caught.value.hint
    assert expert.adapters.production().reference == "turbines@1"
    assert expert.ask("Who?", mode="tuned").text == "I am turbines@1."


def test_a_folder_that_the_server_does_not_see_is_named(endpoint, expert, tmp_path):
    write_settings(tmp_path, endpoint, 'adapter_folder = "/not/mounted"')
    with Expert.open(tmp_path) as opened, pytest.raises(EndpointError, match="/not/mounted/turbines/1") as caught:
        opened.adapters.promote("turbines@1")
    assert "as that server sees it" in caught.value.hint


def test_another_base_is_refused(expert, endpoint, tmp_path):
    add(expert, "others", base="hf:microsoft/phi-2")
    with pytest.raises(InputError, match="trained on hf:microsoft/phi-2, and this expert's base is"):
        expert.adapters.promote("others")
    assert [card.name for card in expert.adapters.fitting(expert.adapters.cards())] == ["turbines", "turbines"]
    expert.adapters.promote("turbines@1")
    write_settings(tmp_path, endpoint)
    text = (tmp_path / "metier.toml").read_text().replace("openai:scripted", "openai:larger")
    (tmp_path / "metier.toml").write_text(text)
    listed = [{"id": "larger", "root": "/models/larger"}]
    endpoint.also_lists = listed
    with Expert.open(tmp_path) as opened, pytest.raises(EndpointError, match="beside its model 'scripted'"):
        opened.ask("Who?", mode="tuned")
    listed[0]["root"] = "scripted"  # the same weights by another name
    with Expert.open(tmp_path) as opened:
        assert opened.ask("Who?", mode="tuned").text == "I am turbines@1."


def test_what_vllm_cannot_serve_is_said_where_it_leaves(expert, endpoint, call_metier, tmp_path):
    add(expert, "dora", use_dora=True)
    endpoint.loading_fails_with = (500, "vLLM does not yet support DoRA.")
    with pytest.raises(EndpointError) as caught:
        expert.adapters.promote("dora")
    assert "DoRA" in caught.value.hint
    assert "--as merged" in caught.value.hint
    where = ("-e", str(tmp_path), "--as", "peft")
    done = call_metier("adapters", "export", "dora", str(tmp_path / "out"), *where, "--json")
    assert "vLLM will not load it: it is a DoRA adapter" in json.loads(done.stdout)["notes"][0]
    done = call_metier("adapters", "export", "turbines@1", str(tmp_path / "fine"), *where)
    assert "vLLM" not in done.stdout
    assert (tmp_path / "fine" / "adapter_config.json").exists()


def test_an_endpoint_that_is_away_stops_no_search_and_no_start(expert, endpoint, tmp_path):
    expert.adapters.promote("turbines@1")
    text = (tmp_path / "metier.toml").read_text().replace(endpoint.url, "http://127.0.0.1:9/v1")
    (tmp_path / "metier.toml").write_text(text)
    with Expert.open(tmp_path) as opened:
        service = ExpertService(opened)
        service.warm()
        with pytest.raises(EndpointError, match="cannot be asked for its adapters"):
            opened.ask("Who?", mode="tuned")
        with pytest.raises(EndpointError, match="cannot be asked for its adapters"):
            opened.adapters.promote("turbines@2")
        assert opened.adapters.production().reference == "turbines@1"
