"""Weights for an edited network: a rule for each tensor, by which as much as can be of what was learned stays.

    partners   which operation of the edited network was which of the original
    channels   which channel of the original each channel of the edited network is a copy of
    neutral    what makes an added block give what it takes
    rules      what each tensor is made of, and whether the network then computes the same
    making     the tensors, and the difference of both networks' outputs; needs torch

Wider layers copy channels, and what reads a channel of n copies takes an nth of each (Chen et al., Net2Net, 2016,
section 2.2); added blocks are identities (section 2.3; of residual blocks by a last norm of zeros, as Goyal et al.,
2017); larger kernels are zero around the old ones (as the kernels of Once-for-All hold each other, Cai et al., 2020).
"""
