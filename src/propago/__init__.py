"""propago: video instance segmentation that people can install, trust and change."""

__version__ = "0.1.0"
