"""A browser's way through all of it: an application with a page, behind everything, as it is wired to be served."""

from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Form, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.testclient import TestClient

from metier.serving.auth.access import FORM_TOKEN, Access, Caller, Denied
from metier.serving.http.security import secured

ORIGIN = {"origin": "http://localhost:8000"}


@pytest.fixture
def served(keys):
    """A client on loopback, and one from elsewhere."""
    access, app = Access(keys, open_loopback=True), FastAPI()

    def asks(request: Request) -> Caller:
        return access.admit(request, "ask")

    @app.exception_handler(Denied)
    def denied(_request: Request, error: Denied) -> JSONResponse:
        return JSONResponse(str(error), error.status, error.headers)

    @app.post("/sign-in")
    def sign_in(request: Request, response: Response, key: Annotated[str, Form()]) -> str:
        return access.sign_in(request, response, key).name

    @app.post("/sign-out")
    def sign_out(request: Request, response: Response) -> None:
        access.sign_out(request, response)

    @app.get("/")
    def page(request: Request, caller: Annotated[Caller, Depends(asks)]) -> HTMLResponse:
        return HTMLResponse(f"{caller.name}|{access.form_token(request)}")

    @app.post("/correct")
    def correct(
        request: Request, caller: Annotated[Caller, Depends(asks)], csrf_token: Annotated[str, Form()] = ""
    ) -> str:
        access.check_form(request, csrf_token)
        return caller.name

    def client(address: str) -> TestClient:
        wired = secured(app, host="127.0.0.1", limit=10_000)
        return TestClient(wired, "http://localhost:8000", client=(address, 50000))

    return client("127.0.0.1"), client("192.0.2.7")


def test_from_signing_in_to_signing_out(served, keys):
    _, secret = keys.create("কর্মশালা")
    _, browser = served
    refused = browser.get("/")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert browser.post("/sign-in", data={"key": secret + "x"}, headers=ORIGIN).status_code == 401
    assert browser.post("/sign-in", data={"key": secret}, headers=ORIGIN).json() == "কর্মশালা"
    name, _, token = browser.get("/").text.partition("|")
    assert name == "কর্মশালা"
    good = {FORM_TOKEN: token}
    assert browser.post("/correct", data=good, headers=ORIGIN).json() == "কর্মশালা"
    assert browser.post("/correct", data={}, headers=ORIGIN).status_code == 403
    assert browser.post("/correct", data=good, headers={"origin": "https://evil.example"}).status_code == 403
    assert browser.post("/sign-out", headers=ORIGIN).status_code == 200
    assert browser.get("/").status_code == 401
    assert secret[-43:] not in str(browser.cookies)


def test_the_owner_needs_none_of_it_and_is_guarded_all_the_same(served, keys):
    owner, _ = served
    name, _, token = owner.get("/").text.partition("|")
    assert name == "owner"
    assert owner.post("/correct", data={FORM_TOKEN: token}, headers=ORIGIN).json() == "owner"
    assert owner.post("/correct", data={}, headers=ORIGIN).status_code == 403
    foreign = {"origin": "https://evil.example"}
    assert owner.post("/correct", data={FORM_TOKEN: token}, headers=foreign).status_code == 403
    assert owner.get("/", headers={"host": "rebound.example:8000"}).status_code == 421
    assert owner.get("/", headers={"x-forwarded-for": "192.0.2.7"}).status_code == 401


def test_the_rate_of_a_key_holds_for_its_sessions(served, keys):
    _, secret = keys.create("a", rate=2)
    _, browser = served
    browser.post("/sign-in", data={"key": secret}, headers=ORIGIN)
    program = {"authorization": f"Bearer {secret}"}
    assert [browser.get("/").status_code, browser.get("/", headers=program).status_code] == [200, 200]
    refused = browser.get("/")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
