"""store: where passages are kept, and taking them elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from metier.cli.progress import progress
from metier.cli.show import AuthEnvOption, ExpertOption, JsonOption, NamespaceOption, open_expert, print_json
from metier.cli.terminal import console, styled

store = typer.Typer(help="Where the passages are kept: what is there, and taking it elsewhere.")


def register(app: typer.Typer) -> None:
    app.add_typer(store, name="store")
    store.callback(invoke_without_command=True)(show)
    store.command("copy")(copy)


def show(context: typer.Context, expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Where the passages are kept, how many they are, what they take, and how vectors are searched.

    Example: metier store
    """
    if context.invoked_subcommand is not None:
        return
    with open_expert(expert) as opened:
        settings, kept = opened.settings.store, opened.runtime.store
        documents, passages = kept.counts()
        found = kept.describe()
    if as_json:
        print_json({
            "backend": settings.backend, "where": found.where, "documents": documents, "passages": passages,
            "bytes": found.bytes, "index": dict(found.index), "note": found.note,
        })  # fmt: skip
        return
    screen = console()
    screen.print(styled("[bold]{}[/] {}", settings.backend, found.where), soft_wrap=True)
    size = "" if found.bytes is None else f", {found.bytes / 2**20:,.1f} MiB"
    screen.print(styled("  {} documents, {} passages{}", f"{documents:,}", f"{passages:,}", size))
    screen.print(styled("  {}", _search(found.index, settings.exact_until)), soft_wrap=True)
    if found.note:
        screen.print(styled("  [yellow]![/] {}", found.note), soft_wrap=True)


def _search(index: Mapping[str, float | int | str], exact_until: int) -> str:
    if index.get("state") == "built":
        recall = f"recall@10 was {index['recall_at_10']:.3f} at {index['rows']:,} passages"
        return f"vectors are searched by an HNSW index, whose {recall}"
    if index.get("state") == "refused":
        return f"vectors are searched exactly: an HNSW index found {index['recall_at_10']:.3f} of the ten nearest"
    return f"vectors are searched exactly, up to {exact_until:,} passages (store.exact_until)"


def copy(
    to: Annotated[
        str, typer.Option(help="postgresql://user@host/database, s3://bucket/prefix, a folder, or file: .metier/store.")
    ],
    expert: ExpertOption = None,
    auth_env: AuthEnvOption = None,
    namespace: NamespaceOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Whatever is there goes, once the copy is whole.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy the passages to another store without embedding them again, compare both, and have metier.toml name the new
    place. A copy that was broken off goes on where it was. What was copied stays where it was, earlier versions of
    documents with it. Start running servers again afterwards: they keep to the old place.

    Example: metier store copy --to postgresql://metier@db.example/metier --auth-env METIER_DB
    Example: metier store copy --to s3://bucket/turbines
    """
    from metier.services.store_copy import copy_store

    with open_expert(expert) as opened, progress() as stages:
        done = copy_store(
            opened.runtime, to, auth_env, namespace, lambda stage, at, of: stages.tell(stage, at, of), replace=replace
        )
    if as_json:
        print_json(done)
        return
    screen = console()
    told = (f"{done.documents:,}", f"{done.passages:,}", done.target)
    screen.print(styled("[green]✓[/] {} documents with {} passages are in [bold]{}[/], and the same there.", *told))
    screen.print(styled("  {} of them were copied now · sha256 {}", f"{done.copied:,}", done.digest[:16]))
    screen.print(styled("  metier.toml names it now. What was in {} is left there; start servers again.", done.source))
