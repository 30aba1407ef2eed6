"""Work for more than one processor or machine, on Ray: nothing imports this package that was not asked for a cluster.

cluster.py      start Ray on this machine, or join one that runs elsewhere
listing.py      the pictures that names, folders, patterns and object stores stand for, in parts of a thousand
reader.py       a worker: reads the pictures of a part
answers.py      the folder of answers, a file a part
batches.py      all of these: what `predict.py --cluster` does
spread.py       calls of a function, each by a worker: what `train.py --cluster` does
seeds.py        the same training with several seeds
"""
