"""The same work on a Ray cluster: `metier sync --on`, `metier compare --on`.

connection    finds the cluster, and checks that its nodes do the same work as this machine
pool          actors that do parcels of work; what they give comes back here
ingestion     files parsed and texts embedded; the store is written by the sync alone
evaluation    questions asked

Ray is imported where `--on` asks for it, and nowhere else.
"""
