"""Objects that hold others, and the way of what they hold through skops and back."""

import skops.io

from sklearn_privfair._stored import StoredState


class Holder(StoredState):
    """Holds whatever it is given."""

    def __init__(self, **parts):
        self.__dict__.update(parts)


class Foreign:
    """A user's own class, that knows nothing of ways to store."""

    def __init__(self, **parts):
        self.__dict__.update(parts)


def through_skops(value, *more):
    """Give what comes back, if no type needs trust but those here and in some `more` modules."""
    data = skops.io.dumps(Holder(value=value))
    unknown = skops.io.get_untrusted_types(data=data)
    ours = ("sklearn_privfair._stored.", __name__, *more)
    assert [name for name in unknown if not name.startswith(ours)] == []
    return skops.io.loads(data, trusted=unknown).value
