"""Git repositories, over files and over HTTP as `git http-backend` serves it."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from metier import Expert
from metier.core.errors import SettingsError, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources import create, git, git_command

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")]

SECRET = "s3cr3t-8841"


class Repository:
    """One with a work tree, that commits whatever is in there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self("init", "-q", "-b", "main")

    def __call__(self, *arguments: str) -> str:
        own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always")
        command = ["git", "-C", str(self.folder), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | own).stdout.strip()

    def commit(self, **files: str) -> str:
        for name, text in files.items():
            path = self.folder / name.replace("__", "/").replace("_md", ".md")
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)
        self("add", "-A")
        self("commit", "-qm", "change")
        return self("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "made" / "handbook")
    made.commit(
        docs__nuts_md="# Nuts\n\nThe blade root nuts take 840 Nm.", docs__oil_md="# Oil\n\nOil lasts 30 months."
    )
    return made


@pytest.fixture
def address(repository):
    return f"git+file://{repository.folder}"


@pytest.fixture
def expert(tmp_path, address):
    with Expert.create(tmp_path / "expert") as made:
        made.add(address)
        yield made


def uris(expert):
    return sorted(item.uri for item in expert.items())


def listed(settings, root):
    return {item.uri: item.version for item in create(settings, root).discover()}


def test_files_are_read_changed_moved_and_deleted(expert, repository, address):
    assert (expert.sync().added, uris(expert)) == (2, ["handbook/docs/nuts.md", "handbook/docs/oil.md"])
    assert expert.sync().unchanged == 2
    (hit,) = expert.search("How tight are the blade root nuts?", 1)
    with expert.original(expert.runtime.store.document(hit.passage.document_id)) as path:
        assert (path.name, "840 Nm" in path.read_text()) == ("nuts.md", True)
    before = {item.uri: item.version for item in expert.items()}
    repository("mv", "docs/nuts.md", "docs/bolts.md")
    (repository.folder / "docs" / "oil.md").unlink()
    repository.commit(docs__new_md="# New\n\nThe yaw pads last 5 years.")
    report = expert.sync()
    assert (report.unchanged, report.failed, uris(expert)) == (
        0,
        [],
        ["handbook/docs/bolts.md", "handbook/docs/new.md"],
    )
    after = {item.uri: item.version for item in expert.items()}
    assert after["handbook/docs/bolts.md"] == before["handbook/docs/nuts.md"]  # which is how a move is known


def test_a_repository_out_of_reach_or_empty_deletes_nothing(expert, repository, tmp_path, monkeypatch):
    monkeypatch.setattr(git, "_PAUSE", 0.0)
    expert.sync()
    repository.folder.rename(tmp_path / "away")
    report = expert.sync()
    assert (report.deleted, report.kept, len(report.unreachable)) == (0, 2, 1)
    (tmp_path / "away").rename(repository.folder)
    shutil.rmtree(repository.folder / "docs")
    repository.commit()
    assert (expert.sync().kept, expert.sync(allow_empty=True).deleted) == (2, 2)


def test_branches_tags_commits_include_and_exclude(repository, address, tmp_path):
    first = repository("rev-parse", "HEAD")
    repository("tag", "-a", "v1.0", "-m", "one")
    repository("checkout", "-qb", "next/one")
    repository.commit(docs__oil_md="# Oil\n\nOil lasts 36 months.", README_md="Read me.", **{".hidden": "x"})
    (repository.folder / "link.md").symlink_to("/etc/passwd")
    repository("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository.folder), "sub")
    repository.commit()
    repository("checkout", "-q", "main")
    files = ["handbook/docs/nuts.md", "handbook/docs/oil.md"]
    assert list(listed(SourceSettings(url=f"{address}#next/one"), tmp_path)) == ["handbook/README.md", *files]
    for name in (f"{address}#v1.0", f"{address}@v1.0", f"{address}#{first}", f"{address}#main", address):
        assert list(listed(SourceSettings(url=name), tmp_path)) == files
    some = SourceSettings(url=address, include=("docs/*",), exclude=("handbook/docs/oil.md",))
    assert list(listed(some, tmp_path)) == files[:1]
    source = create(some, tmp_path)
    (nuts,) = source.discover()
    assert source.holds(nuts.identity)
    assert not source.holds(nuts.identity.replace("nuts", "oil"))
    with pytest.raises(SourceError, match="has no branch or tag nothing"):
        listed(SourceSettings(url=f"{address}#nothing"), tmp_path)


@pytest.mark.parametrize(
    "address",
    ["git+https://host.example/", "git+file://host/a.git", "git+https://-oProxyCommand=x/a.git", "git+ssh://h/a.git#-x",
     "git+https://host.example/a.git#a..b", "git+file:///a.git#--upload-pack=touch"],
)  # fmt: skip
def test_addresses_that_name_no_repository_are_refused(address, tmp_path):
    with pytest.raises(SettingsError, match=r"names no"):
        create(SourceSettings(url=address), tmp_path)


def test_nothing_of_a_repository_and_of_where_one_stands_is_run(repository, address, tmp_path, monkeypatch):
    ran = tmp_path / "ran"
    hook = tmp_path / "hooks" / "reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    repository("config", "filter.x.smudge", f"touch {ran}")
    repository.commit(**{".gitattributes": "* filter=x"})
    ran.unlink(missing_ok=True)
    (tmp_path / "config").write_text(f'[core]\nhooksPath = {hook.parent}\n[filter "x"]\nsmudge = touch {ran}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text((tmp_path / "config").read_text())
    monkeypatch.chdir(repository.folder)
    assert len(listed(SourceSettings(url=address), tmp_path)) == 2
    assert not ran.exists()


def test_a_clone_that_a_killed_sync_left_half_is_made_anew(expert, repository, tmp_path):
    expert.sync()
    (clone,) = (tmp_path / "expert" / ".metier" / "sources").glob("*/clone.git")
    repository.commit(docs__oil_md="# Oil\n\nOil lasts 36 months.")
    (clone / "shallow.lock").write_text("")
    for pack in clone.glob("objects/pack/*"):
        pack.unlink()
    assert (expert.sync().changed, expert.sync().unchanged) == (1, 2)
    assert not (clone / "shallow.lock").exists()


def test_a_large_one_and_one_that_takes_for_ever_are_given_up(repository, address, tmp_path, monkeypatch):
    monkeypatch.setattr(git, "_PAUSE", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(git_command, "_LOOK", 0.001)
        patched.setattr(git_command, "_MOST_BYTES", 10)
        with pytest.raises(SourceError, match="is larger than"):
            listed(SourceSettings(url=address), tmp_path)
    monkeypatch.setattr(git_command, "_SECONDS", 0.0)
    monkeypatch.setattr(git_command, "_LOOK", 0.001)
    with pytest.raises(SourceError, match="took longer"):
        listed(SourceSettings(url=address), tmp_path)


# --- over HTTP -----------------------------------------------------------------------------------------------------


@pytest.fixture
def server(repository, monkeypatch):
    """`git http-backend` behind a login; /moved redirects to it."""
    asked = []
    backend = Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip())

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, serve):
            asked.append((self.path, self.headers.get("Authorization")))
            if self.path.startswith("/moved"):
                self.send_response(302)
                self.send_header("Location", self.path.replace("/moved", "/git", 1))
                self.end_headers()
            elif not self.headers.get("Authorization"):
                self.send_error(401)
            else:
                serve()

        def do_GET(self):
            self._answer(self._serve)

        do_POST = do_GET

        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, _, query = self.path.removeprefix("/git").partition("?")
            environment = os.environ | {
                "GIT_PROJECT_ROOT": str(repository.folder.parent), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
                "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_LENGTH": str(len(body)),
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }  # fmt: skip
            done = subprocess.run(
                [backend / "git-http-backend"], input=body, capture_output=True, env=environment, check=True
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            self.wfile.write(b"HTTP/1.0 200 OK\r\n" + head + b"\r\n\r\n" + content)

        def log_message(self, *_said):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.daemon_threads = True
        made.asked = asked
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setattr(git, "_PAUSE", 0.0)
        yield made
        made.shutdown()
        thread.join()


def test_over_http_with_a_login_that_is_shown_nowhere(server, call_metier, monkeypatch, tmp_path):
    address = f"git+http://127.0.0.1:{server.server_port}/git/handbook"
    call_metier("init", "plant")
    assert "--private" in call_metier("add", address, check=2).stderr
    call_metier("add", "--private", "--auth-env", "GIT_LOGIN", f"{address}#main")
    assert "GIT_LOGIN" in call_metier("sync", check=1).stdout
    monkeypatch.setenv("GIT_LOGIN", f"anna:{SECRET}")
    said = [call_metier("sync"), call_metier("sources"), call_metier("search", "nuts", "--json")]
    assert "2 added" in said[0].stdout
    assert "handbook/docs" in said[1].stdout
    monkeypatch.setenv("GIT_LOGIN", "")
    assert not any(SECRET in each.stdout + each.stderr for each in said)
    kept = [path for path in (tmp_path / "plant").rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert not kept
    for wrong in (f"git+https://anna:{SECRET}@example.com/a.git", f"git+https://{SECRET}@example.com/a.git"):
        refused = call_metier("add", wrong, check=2)
        assert SECRET not in refused.stdout + refused.stderr


def test_redirects_private_networks_and_other_protocols_are_not_followed(server, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_LOGIN", f"anna:{SECRET}")
    port = server.server_port

    def asked(address, **options):
        return listed(SourceSettings(url=address, auth_env="GIT_LOGIN", **options), tmp_path)

    assert len(asked(f"git+http://127.0.0.1:{port}/git/handbook", private=True)) == 2
    with pytest.raises(SourceError, match="302"):
        asked(f"git+http://127.0.0.1:{port}/moved/handbook", private=True)
    with pytest.raises(SourceError, match=r"could not read Username.*auth_env"):
        listed(SourceSettings(url=f"git+http://127.0.0.1:{port}/git/handbook", private=True), tmp_path)
    count = len(server.asked)
    with pytest.raises(SourceError, match=r"leads to 127\.0\.0\.1"):
        asked(f"git+http://127.0.0.1:{port}/git/handbook")
    with pytest.raises(SourceError, match="leads to 169"):
        asked("git+https://169.254.169.254/a.git", private=True)
    assert len(server.asked) == count
