from __future__ import annotations

from metier.answering.loop_guard import Loop, LoopStop


def write(text: str, size: int = 3) -> str:
    guard = LoopStop()
    written = ""
    for start in range(0, len(text), size):
        written += text[start : start + size]
        if guard(text[start : start + size]):
            break
    return guard.cut(written).strip()


def test_a_loop_is_cut_before_its_first_repetition():
    assert write("The oil is changed. It is dated 2013. It is dated 2013. It is dated 2013.") == (
        "The oil is changed. It is dated 2013."
    )
    assert write("তেল বদলানো হয় প্রতি বছর। তেল বদলানো হয় প্রতি বছর। তেল") == "তেল বদলানো হয় প্রতি বছর।"
    assert (
        write("风机每年检查两次，由技术员进行。风机每年检查两次，由技术员进行。风机")
        == "风机每年检查两次，由技术员进行。"
    )


def test_what_does_not_repeat_is_left_alone():
    for text in ("Yes. No. Yes. No.", "It weighs 4.2 t. It costs 4.3 t.", "One sentence without an end", ""):
        assert write(text) == text


def test_whoever_shows_the_text_gets_all_of_it_and_may_stop():
    pieces = []
    guard = LoopStop(lambda piece: pieces.append(piece) or len(pieces) == 2)
    assert guard("a") is False
    assert guard("b") is True
    assert pieces == ["a", "b"]


def goes_round(text: str, size: int = 3) -> bool:
    loop = Loop()
    return any(loop.feed(text[start : start + size]) for start in range(0, len(text), size))


def test_a_loop_is_told_however_many_sentences_it_has():
    assert goes_round("The oil is changed every year. " * 6)
    assert goes_round("An end of a list.\n" + "Open the valve first.\nClose the valve then.\nLook at the gauge.\n" * 6)
    assert goes_round("তেল বদলানো হয় প্রতি বছর। " * 6)
    assert goes_round("风机每年检查两次，由技术员进行。" * 6)


def test_lines_that_come_back_among_others_are_no_loop():
    code = "".join(f"    if value == {number}:\n        return False\n" for number in range(20))
    table = "".join(f"| part {number} |\n| not in stock |\n" for number in range(20))
    assert not goes_round(code)
    assert not goes_round(table)
    assert not goes_round("The oil is changed every year. " * 4)
