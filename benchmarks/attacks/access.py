"""Reading what one may not: documents, adapters, corrections, reports, and side channels."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import httpx
from serving.servers import Server
from serving.test_adapter_access import ANSWERS, NAMES, names_it
from serving.test_adapter_access import SECRET as LEARNED
from serving.test_side_channels import SECRET as HIDDEN
from serving.test_side_channels import everything
from serving.test_ten_ways import EXAM, IDENTITY, PLAN, SECRET, WAYS, WHOLE, caller, chat, found

from attacks.attacked import Attacked, Outcome, Try, copied, metier
from metier import Expert
from metier.core.documents import document_id
from metier.store import Filter

OUTSIDE = "other"  # holds another group, and may do everything


def tries(on: Attacked) -> Iterator[Try]:
    for way in WAYS:
        yield "groups", way, partial(_by_way, on, way)
    yield "groups", "an answer that was just given to the board", partial(_asked_after_the_board, on)
    yield "groups", "reports and comparisons", partial(_whole, on)
    yield "groups", "the picture of a page", partial(_page_picture, on)
    yield "groups", "telling what is there from what is not", partial(_told_alike, on)
    yield "groups", "a correction of the board that names no document", partial(_correction, on)
    yield "groups", "exam questions and training rows, generated", partial(_generated, on)
    yield "groups", "before a sync, once metier.toml closed a source: opened again", partial(_tightened, on)
    yield "groups", "before a sync, once metier.toml closed a source: in a running server", partial(_closed, on)
    for way in ANSWERS:
        yield "adapter", f"answers: {way}", partial(_by_adapter, on, way)
    for way in NAMES:
        yield "adapter", f"names: {way}", partial(_adapter_named, on, way)
    yield "adapter", "whom it is for stands on its page", partial(_told_whom, on)
    yield "adapter", "promoting and rolling back what is for others", partial(_promoted, on)
    yield "side channels", "cached tokens of another caller's prompt", partial(_cached_tokens, on)
    yield "side channels", "time to answer another caller's prompt", partial(_times, on)
    yield "side channels", "word statistics of what one may not read", partial(_statistics, on)
    yield "side channels", "all that is told, before and after the board has a document more", partial(_told, on)
    yield "side channels", "figures of the server", partial(_figures, on)


# --- groups --------------------------------------------------------------------------------------------------------


def _by_way(on: Attacked, way: str) -> Outcome:
    for name in (OUTSIDE, "outsider"):
        with on.client(name) as client:
            if found(WAYS[way](client)):
                return False, f"a key of {'another' if name == OUTSIDE else 'no'} group finds it"
    with on.client("member") as client:
        return found(WAYS[way](client)), "who may finds it, others do not"


def _asked_after_the_board(on: Attacked) -> Outcome:
    with on.client("member") as member, on.client(OUTSIDE) as outsider:
        known, told = chat(member), chat(outsider)
    return SECRET in known and not found(told), "kept answers are for who may read what they cite"


def _whole(on: Attacked) -> Outcome:
    told = {}
    for name in ("outsider", OUTSIDE, "member", "chief"):
        with on.client(name) as client:
            told[name] = {client.get(path).status_code for path in WHOLE}
    return told.pop("chief") == {200} and set.union(*told.values()) == {403}, f"{told}"


def _page_picture(on: Attacked) -> Outcome:
    path = f"/documents/{PLAN}/pages/1.png"
    with on.client(OUTSIDE) as outsider, on.client("member") as member:
        codes = outsider.get(path).status_code, member.get(path).status_code
    return codes == (404, 200), f"{codes}"


def _told_alike(on: Attacked) -> Outcome:
    unknown, apart = document_id("no/such.md"), []
    with on.client(OUTSIDE) as client:
        for path in ("/documents/{}", "/api/documents/{}", "/api/documents/{}/passages", "/documents/{}/pages/1.png"):
            said = [client.get(path.format(each)) for each in (IDENTITY, unknown)]
            texts = [each.text.replace(IDENTITY, "ID").replace(unknown, "ID") for each in said]
            if texts[0] != texts[1] or said[0].status_code != said[1].status_code:
                apart.append(path)
    return not apart, ", ".join(apart) or "alike, by four paths"


def _correction(on: Attacked) -> Outcome:
    """Its author holds the board's group, and says what only the board knows."""
    asked, answer = "Who will lead Skovlund from autumn on?", "Ingrid Falk-8841 will lead Skovlund."
    with on.client("member") as member:
        said = member.post("/api/corrections", json={"question": asked, "answer": answer, "at_once": True})
        knows = "8841" in chat(member, asked)
    if said.status_code != 201:
        return False, f"a correction is answered with {said.status_code}: {said.text[:80]}"
    with on.client("outsider") as client, on.client(OUTSIDE) as other:
        seen = [
            name
            for name, text in (
                ("asking", chat(client, asked)), ("asking, another group", chat(other, asked)),
                ("the list", other.get("/api/corrections").text), ("the page", other.get("/corrections").text),
                ("search", client.get("/api/search", params={"q": asked}).text),
            )
            if "8841" in text
        ]  # fmt: skip
    return (
        knows and not seen,
        f"read by {', '.join(seen)}" if seen else f"the board {'knows' if knows else 'is told nothing of'} it",
    )


def _generated(on: Attacked) -> Outcome:
    folder = copied(on.folder, on.place / "generated")
    for words in (("dataset", "generate", "--count", "40"), ("exam", "generate", "--count", "20")):
        done = metier(*words, "--rules-only", "-e", str(folder))
        if "Traceback" in done.text or SECRET in done.text:
            return False, done.text[-150:]
    with Expert.open(folder) as expert:
        rows = expert.dataset.path.read_text() if expert.dataset.path.exists() else ""
        asked = [each for each in expert.exam.questions() if SECRET in f"{each}" and each.id != EXAM["id"]]
    return SECRET not in rows and not asked, f"{len(rows.splitlines())} rows, all of public documents"


def _tightened(on: Attacked) -> Outcome:
    folder = copied(on.folder, on.place / "tightened")
    settings = folder / "metier.toml"
    head, sign, rest = settings.read_text().partition("[[sources]]\n")
    settings.write_text(f'{head}{sign}groups = ["board"]\n{rest}')
    with Expert.open(folder) as expert:
        asked = "How often is the gearbox oil of the NV-110 changed?"
        answer = expert.ask(asked, where=Filter(groups=()))
        hits = [
            hit.passage.uri for hit in expert.search(asked, 20, Filter(groups=())) if "open/" not in hit.passage.uri
        ]
        known = "31" in expert.ask(asked, where=Filter(groups=("board",))).text
    return (
        "31" not in answer.text and not hits and known,
        f"{len(hits)} closed passages are found, answer {answer.text[:60]!r}",
    )


def _closed(on: Attacked) -> Outcome:
    settings = on.folder / "metier.toml"
    kept = settings.read_text()
    head, sign, rest = kept.partition("[[sources]]\n")
    asked = "How often is the brake pad of the NV-110 changed?"
    try:
        settings.write_text(f'{head}{sign}groups = ["board"]\n{rest}')
        with on.client("outsider") as client, on.client("member") as member:
            texts = [chat(client, asked), client.get("/api/search", params={"q": asked}).text,
                     client.get("/api/documents", params={"limit": 100}).text]  # fmt: skip
            known = "brake-pads" in member.get("/api/search", params={"q": asked}).text
    finally:
        settings.write_text(kept)
    seen = ["brake-pads" in text or "19 months" in text for text in texts]
    return known and not any(seen), f"asked, searched, listed: {['closed', 'open'][any(seen)]}"


# --- adapters ------------------------------------------------------------------------------------------------------


def _by_adapter(on: Attacked, way: str) -> Outcome:
    with on.client(OUTSIDE, tuned=True) as client:
        if LEARNED in ANSWERS[way](client):
            return False, "a key of another group is told what it learned"
    with on.client("member", tuned=True) as client:
        return LEARNED in ANSWERS[way](client), "only the board is told what it learned"


def _adapter_named(on: Attacked, way: str) -> Outcome:
    with on.client(OUTSIDE, tuned=True) as client:
        if names_it(NAMES[way](client)):
            return False, "a key of another group learns of it"
    with on.client("chief", tuned=True) as client:
        return names_it(NAMES[way](client)), "only who may use it learns of it"


def _told_whom(on: Attacked) -> Outcome:
    pages = ("/adapters", "/adapters/card?adapter=board@1")
    with on.client("chief", tuned=True) as client:
        told = all("who holds board" in client.get(page).text for page in pages)
    with on.client(OUTSIDE, tuned=True) as client:
        leaks = [page for page in pages if "who holds" in client.get(page).text]
    return told and not leaks, f"{'named' if told else 'not named'}, and told to others by {leaks or 'no page'}"


def _promoted(on: Attacked) -> Outcome:
    with on.client(OUTSIDE, tuned=True) as client:
        codes = (client.post("/api/adapters/board/1/promote").status_code,
                 client.post("/api/adapters/rollback").status_code)  # fmt: skip
    return codes == (404, 400), f"{codes}"


# --- side channels -------------------------------------------------------------------------------------------------


def _completion(client: httpx.Client, content: str) -> tuple[dict, float]:
    body = {"model": "parts:base", "max_tokens": 1, "messages": [{"role": "user", "content": content}]}
    began = time.monotonic()
    answer = client.post("/v1/chat/completions", json=body)
    return answer.json().get("usage") or {}, time.monotonic() - began


def _plan(number: int) -> str:
    return f"Plan {number}: " + f"in October {2027 + number} the board moves ship {number * 7} to Skovlund. " * 12


def _cached_tokens(on: Attacked) -> Outcome:
    seen = {}
    with on.client("member") as member:
        _completion(member, _plan(1))
    for name in (OUTSIDE, "plain"):
        with on.client(name) as client:
            told = [(_completion(client, text)[0].get("prompt_tokens_details") or {}).get("cached_tokens") or 0
                    for text in (_plan(1), _plan(2).replace("ship", "boat"))]  # fmt: skip
        seen[name] = told
    right, wrong = seen[OUTSIDE]
    return abs(right - wrong) < 40 and not any(seen["plain"]), f"guessed right and wrong: {seen}"


def _times(on: Attacked) -> Outcome:
    took: dict[bool, list[float]] = {True: [], False: []}
    with on.client("member") as member, on.client(OUTSIDE) as client:
        for number in (11, 12):
            _completion(member, _plan(number))
            took[True].append(_completion(client, _plan(number))[1])
            took[False].append(_completion(client, _plan(number + 10))[1])
    ratio = min(took[True]) / min(took[False])
    return ratio > 0.5, f"a right guess takes {ratio:.2f} times a wrong one"


def _statistics(on: Attacked) -> Outcome:
    """What an outsider finds, with and without documents of the board that say the same words again and again."""
    folder = copied(on.folder, on.place / "statistics")
    said = []
    for repeat in range(2):
        with Expert.open(folder) as expert:
            if repeat:
                for number in range(20):
                    (folder.parent / "secret" / f"more-{number}.md").write_text(
                        f"# Brake {number}\n\n" + f"Brake pads, grease and oil of Skovlund {number}. " * 20
                    )
                expert.sync()
            found_ = [expert.search(text, 20, Filter(groups=())) for text in ("brake pads of Skovlund", "oil grease")]
            said.append([(h.passage.id, h.score, h.dense, h.lexical) for hits in found_ for h in hits])
    return said[0] == said[1], f"{sum(a != b for a, b in zip(*said, strict=False))} of {len(said[0])} hits differ"


def _told(on: Attacked) -> Outcome:
    """By search, answers, lists, pages, chat and tools for agents, of a server that is started anew for each."""
    folder = copied(on.folder, on.place / "told")
    told = []
    for repeat in range(2):
        if repeat:
            (folder.parent / "secret" / "vargmyr.md").write_text(HIDDEN)
        with Expert.open(folder) as expert:
            expert.sync()  # the first time too: all documents of a copy are at another place
        server = Server(folder)
        try:
            with caller(server.address, on.keys["plain"]) as client:
                told.append(everything(client))
        finally:
            server.stop()
    with Expert.open(folder) as expert:
        is_there = any("vargmyr" in each.uri for each in expert.runtime.store.records())
    apart = [way for way in told[0] if told[0][way] != told[1][way]]
    return is_there and not apart, f"another: {', '.join(apart) or 'none'} of {len(told[0])} ways"


def _figures(on: Attacked) -> Outcome:
    with on.client("plain") as client:
        code = client.get("/metrics").status_code
    return code == 403, f"/metrics answers {code} to a key that may only ask"
