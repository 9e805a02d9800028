"""Reading of Protocol Buffers' wire format, for tests of what is written."""


def fields_of(message: bytes) -> list[tuple[int, int | bytes]]:
    """The fields of a message: numbers of varints, bytes of everything else."""
    found: list[tuple[int, int | bytes]] = []
    while message:
        tag, message = varint(message)
        if tag & 7 == 0:
            value, message = varint(message)
            found.append((tag >> 3, value))
            continue
        assert tag & 7 in (1, 2)
        length, message = (8, message) if tag & 7 == 1 else varint(message)
        assert length <= len(message)
        found.append((tag >> 3, message[:length]))
        message = message[length:]
    return found


def inner(message: bytes, *numbers: int) -> list[bytes]:
    """What stands at the end of a path of field numbers, each time it does."""
    found = [message]
    for number in numbers:
        found = [
            value for one in found for field, value in fields_of(one) if field == number and isinstance(value, bytes)
        ]
    return found


def varint(message: bytes) -> tuple[int, bytes]:
    value = shift = 0
    for index, byte in enumerate(message):
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, message[index + 1 :]
    raise AssertionError("cut off")
