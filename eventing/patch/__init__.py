"""Patches: what a request asks to change, applied to an object, and who owns which of its fields. Pure."""
