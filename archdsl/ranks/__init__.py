"""Ranks of features: what singular values say of what a layer or a network gives (ReXNet, section 3, figures 1 and 5).

    values   singular values -> rank by a tolerance, effective rank, nuclear norm, shares
    layers   layers of random sizes: what is drawn, and the means over many of them
    features singular values of what a module computes
    spectra  those of a network's features, and what they add up to

torch is loaded by `features` alone, when something is computed.
"""
