"""The kernel: events, their codec, the channel contract, and the backends that keep events until they are settled."""
