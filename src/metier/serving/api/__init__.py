"""Métier's own API: all that the page does, for programs. Described at /api and in /openapi.json."""
