from __future__ import annotations

import json
import threading
import time

import pytest

from metier.core.errors import InputError, ModelError
from metier.core.reading import reading_as
from metier.core.settings import GenerationSettings
from metier.generation import Message, create
from metier.generation.gguf_file import read_header

pytestmark = pytest.mark.slow

QUESTION = [Message("system", "You answer briefly."), Message("user", "What do the blades of a wind turbine do?")]


def test_pieces_are_the_text(smollm):
    pieces = []
    answer = smollm.complete(QUESTION, max_tokens=12, on_text=pieces.append, logprobs=True)
    assert len(pieces) > 3
    assert "".join(pieces) == answer.text
    assert answer.finish_reason == "length"
    assert answer.completion_tokens == 12
    assert len(answer.logprobs) == 12
    assert all(value <= 0 for value in answer.logprobs)
    assert 0 < answer.first_token_seconds < answer.seconds
    assert smollm.complete(QUESTION, max_tokens=12).logprobs == ()


def test_the_same_seed_writes_the_same(smollm):
    def write(seed):
        return smollm.complete(QUESTION, max_tokens=12, temperature=1.2, seed=seed).text

    write(1)  # a prompt that comes from the cache is computed in other batches, which rounds differently
    assert write(1) == write(1)
    assert write(1) != write(2)


def test_a_second_question_reuses_the_prefix(smollm):
    long = "The gearbox of turbine WT-07 was replaced in May 2021. " * 10
    smollm.complete([Message("system", long), Message("user", "When?")], max_tokens=1)
    again = smollm.complete([Message("system", long), Message("user", "Which turbine?")], max_tokens=1)
    assert again.cached_tokens > 0.9 * again.prompt_tokens


def test_what_others_had_read_to_the_model_shows_in_no_count_and_no_time(smollm):
    """Neither in which tokens were known, nor, beyond noise, in the time to the first one."""
    long = [QUESTION[0], Message("user", "The vault opens in October 2027. " * 40)]
    for groups in (("board",), None):
        with reading_as(groups):
            smollm.complete(long, max_tokens=2)
            again = smollm.complete(long, max_tokens=2)
        assert again.cached_tokens > 0.9 * again.prompt_tokens
        for others in ((), ("service",), ("board", "service")):
            with reading_as(others):
                read = smollm.complete(long, max_tokens=2)
            assert read.cached_tokens == 0
            assert read.first_token_seconds > 3 * again.first_token_seconds


def test_on_text_stops_llama_cpp_too(smollm):
    seen = []
    stopped = smollm.complete(QUESTION, max_tokens=500, on_text=lambda text: seen.append(text) or len(seen) == 4)
    assert len(seen) == 4
    assert stopped.text == "".join(seen)
    assert stopped.completion_tokens < 10
    started = time.perf_counter()
    smollm.complete(QUESTION, max_tokens=1)  # there is one slot: this waits for as long as the other still writes
    assert time.perf_counter() - started < stopped.seconds + 2


def test_reading_a_long_prompt_can_be_stopped(phi3_path):
    generator = create(GenerationSettings(model=f"gguf:{phi3_path}", threads=1))
    heard = []
    stopped = generator.complete(
        [Message("user", "x" * 1500)], max_tokens=20, on_text=lambda text: heard.append(text) or True
    )
    generator.close()
    assert (heard, stopped.text, stopped.completion_tokens) == ([""], "", 0)


def test_what_on_text_raises_comes_out(smollm):
    def broken(_text):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        smollm.complete(QUESTION, max_tokens=500, on_text=broken)
    assert smollm.complete(QUESTION, max_tokens=1).completion_tokens == 1


def test_stop_words_end_the_text_and_are_not_in_it(smollm):
    whole = smollm.complete(QUESTION, max_tokens=20).text
    word = whole.split()[3]
    cut = smollm.complete(QUESTION, max_tokens=20, stop=[word, ""])
    assert cut.text == whole[: whole.index(word)]
    assert cut.finish_reason == "stop"


def test_a_prompt_that_does_not_fit_is_refused(smollm):
    with pytest.raises(ModelError, match=r"tokens and the context only 1024.*fewer passages"):
        smollm.complete([Message("user", "turbine " * 2000)], max_tokens=5)


def test_an_answer_ends_where_the_context_does(phi3):
    room = 1024 - phi3.count_tokens([Message("user", "")])
    prompt = [Message("user", "x" * (room - 5))]
    assert 1 <= 1024 - phi3.count_tokens(prompt) <= 5
    answer = phi3.complete(prompt, max_tokens=50, temperature=1, seed=1)
    assert answer.prompt_tokens + answer.completion_tokens <= 1024


def test_counted_is_what_is_sent(smollm, phi3):
    for generator in (smollm, phi3):
        for text in ("Blades turn.", "<|im_end|> <|end|>", "রক্ষণাবেক্ষণ", ""):
            messages = [Message("user", text)]
            assert generator.complete(messages, max_tokens=1).prompt_tokens == generator.count_tokens(messages)


@pytest.mark.parametrize("text", ["বায়ু টারবাইন রক্ষণাবেক্ষণ", "صيانة توربينات الرياح", "风力发电机维护🙂"])
def test_characters_of_many_tokens_are_never_cut(smollm, text):
    pieces = []
    prompt = [Message("user", f"Repeat: {text} {text} {text}"), Message("assistant", f"{text} {text}")]
    answer = smollm.complete(prompt, max_tokens=24, on_text=pieces.append)
    assert "".join(pieces) == answer.text
    assert "\ufffd" not in answer.text
    assert any(ord(character) > 0x5FF for character in answer.text)


def test_bytes_that_are_no_text_do_no_harm(phi3):
    pieces = []
    answer = phi3.complete(QUESTION, max_tokens=200, temperature=2.0, seed=3, on_text=pieces.append)
    assert "".join(pieces) == answer.text
    answer.text.encode("utf-8")


def test_half_a_character_and_nul_in_a_message(smollm):
    assert smollm.complete([Message("user", "a\ud800b\0c")], max_tokens=1).completion_tokens == 1


def test_no_room_for_an_empty_answer(smollm):
    answer = smollm.complete(QUESTION, max_tokens=1, stop=[""])
    assert answer.completion_tokens == 1


def test_the_context_is_never_longer_than_the_model_was_trained_for(phi3_path):
    generator = create(GenerationSettings(model=f"gguf:{phi3_path}", context_tokens=100_000))
    assert generator.context_tokens == 2048


def test_the_context_that_nobody_set_is_bounded(phi3_path):
    generator = create(GenerationSettings(model=f"gguf:{phi3_path}"))
    assert (generator.context_tokens, generator.parameters) == (2048, read_header(phi3_path).parameters)
    assert create(GenerationSettings()).context_tokens == 4096


def test_json_as_asked_for(smollm):
    wanted = {"type": "object", "properties": {"blades": {"type": "integer"}}, "required": ["blades"]}
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": wanted | {"additionalProperties": False}}}
    answer = smollm.complete(QUESTION, max_tokens=40, response_format=schema)
    assert list(json.loads(answer.text)) == ["blades"]
    anything = smollm.complete(QUESTION, max_tokens=40, response_format={"type": "json_object"})
    assert anything.text.lstrip().startswith("{")


def test_a_schema_that_cannot_be_kept_to_is_said(smollm):
    nonsense = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nonsense"}}}
    with pytest.raises(InputError, match="cannot keep to the schema"):
        smollm.complete([Message("user", "Say yes.")], max_tokens=200, response_format=nonsense)


def test_top_p_narrows_what_is_drawn(smollm):
    def drawn(top_p):
        return {smollm.complete(QUESTION, max_tokens=8, temperature=1.5, top_p=top_p, seed=n).text for n in range(3)}

    assert len(drawn(0.001)) == 1
    assert len(drawn(1.0)) == 3


def test_the_fingerprint_follows_the_weights(phi3_path, tmp_path):
    from . import tiny_phi3

    other = tiny_phi3.write(tmp_path / "other.gguf", seed=1)
    prints = [create(GenerationSettings(model=f"gguf:{path}")).fingerprint for path in (phi3_path, phi3_path, other)]
    assert prints[0] == prints[1] != prints[2]


def test_closing_frees_and_a_later_call_loads_again(phi3_path):
    generator = create(GenerationSettings(model=f"gguf:{phi3_path}", threads=1))
    generator.close()  # before anything was loaded
    first = generator.complete(QUESTION, max_tokens=5).text
    threads = threading.active_count()
    generator.close()
    generator.close()
    assert generator.complete(QUESTION, max_tokens=5).text == first
    generator.close()
    assert threading.active_count() == threads


def test_closing_stops_an_answer_in_another_thread(phi3_path):
    generator = create(GenerationSettings(model=f"gguf:{phi3_path}", threads=1, context_tokens=2048))
    begun, raised = threading.Event(), []

    def write():
        try:
            generator.complete(QUESTION, max_tokens=1900, on_text=lambda _: begun.set() or time.sleep(0.01))
        except ModelError as error:
            raised.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(20)
    generator.close()
    thread.join(20)
    assert not thread.is_alive()
    assert "closed while it was writing" in str(raised[0])


def test_several_answers_at_once(phi3_path):
    generator = create(GenerationSettings(model=f"gguf:{phi3_path}", threads=1, context_tokens=512), parallel=3)
    prompts = [[Message("user", f"turbine {number}")] for number in range(6)]
    alone = [generator.complete(prompt, max_tokens=10).text for prompt in prompts]
    together = [""] * len(prompts)

    def write(index):
        together[index] = generator.complete(prompts[index], max_tokens=10).text

    threads = [threading.Thread(target=write, args=(index,)) for index in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    generator.close()
    assert together == alone
