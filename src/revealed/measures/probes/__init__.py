"""Where do the utilities live? Linear probes of hidden states.

A probe reads utility off the activations of a text: by ridge regression on fitted utilities, or
with w·h put straight into the likelihood of the choices. Layer and penalty are chosen inside the
training outcomes; every number is about outcomes that the probe never saw, and stands beside
controls: shuffled utilities, a bag of words, the length of the text, and the same architecture
untrained.
"""

from .evaluate import CONTROLS, OUTCOMES_NEEDED, Probed, probe
from .findings import findings
from .kernels import Source, bag_of_words, sources, text_length
from .reading import barred, read
from .readout import PENALTIES, ridge_predictions, thurstone_predictions

__all__ = [
    "CONTROLS",
    "OUTCOMES_NEEDED",
    "PENALTIES",
    "Probed",
    "Source",
    "bag_of_words",
    "barred",
    "findings",
    "probe",
    "read",
    "ridge_predictions",
    "sources",
    "text_length",
    "thurstone_predictions",
]
