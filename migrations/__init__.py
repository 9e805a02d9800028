"""How the tables of resources came to be, step by step, for Alembic. Imports nothing else of this project.

Whoever runs them hands over the connection, in a transaction that holds the whole way or nothing of it.
"""
