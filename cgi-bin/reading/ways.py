"""How a picture may be read. Imports nothing, so that whoever checks a request or a command line may ask."""

WAYS = ("auto", "one", "number")  # the program decides; as one digit; as a number
