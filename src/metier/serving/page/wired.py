"""All rooms of the page, put into an application."""

from __future__ import annotations

from fastapi import FastAPI

from metier.serving.page import adapters, api, chat, corrections, documents, reporting, searching, signing_in, sources


def add_page(app: FastAPI) -> None:
    for room in (signing_in, chat, searching, documents, sources, reporting, adapters, corrections, api):
        app.include_router(room.router)
    app.mount("/static", signing_in.static)
