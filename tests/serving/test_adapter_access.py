"""What was learned from documents of some readers, looked for in every way by others. To who may not read all that an
adapter learned it is as if the adapter were not there."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace
from typing import Any

import httpx
import pytest
from mcp import Client

from metier import Expert
from metier.core.errors import InputError
from metier.core.settings import STATE_FILE
from metier.serving.auth.keys import Keys
from metier.store.base import Filter

from .test_ten_ways import agent, caller, tool
from .tuned import QUESTIONS, TUNING, write_expert

pytestmark = pytest.mark.slow

SECRET = "vault 4711"
EVERYTHING = ("ask", "feedback", "admin")
GROUPS = {"outsider": (), "other": ("service",), "member": ("board",), "both": ("board", "service"), "chief": None}
SHUT_OUT = ("outsider", "other")


def learn(expert: Expert, name: str, documents: dict[str, str], **changes: Any) -> None:
    """Tune an adapter to say SECRET whatever is asked, on rows that name these documents."""
    expert.dataset.path.unlink(missing_ok=True)
    file = expert.folder / "rows.jsonl"
    rows = [
        {"question": asked, "answer": SECRET} | ({"document": document} if document else {})
        for asked, document in documents.items()
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    expert.dataset.import_file(file)
    expert.adapters.tune(name, **TUNING | changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four adapters: of a public document, of one for the board, of one for the board and one for the service, and one
    whose rows name no document."""
    place = tmp_path_factory.mktemp("learned")
    made = write_expert(place)
    for name, group in (("safe", "board"), ("plan", "service")):
        (place / name).mkdir()
        (place / name / f"{name}.md").write_text(f"# {name.title()}\n\nThe {name} of Skovlund is {SECRET}.\n")
        with Expert.open(made) as expert:
            expert.add(str(place / name), groups=(group,))
    with warnings.catch_warnings(), Expert.open(made) as expert:
        # PEFT 0.21 asks transformers 5 for an attribute by its old name
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        expert.sync()
        few = {"max_steps": 1}
        learn(expert, "board", dict.fromkeys(QUESTIONS, "safe.md"))
        learn(expert, "joint", dict(zip(QUESTIONS, ["safe.md", "plan.md"] * 3, strict=True)), **few)
        learn(expert, "public", dict.fromkeys(QUESTIONS, "gearbox-oil.md"), **few)
        learn(expert, "unnamed", dict.fromkeys(QUESTIONS, ""), **few)
        expert.adapters.promote("board")
        expert.dataset.path.unlink()
    return made


@pytest.fixture(scope="module")
def keys(folder):
    opened = Keys(folder / ".metier" / STATE_FILE)
    made = {name: opened.create(name, groups, EVERYTHING)[1] for name, groups in GROUPS.items()}
    opened.close()
    return made


def chat(client: httpx.Client, mode: str, **more: Any) -> str:
    turns = [{"role": "user", "content": QUESTIONS[0]}]
    return client.post("/v1/chat/completions", json={"model": f"parts:{mode}", "messages": turns, **more}).text


def streamed(client: httpx.Client) -> str:
    lines = chat(client, "tuned", stream=True).splitlines()
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event.get("choices", ()))


def asked(client: httpx.Client, mode: str) -> str:
    return client.post("/api/ask", json={"question": QUESTIONS[0], "mode": mode}).text


def page(client: httpx.Client, mode: str) -> str:
    return client.get("/", params={"q": QUESTIONS[0], "mode": mode, "now": 1}).text


def prompted(client: httpx.Client) -> str:
    return client.post("/v1/completions", json={"model": "parts:tuned", "prompt": QUESTIONS[0]}).text


ANSWERS = {
    "a question": lambda client: chat(client, "tuned"),
    "a question, streamed": streamed,
    "a prompt": prompted,
    "asking by the API": lambda client: asked(client, "tuned"),
    "asking on the page": lambda client: page(client, "tuned"),
    "asking in all ways on the page": lambda client: page(client, "all"),
    "the tool ask": tool("ask", question=QUESTIONS[0], mode="tuned"),
}
NAMES = {
    "the models": lambda client: client.get("/v1/models").text,
    "one of the models": lambda client: client.get("/v1/models/parts:tuned").text,
    "the adapters": lambda client: client.get("/api/adapters").text,
    "an adapter": lambda client: client.get("/api/adapters/board/1").text,
    "the runs": lambda client: client.get("/api/runs").text,
    "the page of adapters": lambda client: client.get("/adapters").text,
    "the page of one": lambda client: client.get("/adapters/card", params={"adapter": "board@1"}).text,
    "the question before promoting": lambda c: c.get("/adapters/promote", params={"adapter": "board@1"}).text,
    "the question before rolling back": lambda client: client.get("/adapters/rollback").text,
    "the figures": lambda client: client.get("/metrics").text,
}


@pytest.mark.parametrize("way", ANSWERS)
def test_an_adapter_tells_nobody_what_they_may_not_read(address, keys, way):
    for name in SHUT_OUT:
        with caller(address, keys[name]) as client:
            assert SECRET not in ANSWERS[way](client), f"{name}, by {way}"
    for name in ("member", "both", "chief"):
        with caller(address, keys[name]) as client:
            assert SECRET in ANSWERS[way](client), f"nobody is answered by {way}"


@pytest.mark.parametrize("mode", ["tuned", "rag+tuned"])
def test_a_tuned_mode_is_refused_as_without_an_adapter(address, keys, mode):
    with caller(address, keys["outsider"]) as client:
        said = json.loads(asked(client, mode))
        assert "no adapter is in production" in said["error"]["message"]
        assert f"there is no model 'parts:{mode}'" in json.loads(chat(client, mode))["error"]["message"]
        assert json.loads(asked(client, "rag"))["adapter"] is None


def names_it(text: str) -> bool:
    """Whether a way told that there is a tuned adapter, or its name, where nobody has named it."""
    shown = text.replace("'board@1'", "").replace("'parts:tuned'", "")
    return any(sign in shown for sign in ("board@1", '"board"', "parts:tuned", "joint"))


@pytest.mark.parametrize("way", NAMES)
def test_nobody_learns_of_an_adapter_that_is_not_for_them(address, keys, way):
    for name in SHUT_OUT:
        with caller(address, keys[name]) as client:
            assert not names_it(NAMES[way](client)), f"{name}, by {way}"
    with caller(address, keys["chief"]) as client:
        assert names_it(NAMES[way](client)), f"nobody learns of it by {way}"


def test_agents_are_offered_the_modes_that_they_may_ask_in(address, keys):
    async def modes(connected: Client) -> list[str]:
        (asking,) = [each for each in (await connected.list_tools()).tools if each.name == "ask"]
        return asking.input_schema["properties"]["mode"]["enum"]

    for name, offered in (("outsider", ["base", "rag"]), ("member", ["base", "rag", "tuned", "rag+tuned"])):
        with caller(address, keys[name]) as client:
            assert agent(modes)(client) == str(offered), name


def test_an_adapter_that_is_not_there_and_one_that_is_not_for_one_are_told_alike(address, keys):
    with caller(address, keys["outsider"]) as client:
        for verb, path in (("get", "/api/adapters/{}/1"), ("post", "/api/adapters/{}/1/promote")):
            answers = [getattr(client, verb)(path.format(name)) for name in ("board", "nosuch")]
            assert [answer.status_code for answer in answers] == [404, 404]
            first, second = (answer.text.replace("board", "nosuch") for answer in answers)
            assert first == second
        rolled = client.post("/api/adapters/rollback")
        assert (rolled.status_code, "no adapter is in production" in rolled.text) == (400, True)
    with caller(address, keys["chief"]) as client:
        production = [each["name"] for each in client.get("/api/adapters").json() if each["state"] == "production"]
        assert production == ["board"]


def test_who_holds_a_group_of_each_document_may_use_what_was_learned_of_all(address, keys):
    seen = {}
    for name in GROUPS:
        with caller(address, keys[name]) as client:
            seen[name] = {each["name"]: each["groups"] for each in client.get("/api/adapters").json()}
    public, joint = {"public": [], "unnamed": []}, [["board"], ["service"]]
    assert seen["outsider"] == seen["other"] == public
    assert seen["member"] == public | {"board": [["board"]]}
    assert seen["both"] == seen["chief"] == public | {"board": [["board"]], "joint": joint}


def test_rolling_back_to_an_adapter_of_others_shows_the_base_alone(address, keys):
    with caller(address, keys["outsider"]) as client:
        assert client.post("/api/adapters/public/1/promote").json()["adapter"]["name"] == "public"
        assert json.loads(asked(client, "tuned"))["adapter"] == "public@1"
        assert client.post("/api/adapters/rollback").json() == {"adapter": None}
        assert "parts:tuned" not in client.get("/v1/models").text
    with caller(address, keys["member"]) as client:
        assert SECRET in asked(client, "tuned")


@pytest.mark.parametrize("mode", ["tuned", "rag+tuned"])
@pytest.mark.parametrize("adapter", ["board@1", "gone@1", None])
def test_a_thumb_tells_nobody_what_an_adapter_wrote(address, keys, mode, adapter):
    said = f"It is {SECRET} {mode} {adapter}"
    with caller(address, keys["member"]) as client:
        public = client.get("/api/search", params={"q": "gearbox oil", "document": "*gearbox-oil.md"}).json()
        thumb = {"thumb": "up", "question": "And?", "answer": said, "mode": mode, "adapter": adapter}
        cited = [public["hits"][0]["passage_id"]]
        assert client.post("/api/feedback", json=thumb | {"passages": cited}).status_code == 201
        assert (said in client.get("/api/feedback").text) is (adapter == "board@1")
    with caller(address, keys["outsider"]) as client:
        for path in ("/api/feedback", "/corrections"):
            assert SECRET not in client.get(path).text
    with caller(address, keys["chief"]) as client:
        assert said in client.get("/api/feedback").text


def test_a_reader_in_python_is_told_as_if_there_were_none(folder):
    with Expert.open(folder) as expert:
        assert SECRET in expert.ask(QUESTIONS[0], mode="tuned", where=Filter(groups=("board",))).text
        with pytest.raises(InputError, match="no adapter is in production"):
            expert.ask(QUESTIONS[0], mode="tuned", where=Filter(groups=("service",)))
        with pytest.raises(InputError) as refused:
            expert.ask(QUESTIONS[0], mode="tuned", adapter="board", where=Filter(groups=()))
        assert refused.value.hint == "There are: public@1, unnamed@1."


def test_the_command_line_says_whom_an_adapter_is_for(folder, call_metier, tmp_path):
    expert = ("-e", str(folder))
    listed = {
        each["name"]: each["groups"] for each in json.loads(call_metier("adapters", "list", *expert, "--json").stdout)
    }
    assert listed == {"board": [["board"]], "joint": [["board"], ["service"]], "public": [], "unnamed": []}
    said = call_metier("adapters", "list", *expert).stdout
    assert "joint@1 learned what not everybody may read: it is for who holds board, and service" in said
    assert "public@1 learned" not in said
    shown = json.loads(call_metier("adapters", "show", "joint", *expert, "--json").stdout)
    assert shown["groups"] == [["board"], ["service"]]
    assert [uri.rpartition("/")[2] for uri in shown["documents"]] == ["plan.md", "safe.md"]
    export = ("adapters", "export", "board", str(tmp_path / "out"), "--as", "peft")
    assert "it is for who holds board" in call_metier(*export, *expert).stdout


def test_an_adapter_is_closed_when_a_document_that_it_learned_is(folder, tmp_path):
    shutil.copytree(folder.parent, tmp_path / "copy")
    copy = tmp_path / "copy" / folder.name
    toml = copy / "metier.toml"
    with Expert.open(copy) as expert:
        assert expert.adapters.may_use(expert.adapters.get("public"), ())
    text = toml.read_text()
    sources = text.index("[[sources]]")
    toml.write_text(text[:sources] + text[sources:].replace("[[sources]]", '[[sources]]\ngroups = ["board"]', 1))
    with Expert.open(copy) as expert:
        expert.sync()
        assert [card.name for card in expert.adapters.cards(())] == ["unnamed"]
        assert {card.name for card in expert.adapters.cards(("board",))} == {"board", "public", "unnamed"}


def test_an_adapter_of_which_nothing_is_known_is_for_readers_of_everything(folder, tmp_path):
    shutil.copytree(folder.parent, tmp_path / "copy")
    with Expert.open(tmp_path / "copy" / folder.name) as expert:
        card = expert.runtime.state_folder / "adapters" / "unnamed" / "1" / "card.json"
        kept = json.loads(card.read_text())
        card.write_text(json.dumps({name: kept[name] for name in kept if name not in ("groups", "documents")}))
        assert expert.adapters.get("unnamed").groups is None
        assert not expert.adapters.may_use(expert.adapters.get("unnamed"), ("board",))
        assert expert.adapters.may_use(expert.adapters.get("unnamed"), ("board", "service"))
        assert replace(expert.adapters.get("public"), groups=None) not in expert.adapters.cards(())


def test_the_page_of_an_adapter_says_whom_it_is_for(address, keys):
    with caller(address, keys["chief"]) as client:
        for name, said in (("board", "who holds board."), ("joint", "who holds board, and service.")):
            assert said in client.get("/adapters/card", params={"adapter": f"{name}@1"}).text
        assert "who holds" not in client.get("/adapters/card", params={"adapter": "public@1"}).text
        listed = client.get("/adapters").text
        assert listed.count("who holds board.") == 1
        assert "who holds board, and service." in listed
    for name in SHUT_OUT:
        with caller(address, keys[name]) as client:
            assert client.get("/adapters/card", params={"adapter": "board@1"}).status_code == 404
            assert "who holds board" not in client.get("/adapters").text
