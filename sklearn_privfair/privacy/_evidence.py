"""What an attacker has to judge records by: answers of the model judged, and of shadow models."""

from functools import cached_property

from sklearn_privfair.privacy import _signals


class Evidence:
    """Answers to records: of the model judged, and of the shadow models to the same records.

    Parameters
    ----------
    codes : int ndarray of shape (n_records,)
        The records' classes, as numbers of columns.
    proba : ndarray of shape (n_queries, n_records, n_classes)
        Probabilities by the model judged; the first query is the record as it is, others are
        augmented.
    shadow_proba : ndarray of shape (n_shadows, n_queries, n_records, n_classes)
        Probabilities by each shadow model.
    members : bool ndarray of shape (n_shadows, n_records)
        Which records each shadow model was trained on.
    spread : pair of Spread
        Of shadow models' log-odds around their means, over all records of the game: of models
        trained without the record, and with it.
    online : bool
        Whether answers of shadow models that were trained on a record may be used. If so, each
        record judged has some that were and some that were not.
    clip : float
        What probabilities are kept away from, at 0 and 1.
    population : Evidence, default=None
        Of records of the attacker's own that the model judged was not trained on, as far as the
        attacker knows.
    model : classifier, default=None
        The model judged, for methods that go on asking.
    rows : callable, default=None
        From the numbers of records to their rows.
    index : int ndarray of shape (n_records,), default=None
        Their numbers in the game; None: they are in none.
    """

    def __init__(
        self,
        codes,
        proba,
        shadow_proba,
        members,
        spread,
        online,
        clip,
        population=None,
        model=None,
        rows=None,
        index=None,
    ):
        self.codes, self.proba = codes, proba
        self.shadow_proba, self.members = shadow_proba, members
        self.spread, self.online, self.clip = spread, online, clip
        self.population, self.model = population, model
        self.rows, self.index = rows, index

    def by(self, shadows):
        """Give the same evidence by some of the shadow models.

        Parameters
        ----------
        shadows : int ndarray
            Which ones.
        """
        return Evidence(
            self.codes,
            self.proba,
            self.shadow_proba[shadows],
            self.members[shadows],
            self.spread,
            self.online,
            self.clip,
            population=self.population,
            model=self.model,
            rows=self.rows,
            index=self.index,
        )

    @cached_property
    def log_odds(self):
        """Log-odds by the model judged, of shape (n_queries, n_records)."""
        return _signals.log_odds(self.proba, self.codes, self.clip)

    @cached_property
    def shadow_log_odds(self):
        """Log-odds by the shadow models, of shape (n_shadows, n_queries, n_records)."""
        return _signals.log_odds(self.shadow_proba, self.codes, self.clip)
