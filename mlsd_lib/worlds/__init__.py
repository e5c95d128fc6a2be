"""Simulated worlds: where requests come from and how people react to what they are shown.

A world knows the truth (how attractive a video really is, whether a page really answers) and never hands it to a model.
Every random draw in a world is keyed: see `mlsd_lib.worlds.chance`.
"""
