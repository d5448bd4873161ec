"""Word vectors from files, by gensim; a pickle is opened only on the user's word."""

import gzip
import itertools
from numbers import Integral
from pathlib import Path

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

FASTTEXT = (793712314).to_bytes(4, "little")
FORMATS = ["word2vec", "word2vec-binary", "glove", "fasttext", "gensim"]


@validate_params(
    {
        "path": [str, Path],
        "format": [StrOptions(set(FORMATS)), None],
        "limit": [Interval(Integral, 1, None, closed="left"), None],
        "dtype": "no_validation",
        "allow_pickle": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_word_vectors(path, *, format=None, limit=None, dtype=np.float32, allow_pickle=False):  # noqa: A002
    r"""Load word vectors from a file, gzipped or not.

    Parameters
    ----------
    path : str or Path
        The file.
    format : {"word2vec", "word2vec-binary", "glove", "fasttext", "gensim"}, default=None
        "word2vec" and "glove" are text, with and without a first line of two numbers; "fasttext" is
        the binary model of Facebook's program (its `.vec` files are "word2vec"); "gensim" is what
        `KeyedVectors.save` writes. None: what the first bytes look like.
    limit : int, default=None
        How many words to read, from the first, which are the most frequent. None: all. For
        "word2vec", "word2vec-binary" and "glove" only.
    dtype : dtype, default=numpy.float32
        Of the vectors, for the same formats.
    allow_pickle : bool, default=False
        Whether a file of gensim's own may be opened: it is a pickle, which runs whatever code its
        author put there. Say so only of files that you made, or trust as a program.

    Returns
    -------
    word_vectors : KeyedVectors
        An object of gensim's; of "fasttext" `FastTextKeyedVectors`, with n-grams.

    Raises
    ------
    ValueError
        If the file is a pickle and nobody allowed it, is cut off, or of no known format.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_privfair.embeddings import load_word_vectors
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "vectors.txt"
    ...     _ = path.write_text("she 1.5 2\nhe 1 2.5\n")
    ...     vectors = load_word_vectors(path)
    >>> vectors["he"]
    array([1. , 2.5], dtype=float32)
    """
    from gensim.models import KeyedVectors
    from gensim.models.fasttext import load_facebook_vectors

    path = Path(path)
    kind = _sniff(path) if format is None else format
    if kind == "gensim" and not allow_pickle:
        raise ValueError(
            f"{path} is a pickle, which can run any code; pass allow_pickle=True if you trust "
            "it as you would a program, or save it by save_word2vec_format."
        )
    if kind in ("gensim", "fasttext"):
        if limit is not None:
            raise ValueError(f"limit={limit} is for text and word2vec files; {path} is {kind}.")
        return (
            KeyedVectors.load(str(path)) if kind == "gensim" else load_facebook_vectors(str(path))
        )
    try:
        if kind == "glove":
            return _read_glove(path, limit, dtype)
        return KeyedVectors.load_word2vec_format(
            str(path), binary=kind == "word2vec-binary", limit=limit, datatype=dtype
        )
    except (EOFError, ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no whole file of format {kind!r}: {error}") from error


def _opened(path):
    """Open a file, gzipped or not, to read bytes."""
    with path.open("rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if gzipped else path.open("rb")


def _read_glove(path, limit, dtype):
    """Read lines of a word and numbers; gensim leaves the file open, and trips over spaces."""
    from gensim.models import KeyedVectors

    rows: dict = {}
    n_features = None
    with _opened(path) as file:
        for line in itertools.islice(file, limit):
            parts = line.decode("utf-8").rstrip().split(" ")
            n_features = len(parts) - 1 if n_features is None else n_features
            word = " ".join(parts[:-n_features])  # of which some have spaces in them
            rows.setdefault(word, np.array(parts[-n_features:], dtype=dtype))
    keyed = KeyedVectors(n_features, dtype=dtype)
    keyed.add_vectors(list(rows), np.stack(list(rows.values())))
    return keyed


def _sniff(path):
    """Tell the format from how the file begins."""
    with _opened(path) as file:
        start = file.read(4096)
    if start[:1] == b"\x80":
        return "gensim"
    if start[:4] == FASTTEXT:
        return "fasttext"
    first, _, rest = start.partition(b"\n")
    sizes = first.split()
    if len(sizes) == 2 and all(size.isdigit() for size in sizes):
        line = rest.partition(b"\n")[0].split()
        n_read = len(line) - 1
        numbers = n_read > 0 and all(_is_number(x) for x in line[1:-1])
        return "word2vec" if numbers and n_read <= int(sizes[1]) else "word2vec-binary"
    if len(sizes) > 1 and all(_is_number(x) for x in sizes[-min(2, len(sizes) - 1) :]):
        return "glove"
    raise ValueError(f"{path} looks like none of {', '.join(FORMATS)}; say which by format=.")


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
