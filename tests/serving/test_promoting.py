"""The adapter in production changes while questions are answered: each answer is from one adapter."""

from __future__ import annotations

import asyncio
import gc
import shutil
import weakref

import pytest

from metier import Expert
from metier.core.errors import InputError, ModelError
from metier.core.settings import STATE_FILE
from metier.serving.ask_request import AskRequest
from metier.serving.auth.access import OWNER
from metier.serving.http import memory
from metier.serving.service import ExpertService
from metier.state import promotions

from .tuned import QUESTIONS, SAID

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tuned_expert, tmp_path_factory):
    place = shutil.copytree(tuned_expert.parent, tmp_path_factory.mktemp("promoting") / "copy")
    return place / tuned_expert.name


@pytest.fixture
def service(folder):
    while promotions.roll_back(folder / ".metier" / STATE_FILE):
        pass
    with Expert.open(folder, parallel=3) as expert:
        yield ExpertService(expert)


def tuned(service, question=QUESTIONS[0]):
    return service.answer(OWNER, AskRequest(question, "tuned"))


def both_ways(test):
    return pytest.mark.parametrize("has_room", [True, False], ids=["beside", "after"])(test)


@both_ways
def test_every_answer_is_from_one_adapter(service, has_room, monkeypatch):
    monkeypatch.setattr(memory, "has_room_for_as_much_again", lambda: has_room)

    async def scene():
        await service.promote("parts@1")
        service.warm()
        answers, asking = [], True

        async def ask_on(question):
            while asking:
                answers.append(await tuned(service, question))

        async def some_more():
            wanted = len(answers) + 4
            while len(answers) < wanted:
                await asyncio.sleep(0.005)

        askers = [asyncio.ensure_future(ask_on(question)) for question in QUESTIONS[:5]]
        for reference in ("parts@2", "parts@3", "parts@1", "parts"):
            await some_more()
            assert (await service.promote(reference)).state == "production"
        await some_more()
        await service.rollback(OWNER)
        await some_more()
        asking = False
        await asyncio.gather(*askers)
        last = await tuned(service)
        await service.work.close(5)
        return answers, last

    answers, last = asyncio.run(scene())
    for answer in answers:
        assert answer.text == SAID[answer.adapter]
    assert {answer.adapter for answer in answers} >= {"parts@1", "parts@2", "parts@3"}
    assert last.adapter == "parts@1"


@both_ways
def test_what_another_process_promoted_answers(service, has_room, monkeypatch, folder, run_metier):
    monkeypatch.setattr(memory, "has_room_for_as_much_again", lambda: has_room)

    async def scene():
        service.warm()
        assert service.modes(OWNER) == ["base", "rag"]
        heard = []
        for verb in (("promote", "parts@2"), ("promote", "parts@3"), ("rollback",)):
            await asyncio.to_thread(run_metier, "adapters", *verb, "-e", str(folder))
            answers = await asyncio.gather(*(tuned(service, question) for question in QUESTIONS))
            heard.append({answer.adapter for answer in answers})
            assert all(answer.text == SAID[answer.adapter] for answer in answers)
        await service.work.close(5)
        return heard

    assert asyncio.run(scene()) == [{"parts@2"}, {"parts@3"}, {"parts@2"}]


@both_ways
def test_what_cannot_be_loaded_leaves_everything_as_it_was(service, has_room, monkeypatch):
    monkeypatch.setattr(memory, "has_room_for_as_much_again", lambda: has_room)

    async def scene():
        await service.promote("parts@1")
        service.warm()
        for reference, error in (("foreign", InputError), ("broken", ModelError), ("no-such", InputError)):
            with pytest.raises(error):
                await service.promote(reference)
            assert service.expert.adapters.registry.production().reference == "parts@1"
            assert (await tuned(service)).text == SAID["parts@1"]
        assert await service.rollback(OWNER) is None
        with pytest.raises(InputError, match="no adapter is in production"):
            await service.rollback(OWNER)
        with pytest.raises(InputError, match="no adapter is in production"):
            await tuned(service)
        assert (await service.answer(OWNER, AskRequest(QUESTIONS[0], "base"))).adapter is None
        await service.work.close(5)

    asyncio.run(scene())


def test_a_stream_that_runs_is_finished_by_the_adapter_it_began_with(service):
    async def scene():
        await service.promote("parts@1")
        service.warm()
        old = weakref.ref(service.expert.runtime.generator)
        written = service.written(OWNER, AskRequest(QUESTIONS[1], "tuned"))
        pieces = [await anext(written)]
        await service.promote("parts@2")
        pieces += [piece async for piece in written]
        after = await tuned(service)
        await service.work.close(5)
        gc.collect()
        assert old() is None  # and its model with it
        return pieces, after

    (*pieces, answer), after = asyncio.run(scene())
    assert "".join(pieces).strip() == answer.text == SAID["parts@1"]
    assert after.adapter == "parts@2"


def test_memory_is_told_in_bytes():
    assert 2**24 < memory.held_bytes() < 2**36
    assert memory.free_bytes() > 2**20
