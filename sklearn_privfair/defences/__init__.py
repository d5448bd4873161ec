"""Meta-estimators that train or wrap a net so that it resists attacks."""
