"""All parts of the page, put into an application."""

from __future__ import annotations

from fastapi import FastAPI

from metier.serving.web import adapters, api, chat, corrections, documents, report, search, sign_in, sources


def add_page(app: FastAPI) -> None:
    for part in (sign_in, chat, search, documents, sources, report, adapters, corrections, api):
        app.include_router(part.router)
    app.mount("/static", sign_in.static)
