"""What the erasure of concepts shares: a map that takes few directions away, row by row."""

import numpy as np
from sklearn.utils import assert_all_finite

from ._base import BaseDebias
from ._blocks import in_blocks, subtract_product
from ._concepts import concept_columns


class BaseErasure(BaseDebias):
    """A transformer that subtracts ``(weights (x - mean)) @ components_`` from each row x."""

    # with metadata routing, pipelines hand them on without being asked to
    __metadata_request__fit = {"sensitive_features": True}
    __metadata_request__partial_fit = {"sensitive_features": True}

    def _map(self):
        """Give the directions, how much of each, and the mean: here of an orthogonal projection."""
        return self.components_, self.components_, np.zeros(self.components_.shape[1])

    def _rows_and_concept(self, X, y, sensitive_features, reset):
        """Return the rows and the columns of the concept, which is `y` if nothing else is said."""
        table = self._read(X, reset=reset)
        concept = y if sensitive_features is None else sensitive_features
        return table, concept_columns(concept, len(table.matrix), self)

    def _debias(self, X, table, out):
        assert_all_finite(table.matrix, input_name="X")
        self._project(table.matrix, out)

    def _project(self, matrix, out):
        components, weights, mean = self._map()
        offset = weights @ mean

        def change(block, _):
            along = block @ weights.astype(block.dtype).T
            along -= offset.astype(block.dtype)
            subtract_product(block, along, components.astype(block.dtype))

        in_blocks(matrix, out, change)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags
