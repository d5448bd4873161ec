"""
What does debiasing change? Twenty analogies before and after
=============================================================

He is to king as she is to queen: that ought to stay. He is to architect as she is to interior
designer: that ought to go. ``HardDebias`` takes the direction of gender out of all words that are
not about gender by definition. What becomes of ten analogies of either kind, and are the vectors
still as good for other purposes?

With the folder of real data at hand (``SKLEARN_PRIVFAIR_DATA``) the vectors are word2vec's, trained
on Google News; else they are made up, with the same words, so that the example runs anywhere.
"""

# %%
# Word vectors
# ------------
#
# A word of a biased analogy has a stereotyped answer, and one that says nothing about gender. In
# the made-up vectors the latter is nearer to the word itself, and the former lies on the other
# side of the gender direction.

import os
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors
from matplotlib import pyplot as plt

from sklearn_privfair.embeddings import HardDebias, load_word_list
from sklearn_privfair.inspection import AnalogyTable, BiasProjectionDisplay
from sklearn_privfair.metrics import analogy_accuracy, direct_bias, word_similarity

PAIRS = [
    ("king", "queen"),
    ("brother", "sister"),
    ("father", "mother"),
    ("son", "daughter"),
    ("uncle", "aunt"),
    ("nephew", "niece"),
    ("actor", "actress"),
    ("waiter", "waitress"),
    ("businessman", "businesswoman"),
    ("prostate_cancer", "ovarian_cancer"),
]
BIASED = [  # a word, its stereotyped answer, another answer
    ("architect", "interior_designer", "architects"),
    ("guitarist", "vocalist", "drummer"),
    ("mechanic", "seamstress", "electrician"),
    ("sergeant", "policewoman", "lieutenant"),
    ("hockey", "softball", "soccer"),
    ("genius", "minx", "brilliance"),
    ("brilliant", "fabulous", "superb"),
    ("clever", "cute", "ingenious"),
    ("affable", "vivacious", "amiable"),
    ("rude", "bitchy", "impolite"),
]
STUBBORN = ["barber", "shopkeeper", "superstar"]


def make_vectors():
    """Make up a vector for each of these words: a topic, something of its own, and gender."""
    topics = iter(np.linalg.qr(np.random.default_rng(0).normal(size=(64, 64)))[0])
    gender, vectors = next(topics), {}
    for he, she in [("he", "she"), ("man", "woman"), *PAIRS]:
        topic = next(topics)
        vectors |= {he: topic + 0.5 * gender, she: topic - 0.5 * gender}
    for word, stereotype, other in BIASED:
        topic, own, far = next(topics), next(topics), next(topics)
        vectors[word] = topic + 0.4 * own + 0.3 * gender
        vectors[stereotype] = topic + 0.3 * far - 0.7 * gender
        vectors[other] = topic + 0.3 * own
    for word, answer in zip(STUBBORN, ["hairdresser", "housewife", "diva"], strict=True):
        topic = next(topics)
        vectors |= {word: topic + 0.3 * gender, answer: topic - 0.5 * gender}
    keyed = KeyedVectors(64, dtype=np.float32)
    keyed.add_vectors(list(vectors), np.array(list(vectors.values()), dtype=np.float32))
    return keyed


folder = Path(os.environ.get("SKLEARN_PRIVFAIR_DATA", ".")) / "embeddings"
path = folder / "googlenews_subset_300d.bin.gz"
REAL = path.exists()
if REAL:
    vectors = KeyedVectors.load_word2vec_format(str(path), binary=True)
    debias = HardDebias(equalize_sets=None).fit(vectors)  # the published lists of words
    specific = set(debias.specific_words_)
    neutral = [word for word in load_word_list("professions") if word not in specific]
else:
    vectors = make_vectors()
    definition = [("woman", "man"), ("she", "he"), ("mother", "father"), ("daughter", "son")]
    specific = ["he", "she", "man", "woman", *np.ravel(PAIRS)]
    debias = HardDebias(definition, equalize_sets=None, specific_words=specific).fit(vectors)
    neutral = list(np.ravel(BIASED))
debiased = debias.transform(vectors)
source = "GoogleNews" if REAL else "made up"
print(f"{source}: {len(vectors)} words, {vectors.vector_size} numbers each")

# %%
# Direct bias
# -----------
#
# The mean absolute cosine of neutral words with the direction of gender, which is found in the
# vectors before debiasing and used for both. Afterwards it is 0 but for rounding.

direction = debias.components_[0]
for name, held in {"before": vectors, "after": debiased}.items():
    print(f"direct bias {name:6} {direct_bias(held, neutral, direction):.1e}")
words = [word for word, _, _ in BIASED] + [answer for _, answer, _ in BIASED]
BiasProjectionDisplay.from_estimator(debias, vectors, words, ends=("he", "she"))

# %%
# Twenty analogies
# ----------------
#
# He is to the word as she is to what? The appropriate ones are pairs that differ in gender by
# definition. The biased ones are words that had a stereotyped answer before and lose it; they were
# chosen for that. Not all do: of 303 professions in the vectors of Google News 194 keep their
# answer, and three words that keep a stereotyped one are added here. A barber's counterpart is a
# hairdresser by all that is said of the two, and not only by what lies along one direction.

table = AnalogyTable.from_estimator(
    debias,
    vectors,
    {
        "appropriate": [("he", he, "she") for he, _ in PAIRS],
        "biased": [("he", word, "she") for word, _, _ in BIASED],
        "stubborn": [("he", word, "she") for word in STUBBORN],
    },
)
frame = table.frame()
print(frame[["kind", "b", "before", "after"]].to_string(index=False))
changed = frame.groupby("kind")["changed"].sum()
print(f"changed: {changed['appropriate']} of 10 appropriate ones, {changed['biased']} of 10 biased")
kept = frame[frame["kind"] == "appropriate"]["after"].tolist()
assert kept == [she for _, she in PAIRS]
assert changed["biased"] == 10

# %%
# What it costs
# -------------
#
# How well the vectors agree with people who judged how alike words are (rank correlation), and how
# many of the usual analogies they solve, which were not made for bias; both times 100. On Google
# News, with 7,004 analogies, the four figures stay within half a point of what they were. Of the
# analogies 462 are the section "family", and there 3.3 points are lost: boy and girl, brother and
# sister differ in gender. The paper's equalizing, by which pairs such as grandmother and
# grandfather differ in gender alone, costs more.

if REAL:
    lists = folder / "wordlists"
    benchmarks = {
        "WordSim-353": lambda v: word_similarity(v, lists / "EN-WS-353-ALL.txt").spearman,
        "SimLex-999": lambda v: word_similarity(v, lists / "EN-SIMLEX-999.txt").spearman,
        "MEN": lambda v: word_similarity(v, lists / "EN-MEN-TR-3k.txt").spearman,
    }
    questions = lists / "questions-words.txt.gz"
else:
    judged = [(a, b, 9 - 4 * i) for w in BIASED for i, (a, b) in enumerate([w[::2], w[:2]])]
    benchmarks = {"similarity": lambda v: word_similarity(v, judged).spearman}
    questions = [("man", he, "woman", she) for he, she in PAIRS]
equalized = HardDebias().fit_transform(vectors) if REAL else None
lines = {}
for name, held in {"before": vectors, "after": debiased, "equalized too": equalized}.items():
    if held is not None:
        accuracy = analogy_accuracy(held, questions)["accuracy"]
        lines[name] = {key: 100 * measure(held) for key, measure in benchmarks.items()}
        lines[name] |= {"analogies": 100 * accuracy["total"]}
        lines[name] |= {"family": 100 * accuracy["family"]} if REAL else {}
for name, line in lines.items():
    print(f"{name:14}", "  ".join(f"{key} {value:.2f}" for key, value in line.items()))
if REAL:
    lost = {key: lines["before"][key] - lines["after"][key] for key in [*benchmarks, "analogies"]}
    assert max(map(abs, lost.values())) < 0.5

# %%
# The reference's figures, and ours
# ---------------------------------
#
# The experiments that this package grew out of show twenty analogies before and after, too,
# debiased by the same method (Bolukbasi et al. 2016). Their list is not known to us, nor how many
# of theirs changed: those above are our choice, and there is nothing to compare them with. What can
# be compared is what the method costs. Two other programs for it were run on the same vectors of
# Google News; analogies solved, in percent:
#
# ====================================  ====  ======
# vectors                               all   family
# ====================================  ====  ======
# before                                76.5  89.2
# ``HardDebias(equalize_sets=None)``    76.4  85.9
# ``HardDebias()``, as in the paper     75.9  78.4
# debiaswe and WEFE, as in the paper    75.9  78.4
# ====================================  ====  ======
#
# As in the paper all three do the same, and most of the loss is due to equalizing.

plt.show()
