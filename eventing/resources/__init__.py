"""Resources: one definition per kind, from which checks, defaults, rules and views follow. Pure."""
