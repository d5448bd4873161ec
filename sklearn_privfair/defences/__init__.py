"""Meta-estimators that train or wrap a net so that it resists attacks."""

from sklearn_privfair.defences._adversarial_augmentation import AdversarialAugmentationClassifier
from sklearn_privfair.defences._adversarial_training import AdversarialTrainingClassifier
from sklearn_privfair.defences._certification import CertificationResult
from sklearn_privfair.defences._fast_adversarial_training import FastAdversarialTrainingClassifier
from sklearn_privfair.defences._feature_squeezing import FeatureSqueezer
from sklearn_privfair.defences._free_adversarial_training import FreeAdversarialTrainingClassifier
from sklearn_privfair.defences._overfitting_watch import CatastrophicOverfittingWarning
from sklearn_privfair.defences._quantisation import JPEGQuantizer
from sklearn_privfair.defences._randomized_smoothing import RandomizedSmoothingClassifier

__all__ = [
    "AdversarialAugmentationClassifier",
    "AdversarialTrainingClassifier",
    "CatastrophicOverfittingWarning",
    "CertificationResult",
    "FastAdversarialTrainingClassifier",
    "FeatureSqueezer",
    "FreeAdversarialTrainingClassifier",
    "JPEGQuantizer",
    "RandomizedSmoothingClassifier",
]
