"""Real servers and clients for the tests: what `make rigs` installs, and how private instances of it are started."""
