from eventing.doctor.redis_command import COMMANDS


def test_commands_stand_under_the_names_that_acl_takes() -> None:
    """Those of a container have a bar: `xgroup|create`."""
    for name, words in COMMANDS.items():
        called = f"{words[0]}|{words[1]}" if "|" in name else words[0]
        assert name == called.lower()
