"""Addresses as a person writes them: which can be asked, and what of one may be shown.

A user name, a password or a token never stands in an address that Métier keeps, since it is shown in lists, citations,
logs and errors. In its place stands ${NAME}, the name of an environment variable or of a password in the keyring."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote, urlsplit

from metier.core.errors import SourceError

_OF_WEB = ("http", "https", "webdav", "webdavs")
_SHOWN = "which would be shown wherever the address is"
_HIDDEN = "***"
_KEYRING = "metier"  # the service that its passwords are kept under
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_USER = re.compile(r"(?<=://)[^/?#]*@")
_PARAMETER = re.compile(r"(?<=[?&;#])([^=?&;#/]+)=([^&;#]*)")
_SECRET = re.compile(
    r"token|secret|passw|signature|credential|api[-_]?key|access[-_]?key|private[-_]?key|session[-_]?id|jwt"
    r"|^(key|sig|auth|pwd|pass|sid|authorization|googleaccessid)$",
    re.IGNORECASE,
)
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f\\]")


def problem(address: str) -> str | None:
    """What is wrong with an address, None = nothing. What it says shows no secret."""
    if _UNPRINTABLE.search(address):
        return "is no address: there is a space, a backslash or a control character in it"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"is no address: {error}"
    is_of_web = parts.scheme.removeprefix("git+") in _OF_WEB
    if is_of_web and not host:
        return "is no address: it names no host"
    if parts.password is not None or (parts.username is not None and is_of_web):
        what = "a user name or a password" if is_of_web else "a password"
        return (
            f"has {what} in it, {_SHOWN}: leave it out, and name the environment variable that holds user:password "
            "with --auth-env, in metier.toml as auth_env"
        )
    for found in _PARAMETER.finditer(address):
        if _is_secret(found):
            return (
                f"has what looks like a secret in it, {found[1]}, {_SHOWN}: put it into an environment variable, and "
                f"write {found[1]}=${{NAME}}"
            )
    return None


def masked(address: str) -> str:
    """The address without what looks like a secret in it: for errors, and where others chose the address."""
    return _PARAMETER.sub(_hide, _USER.sub(f"{_HIDDEN}@", _UNPRINTABLE.sub("?", address)))


def filled(address: str) -> str:
    """The address with what each ${NAME} in it stands for. Raises as `secret`."""
    return _VARIABLE.sub(lambda found: secret(found[1], masked(address)), address)


def secret(name: str, where: str) -> str:
    """From the environment variable `name`, else the keyring, where `keyring` is installed. Raises `SourceError`."""
    value = os.environ.get(name) or _kept(name)
    if not value:
        raise SourceError(
            f"needs {name}, which is not set",
            where=where,
            hint=f"Set this environment variable, or keep it with `keyring set {_KEYRING} {name}`.",
        )
    return value


def _kept(name: str) -> str | None:
    try:
        import keyring
    except ModuleNotFoundError:
        return None
    try:
        value: str | None = keyring.get_password(_KEYRING, name)
    except keyring.errors.KeyringError:  # it is locked, or there is none on this machine
        return None
    return value


def _is_secret(found: re.Match[str]) -> bool:
    return bool(found[2]) and not _VARIABLE.fullmatch(found[2]) and bool(_SECRET.search(unquote(found[1])))


def _hide(found: re.Match[str]) -> str:
    return f"{found[1]}={_HIDDEN}" if _is_secret(found) else found[0]


def identity(address: str) -> str:
    """The same for all spellings of one address."""
    parts = urlsplit(address)
    host = (parts.hostname or "") + (f":{parts.port}" if parts.port not in (None, 80, 443) else "")
    return parts._replace(scheme=parts.scheme.lower(), netloc=host, path=parts.path or "/", fragment="").geturl()
