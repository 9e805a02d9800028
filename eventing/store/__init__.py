"""Where resources live: the contract, its laws, and the implementations."""
