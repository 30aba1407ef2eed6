"""Numbers: several digits in one drawing or picture.

Over-segmentation with recognition (LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
recognition", 1998, sections IV to VI): ink is taken apart into more units than it has digits, each few neighbouring
units are scored as if they were one, and the best path through them says which are.

`strokes` finds the strokes in a PNG; `writing` keeps what may be a number, and says which picture is surely one digit;
`pieces` takes ink apart; `cuts` does where digits touch, at `necks` between corners of its `outlines` and along
`seams`; `rows` tells rows of writing, `signs` points, commas and minuses; `lattice` has the candidates of each row and
their geometry; `verifier` says which of them look like whole digits where they are; `path` finds the best way;
`number` answers.
"""
