"""Several processes over one PostgreSQL and a server of events: each of them fails, and what is between them."""
