import numpy as np
from gensim.models import KeyedVectors

pairs = [["she", "he"], ["woman", "man"], ["her", "his"]]
equal = [["queen", "king"], ["mother", "father"]]
jobs = ["nurse", "engineer", "teacher", "pilot", "dancer", "lawyer"]
pleasant, unpleasant = ["love", "peace", "joy"], ["war", "hate", "pain"]
gendered = [word for pair in pairs for word in pair]
words = [*gendered, "queen", "king", "mother", "father", *jobs, *pleasant, *unpleasant]

rng = np.random.default_rng(0)
vectors = KeyedVectors(50)
vectors.add_vectors(words, rng.normal(size=(len(words), 50)).astype(np.float32))
