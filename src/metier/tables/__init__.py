"""Every table asked exactly: typed columns, questions to queries, queries run apart, answers by rule.

documents ─▶ typed columns (table_store) ─▶ links of a question's words ─▶ query ─▶ SQL, guarded and run apart ─▶ answer
"""
