"""Opacus, an optional dependency: what of it is used, or how to get it."""


def opacus():
    """Import Opacus.

    Returns
    -------
    opacus : module

    Raises
    ------
    ImportError
        With the remedy.
    """
    try:
        import opacus
        import opacus.accountants
        import opacus.grad_sample
        import opacus.validators
    except ImportError as error:
        raise ImportError(
            "Differentially private training needs Opacus, for its accountants and its rules for "
            "layers: pip install sklearn_privfair[privacy]"
        ) from error
    return opacus
