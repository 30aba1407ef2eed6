"""The data that models learn from, MNIST and digits as pen strokes: where they come from, how they are kept.

`mnist` is the data set in memory; `dataset.load` finds it on this machine or downloads it; `idx` checks and reads the
original files; `download` gets them; `hdf5` writes and reads the one file that `fetch.py` makes; `variants` shifts and
turns training images and writes samples.

`strokes` reads and writes files of pen digits; `corpora` gets them: `pen_digits` from UCI's archive, `unipen` from
Zenodo, both in UNIPEN's format (`unipen_format`). `writers` says by name who is learned from. `cache` is where
downloads are kept.

May import numpy, Pillow, h5py, pooch, `learning.errors`, and the errors and types of `reading`. Nothing that trains.
"""
