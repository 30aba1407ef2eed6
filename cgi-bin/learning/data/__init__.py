"""MNIST: what it is, where it comes from, how it is kept.

`mnist` is the data set in memory; `dataset.load` finds it on this machine or downloads it; `idx` checks and reads the
original files; `download` gets them; `hdf5` writes and reads the one file that `fetch.py` makes; `variants` shifts and
turns training images and writes samples.

May import numpy, Pillow, h5py, pooch, `learning.errors`, and the errors and types of `reading`. Nothing that trains.
"""
