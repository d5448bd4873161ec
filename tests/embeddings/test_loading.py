"""Files of word vectors, of each format, and what is refused."""

import gzip
import warnings

import numpy as np
import pytest
from gensim.models import FastText
from gensim.models.fasttext import save_facebook_model

from sklearn_privfair.embeddings import load_word_vectors

from ._vectors import WORDS, keyed, made


@pytest.fixture
def saved(tmp_path):
    words, X = made(np.float32)
    kv = keyed(words, X)
    kv.save_word2vec_format(str(tmp_path / "word2vec"))
    kv.save_word2vec_format(str(tmp_path / "word2vec-binary"), binary=True)
    text = (tmp_path / "word2vec").read_text()
    (tmp_path / "glove").write_text(text.partition("\n")[2])
    kv.save(str(tmp_path / "gensim"))
    return tmp_path, kv


@pytest.mark.parametrize("name", ["word2vec", "word2vec-binary", "glove"])
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("stated", [False, True])
def test_formats(saved, name, zipped, stated):
    folder, kv = saved
    path = folder / name
    if zipped:
        path = folder / f"{name}.gz"
        path.write_bytes(gzip.compress((folder / name).read_bytes()))
    loaded = load_word_vectors(path, format=name if stated else None)
    assert loaded.index_to_key == kv.index_to_key
    assert loaded.vectors.dtype == np.float32
    np.testing.assert_allclose(loaded.vectors, kv.vectors, rtol=1e-5)
    few = load_word_vectors(str(path), limit=5, dtype=np.float64)
    assert few.index_to_key == kv.index_to_key[:5]
    assert few.vectors.dtype == np.float64


def test_words_of_glove_with_spaces_in_them(tmp_path):
    (tmp_path / "glove").write_text("the 1 2.5\n. . . 3 4\nthe 9 9\n")
    loaded = load_word_vectors(tmp_path / "glove")
    assert loaded.index_to_key == ["the", ". . ."]
    np.testing.assert_array_equal(loaded.vectors, [[1, 2.5], [3, 4]])


def test_a_pickle_is_opened_on_the_users_word_alone(saved):
    folder, kv = saved
    for stated in (None, "gensim"):
        with pytest.raises(ValueError, match="is a pickle, which can run any code"):
            load_word_vectors(folder / "gensim", format=stated)
    loaded = load_word_vectors(folder / "gensim", allow_pickle=True)
    np.testing.assert_array_equal(loaded.vectors, kv.vectors)
    with pytest.raises(ValueError, match="limit=3 is for text"):
        load_word_vectors(folder / "gensim", allow_pickle=True, limit=3)


def test_fasttexts_own_files_come_with_ngrams(tmp_path):
    sentences = [WORDS[i : i + 6] for i in range(0, len(WORDS), 6)]
    model = FastText(sentences, vector_size=8, min_count=1, bucket=100, workers=1, seed=0, epochs=1)
    save_facebook_model(model, str(tmp_path / "model.bin"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        loaded = load_word_vectors(tmp_path / "model.bin")
    np.testing.assert_allclose(loaded["unheardof"], model.wv["unheardof"], rtol=1e-5)


def test_what_is_no_word_vectors(saved, tmp_path):
    folder, _ = saved
    (tmp_path / "prose").write_text("Once upon a time there was no number.\n")
    with pytest.raises(ValueError, match="looks like none of word2vec"):
        load_word_vectors(tmp_path / "prose")
    blob = (folder / "word2vec-binary").read_bytes()
    (tmp_path / "cut").write_bytes(blob[: len(blob) // 2])
    with pytest.raises(ValueError, match="no whole file of format 'word2vec-binary'"):
        load_word_vectors(tmp_path / "cut")
    with pytest.raises(FileNotFoundError):
        load_word_vectors(tmp_path / "nowhere")


def test_the_real_file(real_data):
    path = real_data / "embeddings" / "googlenews_subset_300d.bin.gz"
    if not path.exists():
        pytest.skip(f"no {path.name}")
    assert load_word_vectors(path, limit=100).vectors.shape == (100, 300)
