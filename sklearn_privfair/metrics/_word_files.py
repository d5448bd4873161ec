"""Files of word benchmarks, plain or gzipped, as their authors wrote them."""

import gzip
from pathlib import Path


def read_sections(path):
    """Read questions-words: lines of words, under lines that begin with a colon."""
    sections: dict = {}
    name = "questions"
    for number, line in _lines(path):
        words = line.split()
        if words[0] == ":":
            name = " ".join(words[1:])
        elif len(words) == 4:
            sections.setdefault(name, []).append(tuple(words))
        else:
            raise ValueError(f"{path}, line {number}, has {len(words)} words in place of 4.")
    return sections


def read_scored_pairs(path):
    """Read lines of two words and a number, apart by tabs, commas or spaces; a header may lead."""
    pairs = []
    for number, line in _lines(path):
        parts = line.replace(",", " ").split()
        try:
            pairs.append((parts[0], parts[1], float(parts[2])))
        except (IndexError, ValueError) as error:
            if number > 1:
                raise ValueError(
                    f"{path}, line {number}, is not two words and a number: {line!r}."
                ) from error
    return pairs


def read_choices(path):
    """Read lines of pairs, ``he:she king:queen``."""
    return [[tuple(pair.split(":")) for pair in line.split()] for _, line in _lines(path)]


def _lines(path):
    """Yield the number and the text of lines that are neither empty nor a comment."""
    path = Path(path)
    open_file = gzip.open if path.suffix == ".gz" else open
    with open_file(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            text = line.strip()
            if text and not text.startswith("#"):
                yield number, text
