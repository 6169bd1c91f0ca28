"""Layers that models are composed of: backbones, heads, adjusted RoI alignment."""
