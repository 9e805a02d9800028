"""Servers that channels rest on, behind one contract: what Redis and Kafka are called here."""
