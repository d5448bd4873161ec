"""Debiasing of word vectors and concept erasure: time, memory and agreement with the peers.

Everything runs in one process on the same arrays. Peers that are not installed are left out, and
said so. See README.md here.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy is imported

import argparse
import contextlib
import ctypes
import importlib
import io
import json
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors

from sklearn_privfair.embeddings import (
    ConceptErasure,
    DoubleHardDebias,
    EmbeddingVectorizer,
    HardDebias,
    SoftDebias,
    load_word_list,
    load_word_vectors,
)

LISTS = ["gender_definitional", "gender_equalize", "gender_specific"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--features", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--debiaswe", help="folder with debias.py and we.py of a clone of debiaswe")
    parser.add_argument(
        "--in-place",
        action="store_true",
        help="only the peak of the process's memory (Linux), for --rows 3000000 or so",
    )
    parser.add_argument("--output", help="JSON file to write")
    return parser.parse_args()


def measure(name, run, repeats, prepare=None):
    """Give the best and the median CPU seconds of a call, and its peak of memory in MB."""
    seconds = []
    for _ in range(repeats):
        given = () if prepare is None else (prepare(),)
        start = time.process_time()
        run(*given)
        seconds.append(time.process_time() - start)
    given = () if prepare is None else (prepare(),)
    tracemalloc.start()
    run(*given)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    row = {"seconds": min(seconds), "median": float(np.median(seconds)), "peak MB": peak}
    print(f"{name:34} {row['seconds']:8.3f} {row['median']:8.3f} {peak:9.1f}", flush=True)
    return row


def made_vectors(n_rows, n_features):
    """Make vectors, named by all words of the lists first."""
    definitional, equalize, specific = map(load_word_list, LISTS)
    listed = [w for pair in definitional + equalize for w in pair] + specific
    words = list(dict.fromkeys([*listed, *(f"word{i}" for i in range(n_rows))]))[:n_rows]
    X = np.random.default_rng(0).standard_normal((n_rows, n_features), dtype=np.float32)
    return words, X


def keyed(words, X):
    made = KeyedVectors(X.shape[1])
    made.add_vectors(words, X)
    return made


def debiaswe(folder):
    """Give debiaswe's hard debiasing as a function of words and vectors."""
    if folder is None:
        return None
    sys.path.insert(0, folder)
    we, debias = importlib.import_module("we"), importlib.import_module("debias")

    def run(given):
        words, X = given
        E = we.WordEmbedding.__new__(we.WordEmbedding)
        E.words, E.vecs, E.desc = words, X, ""
        with contextlib.redirect_stdout(io.StringIO()):
            E.reindex()
            E.normalize()
            definitional, equalize, specific = map(load_word_list, LISTS)
            debias.debias(E, specific, definitional, equalize)
        return E.vecs

    return run


def wefe():
    """Give WEFE's hard debiasing as a function of gensim's object."""
    try:
        from wefe.debias.hard_debias import HardDebias as Peer
        from wefe.word_embedding_model import WordEmbeddingModel
    except ImportError:
        return None

    def run(kv):
        model = WordEmbeddingModel(kv, "vectors")
        definitional, equalize, specific = map(load_word_list, LISTS)
        peer = Peer(verbose=False)
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            peer.fit(model, [list(p) for p in definitional], [list(p) for p in equalize])
            return peer.transform(model, ignore=specific, copy=False).wv.vectors

    return run


def concept_erasure():
    """Give the fit and the transform of the package of LEACE's authors."""
    try:
        import torch
        from concept_erasure import LeaceEraser
    except ImportError:
        return None
    torch.set_num_threads(1)
    return (
        lambda X, y: LeaceEraser.fit(torch.from_numpy(X), torch.from_numpy(y)),
        lambda eraser, X: eraser(torch.from_numpy(X)).numpy(),
    )


def time_words(args, results):
    words, X = made_vectors(args.rows, args.features)
    kv = keyed(words, X)
    fitted = HardDebias().fit(kv)
    place = HardDebias(copy=False).fit(kv)
    kv_of = lambda: keyed(words, X.copy())  # noqa: E731
    runs = {
        "scale in place": (lambda A: np.multiply(A, np.float32(1), out=A), X.copy),
        "copy": (X.copy, None),
        "HardDebias, in place": (place.transform, kv_of),
        "HardDebias, copy": (lambda: fitted.transform(kv), None),
        "HardDebias, fit": (lambda: HardDebias().fit(kv), None),
        "SoftDebias, fit and transform": (lambda: SoftDebias().fit_transform(kv), None),
        "DoubleHardDebias, fit": (lambda: DoubleHardDebias(random_state=0).fit(kv), None),
        "debiaswe": (debiaswe(args.debiaswe), lambda: (words, X.copy())),
        "WEFE": (wefe(), kv_of),
    }
    for name, (run, prepare) in runs.items():
        if run is None:
            print(f"{name:34} is not here")
        else:
            results[name] = measure(name, run, args.repeats, prepare)


def time_erasure(args, results):
    X = made_vectors(args.rows, args.features)[1]
    y = np.random.default_rng(1).integers(0, 2, len(X))
    X[:, :5] += 0.5 * y[:, None].astype(np.float32)
    erasure = ConceptErasure().fit(X, y)
    repeats = args.repeats
    results["LEACE fit"] = measure("LEACE fit", lambda: ConceptErasure().fit(X, y), repeats)
    results["LEACE transform"] = measure("LEACE transform", lambda: erasure.transform(X), repeats)
    erased = {"ours": erasure.transform(X)}
    peer = concept_erasure()
    if peer is None:
        print("concept-erasure is not here")
    else:
        fit, transform = peer
        name = "LEACE fit, concept-erasure"
        results[name] = measure(name, lambda: fit(X, y), repeats)
        eraser = fit(X, y)
        name = "LEACE transform, concept-erasure"
        results[name] = measure(name, lambda: transform(eraser, X), repeats)
        erased["concept-erasure"] = transform(eraser, X)
    for who, Z in erased.items():
        centred = Z.astype(np.float64) - Z.mean(axis=0, dtype=np.float64)
        residual = float(np.abs(centred.T @ (y - y.mean()) / len(y)).max())
        results[f"LEACE residual, {who}"] = residual
        print(f"largest covariance left, {who}: {residual:.1e}")


def time_documents(args, results):
    words, X = made_vectors(args.rows, args.features)
    kv = keyed(words, X)
    rng = np.random.default_rng(2)
    ranks = (rng.zipf(1.2, size=(5000, 100)) - 1) % len(words)  # Zipf's law
    documents = [[words[i] for i in row] for row in ranks]
    ours = EmbeddingVectorizer(kv, analyzer=list).fit(documents[:1])
    for name, run in {
        "document means": lambda: ours.transform(documents),
        "document means, gensim's loop": lambda: [
            kv.get_mean_vector(d, pre_normalize=False) for d in documents
        ],
    }.items():
        results[name] = measure(name, run, args.repeats)


def agreement(args, results):
    folder = os.environ.get("SKLEARN_PRIVFAIR_DATA")
    path = Path(folder or "") / "embeddings" / "googlenews_subset_300d.bin.gz"
    if not folder or not path.exists():
        print("no real vectors: agreement is not measured")
        return
    kv = load_word_vectors(path)
    fitted = HardDebias().fit(kv)
    ours = fitted.transform(kv)
    words = ours.index_to_key
    fresh = lambda: keyed(list(words), kv.vectors.copy())  # noqa: E731
    peers = {
        "debiaswe": (debiaswe(args.debiaswe), lambda: (list(words), kv.vectors.copy())),
        "WEFE": (wefe(), fresh),
    }
    for name, (run, prepare) in peers.items():
        if run is None:
            continue
        theirs = run(prepare())
        apart = np.abs(theirs - ours.vectors).max(axis=1)
        differ = [words[i] for i in np.flatnonzero(apart > 1e-6)]
        bias = fitted.components_[0]
        rows = [(ours.key_to_index[a], ours.key_to_index[b]) for a, b in fitted.equalize_sets_]
        raw = kv.vectors / np.linalg.norm(kv.vectors, axis=1, keepdims=True)
        sides = [(raw[a] - raw[b]) @ bias * ((theirs[a] - theirs[b]) @ bias) for a, b in rows]
        row = {
            "rows": len(words),
            "apart elsewhere": float(apart[apart <= 1e-6].max()),
            "rows that differ": differ,
            "pairs on the wrong side": int(np.sum(np.array(sides) < 0)),
            "largest error of a length": float(np.abs(np.linalg.norm(theirs, axis=1) - 1).max()),
        }
        results[f"agreement with {name}"] = row
        print(name, row)


def memory(what):
    """Give a line of what Linux says of this process's memory, in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(
        next(line for line in status.splitlines() if line.startswith(what)).split()[1]
    )


def in_place(args, results):
    """Debias and erase where the vectors are, and watch the memory of the whole process."""
    words, X = made_vectors(args.rows, args.features)
    kv = KeyedVectors(0)
    kv.vector_size, kv.vectors, kv.index_to_key = X.shape[1], X, words
    kv.key_to_index = {word: i for i, word in enumerate(words)}
    y = np.random.default_rng(1).integers(0, 2, len(X))
    erasure = ConceptErasure(copy=False)
    held = (memory("VmRSS") - X.nbytes) / 1e6
    print(f"a matrix of {X.nbytes / 1e6:.0f} MB; words, gensim and Python take {held:.0f} MB")
    for name, run in {
        "HardDebias, fit and transform": lambda: HardDebias(copy=False).fit_transform(kv),
        "LEACE fit": lambda: erasure.fit(X, y),
        "LEACE transform": lambda: erasure.transform(X),
    }.items():
        ctypes.CDLL(None).malloc_trim(0)  # what is free already would hide what is taken
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
        before, start = memory("VmRSS"), time.process_time()
        run()
        seconds, peak = time.process_time() - start, memory("VmHWM")
        extra = peak - before
        row = {"seconds": seconds, "extra MB": extra / 1e6, "of the matrix": extra / X.nbytes}
        results[name] = row
        print(f"{name:34} {seconds:8.3f} s {extra / 1e6:9.1f} MB more, {extra / X.nbytes:.1%}")


def main():
    args = arguments()
    results: dict = {}
    if args.in_place:
        in_place(args, results)
        if args.output:
            Path(args.output).write_text(json.dumps(results, indent=1))
        return
    print(f"{'':34} {'best s':>8} {'median':>8} {'peak MB':>9}")
    time_words(args, results)
    time_erasure(args, results)
    time_documents(args, results)
    agreement(args, results)
    if args.output:
        Path(args.output).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
