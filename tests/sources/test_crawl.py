"""Part of a web site, against a site that is real: through `Expert`, or the source where a sync adds nothing."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tomllib

import pytest
from sites import serving

from metier import Expert
from metier.core.errors import SourceError
from metier.core.source_settings import SourceSettings
from metier.sources import Item, crawl, create, page_links, robots, sitemaps, web_client

pytestmark = pytest.mark.slow

SITEMAP = '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</urlset>'
ENTRY = "<url><loc>{}</loc><lastmod>{}</lastmod></url>"


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(crawl, "_INTERVAL", 0.0)
    monkeypatch.setattr(web_client, "_PAUSES", (0.01, 0.01))
    with serving() as made:
        yield made


@pytest.fixture
def listed(site, tmp_path):
    """What is listed below /docs now: paths, of what failed with the reason."""

    def ask(path="/docs", **options):
        given = {"depth": 3, "private": True} | options
        source = create(SourceSettings(url=site.address + path, **given), tmp_path)
        found = list(source.discover())
        items = [each.uri.removeprefix(site.address) for each in found if isinstance(each, Item)]
        return items, {each.uri.removeprefix(site.address): each.reason for each in found if not isinstance(each, Item)}

    return ask


@pytest.fixture
def expert(site, tmp_path):
    with Expert.create(tmp_path / "expert") as made:
        made.add(f"{site.address}/docs", depth=3, private=True)
        yield made


def found(expert, question):
    return {hit.passage.uri.rpartition("/")[2] for hit in expert.search(question, 3)}


def write(site):
    site.page("/docs", "Turbines. All of them.", "/docs/nuts", "/docs/oil#top", "/docs/oil?utm_source=x", "/about")
    site.page("/docs/nuts", "Nuts. The blade root nuts take 840 Nm.", "/docs", "deep/bolts")
    site.page("/docs/oil", "Oil. The oil is changed every 30 months.", "mailto:a@b.c", "/docs/logo.png", "javascript:x")
    site.page("/docs/deep/bolts", "Bolts. The bolts of the tower take 1200 Nm.")
    site.page("/about", "About. We are 12 people.", "/docs/hidden")


def test_pages_below_the_address_are_read_and_an_unchanged_one_is_not_sent_again(site, expert):
    write(site)
    report = expert.sync()
    assert (report.added, report.failed) == (4, [])
    assert "bolts" in found(expert, "How tight are the tower bolts?")
    assert sorted(set(site.paths())) == ["/docs", "/docs/deep/bolts", "/docs/nuts", "/docs/oil"]
    assert expert.sync().unchanged == 4
    assert site.paths() == []
    site.page("/docs/oil", "Oil. The oil is changed every 36 months.")
    del site.pages["/docs/deep/bolts"]
    report = expert.sync()
    assert (report.changed, report.deleted, report.unchanged, report.failed) == (1, 1, 2, [])
    assert site.paths() == ["/docs/oil"]
    (hit,) = expert.search("oil", 1)
    assert "36 months" in hit.passage.text
    with expert.original(expert.runtime.store.document(hit.passage.document_id)) as path:
        assert b"36 months" in path.read_bytes()


def test_a_page_that_is_down_stays_with_all_that_it_leads_to_and_a_site_that_is_down_stays_whole(site, expert):
    write(site)
    expert.sync()
    site.put("/docs/nuts", "broken", 500)
    report = expert.sync()
    assert (report.deleted, report.unchanged) == (0, 3)
    assert [each.item for each in report.failed] == [f"{site.address}/docs/nuts"]
    assert "nuts" in found(expert, "How tight are the blade root nuts?")
    site.put("/docs", "broken", 503)
    report = expert.sync()
    assert (report.deleted, report.kept, report.unreachable) == (0, 4, [f"{site.address}/docs"])
    site.pages.clear()
    assert expert.sync().kept == 4
    site.page("/docs", "Turbines. None of them.")
    site.page("/robots.txt", "broken", status=500)
    assert expert.sync().kept == 4
    del site.pages["/robots.txt"]
    assert expert.sync().deleted == 3


def test_what_no_link_leads_to_is_gone_when_it_says_so_itself(site, expert, listed):
    site.page("/docs", "Turbines. All of them.", *(f"/docs/{number}" for number in range(30)))
    for number in range(30):
        site.page(f"/docs/{number}", f"Bolt {number} takes 840 Nm.")
    assert expert.sync().added == 31
    site.page("/docs", "We are moving. Come back later.")
    for number in (3, 4):
        del site.pages[f"/docs/{number}"]
    report = expert.sync()
    assert (report.changed, report.deleted, report.unchanged, report.failed) == (1, 2, 28, [])
    for path in site.pages:
        site.page(path, "We are moving. Come back later.")
    for _ in range(2):
        report = expert.sync()
        assert (report.kept, report.deleted) == (28, 0)  # and the start page, which is as it was
        assert "one and the same text" in report.failed[0].reason
    site.put("/docs", "", 302, location="/login")
    site.page("/login", "Log in.")
    report = expert.sync()
    assert (report.kept, report.deleted) == (29, 0)
    assert "redirects to another page than before" in report.failed[0].reason


def test_fewer_links_that_are_followed_mean_fewer_pages(site, listed):
    write(site)
    assert (len(listed(depth=2)[0]), len(listed(depth=1)[0]), len(listed(depth=1)[0])) == (4, 3, 3)


def test_a_crawl_that_is_killed_ends_like_one_that_was_not(site, expert, tmp_path):
    write(site)
    command = [sys.executable, "-c", "from metier.cli import main; main()", "sync", "-e", str(expert.folder)]
    site.hanging = "/docs/deep/bolts"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert site.reached.wait(60)
    process.kill()
    process.wait()
    site.release()
    assert (expert.sync().added, expert.sync().unchanged) == (4, 4)
    assert not list((expert.folder / ".metier" / "sources").glob("*/pages-*"))


def test_a_busy_server_is_asked_again_and_one_that_fails_page_after_page_is_left(site, listed, monkeypatch):
    write(site)
    site.put("/docs", "busy", 429, retry_after="0")
    with pytest.raises(SourceError, match="429"):
        listed()
    assert site.asked.count(("/docs", 429)) == 3
    write(site)
    site.page("/docs", "All.", *(f"/docs/{number}" for number in range(50)))
    for number in range(50):
        site.put(f"/docs/{number}", "broken", 500)
    with pytest.raises(SourceError, match="5 pages in a row failed"):
        listed()


def test_robots_txt_is_heeded(site, listed):
    write(site)
    site.put("/robots.txt", "User-agent: *\nDisallow: /docs/oil\n\nUser-agent: Metier\nDisallow: /docs/*/bolts$\n")
    assert listed()[0] == ["/docs", "/docs/nuts", "/docs/oil"]
    site.put("/robots.txt", "User-agent: *\nDisallow: /docs\n")
    with pytest.raises(SourceError, match=r"robots\.txt"):
        listed()


def test_robots_txt_the_longest_rule_decides():
    said = robots.read(
        "User-agent: a\nUser-agent: *\nDisallow: /\nAllow: /d*s/\nDisallow: /docs/x\nCrawl-delay: 900", "b"
    )
    asked = {path: said.allows(f"http://h{path}") for path in ("/", "/docs/", "/docs/y?q=1", "/docs/x1", "/ds/x")}
    assert asked == {"/": False, "/docs/": True, "/docs/y?q=1": True, "/docs/x1": False, "/ds/x": True}
    assert said.delay == 30.0
    assert robots.read("User-agent: *\nDisallow:\n", "b").allows("http://h/x")
    slow = robots.read("User-agent: *\nDisallow: /" + "*a" * 4000 + "b", "b")
    assert slow.allows("http://h/" + "a" * 2000)  # and at once


def test_the_pause_between_requests_is_kept(site, listed, monkeypatch):
    write(site)
    site.put("/robots.txt", "User-agent: *\nCrawl-delay: 0.1\n")
    began = web_client.time.monotonic()
    listed(depth=1)
    assert web_client.time.monotonic() - began >= 0.1 * (len(site.asked) - 2)


@pytest.mark.parametrize("packed", [False, True])
def test_a_sitemap_names_pages_and_its_day_spares_a_request(site, listed, packed):
    write(site)
    site.page("/docs/orphan", "Orphan. No link leads here.")
    entries = "".join(
        ENTRY.format(f"{site.address}{path}", "2026-11-01") for path in ("/docs/orphan", "/docs/oil", "/x")
    )
    inner = SITEMAP.format(entries).encode()
    index = f"<sitemapindex><sitemap><loc>{site.address}/pages.xml</loc></sitemap></sitemapindex>"
    site.put("/robots.txt", f"Sitemap: {site.address}/index.xml")
    site.put("/index.xml", index, content_type="application/xml")
    site.put("/pages.xml", gzip.compress(inner) if packed else inner, content_type="application/xml")
    everything = ["/docs", "/docs/deep/bolts", "/docs/nuts", "/docs/oil", "/docs/orphan"]
    assert sorted(listed()[0]) == everything
    site.asked.clear()
    assert sorted(listed()[0]) == everything
    assert not {"/docs/orphan", "/docs/oil"} & {path for path, _ in site.asked}
    site.put("/pages.xml", "broken", 500)
    assert sorted(listed()[0]) == everything


def test_sitemaps_that_are_none_or_too_much_are_read_as_far_as_they_go():
    assert sitemaps.read(b"\x1f\x8bno gzip").pages == {}
    assert len(sitemaps.read(gzip.compress(bytes(2**28))).pages) == 0
    many = SITEMAP.format(ENTRY.format("http://h/{}", "") * 60_000).encode()
    assert len(sitemaps.read(many.replace(b"{}", b"a")).pages) == 1
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>http://h/&b;</loc></url>'
    assert list(sitemaps.read(bomb).pages) == ["http://h/&b;"]


def test_what_is_not_to_be_kept_or_followed_and_where_a_page_lives(site, listed):
    site.page("/docs", "Start.", "/docs/a", "/docs/b", "/docs/c", "/docs/print?sid=12", "/docs/same", "/docs/gone")
    site.page("/docs/a", "A. Not to be kept.", "/docs/below", head='<meta name="ROBOTS" content="NoIndex">')
    site.page("/docs/below", "Below. To be kept.")
    site.page("/docs/b", "B. Not to be followed.", "/docs/never", x_robots_tag="otherbot: noindex")
    site.page("/docs/c", "C. Neither.", "/docs/never", x_robots_tag="metier: none")
    site.page("/docs/never", "Never.")
    site.pages["/docs/b"][1]["X-Robots-Tag"] = "nofollow"
    site.page("/docs/print", "Printed. The same as it is.", head='<link rel="canonical" href="/docs/real">')
    site.page("/docs/real", "Real. The same as it is.")
    site.page("/docs/same", "Start.", "/docs/a", "/docs/b", "/docs/c", "/docs/print?sid=12", "/docs/same", "/docs/gone")
    site.page("/docs/gone", "Gone. It lives where nothing is.", head='<link rel="canonical" href="/docs/0">')
    assert sorted(listed()[0]) == ["/docs", "/docs/b", "/docs/below", "/docs/gone", "/docs/real"]


def test_redirects_are_followed_within_the_part_and_end(site, listed):
    site.page("/docs", "Start.", "/docs/old", "/docs/round", "/docs/out", "/docs/file", "/docs/../../docs/old")
    site.put("/docs/old", "", 301, location="/docs/new")
    site.put("/docs/round", "", 302, location="/docs/round2")
    site.put("/docs/round2", "", 302, location="/docs/round")
    site.put("/docs/out", "", 302, location="/login?next=/docs/out")
    site.put("/docs/file", "", 302, location="file:///etc/passwd")
    site.page("/docs/new", "New.")
    site.page("/login", "Log in.")
    items, failed = listed()
    assert items == ["/docs", "/docs/new"]
    assert list(failed) == ["/docs/file"]
    site.put("/start", "", 302, location="/docs/")
    site.page("/docs/", "Start.", "/docs/new")
    assert listed("/start")[0] == ["/docs/", "/docs/new"]


def test_no_page_leads_into_a_private_network(site, listed, monkeypatch):
    """127.0.0.1 stands for a public address; of its page a link, a redirect and a sitemap lead inside."""
    address = web_client.public_addresses.ipaddress.IPv4Address
    monkeypatch.setattr(address, "is_global", property(lambda each: str(each) == "127.0.0.1"))
    site.page("/docs", "Start.", "http://10.1.2.3/docs/a", "/docs/in")
    site.put("/docs/in", "", 302, location="http://169.254.169.254/latest")
    site.put("/robots.txt", "Sitemap: http://10.1.2.3/sitemap.xml")
    assert listed(private=False) == (["/docs"], {})
    site.put("/robots.txt", "", 302, location="http://10.1.2.3/robots.txt")
    with pytest.raises(SourceError, match=r"leads to 10\.1\.2\.3"):
        listed(private=False)


def test_the_limit_of_pages_is_told(site, listed):
    site.page("/docs", "Start.", *(f"/docs/{number}" for number in range(30)))
    for number in range(30):
        site.page(f"/docs/{number}", f"Page {number}.", f"/docs/{number}/{number}")
    items, failed = listed(max_pages=10)
    assert len(items) == 10
    assert failed == {"/docs/9": "is left out, with 29 more: the source has max_pages = 10"}
    site.page("/docs", "Start.", "/docs/r0")
    for number in range(300):
        site.put(f"/docs/r{number}", "", 302, location=f"/docs/r{number + 1}")
    items, failed = listed(max_pages=10)
    assert (items, len(site.asked) < 250) == (["/docs"], True)


def test_a_page_of_endless_links_costs_little_and_secrets_in_links_are_not_followed(site, listed):
    links = [f"/docs/{number}-{'x' * 1900}" for number in range(6000)]
    site.page("/docs", "Start.", *links, "/docs/a?token=s3cr3t", "https://anna:s3cr3t@127.0.0.1/docs", "/docs/${HOME}")
    found = page_links.read(site.pages["/docs"][2], f"{site.address}/docs", [], "metier").links
    assert sum(map(len, found)) < 600_000
    site.page(
        "/docs", "Start.", *links[:3], "/docs/a?token=s3cr3t", "https://anna:s3cr3t@127.0.0.1/docs", "/docs/${HOME}"
    )
    listed()
    assert {path for path, _ in site.asked} == {"/robots.txt", "/sitemap.xml", "/docs", *links[:3], "/docs/$%7BHOME%7D"}


def test_include_exclude_and_other_documents(site, listed, tmp_path):
    write(site)
    site.page("/docs", "Start.", "/docs/nuts", "/docs/sheet.pdf", "/docs/film", "/files/a.csv")
    site.put("/docs/sheet.pdf", b"%PDF-1.4", content_type="application/pdf")
    site.put("/docs/film", b"\0\0", content_type="video/mp4")
    site.put("/files/a.csv", "part,price\nP-17,320", content_type="text/csv")
    assert listed() == (["/docs", "/docs/nuts", "/docs/sheet.pdf", "/docs/deep/bolts"], {})
    assert listed(include=("/docs*", "/files/*"), exclude=("*/deep/*",))[0][2:] == ["/docs/sheet.pdf", "/files/a.csv"]
    source = create(SourceSettings(url=site.address + "/docs", depth=1, private=True), tmp_path)
    (sheet,) = [each for each in source.discover() if each.uri.endswith("pdf")]
    assert sheet.version
    with source.fetch(sheet) as path:
        assert (path.name, path.read_bytes()) == ("sheet.pdf", b"%PDF-1.4")
    assert source.find(sheet.uri) == sheet
    assert source.holds(sheet.identity)
    assert not source.holds(f"{site.address}/files/a.csv")


def test_an_encoding_that_only_the_server_tells_is_heeded_and_a_page_too_large_fails_alone(site, expert):
    site.page("/docs", "Start.", "/docs/ru", "/docs/big")
    oil = "<!doctype html><p>Масло меняют каждые 30 месяцев.".encode("koi8-r")
    site.put("/docs/ru", oil, content_type="text/html; charset=koi8-r")
    site.put("/docs/big", b"<p>" + b"x" * (21 * 2**20))
    report = expert.sync()
    assert [each.item.rpartition("/")[2] for each in report.failed] == ["big"]
    assert "larger than 20 MiB" in report.failed[0].reason
    assert any("Масло меняют" in hit.passage.text for hit in expert.search("масло", 3))


def test_a_crawl_is_added_and_shown_by_the_command_line(site, call_metier, tmp_path):
    write(site)
    call_metier("init", "plant")
    assert "--depth 2" in call_metier("add", "--help").stdout
    call_metier("add", "--private", "--depth", "1", "--max-pages", "50", f"{site.address}/docs", "--group", "board")
    (source,) = tomllib.loads((tmp_path / "plant" / "metier.toml").read_text())["sources"]
    assert source == {"url": f"{site.address}/docs", "groups": ["board"], "private": True, "depth": 1, "max_pages": 50}
    assert "3 added" in call_metier("sync").stdout
    assert f"{site.address}/docs/nuts" in call_metier("sources").stdout
    call_metier("remove", f"{site.address}/docs")
    call_metier("sync")
    assert list((tmp_path / "plant" / ".metier" / "sources").iterdir()) == []
    assert "web address" in call_metier("add", "--depth", "2", "imaps://example.com/a", check=2).stderr
