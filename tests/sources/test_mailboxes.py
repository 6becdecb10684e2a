"""mbox and Maildir, through `Expert`."""

from __future__ import annotations

import mailbox

import pytest

from metier import Expert
from metier.core.source_settings import SourceSettings
from metier.sources import create, mailboxes
from metier.store import Filter

pytestmark = pytest.mark.slow


def message(key, text, *more):
    made = mailbox.mboxMessage()
    made.set_unixfrom("From - Mon Nov 02 10:00:00 2026")
    for name, value in [("From", "anna@example.com"), ("Subject", key.title()), ("Message-ID", f"<{key}@x/y>"), *more]:
        made[name] = value
    made.set_payload(text)
    return made


def write(path, *messages):
    path.unlink(missing_ok=True)
    box = mailbox.mbox(path)
    for each in messages:
        box.add(each)
    box.close()


@pytest.fixture
def mail(tmp_path):
    made = tmp_path / "mail"
    made.mkdir()
    return made


@pytest.fixture
def expert(mail, tmp_path):
    with Expert.create(tmp_path / "expert") as made:
        made.add(str(mail))
        yield made


NUTS = message("nuts", "The blade root nuts take 840 Nm.\n\nFrom here on they are greased.\n")
OIL = message("oil", "The oil is changed every 30 months.\n")


def uris(expert):
    return sorted(item.uri for item in expert.items())


def test_each_message_of_an_mbox_is_a_document(expert, mail):
    write(mail / "inbox.mbox", NUTS, OIL)
    assert (expert.sync().added, expert.sync().unchanged) == (2, 2)
    assert uris(expert) == ["mail/inbox.mbox/nuts@x%2Fy.eml", "mail/inbox.mbox/oil@x%2Fy.eml"]
    (hit,) = expert.search("How tight are the blade root nuts?", 1)
    document = expert.runtime.store.document(hit.passage.document_id)
    assert (document.title, "\nFrom here on" in document.text) == ("Nuts", True)
    with expert.original(document) as path:
        assert b"840 Nm" in path.read_bytes()
    pads = message("pads", "The yaw pads last 5 years.\n")
    write(mail / "inbox.mbox", message("oil", "The oil is changed every 36 months.\n"), pads)
    report = expert.sync()
    assert (report.added, report.changed, report.deleted, report.failed) == (1, 1, 1, [])


def test_deleted_messages_doubles_and_those_without_a_name(mail, tmp_path):
    nameless = message("x", "Nameless.\n")
    del nameless["Message-ID"]
    expunged = message("y", "Expunged.\n", ("X-Mozilla-Status", "0009"))
    kept = message("z", "Kept.\n", ("X-Mozilla-Status", "0001"))
    deleted = message("w", "Deleted.\n", ("X-Status", "D"))
    write(mail / "Inbox", NUTS, NUTS, message("nuts", "Another one."), nameless, expunged, kept, deleted)
    found = list(create(SourceSettings(path=str(mail)), tmp_path).discover())
    assert len({item.uri for item in found}) == len(found) == 4
    assert [item.uri for item in found if "z@" in item.uri] == ["mail/Inbox/z@x%2Fy.eml"]


def test_an_mbox_that_is_gone_emptied_or_damaged_loses_little(expert, mail):
    write(mail / "inbox.mbox", *(message(f"m{number}", f"Bolt {number} takes 840 Nm.\n") for number in range(25)))
    assert expert.sync().added == 25
    whole = (mail / "inbox.mbox").read_bytes()
    (mail / "inbox.mbox").write_bytes(b"")
    assert expert.sync().kept == 25
    (mail / "inbox.mbox").write_bytes(whole[:-7])
    report = expert.sync()
    assert (report.changed, report.unchanged, report.failed) == (1, 24, [])
    (mail / "inbox.mbox").unlink()
    (mail / "note.md").write_text("Bolts.")
    report = expert.sync()
    assert (report.kept, report.deleted) == (25, 0)


def test_groups_hold_for_the_messages_of_an_mbox_that_is_in_two_sources(expert, mail, tmp_path):
    write(mail / "inbox.mbox", NUTS)
    expert.sync()
    assert expert.search("nuts", 5, Filter(groups=()))
    expert.add(str(mail / "inbox.mbox"), groups=("board",))
    assert not expert.search("nuts", 5, Filter(groups=()))
    expert.sync()
    assert not expert.search("nuts", 5, Filter(groups=()))
    assert expert.search("nuts", 5, Filter(groups=("board",)))


def test_a_link_to_an_mbox_elsewhere_is_refused(expert, mail, tmp_path):
    write(tmp_path / "secret.mbox", NUTS)
    (mail / "inbox.mbox").symlink_to(tmp_path / "secret.mbox")
    assert [each.item for each in expert.sync().failed] == ["mail/inbox.mbox"]
    assert not expert.search("nuts", 5)


def test_a_message_of_a_maildir_keeps_its_name_whatever_its_flags(expert, mail):
    box = mailbox.Maildir(mail / "work")
    key = box.add(NUTS)
    box.add(OIL)
    (mail / "work" / "tmp" / "half").write_text("Subject: half\n\nnot")
    assert expert.sync().added == 2
    before = uris(expert)
    assert all(uri.startswith("mail/work/") and uri.endswith(".eml") for uri in before)
    (hit,) = expert.search("How tight are the blade root nuts?", 1)
    seen = box.get_message(key)
    seen.set_subdir("cur")
    seen.add_flag("S")
    box[key] = seen
    report = expert.sync()
    assert (report.unchanged + report.changed, report.added, report.deleted, uris(expert)) == (2, 0, 0, before)
    with expert.original(expert.runtime.store.document(hit.passage.document_id)) as path:
        assert b"840 Nm" in path.read_bytes()
    seen.add_flag("T")
    box[key] = seen
    assert expert.sync().deleted == 1


def test_where_a_message_of_an_mbox_begins(mail):
    begin, body = b"From - Mon Nov 02 10:00:00 2026\r\n", b"Message-ID: <%d@x>\r\n\r\nFrom here at 10:00\r\n\r\n"
    (mail / "a.mbox").write_bytes(b"".join(begin + body % number for number in range(3)) + b"From nobody\r\n")
    with (mail / "a.mbox").open("rb") as file:
        found = list(mailboxes.messages(file))
    assert [each.key for each in found] == ["0@x", "1@x", "2@x"]
    assert found[2].end == (mail / "a.mbox").stat().st_size


@pytest.mark.parametrize("piece", [1100, 1500, 2**22])
def test_messages_are_found_wherever_a_piece_of_the_file_ends(mail, monkeypatch, piece):
    monkeypatch.setattr(mailboxes, "_PIECE", piece)
    with (mail / "a.mbox").open("wb") as file:
        for number in range(300):
            begin = b"From - Mon Nov 02 10:00:00 2026\nMessage-ID: <%d@x>\n\n" % number
            file.write(begin + b"x\n" * (number * 7 % 500) + b"\n")
    with (mail / "a.mbox").open("rb") as file:
        assert [each.key for each in mailboxes.messages(file)] == [f"{number}@x" for number in range(300)]
