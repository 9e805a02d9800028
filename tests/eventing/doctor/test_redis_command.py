import re
from pathlib import Path

import channels.redis_streams
from eventing.doctor.redis_command import COMMANDS, WRITES

FOLDER = Path(channels.redis_streams.__file__).parent
CALL = re.compile(r"""(?:\bcall\(\s*|pack_command\(\s*\(?\s*|claim = {)['"]([A-Z]{3,})['"](?:, ['"]([^'"]+)['"])?""")
CONTAINERS = {"CLIENT", "CLUSTER", "CONFIG", "SENTINEL", "SCRIPT", "XGROUP", "XINFO"}
OPTIONAL = {
    "config|get",
    "info",
    "auth",
    "select",
    "sentinel|get-master-addr-by-name",
    "multi",
    "exec",
    "eval",
    "cluster|slots",
}
"""What is done without where it is not allowed, needs no right, or is judged elsewhere."""


def test_commands_stand_under_the_names_that_acl_takes() -> None:
    """Those of a container have a bar: `xgroup|create`."""
    for name, words in COMMANDS.items():
        assert name == (f"{words[0]}|{words[1]}" if words[0] in CONTAINERS else words[0]).lower()


def test_writes_are_commands() -> None:
    """Of those that are asked."""
    assert set() == set(WRITES) - set(COMMANDS)


def test_every_command_of_the_channel_is_asked() -> None:
    """Those that its scripts call, and those that it sends."""
    texts = [path.read_text() for path in [*FOLDER.glob("*.lua"), *FOLDER.glob("*.py")]]
    called = {found for text in texts for found in CALL.findall(text)}
    used = {(f"{command}|{second}" if command in CONTAINERS else command).lower() for command, second in called}
    assert {"xadd", "evalsha", "xreadgroup", "xclaim", "client|unblock"} <= used
    assert set() == used - set(COMMANDS) - OPTIONAL
