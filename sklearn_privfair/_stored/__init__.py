"""What skops is given of a fitted estimator: arrays, names and parameters, all of which it shows.

``_ways.py`` walks through a state; what it meets that skops cannot store is put as plain content,
by ways that are added: tables here (``_tables.py``, ``_cells.py``), nets beside torch
(``differentiable/_stored_torch.py``). What no way is known for is refused, with its place
(``_refusal.py``). Pickle and copies go their own way, and keep everything.
"""

from sklearn_privfair._stored import _cells, _functions, _long, _sklearn, _tables, _trees  # noqa: F401  (add ways)
from sklearn_privfair._stored._functions import add_functions
from sklearn_privfair._stored._named import add_package, class_of
from sklearn_privfair._stored._ways import Stored, StoredState, add_way, from_stored, to_stored

__all__ = [
    "Stored",
    "StoredState",
    "add_functions",
    "add_package",
    "add_way",
    "class_of",
    "from_stored",
    "to_stored",
]
