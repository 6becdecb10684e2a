"""A capable model behind an endpoint is asked for a query, and what the tables give is told by rule, with its rows."""

from __future__ import annotations

import pytest
from paced_scripted_endpoint import scripted_endpoint

from metier import Expert

pytestmark = pytest.mark.slow

STAFF = "Name;Role;Hours\nMara Blom;Baker;38\nJon Reed;Driver;24\nIda Falk;Baker;30\n"
QUERY = 'crew: "Role"\nSELECT "Role", AVG("Hours") FROM "staff" GROUP BY "Role" ORDER BY 2 DESC LIMIT 1'


def test_the_answer_is_the_value_with_its_rows_and_the_query(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "staff.csv").write_text(STAFF)
    with scripted_endpoint() as endpoint:
        endpoint.about = {"owned_by": "llamacpp"}
        endpoint.says = lambda body: QUERY if "SQLite query" in body["messages"][0]["content"] else "From passages."
        with Expert.create(tmp_path / "expert", model="openai:scripted") as made:
            path = made.folder / "metier.toml"
            path.write_text(path.read_text().replace("[generation]", f'[generation]\nurl = "{endpoint.url}"'))
        with Expert.open(tmp_path / "expert") as expert:
            expert.add(str(tmp_path / "docs"))
            expert.sync()
            heard: list[str] = []
            answer = expert.ask("Which crew works most hours on average?", on_text=lambda piece: heard.append(piece))
            (request,) = endpoint.requests
            endpoint.says = lambda body: "NO" if "SQLite query" in body["messages"][0]["content"] else "From passages."
            told = expert.ask("Which baker works most hours at night?")
            asked_again = len(endpoint.requests) - 1
    assert answer.text == "Baker: 34 Hours"
    assert "".join(heard) == "Baker: 34 Hours"  # of the query nothing
    assert {each.row for each in answer.citations} == {"Mara Blom", "Ida Falk"}
    assert answer.tables.sql.startswith('SELECT "Role", AVG("Hours") FROM "staff"')
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens > 5) == (10, True)  # of the query
    assert told.text == "From passages."
    assert told.usage.prompt_tokens == 10 * asked_again > 10  # of the query that there is none of, too
    assert request["grammar"].startswith("root ::=")
