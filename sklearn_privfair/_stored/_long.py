"""Long lists and mappings of words and numbers as one array: vocabularies have a million words."""

import numpy as np

from sklearn_privfair._stored._ways import LONG, add_way

_END = "\0"


def _is_long(value):
    return type(value) in (list, tuple) and len(value) >= LONG


def _are_words(value):
    return _is_long(value) and all(type(word) is str and _END not in word for word in value)


def _are_numbers(value):
    if not _is_long(value):
        return False
    whole = all(type(number) is int and -(2**63) <= number < 2**63 for number in value)
    return whole or all(type(number) is float for number in value)


def _words(value, _):
    text = _END.join(value).encode("utf-8", "surrogatepass")
    return {"text": np.frombuffer(text, dtype=np.uint8), "tuple": type(value) is tuple}


def _make_words(content, _):
    words = content["text"].tobytes().decode("utf-8", "surrogatepass").split(_END)
    return tuple(words) if content["tuple"] else words


def _make_numbers(content, _):
    numbers = content["array"].tolist()
    return tuple(numbers) if content["tuple"] else numbers


add_way("words", _are_words, _words, _make_words)
add_way(
    "numbers",
    _are_numbers,
    lambda value, _: {"array": np.array(value), "tuple": type(value) is tuple},
    _make_numbers,
)
