"""Passing for somebody else: proxies, other sites in a browser, pages that run what they show, keys."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from serving.test_access import FOREIGN, FORWARDING
from serving.test_ten_ways import PLAN

from attacks.attacked import SCRIPT, Attacked, Outcome, Try
from metier.core.documents import document_id

PATHS = (
    "/static/../../metier.toml", "/static/%2e%2e/%2e%2e/metier.toml", "/static/..%2f..%2f..%2f..%2fetc/passwd",
    "/static//etc/passwd", "/static/..\\..\\etc\\passwd", "/documents/..%2f..%2fmetier.toml",
    "/documents/%2e%2e%2f%2e%2e%2fetc%2fpasswd/picture", "/../../../../etc/passwd", "/api/documents/../../metier.toml",
    f"/documents/{PLAN}/pages/../../../metier.toml", "/.metier/catalog.sqlite", "/metier.toml", "/static/%00",
)  # fmt: skip


def tries(on: Attacked) -> Iterator[Try]:
    yield "proxies", f"{len(FORWARDING)} forwarding headers on loopback, without a key", partial(_forwarded, on)
    yield "proxies", "loopback with neither key nor token, as it comes", partial(_no_token, on)
    yield "browsers", "writes from other sites", partial(_other_sites, on)
    yield "browsers", "forms with no token, and of another session", partial(_forms, on)
    yield "browsers", "other hosts (DNS rebinding)", partial(_hosts, on)
    yield "browsers", "scripts in documents and questions", partial(_scripts, on)
    yield "browsers", "being sent elsewhere by signing in", partial(_sent_elsewhere, on)
    yield "browsers", "paths that lead out", partial(_paths, on)
    yield "keys", "revoked, wrong, cut and empty keys", partial(_wrong_keys, on)
    yield "keys", "more than a key's scopes", partial(_scopes, on)
    yield "keys", "more than a key's rate", partial(_rate, on)


def _forwarded(on: Attacked) -> Outcome:
    with on.client(None) as client:
        alone = client.get("/api/documents").status_code
        passed = [
            header
            for header in FORWARDING
            for value in ("192.0.2.7", "127.0.0.1")
            if client.get("/api/documents", headers={header: value}).status_code != 401
        ]
    return alone == 200 and not passed, f"{alone} without one, 401 with one, but for {sorted(set(passed)) or 'none'}"


def _no_token(on: Attacked) -> Outcome:
    with on.client(None, tuned=True) as client:
        code = client.get("/api/documents").status_code
    return code == 401, f"{code}: any account of this machine {'is the owner' if code == 200 else 'is nobody'}"


def _other_sites(on: Attacked) -> Outcome:
    body, passed = {"thumb": "up", "question": "Evil?"}, []
    with on.client(None) as client:
        for headers in FOREIGN:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            if client.post("/api/feedback", json=body, headers=named).status_code not in (401, 403, 421):
                passed.append(f"{headers}")
    return not passed, "; ".join(passed) or f"{len(FOREIGN)} ways refused"


def _forms(on: Attacked) -> Outcome:
    codes = []
    with on.client(None, follow=False) as client:
        own = {"Origin": str(client.base_url).rstrip("/")}
        client.post("/sign-in", data={"key": on.keys["member"]}, headers=own)
        for token in ("", "x" * 43):
            data = {"thumb": "up", "mode": "rag", "question": "Evil?", "csrf_token": token}
            codes += [
                client.post(path, data=data, headers=own).status_code for path in ("/chat/feedback", "/corrections")
            ]
        codes.append(client.post("/api/feedback", json={"thumb": "up", "question": "Evil?"}, headers=own).status_code)
    return set(codes) == {403}, f"{codes}"


def _hosts(on: Attacked) -> Outcome:
    passed = []
    with on.client(None) as client:
        for host in (
            "evil.example",
            "localhost.evil.example",
            "localhost@evil.example",
            "192.0.2.7",
            "127.0.0.1.nip.io",
        ):
            code = client.get("/api/documents", headers={"Host": host}).status_code
            passed += [] if code in (400, 401, 421) else [f"{host}: {code}"]
    return not passed, "; ".join(passed) or "five refused"


def _scripts(on: Attacked) -> Outcome:
    crane, shown = document_id("open/crane.md"), {}
    asked = f"What does the crane lift? {SCRIPT}"
    with on.client("chief") as client:
        for path, options in (
            ("/", {"q": asked, "now": 1}), ("/search", {"q": asked}), (f"/documents/{crane}", {}),
            ("/documents", {"q": SCRIPT}), ("/corrections", {"q": SCRIPT}), ("/report/full", {}), (f"/{SCRIPT}", {}),
        ):  # fmt: skip
            answer = client.get(path, params=options, headers={"Accept": "text/html"})
            if "html" in answer.headers.get("content-type", ""):
                raw = SCRIPT in answer.text or "<img src=x" in answer.text
                loose = "unsafe-inline" in answer.headers.get("content-security-policy", "unsafe-inline")
                shown[path] = raw or (loose and path != "/report/full")
    wrong = [path for path, raw in shown.items() if raw]
    return len(shown) >= 5 and not wrong, ", ".join(wrong) or f"{len(shown)} pages escape them"


def _sent_elsewhere(on: Attacked) -> Outcome:
    places = []
    with on.client(None, follow=False) as client:
        for to in (
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/%09/evil.example",
            "/../x",
            "javascript:1",
        ):
            answer = client.post("/sign-in", data={"key": on.keys["member"], "next": to},
                                 headers={"Origin": str(client.base_url).rstrip("/")})  # fmt: skip
            target = answer.headers.get("location", "")
            if (
                answer.status_code != 303
                or urlsplit(target).netloc
                or not target.startswith("/")
                or (target[1:2] in "/\\" and target != "/")
            ):
                places.append(f"{to} to {target or answer.status_code}")
    return not places, "; ".join(places) or "always to a path of this server"


def _paths(on: Attacked) -> Outcome:
    parts, told = urlsplit(on.server.address), []
    for path in PATHS:
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as connection:
            ask = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            connection.sendall(ask.encode())
            data = b"".join(iter(partial(connection.recv, 65536), b""))
        code = int(data.split(b" ", 2)[1])
        if code in (200, 500) or b"root:" in data or b"[generation]" in data:
            told.append(f"{path}: {code}")
    return not told, "; ".join(told) or f"{len(PATHS)} refused"


def _wrong_keys(on: Attacked) -> Outcome:
    good, passed = on.keys["member"], []
    wrong = (on.keys["gone"], good[:-1], f"{good}x", good.swapcase(), good[:12] + "A" * 43, "mtr_", "x")
    with on.client(None) as client:
        for key in wrong:
            headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": "192.0.2.1"}
            code = client.get("/api/documents", headers=headers).status_code
            passed += [] if code == 401 else [f"{key[:8]}…: {code}"]
    return not passed, "; ".join(passed) or f"{len(wrong)} refused"


def _scopes(on: Attacked) -> Outcome:
    posts = ("/api/feedback", "/api/corrections", "/api/adapters/rollback", "/api/adapters/board/1/promote")
    gets = ("/api/feedback", "/api/corrections", "/api/adapters", "/api/runs", "/api/comparison", "/metrics", "/report")
    with on.client("plain") as client:
        codes = {path: client.post(path, json={}).status_code for path in posts}
        codes |= {path: client.get(path).status_code for path in gets}
    wrong = {path: code for path, code in codes.items() if code != 403}
    return not wrong, f"{wrong or f'{len(codes)} routes refused'}"


def _rate(on: Attacked) -> Outcome:
    with on.client("slow") as client:
        codes = [client.get("/api/documents").status_code for _ in range(6)]
    return codes[:3] == [200] * 3 and codes[3:] == [429] * 3, f"{codes}"
