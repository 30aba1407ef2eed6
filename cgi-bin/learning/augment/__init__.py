"""Variety for training: one picture of MNIST in, a new one every epoch out, as if another hand had written it.

MNIST was written with pencil and scanned; people draw with a mouse, a finger or a tablet pen of even width, in the
styles of their own country. So each picture is reduced to its *skeleton* once, kept as a distance field: how far each
pixel is from the skeleton. From this field a pen of any width draws the digit again, after it was turned, slanted,
stretched and bent. A further stroke (the slash of a zero, the bar of a seven) is a line segment: the smaller of both
distances counts. Half of the pictures are drawn that way, the other half keep MNIST's own grey values. Almost a tenth
are no digits: they teach the eleventh output, "not a digit".

Beside MNIST there are digits known as pen strokes. They need no skeleton: `strokes` draws them exactly, `handwriting`
blends them with their like, puts two side by side and leaves parts out, and `hands` invents what neither has.
`trajectories` leaves them as they are, the way of a pen, for the trajectory network.

`epoch.Augmenter(X_train, y_train, pens).chunk(...)` is what training calls. `skeletons` finds middle lines, `styles`
adds strokes to them, `not_digits` makes what is no digit, `geometry` turns and bends, `pens` draws, `scans` changes
scanned pictures; what they share is in `coordinates`. What takes long at the beginning is shared by all cores
(`parallel`). numpy here; scipy and scikit-image make the skeletons.
"""
