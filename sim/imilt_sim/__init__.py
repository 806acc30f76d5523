"""Simulator of imilt, the open system for immunostimulating interstitial laser thermotherapy."""
