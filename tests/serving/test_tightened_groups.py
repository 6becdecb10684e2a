"""Groups that were written into metier.toml after a sync: they hold from the next question on, by every way that the
server has, for what was indexed, corrected, examined and said while everybody might read it."""

from __future__ import annotations

import pytest

from .servers import Server, sample_expert
from .test_ten_ways import PLAN, WAYS, WHOLE, caller, check_way, found, keys, with_secrets

pytestmark = pytest.mark.slow
__all__ = ["keys"]


@pytest.fixture(scope="module", params=["its own source", "one more source"])
def tightened_by(request):
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tightened_by):
    """As in `test_ten_ways`, but everybody may read all of it."""
    place = tmp_path_factory.mktemp("ways")
    return with_secrets(place, sample_expert(place))


@pytest.fixture(scope="module")
def address(folder, keys, tightened_by):
    server = Server(folder)
    path = folder / "metier.toml"
    before = path.read_text()
    with caller(server.address, keys["outsider"]) as client:
        assert found(WAYS["a question"](client)), "nothing was open before"
    if tightened_by == "its own source":
        path.write_text(before.replace('path = "../secret"\n', 'path = "../secret"\ngroups = ["board"]\n'))
    else:
        path.write_text(f'{before}\n[[sources]]\npath = "../secret/*"\ngroups = ["board"]\n')
    assert path.read_text() != before
    yield server.address
    server.stop()


@pytest.mark.parametrize("way", WAYS)
def test_who_may_not_see_a_document_any_more_does_not_find_it(address, keys, way):
    check_way(address, keys, way)


def test_what_holds_texts_of_all_documents_is_closed_too(address, keys):
    for name, status in (("janitor", 403), ("chief", 200)):
        with caller(address, keys[name]) as client:
            assert [client.get(path).status_code for path in WHOLE] == [status] * len(WHOLE), name


def test_a_page_is_not_drawn_any_more(address, keys):
    for name, status in (("outsider", 404), ("janitor", 404), ("member", 200)):
        with caller(address, keys[name]) as client:
            assert client.get(f"/documents/{PLAN}/pages/1.png").status_code == status, name
