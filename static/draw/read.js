// How many drawings like each sample are read right; `python benchmarks/gallery.py --write` writes this file.

export const DRAWN = 100;
export const READ = [100, 99, 100, 100, 100, 100, 100, 99, 100, 99, 100, 100, 100, 100, 100, 100, 100, 100, 100];
