"""Names of rows and columns of a table that stand once for several, or are numbers."""

from __future__ import annotations

import pytest


def test_a_name_that_is_a_number_among_words_in_a_second_row_of_names_names_its_column(read):
    found = read([
        ["", "Finland", "", "", "EU", "", ""],
        ["", "Women", "Men", "15-24", "Women", "Men", "15-24"],
        ["1995", "15.1", "15.7", "29.7", "12.0", "8.7", "21.1"],
        ["2000", "10.6", "9.1", "21.4", "9.3", "6.4", "15.3"],
    ])  # fmt: skip
    names = "Finland › Women: 15.1 | Finland › Men: 15.7 | Finland › 15-24: 29.7"
    assert found[0] == f"1995 | {names} | EU › Women: 12.0 | EU › Men: 8.7 | EU › 15-24: 21.1"


@pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "middle", "last"])
def test_a_name_that_stands_once_for_a_round_of_rows_stands_before_each(read, place):
    rounds = [("1991", ["Men", "Women", "Total"]), ("1996", ["Men", "Women", "Total"])]
    body = [
        [year if n == place else "", name, f"{n}1.{year[-1]}"] for year, names in rounds for n, name in enumerate(names)
    ]
    found = read([["Year", "Sex", "Industry"], *body])
    assert found == [
        f"Year: {year} | Sex: {name} | Industry: {n}1.{year[-1]}"
        for year, names in rounds
        for n, name in enumerate(names)
    ]


def test_a_blank_first_cell_stays_blank_where_rows_make_no_rounds(read):
    found = read([["Title", "Name", "Age"], ["Dr", "Smith", "40"], ["", "Jones", "33"], ["Prof", "Ash", "61"]])
    assert found[1] == "Name: Jones | Age: 33"


def test_names_that_are_counted_up_name_their_columns(read):
    found = read([["Year", "Total", "K", "1", "2", "3"], ["1996", "45", "3.5", "3.7", "3.6", "3.4"]] + [
        [str(year), "46", "3.4", "3.7", "3.6", "3.5"] for year in range(1997, 2000)
    ])  # fmt: skip
    assert found[0] == "Year: 1996 | Total: 45 | K: 3.5 | 1: 3.7 | 2: 3.6 | 3: 3.4"


def test_names_over_rounds_of_the_same_names_each_head_one_round(read):
    found = read([
        ["", "", "Women", "", "", "Men", ""],
        ["Age", "", "", "", "", "", ""],
        ["(years)", "No.", "Rate", "Share", "No.", "Rate", "Share"],
        ["45-54", "345", "15.5", "0.1", "1,905", "52.7", "0.2"],
        ["55-64", "806", "60.9", "0.3", "1,906", "156.5", "0.4"],
    ])  # fmt: skip
    women = "Women › No.: 345 | Women › Rate: 15.5 | Women › Share: 0.1"
    assert found[0] == f"Age › (years): 45-54 | {women} | Men › No.: 1,905 | Men › Rate: 52.7 | Men › Share: 0.2"


def test_a_row_with_a_blank_first_cell_names_no_columns_where_words_stand_below_its_words(read):
    found = read([
        ["No.", "State", "District", "Illness", "Cases"],
        ["", "Kerala", "Trivandrum", "Poisoning", "950"],
        ["4.", "Maharashtra", "Amravati", "Poisoning", "6"],
        ["5.", "Madhya Pradesh", "Betul", "Measles", "29"],
    ])  # fmt: skip
    assert found[0] == "State: Kerala | District: Trivandrum | Illness: Poisoning | Cases: 950"
