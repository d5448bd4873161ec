"""The subspace of a bias: principal components of sets of words, each around its own mean.

Bolukbasi et al. (2016), section 6, step 1.
"""

import numpy as np


def bias_subspace(sets, n_components=None):
    """Find the directions along which the words of each set differ.

    Parameters
    ----------
    sets : list of ndarray of shape (n_words, n_features)
        The vectors of each set.
    n_components : int, default=None
        How many directions; None: one less than the words of the largest set.

    Returns
    -------
    components : ndarray of shape (n_components, n_features)
        Orthonormal, the most important one first. The first words of the sets lie, taken
        together, on its positive side.
    explained_variance_ratio : ndarray of shape (n_components,)
        Their shares of the variance within the sets.
    """
    if n_components is None:
        n_components = max(map(len, sets)) - 1
    centred = [rows - rows.mean(axis=0) for rows in sets]
    stacked = np.concatenate([rows / np.sqrt(len(rows)) for rows in centred])
    _, singular, directions = np.linalg.svd(stacked, full_matrices=False)
    scale = max(np.abs(rows).max() for rows in sets)
    noise = scale * np.sqrt(stacked.size) * 1e-7
    rank = int(np.sum(singular > max(noise, 1e-6 * singular[0])))
    if rank < n_components:
        raise ValueError(
            f"The words of definitional_sets differ along {rank} directions, and "
            f"n_components={n_components} are asked for, of vectors with "
            f"n_features={directions.shape[1]}; pass more sets, or fewer components."
        )
    components = directions[:n_components]
    lean = components @ np.sum([rows[0] for rows in centred], axis=0)
    components = components * np.where(lean < 0, -1.0, 1.0)[:, None]
    return components, (singular**2 / np.sum(singular**2))[:n_components]
