"""Host tool of imilt, the open system for immunostimulating interstitial laser thermotherapy."""

__version__ = "0.1.0"
