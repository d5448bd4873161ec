"""What debiasing does to word vectors: which bias remains, and what they are still good for.

On word2vec's vectors of Google News, in the folder named by SKLEARN_PRIVFAIR_DATA. See README.md
here for what each column means.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy is imported

import argparse
import time
from pathlib import Path

import numpy as np
from _report import save, show
from gensim.models import KeyedVectors
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.svm import SVC

from sklearn_privfair.embeddings import (
    INLP,
    ConceptErasure,
    DoubleHardDebias,
    HardDebias,
    MeanProjection,
    SoftDebias,
    load_word_list,
)
from sklearn_privfair.metrics import (
    analogy_accuracy,
    bias_by_neighbors,
    bias_clustering,
    bias_direction,
    bias_probe,
    bias_projection,
    direct_bias,
    most_biased_words,
    word_similarity,
)

SIMILARITY = {"WS-353": "EN-WS-353-ALL", "SimLex": "EN-SIMLEX-999", "MEN": "EN-MEN-TR-3k"}
WORD_METHODS = {  # fitted on all words, by word lists
    "HardDebias": HardDebias(),
    "HardDebias, no equalizing": HardDebias(equalize_sets=None),
    "SoftDebias": SoftDebias(),
    "DoubleHardDebias": DoubleHardDebias(),
}
ERASERS = {  # fitted on biased words and their groups, those that the probes are trained on
    "MeanProjection": MeanProjection(),
    "INLP": INLP(),
    "ConceptErasure": ConceptErasure(),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="+", help="those whose names begin so")
    parser.add_argument("--also", nargs="+", default=[], help="NAME=FILE.bin, of other packages")
    parser.add_argument("--splits", type=int, default=3, help="into words trained on and others")
    parser.add_argument("--biased", type=int, default=1000, help="words of each side, for probes")
    parser.add_argument("--output", help="JSON file to write")
    return parser.parse_args()


def read(path):
    return KeyedVectors.load_word2vec_format(str(path), binary=True)


class Task:
    """The vectors, the words that probe them, and the files of the benchmarks."""

    def __init__(self, folder, n_biased, n_splits):
        self.lists = folder / "wordlists"
        self.vectors = read(folder / "googlenews_subset_300d.bin.gz")
        specific = set(load_word_list("gender_specific"))
        self.professions = [w for w in load_word_list("professions") if w not in specific]
        self.direction = bias_direction(self.vectors, load_word_list("gender_definitional"))
        self.projection = bias_projection(self.vectors, self.direction)
        every = {"exclude": specific, "first": None, "lowercase": False}
        self.biased, self.groups = most_biased_words(self.projection, n_biased, **every)
        lowercase = {"exclude": specific, "first": 8000}
        self.clustered = most_biased_words(self.projection, 500, **lowercase)
        split = StratifiedShuffleSplit(n_splits, train_size=0.5, random_state=0)
        self.splits = list(split.split(self.groups, self.groups))

    def uses(self, vectors):
        """Measure what is the same for every split."""
        table = analogy_accuracy(vectors, self.lists / "questions-words.txt.gz")["accuracy"]
        neighbors = bias_by_neighbors(vectors, self.professions, self.projection)
        words, groups = self.clustered
        return {
            "direct bias": direct_bias(vectors, self.professions, self.direction),
            "clusters": bias_clustering(vectors, words, groups, random_state=0).accuracy,
            "neighbours": neighbors.correlation,
            "analogies": table["total"],
            "family": table["family"],
        } | {
            name: word_similarity(vectors, self.lists / f"{file}.txt").spearman
            for name, file in SIMILARITY.items()
        }

    def probes(self, vectors, split):
        """Train probes on the words of the split, and again on the others alone."""
        words, groups = self.biased, self.groups
        others = [words[i] for i in split[1]]
        linear = LogisticRegression(max_iter=1000)
        return {
            "SVM": bias_probe(vectors, words, groups, estimator=SVC(), cv=[split]).accuracy,
            "logistic": bias_probe(vectors, words, groups, estimator=linear, cv=[split]).accuracy,
            "logistic, other words": bias_probe(
                vectors, others, groups[split[1]], estimator=linear, random_state=0
            ).accuracy,
        }


def erase(eraser, task, split):
    """Fit on the biased words of the split; transform every word."""
    matrix = task.vectors.vectors
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    rows = [task.vectors.key_to_index[task.biased[i]] for i in split[0]]
    fitted = clone(eraser).fit(unit[rows], task.groups[split[0]])
    return task.vectors.index_to_key, fitted.transform(unit)


def measure(name, task, others):
    """Give one row of the table: means over the splits, and the spread of the linear probe."""
    start, uses, probes = time.process_time(), [], []
    if name in ERASERS:
        for split in task.splits:
            vectors = erase(ERASERS[name], task, split)
            uses.append(task.uses(vectors))
            probes.append(task.probes(vectors, split))
    else:
        vectors = read(others[name]) if name in others else task.vectors
        if name in WORD_METHODS:
            vectors = clone(WORD_METHODS[name]).fit_transform(vectors)
        uses.append(task.uses(vectors))
        probes = [task.probes(vectors, split) for split in task.splits]
    row = {"vectors": name}
    for found in (uses, probes):
        row |= {key: float(np.mean([one[key] for one in found])) for key in found[0]}
    spread = np.ptp([one["logistic"] for one in probes])
    return row | {"logistic, range": float(spread), "CPU s": time.process_time() - start}


def main():
    args = arguments()
    folder = Path(os.environ.get("SKLEARN_PRIVFAIR_DATA", "")) / "embeddings"
    if not (folder / "googlenews_subset_300d.bin.gz").exists():
        raise SystemExit(
            "The vectors are read from embeddings/googlenews_subset_300d.bin.gz in the folder that "
            "the environment variable SKLEARN_PRIVFAIR_DATA names."
        )
    others = dict(pair.split("=", 1) for pair in args.also)
    task = Task(folder, args.biased, args.splits)
    names = ["original", *WORD_METHODS, *ERASERS, *others]
    if args.methods:
        names = [name for name in names if name.startswith(tuple(args.methods))]
    rows = [measure(name, task, others) for name in names]
    show(rows)
    if args.output:
        save(args.output, rows, vars(args))


if __name__ == "__main__":
    main()
