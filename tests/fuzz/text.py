"""Random text, and random damage to bytes."""

import random

COMMON = "我在北京大学见到了王小明下雨他说上海人民银行的一二三"
ODD = "\u3000 \t\x00\x0b\x0c\x1c\x85\u2028\u2029\ufeff\ufffd\u200d\ufe0f😀👩é0Ａa-_/[]{}\"'\\#@,:\r"
INSERTED = (
    b"\n", b"\n\n", b"\r\n", b" ", b"  ", b"\t", b"\xff", b"\x80", b"\xef\xbb\xbf", b"\x00", b"O",
    b"B-", b"I-X", b"\xe3\x80\x80", b"\xe2\x80\xa8", b"[", b"]", b"{", b"}", b'"', b"/", b"null",
    b"-DOCSTART- O\n", b"# text\n", b"\xed\xa0\xbd",
)  # fmt: skip


def sentence(chance: random.Random, longest: int = 12, odd: float = 0.15) -> str:
    """Return a text of at least one character, without line breaks."""
    length = chance.randint(1, longest)
    return "".join(chance.choice(ODD if chance.random() < odd else COMMON) for _ in range(length))


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return the bytes with zero to three random changes."""
    for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
        start = chance.randint(0, len(content))
        end = min(len(content), start + chance.choice((0, 1, 1, 2, 5, 40)))
        match chance.randrange(5):
            case 0:
                content = content[:start] + content[end:]
            case 1:
                content = content[:start] + chance.choice(INSERTED) + content[start:]
            case 2:
                content = content[:start] + content[start:end] * 2 + content[end:]
            case 3:
                content = content.replace(b"\n", chance.choice((b"\r\n", b"\n\n", b"\r", b" \n")))
            case 4 if start < len(content):
                flipped = content[start] ^ (1 << chance.randrange(8))
                content = content[:start] + bytes([flipped]) + content[start + 1 :]
    return content
