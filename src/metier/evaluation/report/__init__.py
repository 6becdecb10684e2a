"""The result of a comparison as one HTML page that needs nothing else: no network, no other file, no script to be read.

`page` puts it together. `findings` says what was decided and why, `tables` and `charts` show the figures, `answers`
every question with what each mode said. All read the result through a `ReportView`, take their words from `words` and
build markup with `markup`, which escapes whatever comes from data.
"""
