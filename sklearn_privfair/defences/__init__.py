"""Meta-estimators that train or wrap a net so that it resists attacks."""

from sklearn_privfair.defences._adversarial_augmentation import AdversarialAugmentationClassifier
from sklearn_privfair.defences._adversarial_training import AdversarialTrainingClassifier

__all__ = ["AdversarialAugmentationClassifier", "AdversarialTrainingClassifier"]
