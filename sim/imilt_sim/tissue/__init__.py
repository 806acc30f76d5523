"""The tissue, its light and its thermocouples: equations, sources and verification are in docs/physics.md."""
