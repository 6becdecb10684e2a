from __future__ import annotations

import pytest

from metier.core import settings, settings_file
from metier.core.errors import InputError, SettingsError


def write(folder, text):
    (folder / "metier.toml").write_text(text, encoding="utf-8")


def test_a_new_expert_gets_the_models_of_its_language(tmp_path):
    settings_file.create(tmp_path / "en", "en")
    settings_file.create(tmp_path / "bn", "bn")
    assert settings.load(tmp_path / "en").embedding.model == "all-minilm-l6-v2"
    assert settings.load(tmp_path / "bn").embedding.model == "multilingual-e5-small"
    assert settings.load(tmp_path / "bn").name == "bn"
    with pytest.raises(InputError, match="already"):
        settings_file.create(tmp_path / "en", "en")


@pytest.mark.parametrize("language", ["", "english", "e", "b!"])
def test_a_language_that_is_no_code_is_refused_and_nothing_is_made(tmp_path, language):
    with pytest.raises(SettingsError):
        settings_file.create(tmp_path / "x", language)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "not valid TOML"),
        ("nmae = 'x'", "nmae: no such setting"),
        ("[retrieval]\npassages = 0", "retrieval.passages"),
        ("[retrieval]\npassages = 'many'", "retrieval.passages"),
        ("[[sources]]\n", "exactly one of path and url"),
        ("[[sources]]\npath='a'\nurl='http://b'", "exactly one of path and url"),
        ("[serving]\npath_prefix='/metier/'", "'/metier/' in path_prefix is no path"),
        ("[serving]\npath_prefix='//evil.example'", "'//evil.example' in path_prefix is no path"),
        ("[nonsense]\nx=1", "nonsense: no such setting"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, said):
    write(tmp_path, text)
    with pytest.raises(SettingsError, match=said) as caught:
        settings.load(tmp_path)
    assert "metier.toml" in str(caught.value)


def test_all_wrong_settings_are_named_at_once(tmp_path):
    write(tmp_path, "nmae = 'x'\n[retrieval]\npassages = 0")
    with pytest.raises(SettingsError, match=r"retrieval\.passages.*nmae|nmae.*retrieval\.passages"):
        settings.load(tmp_path)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "metier.toml").write_bytes(b"name = '\xff\xfe'")
    with pytest.raises(SettingsError, match="UTF-8"):
        settings.load(tmp_path)


def test_no_expert_says_how_to_make_one(tmp_path):
    with pytest.raises(SettingsError, match=r"Expert\.create\(NAME\)"):
        settings.load(tmp_path)


def test_adding_keeps_comments_and_is_relative_to_the_expert(tmp_path, monkeypatch):
    settings_file.create(tmp_path / "expert", "bn")
    path = tmp_path / "expert" / "metier.toml"
    path.write_text(path.read_text() + "\n# mine\n")
    (tmp_path / "নথি").mkdir()
    monkeypatch.chdir(tmp_path)
    assert settings_file.add_source(tmp_path / "expert", "নথি", groups=("a",))
    assert not settings_file.add_source(tmp_path / "expert", "নথি")
    assert settings_file.add_source(tmp_path / "expert", "https://example.com/x")
    assert settings_file.add_source(tmp_path / "expert", "নথি/*.md")
    loaded = settings.load(tmp_path / "expert")
    assert [source.name for source in loaded.sources] == ["../নথি", "https://example.com/x", "../নথি/*.md"]
    assert loaded.sources[0].groups == ("a",)
    assert "# mine" in path.read_text()
    with pytest.raises(InputError, match="does not exist"):
        settings_file.add_source(tmp_path / "expert", "nowhere")
