"""init, add, sync: where an expert's knowledge comes from."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metier.cli.progress import progress
from metier.cli.show import ExpertOption, JsonOption, OnOption, local_time, open_expert, print_json
from metier.cli.sync_report import print_report
from metier.cli.terminal import console, styled
from metier.cli.watching import watch_sources

if TYPE_CHECKING:
    from metier.ingestion.work import SyncProgress


def register(app: typer.Typer) -> None:
    for verb in (init, add, sync, prune):
        app.command()(verb)


def init(
    name: Annotated[str, typer.Argument(help="Folder to make the expert in.")],
    language: Annotated[
        str, typer.Option("--language", "-l", help="Code of the documents' language: de, pt-BR.")
    ] = "en",
    embedding: Annotated[str | None, typer.Option(help="Embedder, if not the usual one for the language.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Language model, as hf:microsoft/Phi-3-mini-4k-instruct-gguf; default: packaged.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new expert. Documents in several languages: --embedding multilingual-e5-small.

    Example: metier init turbines --language bn
    """
    from metier.core.settings import GenerationSettings
    from metier.expert import Expert
    from metier.generation import hub

    expert = Expert.create(name, language=language, embedding=embedding, model=model, base=hub.weights_of(model))
    repository = hub.repository_of(model)  # nothing else is asked of a network here
    is_missing = bool(repository) and not hub.reachable(repository)
    if as_json:
        print_json({"expert": str(expert.folder), "settings": expert.settings.model_dump(mode="json")})
        return
    models = f"{expert.settings.embedding.model} and {expert.settings.generation.model}"
    console().print(styled("[green]✓[/] Made [bold]{}/metier.toml[/] with {}.", name, models), soft_wrap=True)
    if expert.settings.generation.model == GenerationSettings().model:
        from rich.padding import Padding

        console().print(Padding(
            styled(
                "The packaged model is for trying out: answers are quotes from your documents. A model of a billion "
                "parameters or more writes its own: [bold]--model {}[/], [bold]gguf:FILE[/] or [bold]openai:NAME[/].",
                hub.PHI_3,
            ),
            (0, 0, 0, 2),
        ))  # fmt: skip
    if is_missing:
        said = styled("  [yellow]![/] The hub does not answer for {}; it is fetched at the first question.", repository)
        console().print(said, soft_wrap=True)
    console().print(styled("  Next: [bold]metier add PATH[/], then [bold]metier sync[/]."))


def add(
    sources: Annotated[list[str], typer.Argument(help="Files, folders, globs in quotes, or addresses.")],
    expert: ExpertOption = None,
    group: Annotated[list[str] | None, typer.Option(help="Who may read it; repeat for several.")] = None,
    include: Annotated[list[str] | None, typer.Option(help="Glob that a file must match; repeatable.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Glob that leaves a file out; repeatable.")] = None,
    private: Annotated[bool, typer.Option("--private", help="An address may lead into a private network.")] = False,
    auth_env: Annotated[
        str | None, typer.Option(help="Variable with the password, user:password, or a bearer token.")
    ] = None,
    depth: Annotated[int, typer.Option(min=0, help="Links to follow from a web address, below its path.")] = 0,
    max_pages: Annotated[int | None, typer.Option(min=1, help="Pages of a web site, at most; default 1000.")] = None,
    table: Annotated[list[str] | None, typer.Option(help="Table of a database; repeatable; default: all.")] = None,
    query: Annotated[str | None, typer.Option(help="SELECT whose rows are read in place of tables.")] = None,
    name: Annotated[str | None, typer.Option(help="What the rows of the query are called.")] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="Column that tells rows apart; repeatable; default: the primary key.")
    ] = None,
    updated_at: Annotated[str | None, typer.Option(help="Column that says when a row was changed last.")] = None,
    every: Annotated[
        str | None,
        typer.Option(
            help="How often `metier sync --watch` looks at it: 15min, 1h, 1d; default: the setting sync.every."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add sources to the expert.

    Example: metier add ./docs "mail/**/*.eml" https://example.com/manual.pdf
    Example: metier add https://example.com/docs --depth 2
    Example: metier add imaps://anna@mail.example.com/INBOX --auth-env MAIL_PASSWORD
    Example: metier add s3://bucket/manuals "git+https://example.com/team/handbook.git#main"
    Example: metier add postgresql://reader@db.local/shop --table orders --auth-env SHOP_PASSWORD
    """
    from metier.core.source_paths import is_address, is_glob

    opened = open_expert(expert)
    options: dict[str, object] = {
        "groups": tuple(group or ()), "include": tuple(include or ()), "exclude": tuple(exclude or ()),
        "every": every,
    }  # fmt: skip
    web: dict[str, object] = {
        "private": private, "auth_env": auth_env, "depth": depth, "max_pages": max_pages, "tables": tuple(table or ()),
        "query": query, "label": name, "key": tuple(key or ()), "updated_at": updated_at,
    }  # fmt: skip
    added = {
        source: opened.add(source, **options | (web if is_address(source) else {})) for source in dict.fromkeys(sources)
    }
    if as_json:
        print_json(
            {"added": [s for s, new in added.items() if new], "known": [s for s, new in added.items() if not new]}
        )
        return
    for source, new in added.items():
        if not new:
            kept = "; its options stay as metier.toml has them" if any((*options.values(), *web.values())) else ""
            console().print(styled("[dim]· {} was there already{}[/]", source, kept), soft_wrap=True)
            continue
        console().print(styled("[green]✓[/] Added {}", source), soft_wrap=True)
        if (
            not is_address(source)
            and is_glob(source)
            and not any(glob.iglob(str(Path(source).expanduser()), recursive=True))
        ):
            console().print(styled("  [yellow]![/] Nothing matches it now."))
    console().print(styled("  Next: [bold]metier sync[/]."))


def sync(
    expert: ExpertOption = None,
    rebuild: Annotated[bool, typer.Option(help="Build the index anew, beside the one in use.")] = False,
    retry: Annotated[bool, typer.Option(help="Read again what failed before and did not change.")] = False,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Let go what was indexed of what is gone or empty now.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on: sync again whenever something changes, until Ctrl-C.")
    ] = False,
    on: OnOption = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON value on stdout and nothing else; with --watch, a line a sync."),
    ] = False,
) -> None:
    """Bring the index into line with the sources.

    Example: metier sync --watch
    Example: metier sync --on ray://head.local:6379
    """
    from metier.core import disk
    from metier.core.errors import InputError

    opened = open_expert(expert)
    if watch and (rebuild or retry or allow_empty or on):
        raise InputError(
            "--watch goes with none of --rebuild, --retry, --allow-empty and --on",
            hint="Run that sync first, then `metier sync --watch`.",
        )
    if not opened.settings.sources and not opened.items():
        raise InputError("this expert has no sources", where=str(opened.folder), hint="Add one: `metier add ./docs`.")
    if rebuild and opened.settings.store.url is None:
        taken, free = disk.room(opened.runtime.state_folder / "store")
        console(stderr=True).print(
            styled(
                "[dim]· The new index is built beside the one in use, which takes {:.0f} MiB; {:,.0f} MiB are free.[/]",
                taken / 2**20,
                free / 2**20,
            ),
            soft_wrap=True,
        )
    if watch:
        watch_sources(opened, as_json=as_json)
        return
    with opened, progress() as bar:
        bar.counting("Looking", None)

        def tell(state: SyncProgress) -> None:
            bar.tell("Syncing", state.done, state.total, state.item[-50:], f"{state.passages} passages")

        report = opened.sync(rebuild=rebuild, retry=retry, allow_empty=allow_empty, on=on, on_progress=tell)
    print_json(report) if as_json else print_report(report)
    if report.unreachable:
        raise typer.Exit(1)


def prune(
    expert: ExpertOption = None,
    keep_days: Annotated[
        float | None,
        typer.Option(min=0, help="Forget what went before that; 0 = all of it; default: store.keep_versions_days."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Forget earlier versions of documents, and those that are gone, so that no byte of them stays in the index.

    Example: metier prune --keep-days 0
    """
    with open_expert(expert) as opened, progress() as bar:
        bar.counting("Writing what is kept anew", None)
        done = opened.prune(keep_days)
    if as_json:
        print_json(done)
        return
    freed = f"{done.freed / 2**20:.1f} MiB freed" if done.freed > 0 else "nothing to free"
    known = f" It is known from {local_time(done.begins)} on what was there." if done.begins else ""
    console().print(styled("[green]✓[/] Earlier versions forgotten: {}.{}", freed, known), soft_wrap=True)
