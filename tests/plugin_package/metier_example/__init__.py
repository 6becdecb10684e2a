"""One of everything that another package can add to Métier; `docs/extending.md` explains it."""
